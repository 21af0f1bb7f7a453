//! Mistral: Llama's tensors, no size of a head unless the configuration gives one.

use super::*;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "llama", hf_classes: &["MistralForCausalLM"] },
    model_types: &["mistral"],
    defaults,
    rules: &[DECODER, ROTATED_QK],
    experts: None,
    rename: decoder_name,
    params: llama::params,
    extra: llama::extra,
    // llama.cpp runs its llama graph on it, which does not support a window.
    ignored: &["sliding_window", "hidden_act", "layer_types"],
    expects: &[("hidden_act", &["silu", "swish"])],
    // A GGUF file does not distinguish Mistral from Llama; it is converted back as Llama.
    claims: |_| false,
    config: |meta| llama::config(meta, "MistralForCausalLM", "mistral"),
    computation: Computation { window: Window::TransformersOnly, ..Computation::llama(Position::Pairs) },
};

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(32000));
    c.default("max_position_embeddings", json!(4096 * 32));
    c.default("hidden_size", json!(4096));
    c.default("intermediate_size", json!(14336));
    c.default("num_hidden_layers", json!(32));
    c.default("num_attention_heads", json!(32));
    // Absent means 8, null means as many as there are heads.
    c.default("num_key_value_heads", json!(8));
    c.default_null("num_key_value_heads", |c| c.peek("num_attention_heads").cloned());
    c.default("rms_norm_eps", json!(1e-6));
    c.default("rope_theta", json!(10000.0));
}
