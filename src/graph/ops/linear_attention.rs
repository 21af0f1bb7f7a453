//! `LinearAttention`.

use super::{Infer, Operator, Version};

/// Schemas: ONNX 1.23, `LinearAttention`.
pub(super) static OPERATOR: Operator = Operator {
    name: "LinearAttention",
    versions: &[Version {
        since: 27,
        inputs: "query: T, key: T, value: T, past_state?: S, decay?: T, beta?: T",
        outputs: "output: T, present_state: S",
        types: "T = f16 f32 bf16; S = f16 f32 bf16",
        attributes: "chunk_size: int = 64, kv_num_heads!: int, q_num_heads!: int, scale: float = 0, update_rule: text = gated_delta",
        deprecated: false,
    }],
    infer: Infer::Nothing,
};
