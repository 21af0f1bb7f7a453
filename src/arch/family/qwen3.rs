//! Qwen 3, dense: norms on queries and keys, no biases.

use super::*;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "qwen3", hf_classes: &["Qwen3ForCausalLM", "Qwen3Model"] },
    model_types: &["qwen3"],
    defaults,
    rules: &[DECODER, PLAIN_QK, QK_NORMS],
    experts: None,
    rename: decoder_name,
    params: qwen2::params,
    extra: no_extra,
    ignored: qwen2::IGNORED,
    expects: qwen2::EXPECTS,
    claims: always,
    config: |meta| {
        let mut c = meta.decoder("Qwen3ForCausalLM", "qwen3")?;
        c.insert("hidden_act".into(), "silu".into());
        c.insert("attention_bias".into(), meta.has_tensor("blk.0.attn_q.bias").into());
        c.insert("use_sliding_window".into(), false.into());
        Ok(c)
    },
    computation: Computation::llama(Position::Halves),
};

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(151936));
    c.default("max_position_embeddings", json!(32768));
    c.default("hidden_size", json!(4096));
    c.default("intermediate_size", json!(22016));
    c.default("num_hidden_layers", json!(32));
    c.default("num_attention_heads", json!(32));
    c.default("num_key_value_heads", json!(32));
    c.default_null("num_key_value_heads", |c| c.peek("num_attention_heads").cloned());
    c.default("head_dim", json!(128));
    c.default("rms_norm_eps", json!(1e-6));
    c.default("rope_theta", json!(10000.0));
}
