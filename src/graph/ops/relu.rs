//! `Relu`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Relu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Relu",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "consumed_inputs: ints",
            deprecated: false,
        },
        Version { since: 6, inputs: "X: T", outputs: "Y: T", types: "T = FLOATS", attributes: "", deprecated: false },
        Version {
            since: 13,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 14,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = i8 i16 i32 i64 f16 f32 f64 bf16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::unary(c, |x| if x < 0.0 { 0.0 } else { x }, |x| x.max(0))),
};
