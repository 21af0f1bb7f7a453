//! `CumSum`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, one, shape};

/// Schemas: ONNX 1.23, `CumSum`.
pub(super) static OPERATOR: Operator = Operator {
    name: "CumSum",
    versions: &[
        Version {
            since: 11,
            inputs: "x: T, axis: T2",
            outputs: "y: T",
            types: "T = u32 u64 i32 i64 f32 f64; T2 = i32 i64",
            attributes: "exclusive: int = 0, reverse: int = 0",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "x: T, axis: T2",
            outputs: "y: T",
            types: "T = u32 u64 i32 i64 f16 f32 f64 bf16; T2 = i32 i64",
            attributes: "exclusive: int = 0, reverse: int = 0",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| one(shape::running(c, 0, |a, b| a + b, |a, b| a + b)?)),
};
