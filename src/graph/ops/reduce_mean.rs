//! `ReduceMean`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math, reduce};

/// Schemas: ONNX 1.23, `ReduceMean`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ReduceMean",
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
    infer: Infer::Rule(rules::reduce),
    eval: Eval::Rule(|c| {
        reduce::reduce(
            c,
            |v| v.iter().sum::<f64>() / v.len() as f64,
            |v| math::quotient(reduce::whole_sum(v), v.len() as i128),
        )
    }),
};
