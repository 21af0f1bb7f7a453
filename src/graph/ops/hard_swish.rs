//! `HardSwish`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `HardSwish`.
pub(super) static OPERATOR: Operator = Operator {
    name: "HardSwish",
    versions: &[
        Version { since: 14, inputs: "X: T", outputs: "Y: T", types: "T = FLOATS", attributes: "", deprecated: false },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::float(c, |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0))),
};
