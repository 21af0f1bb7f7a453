//! `Scatter`.

use super::{Infer, Operator, Version, rules};
use crate::graph::eval::Eval;

/// Schemas: ONNX 1.23, `Scatter`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Scatter",
    versions: &[
        Version {
            since: 9,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: false,
        },
        Version {
            since: 11,
            inputs: "data: T, indices: Tind, updates: T",
            outputs: "output: T",
            types: "T = ALL; Tind = i32 i64",
            attributes: "axis: int = 0",
            deprecated: true,
        },
    ],
    infer: Infer::Rule(rules::same),
    eval: Eval::Rule(super::scatter_elements::eval),
};
