//! `StringConcat`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `StringConcat`.
pub(super) static OPERATOR: Operator = Operator {
    name: "StringConcat",
    versions: &[Version {
        since: 20,
        inputs: "X: T, Y: T",
        outputs: "Z: T",
        types: "T = string",
        attributes: "",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::elementwise),
};
