//! The order in which kinds of tensor are listed.

/// Kinds in the order in which data passes them; a kind not named here comes after, in the order of the plan.
const ORDER: [&str; 22] = [
    "token_embd",
    "position_embd",
    "attn_norm",
    "attn_qkv",
    "attn_q",
    "attn_q_norm",
    "attn_k",
    "attn_k_norm",
    "attn_v",
    "attn_output",
    "post_attention_norm",
    "ffn_norm",
    "ffn_gate_inp",
    "ffn_gate",
    "ffn_gate_exps",
    "ffn_up",
    "ffn_up_exps",
    "ffn_down",
    "ffn_down_exps",
    "post_ffw_norm",
    "output_norm",
    "output",
];

/// Place of a kind in that order.
pub(crate) fn kind_order(kind: &str) -> usize {
    ORDER.iter().position(|k| *k == kind).unwrap_or(ORDER.len())
}
