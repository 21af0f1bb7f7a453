//! `RotaryEmbedding`.

use super::{Infer, Operator, Version, rules};

/// Schemas: ONNX 1.23, `RotaryEmbedding`.
pub(super) static OPERATOR: Operator = Operator {
    name: "RotaryEmbedding",
    versions: &[Version {
        since: 23,
        inputs: "X: T, cos_cache: T, sin_cache: T, position_ids?: M",
        outputs: "Y: T",
        types: "T = f16 f32 bf16; M = i64",
        attributes: "interleaved: int = 0, num_heads: int, rotary_embedding_dim: int = 0",
        deprecated: false,
    }],
    infer: Infer::Rule(rules::same),
};
