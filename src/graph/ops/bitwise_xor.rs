//! `BitwiseXor`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `BitwiseXor`.
pub(super) static OPERATOR: Operator = Operator {
    name: "BitwiseXor",
    versions: &[Version {
        since: 18,
        inputs: "A: T, B: T",
        outputs: "C: T",
        types: "T = u8 u16 u32 u64 i8 i16 i32 i64",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(|c| math::bits(c, |a, b| a ^ b)),
};
