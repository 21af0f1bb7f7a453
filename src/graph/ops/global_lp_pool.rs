//! `GlobalLpPool`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `GlobalLpPool`.
pub(super) static OPERATOR: Operator = Operator {
    name: "GlobalLpPool",
    versions: &[
        Version {
            since: 1,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "p: float = 2",
            deprecated: false,
        },
        Version {
            since: 2,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS",
            attributes: "p: int = 2",
            deprecated: false,
        },
        Version {
            since: 22,
            inputs: "X: T",
            outputs: "Y: T",
            types: "T = FLOATS16",
            attributes: "p: int = 2",
            deprecated: false,
        },
    ],
    infer: Infer::Rule(rules::global_pool),
};
