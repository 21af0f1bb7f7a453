//! `Mish`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Mish`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Mish",
    versions: &[
        Version { since: 18, inputs: "X: T", outputs: "Y: T", types: "T = FLOATS", attributes: "", deprecated: false },
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
    eval: Eval::Rule(|c| math::float(c, |x| x * math::softplus(x).tanh())),
};
