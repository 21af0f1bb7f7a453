//! `Sign`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Sign`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Sign",
    versions: &[
        Version {
            since: 9,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = u8 u16 u32 u64 i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::unary(c, |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }, i128::signum)),
};
