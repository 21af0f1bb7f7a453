//! `LinearAttention`.

use super::{Call, Infer, Operator, Out, Outs, Version};
use crate::graph::Dim;

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
    infer: Infer::Rule(infer),
};

fn infer(c: &Call<'_>) -> Outs {
    let state = c.elem(3).or_else(|| c.elem(0));
    // Heads are packed into the last dimension.
    let (Some([batch, sequence, q]), Some([_, _, v])) = (c.shape(0), c.shape(2)) else {
        return Ok(vec![Out::rank(3), Out::rank(4).of(state)]);
    };
    let (heads, kv_heads) = (Dim::Known(c.int("q_num_heads", 1)), Dim::Known(c.int("kv_num_heads", 1)));
    let (key_size, value_size) = (q.divided_exactly(&heads), v.divided_exactly(&kv_heads));
    Ok(vec![
        Out::shape(vec![batch.clone(), sequence.clone(), heads.times(&value_size)]),
        Out::shape(vec![batch.clone(), kv_heads, key_size, value_size]).of(state),
    ])
}
