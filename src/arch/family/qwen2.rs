//! Qwen 2 and 2.5: biases on query, key and value; also the embedding models built on it.

use super::*;
use crate::arch::params::{common, pooling};
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "qwen2", hf_classes: &["Qwen2ForCausalLM", "Qwen2Model"] },
    model_types: &["qwen2"],
    defaults,
    rules: &[BIASED_QKV, DECODER],
    experts: None,
    rename: decoder_name,
    params,
    extra: no_extra,
    ignored: IGNORED,
    expects: EXPECTS,
    claims: always,
    config: |meta| {
        let mut c = meta.decoder("Qwen2ForCausalLM", "qwen2")?;
        c.insert("hidden_act".into(), "silu".into());
        c.insert("use_sliding_window".into(), false.into());
        // Its class derives the size of a head.
        c.shift_remove("head_dim");
        Ok(c)
    },
    computation: Computation::llama(Position::Halves),
};

/// Query, key and value projections; their biases are part of the architecture.
static BIASED_QKV: &[Rule] = &[
    keep("model.layers.{}.self_attn.q_proj", "blk.{}.attn_q").of(&[Queries, Width]).bias(Bias::Always),
    keep("model.layers.{}.self_attn.k_proj", "blk.{}.attn_k").of(&[Keys, Width]).bias(Bias::Always),
    keep("model.layers.{}.self_attn.v_proj", "blk.{}.attn_v").of(&[Keys, Width]).bias(Bias::Always),
];

/// Sliding windows of Qwen are off unless requested, and llama.cpp has none for it.
pub(super) static IGNORED: &[&str] = &[
    "attention_bias",
    "hidden_act",
    "layer_types",
    "max_window_layers",
    "sliding_window",
    "use_mrope",
    "use_sliding_window",
];

/// What llama.cpp assumes for the dense Qwen models.
pub(super) static EXPECTS: &[(&str, &[&str])] =
    &[("hidden_act", &["silu", "swish"]), ("use_sliding_window", &["false"])];

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(151936));
    c.default("max_position_embeddings", json!(32768));
    c.default("hidden_size", json!(4096));
    c.default("intermediate_size", json!(22016));
    c.default("num_hidden_layers", json!(32));
    c.default("num_attention_heads", json!(32));
    c.default("num_key_value_heads", json!(32));
    c.default_null("num_key_value_heads", |c| c.peek("num_attention_heads").cloned());
    c.default("rms_norm_eps", json!(1e-6));
    c.default("rope_theta", json!(10000.0));
}

/// `Qwen2Model.set_gguf_parameters`.
pub(super) fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    common(s, p)?;
    pooling(s, p)
}
