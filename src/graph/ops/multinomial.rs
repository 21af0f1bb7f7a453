//! `Multinomial`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::Eval;
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `Multinomial`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Multinomial",
    versions: &[
        Version {
            since: 7,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = FLOATS; T2 = i32 i64",
            attributes: "dtype: int = 6, sample_size: int = 1, seed: float",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = FLOATS16; T2 = i32 i64",
            attributes: "dtype: int = 6, sample_size: int = 1, seed: float",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Not("its output is random"),
};

fn infer(c: &Call<'_>) -> Outs {
    let batch = c.shape(0).and_then(|s| s.first().cloned()).unwrap_or_default();
    let elem = c.elem_attribute("dtype").unwrap_or(Elem::I32);
    Ok(vec![Out::shape(vec![batch, Dim::Known(c.int("sample_size", 1))]).of(elem)])
}
