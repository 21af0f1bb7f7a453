//! `GlobalAveragePool`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::{Eval, pool};

/// Schemas: ONNX 1.23, `GlobalAveragePool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GlobalAveragePool",
    versions: &[
        Version { since: 1, inputs: "X: T", outputs: "Y: T", types: "T = FLOATS", attributes: "", deprecated: false },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::global_pool),
    eval: Eval::Rule(|c| pool::global(c, |v| v.iter().sum::<f64>() / v.len() as f64)),
};
