//! `Ceil`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Ceil`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Ceil",
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
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::float(c, f64::ceil)),
};
