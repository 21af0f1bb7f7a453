//! `RandomNormalLike`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `RandomNormalLike`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RandomNormalLike",
    versions: &[
        Version {
            since: 1,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = ALL; T2 = FLOATS",
            attributes: "dtype: int, mean: float = 0, scale: float = 1, seed: float",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T1",
            outputs: "output: T2",
            types: "T1 = ALL16; T2 = FLOATS16",
            attributes: "dtype: int, mean: float = 0, scale: float = 1, seed: float",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Not("its output is random"),
};

fn infer(c: &Call<'_>) -> Outs {
    Ok(vec![rules::same(c)?.remove(0).of(c.elem_attribute("dtype").or_else(|| c.elem(0)))])
}
