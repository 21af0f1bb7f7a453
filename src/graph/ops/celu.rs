//! `Celu`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `Celu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Celu",
    versions: &[
        Version {
            since: 12,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = f32",
            attributes: "alpha: float = 1",
            deprecated: false,
        },
        Version {
            since: 28,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 1",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
