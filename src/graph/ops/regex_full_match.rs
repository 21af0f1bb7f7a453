//! `RegexFullMatch`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `RegexFullMatch`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RegexFullMatch",
    versions: &[Version {
        since: 20,
        inputs: "X: T1",
        outputs: "Y: T2",
        types: "T1 = string; T2 = bool",
        attributes: "pattern: text",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
};
