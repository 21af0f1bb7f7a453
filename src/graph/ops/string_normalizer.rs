//! `StringNormalizer`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `StringNormalizer`.
pub(super) static OPERATOR: Operator = Operator {
    name: "StringNormalizer",
    versions: &[Version {
        since: 10,
        inputs: "X: string",
        outputs: "Y: string",
        types: "",
        attributes: "case_change_action: text = NONE, is_case_sensitive: int = 0, locale: text, stopwords: texts",
        deprecated: false,
    }],
    infer: Infer::Nothing,
};
