//! `Or`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Or`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Or",
    versions: &[
        Version {
            since: 1,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = bool; T1 = bool",
            attributes: "axis: int, broadcast: int = 0",
            deprecated: false,
        },
        Version {
            since: 7,
            inputs: "A: T, B: T",
            outputs: "C: T1",
            types: "T = bool; T1 = bool",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::elementwise),
    eval: Eval::Rule(|c| math::bits(c, |a, b| a | b)),
};
