//! `Gelu`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `Gelu`.
pub(super) static OPERATOR: Operator = Operator {
    name: "Gelu",
    versions: &[Version {
        since: 20,
        inputs: "X: T",
        outputs: "Y: T",
        types: "T = FLOATS16",
        attributes: "approximate: text = none",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
};
