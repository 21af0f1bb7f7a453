//! `ReduceL1`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, reduce};

/// Schemas: ONNX 1.23, `ReduceL1`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ReduceL1",
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
    eval: Eval::Rule(|c| reduce::reduce(c, |v| v.iter().map(|x| x.abs()).sum(), |v| v.iter().map(|x| x.abs()).sum())),
};
