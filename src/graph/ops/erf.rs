//! `Erf`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Erf`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Erf",
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
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::float(c, math::erf)),
};
