//! `ReduceProd`.

use super::{Call, Infer, Operator, Outs, Version, rules};
use crate::graph::Dim;
use crate::graph::eval::{Eval, reduce};

/// Schemas: ONNX 1.23, `ReduceProd`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ReduceProd",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "reduced: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "axes: ints, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T",
            outputs: "reduced: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64",
            attributes: "axes: ints, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T",
            outputs: "reduced: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16",
            attributes: "axes: ints, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "data: T, axes?: i64",
            outputs: "reduced: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16",
            attributes: "keepdims: int = 1, noop_with_empty_axes: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(infer),
    eval: Eval::Rule(|c| {
        reduce::reduce(c, |v| v.iter().product(), |v| v.iter().fold(1, |a: i128, b| a.wrapping_mul(*b)))
    }),
};

fn infer(c: &Call<'_>) -> Outs {
    let mut out = rules::reduce(c)?;
    if c.shape(0).is_some_and(|s| s.len() == 1) && out[0].shape.is_some() {
        out[0].ints = c.ints(0).map(|ints| vec![Dim::product(ints)]);
    }
    Ok(out)
}
