//! `LessOrEqual`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};
use std::cmp::Ordering;

/// Schemas: ONNX 1.23, `LessOrEqual`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LessOrEqual",
    versions: &[
        Version {
            since: 12,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64; T1 = bool",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16; T1 = bool",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(|c| math::compare(c, |o| matches!(o, Some(Ordering::Less | Ordering::Equal)))),
};
