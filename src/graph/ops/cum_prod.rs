//! `CumProd`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, one, shape};

/// Schemas: ONNX 1.23, `CumProd`.
pub(super) static OPERATOR: Operator = Operator {
    name: "CumProd",
    versions: &[Version {
        since: 26,
        inputs: "x: T, axis: T2",
        outputs: "y: T",
        types: "T = u32 u64 i32 i64 f16 f32 f64 bf16; T2 = i32 i64",
        attributes: "exclusive: int = 0, reverse: int = 0",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| one(shape::running(c, 1, |a, b| a * b, i128::wrapping_mul)?)),
};
