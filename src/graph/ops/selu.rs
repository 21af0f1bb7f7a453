//! `Selu`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `Selu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Selu",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1.6732, consumed_inputs: ints, gamma: float = 1.0507",
            deprecated: false,
        },
        Version {
            since: 6,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "alpha: float = 1.6732632, gamma: float = 1.050701",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "alpha: float = 1.6732632, gamma: float = 1.050701",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::same),
};
