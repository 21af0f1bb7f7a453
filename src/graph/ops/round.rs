//! `Round`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Round`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Round",
    versions: &[
        Version { since: 11, inputs: "X: T", outputs: "Y: T", types: "T = FLOATS", attributes: "", deprecated: false },
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
    eval: Eval::Rule(|c| math::float(c, f64::round_ties_even)),
};
