//! `StringSplit`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `StringSplit`.
pub(super) static OPERATOR: Operator = Operator {
    name: "StringSplit",
    versions: &[Version {
        since: 20,
        inputs: "X: T1",
        outputs: "Y: T2, Z: T3",
        types: "T1 = string; T2 = string; T3 = i64",
        attributes: "delimiter: text, maxsplit: int",
        deprecated: false,
    }],
    infer: Infer::Nothing,
};
