//! `TfIdfVectorizer`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

/// Schemas: ONNX 1.23, `TfIdfVectorizer`.
pub(super) static OPERATOR: Operator = Operator {
    name: "TfIdfVectorizer",
    versions: &[Version {
        since: 9,
        inputs: "X: T",
        outputs: "Y: T1",
        types: "T = i32 i64 string; T1 = f32",
        attributes: "max_gram_length!: int, max_skip_count!: int, min_gram_length!: int, mode!: text, ngram_counts!: ints, ngram_indexes!: ints, pool_int64s: ints, pool_strings: texts, weights: floats",
        deprecated: false,
    }],
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let grams = c
        .list("ngram_indexes")
        .and_then(|l| l.iter().max().copied())
        .map_or(Dim::Unknown, |n| Dim::Known(n.saturating_add(1)));
    let shape = match c.shape(0) {
        Some([_]) => vec![grams],
        Some([batch, _]) => vec![batch.clone(), grams],
        Some(other) => return Err(format!("an input of {} dimensions", other.len())),
        None => return Ok(vec![Out::unknown()]),
    };
    Ok(vec![Out::shape(shape)])
}
