//! `ArgMax`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, reduce};

/// Schemas: ONNX 1.23, `ArgMax`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ArgMax",
    versions: &[
        Version {
            since: 1,
            inputs: "data: T",
            outputs: "reduced: i64",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "axis: int = 0, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T",
            outputs: "reduced: i64",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "axis: int = 0, keepdims: int = 1",
            deprecated: false,
        },
        Version {
            since: 12,
            inputs: "data: T",
            outputs: "reduced: i64",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "axis: int = 0, keepdims: int = 1, select_last_index: int = 0",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T",
            outputs: "reduced: i64",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "axis: int = 0, keepdims: int = 1, select_last_index: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::arg_reduce),
    eval: Eval::Rule(|c| reduce::arg(c, |best, x| x > best)),
};
