//! `StringNormalizer`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

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
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    // Words may be left out.
    let shape = c.shape(0).map(|s| match s {
        [batch, _] => vec![batch.clone(), Dim::Unknown],
        _ => vec![Dim::Unknown],
    });
    Ok(vec![Out { shape, ..Out::default() }])
}
