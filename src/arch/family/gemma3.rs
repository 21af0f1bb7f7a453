//! Gemma 3, the text part: norms on queries and keys, two rope bases, embedding rows beyond the vocabulary cut off.

use super::*;
use crate::arch::params::common;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "gemma3", hf_classes: &["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"] },
    model_types: &["gemma3_text", "gemma3"],
    defaults,
    rules: &[VOCABULARY, gemma2::GEMMA, PLAIN_QK, NORMS],
    experts: None,
    rename: decoder_name,
    params,
    extra: no_extra,
    ignored: &[
        "_sliding_window_pattern",
        "attention_bias",
        "boi_token_index",
        "cache_implementation",
        "eoi_token_index",
        "hidden_act",
        "hidden_activation",
        "image_token_index",
        "layer_types",
        "mm_tokens_per_image",
        "query_pre_attn_scalar",
        "sliding_window_pattern",
        "use_bidirectional_attention",
        "vision_config",
    ],
    expects: &[("hidden_activation", &["gelu_pytorch_tanh"])],
    claims: always,
    config,
    computation: Computation::gemma(Window::AllBut(6), 62),
};

static VOCABULARY: &[Rule] = &[
    rule("model.embed_tokens", "token_embd", Op::CutVocabulary).of(&[Vocabulary, Width]),
    keep("lm_head", "output").of(&[Vocabulary, Width]).need(Need::If(untied_head)),
];

static NORMS: &[Rule] = &[
    rule("model.layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm", Op::PlusOne).of(&[Head]),
    rule("model.layers.{}.self_attn.k_norm", "blk.{}.attn_k_norm", Op::PlusOne).of(&[Head]),
];

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(262_208));
    c.default("max_position_embeddings", json!(131_072));
    c.default("hidden_size", json!(2304));
    c.default("intermediate_size", json!(9216));
    c.default("num_hidden_layers", json!(26));
    c.default("num_attention_heads", json!(8));
    c.default("num_key_value_heads", json!(4));
    c.default("head_dim", json!(256));
    c.default("rms_norm_eps", json!(1e-6));
    c.default("rope_theta", json!(1e6));
    c.default("rope_local_base_freq", json!(10000.0));
    c.default("sliding_window", json!(4096));
    // Its class halves the window of bidirectional models.
    if c.peek("use_bidirectional_attention") == Some(&Value::Bool(true))
        && let Some(window) = c.peek_uint("sliding_window")
    {
        c.set("sliding_window", json!(window / 2 + 1));
    }
}

fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    common(s, p)?;
    // Values that early configurations left to the class; a key that is there keeps its place.
    p.uint("context_length", s.config.uint(&["max_position_embeddings"], "context_length")?.unwrap_or(131_072))?;
    p.uint("attention.head_count", s.config.uint(&["num_attention_heads"], "attention.head_count")?.unwrap_or(8))?;
    let eps = "attention.layer_norm_rms_epsilon";
    p.float(eps, s.config.float(&["rms_norm_eps"], eps)?.unwrap_or(1e-6));
    let head = s.config.uint(&["head_dim"], "attention.value_length")?.unwrap_or(256);
    p.uint("attention.key_length", head)?;
    p.uint("attention.value_length", head)?;
    p.float("rope.freq_base", s.rope.theta()?.unwrap_or(1e6));
    if let Some(cap) = s.config.float(&["final_logit_softcapping"], "final_logit_softcapping")?
        && cap != 0.0
    {
        p.float("final_logit_softcapping", cap);
    }
    if s.config.float(&["attn_logit_softcapping"], "nothing: Gemma 3 has none")?.is_some() {
        return Err(crate::arch::config::bad(&["attn_logit_softcapping"], "Gemma 3 has no soft cap on attention"));
    }
    if s.config.peek_uint("sliding_window_pattern") != Some(1) {
        p.need_uint(s, &["sliding_window"], "attention.sliding_window")?;
    }
    p.uint("attention.head_count_kv", s.config.uint(&["num_key_value_heads"], "attention.head_count_kv")?.unwrap_or(4))
}

fn config(meta: &Meta<'_>) -> Result<Map<String, Value>> {
    let mut c = meta.decoder("Gemma3ForCausalLM", "gemma3_text")?;
    c.insert("hidden_activation".into(), "gelu_pytorch_tanh".into());
    let head = meta.need_uint("attention.key_length")?;
    let width = meta.need_uint("embedding_length")?.checked_div(meta.need_uint("attention.head_count")?);
    let scale = if meta.need_uint("block_count")? == 62 { width.unwrap_or(head) } else { head };
    c.insert("query_pre_attn_scalar".into(), scale.into());
    let local = meta.float("rope.freq_base_swa")?.unwrap_or(10000.0);
    c.insert("rope_local_base_freq".into(), Value::from(local));
    if let Some(window) = meta.uint("attention.sliding_window")? {
        c.insert("sliding_window".into(), window.into());
    }
    let cap = meta.float("final_logit_softcapping")?;
    c.insert("final_logit_softcapping".into(), cap.map_or(Value::Null, Value::from));
    c.insert("attn_logit_softcapping".into(), Value::Null);
    Ok(c)
}
