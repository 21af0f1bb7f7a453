//! Broad kinds of tensors, by name, as the rules see them (`tensor_get_category`).

/// A kind of tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// `token_embd.weight`, `per_layer_token_embd.weight`.
    TokenEmbedding,
    /// `output.weight`.
    Output,
    /// Attention values, or what holds them: `attn_v`, `attn_qkv`, `attn_kv_b`.
    AttentionV,
    /// Attention keys.
    AttentionK,
    /// Attention queries.
    AttentionQ,
    /// Attention output projection.
    AttentionOutput,
    /// Feed-forward up projection, of experts too.
    FfnUp,
    /// Feed-forward gate, of experts too.
    FfnGate,
    /// Feed-forward down projection, of experts too.
    FfnDown,
    /// The rest.
    Other,
}

/// Part of the name → kind, in the order they are looked for.
const PARTS: [(&str, Category); 9] = [
    ("attn_qkv.weight", Category::AttentionV),
    ("attn_kv_b.weight", Category::AttentionV),
    ("attn_v.weight", Category::AttentionV),
    ("attn_k.weight", Category::AttentionK),
    ("attn_q.weight", Category::AttentionQ),
    ("attn_output.weight", Category::AttentionOutput),
    ("ffn_up", Category::FfnUp),
    ("ffn_gate", Category::FfnGate),
    ("ffn_down", Category::FfnDown),
];

impl Category {
    /// The kind of the tensor of this name.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "output.weight" => Self::Output,
            "token_embd.weight" | "per_layer_token_embd.weight" => Self::TokenEmbedding,
            _ => PARTS.iter().find(|(part, _)| name.contains(part)).map_or(Self::Other, |&(_, c)| c),
        }
    }
}
