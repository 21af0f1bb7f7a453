//! `Swish`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `Swish`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Swish",
    versions: &[Version {
        since: 24,
        inputs: "X: T",
        outputs: "Y: T",
        types: "T = FLOATS16",
        attributes: "alpha: float = 1",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
};
