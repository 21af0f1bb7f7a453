//! `RandomUniform`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::eval::Eval;
use crate::graph::{Dim, Elem};

/// Schemas: ONNX 1.23, `RandomUniform`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RandomUniform",
    versions: &[
        Version {
            since: 1,
            inputs: "",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "dtype: int = 1, high: float = 1, low: float = 0, seed: float, shape!: ints",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "",
            outputs: "output: T",
            types: "T = FLOATS16",
            attributes: "dtype: int = 1, high: float = 1, low: float = 0, seed: float, shape!: ints",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Not("its output is random"),
};

fn infer(c: &Call<'_>) -> Outs {
    let shape = c.list("shape").map(|l| l.iter().map(|n| Dim::Known(*n)).collect());
    Ok(vec![Out { shape, ..Out::default() }.of(c.elem_attribute("dtype").unwrap_or(Elem::F32))])
}
