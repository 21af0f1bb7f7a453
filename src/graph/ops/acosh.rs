//! `Acosh`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, math};

/// Schemas: ONNX 1.23, `Acosh`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Acosh",
    versions: &[
        Version {
            since: 9,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "input: T",
            outputs: "output: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(|c| math::float(c, f64::acosh)),
};
