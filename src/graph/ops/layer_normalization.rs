//! `LayerNormalization`.

use super::{Call, Infer, Operator, Out, Outs, Version, axis_of, rules};
use crate::graph::eval::{Eval, norm};
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `LayerNormalization`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LayerNormalization",
    versions: &[Version {
        since: 17,
        inputs: "X: T, Scale: T, B?: T",
        outputs: "Y: T, Mean?: U, InvStdDev?: U",
        types: "T = FLOATS16; U = f32 bf16",
        attributes: "axis: int = -1, epsilon: float = 1e-05, stash_type: int = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| norm::layer(c, true)),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::same(c)?;
    let Some(shape) = c.shape(0) else { return Ok(out) };
    let axis = axis_of(c.int("axis", -1), shape.len())?;
    let mean: Vec<Dim> =
        shape.iter().enumerate().map(|(i, d)| if i < axis { d.clone() } else { Dim::Known(1) }).collect();
    let elem = c.elem_attribute("stash_type").or(Some(Elem::F32));
    out.extend([Out::shape(mean.clone()).of(elem), Out::shape(mean).of(elem)]);
    Ok(out)
}
