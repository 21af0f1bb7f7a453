//! `Abs`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Abs`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Abs",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::unary(c, f64::abs, i128::abs)),
};
