//! `BitwiseNot`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `BitwiseNot`.
pub(super) static OPERATOR: Operator = Operator {
    name: "BitwiseNot",
    versions: &[Version {
        since: 18,
        inputs: "X: T",
        outputs: "Y: T",
        types: "T = u8 u16 u32 u64 i8 i16 i32 i64",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::unary(c, |x| x, |x| !x)),
};
