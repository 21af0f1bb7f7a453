//! `TfIdfVectorizer`.

use super::{Infer, Operator, Version};

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
    infer: Infer::Nothing,
};
