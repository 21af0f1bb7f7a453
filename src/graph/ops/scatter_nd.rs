//! `ScatterND`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `ScatterND`.
pub(super) static OPERATOR: Operator = Operator {
    name: "ScatterND",
    versions: &[
        Version {
            since: 11,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "",
            deprecated: false,
        },
        Version {
            since: 16,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "reduction: text = none",
            deprecated: false,
        },
        Version {
            since: 18,
            inputs: "data: T, indices: i64, updates: T",
            outputs: "output: T",
            types: "T = ALL16",
            attributes: "reduction: text = none",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
