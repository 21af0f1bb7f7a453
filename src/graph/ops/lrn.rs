//! `LRN`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `LRN`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LRN",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 0.0001, beta: float = 0.75, bias: float = 1, size!: int",
            deprecated: false,
        },
        Version {
            since: 13,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 0.0001, beta: float = 0.75, bias: float = 1, size!: int",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
