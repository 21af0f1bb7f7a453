//! Gemma 2: norms store weight − 1, soft caps on logits, every other layer has a sliding window.

use super::*;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "gemma2", hf_classes: &["Gemma2ForCausalLM"] },
    model_types: &["gemma2"],
    defaults,
    rules: &[GEMMA, PLAIN_QK],
    experts: None,
    // llama.cpp ties the output to the embedding, whatever the checkpoint contains.
    rename: |name, config| if name == "lm_head.weight" { None } else { decoder_name(name, config) },
    params,
    extra: no_extra,
    ignored: &[
        "attention_bias",
        "cache_implementation",
        "hidden_act",
        "hidden_activation",
        "layer_types",
        "query_pre_attn_scalar",
        "rope_parameters",
        "rope_theta",
        "use_bidirectional_attention",
    ],
    expects: &[("hidden_activation", &["gelu_pytorch_tanh"])],
    claims: always,
    config,
    computation: Computation::gemma(Window::AllBut(2), 46),
};

/// Names of Gemma 2 and 3; every norm is shifted.
pub(super) static GEMMA: &[Rule] = &[
    rule("model.embed_tokens", "token_embd", Op::Keep).of(&[Vocabulary, Width]),
    rule("model.norm", "output_norm", Op::PlusOne).of(&[Width]),
    rule("model.layers.{}.input_layernorm", "blk.{}.attn_norm", Op::PlusOne).of(&[Width]),
    keep("model.layers.{}.self_attn.v_proj", "blk.{}.attn_v").of(&[Keys, Width]).bias(ATTENTION_BIAS),
    keep("model.layers.{}.self_attn.o_proj", "blk.{}.attn_output").of(&[Width, Queries]),
    rule("model.layers.{}.post_attention_layernorm", "blk.{}.post_attention_norm", Op::PlusOne).of(&[Width]),
    rule("model.layers.{}.pre_feedforward_layernorm", "blk.{}.ffn_norm", Op::PlusOne).of(&[Width]),
    rule("model.layers.{}.post_feedforward_layernorm", "blk.{}.post_ffw_norm", Op::PlusOne).of(&[Width]),
    keep("model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate").of(&[Inner, Width]),
    keep("model.layers.{}.mlp.up_proj", "blk.{}.ffn_up").of(&[Inner, Width]),
    keep("model.layers.{}.mlp.down_proj", "blk.{}.ffn_down").of(&[Width, Inner]),
];

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(256000));
    c.default("max_position_embeddings", json!(8192));
    c.default("hidden_size", json!(2304));
    c.default("intermediate_size", json!(9216));
    c.default("num_hidden_layers", json!(26));
    c.default("num_attention_heads", json!(8));
    c.default("num_key_value_heads", json!(4));
    c.default("head_dim", json!(256));
    c.default("rms_norm_eps", json!(1e-6));
    c.default("attn_logit_softcapping", json!(50.0));
    c.default("final_logit_softcapping", json!(30.0));
    c.default("sliding_window", json!(4096));
}

fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    p.need_uint(s, &["max_position_embeddings"], "context_length")?;
    p.need_uint(s, &["hidden_size"], "embedding_length")?;
    p.uint("block_count", s.blocks)?;
    p.need_uint(s, &["intermediate_size"], "feed_forward_length")?;
    p.need_uint(s, &["num_attention_heads"], "attention.head_count")?;
    p.need_uint(s, &["num_key_value_heads", "num_attention_heads"], "attention.head_count_kv")?;
    p.float(
        "attention.layer_norm_rms_epsilon",
        s.config.need_float(&["rms_norm_eps"], "attention.layer_norm_rms_epsilon")?,
    );
    p.need_uint(s, &["head_dim"], "attention.key_length")?;
    p.need_uint(s, &["head_dim"], "attention.value_length")?;
    p.file_type();
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        p.float(key, s.config.need_float(&[key], key)?);
    }
    p.need_uint(s, &["sliding_window"], "attention.sliding_window")
}

fn config(meta: &Meta<'_>) -> Result<Map<String, Value>> {
    let mut c = meta.decoder("Gemma2ForCausalLM", "gemma2")?;
    c.insert("hidden_activation".into(), "gelu_pytorch_tanh".into());
    let head = meta.need_uint("attention.key_length")?;
    // The 27B model scales queries by embedding over heads, the others by the size of a head (llama.cpp does the same).
    let width = meta.need_uint("embedding_length")?.checked_div(meta.need_uint("attention.head_count")?);
    let scale = if meta.need_uint("block_count")? == 46 { width.unwrap_or(head) } else { head };
    c.insert("query_pre_attn_scalar".into(), scale.into());
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        c.insert(key.into(), meta.float(key)?.map_or(Value::Null, Value::from));
    }
    c.insert("sliding_window".into(), meta.need_uint("attention.sliding_window")?.into());
    c.entry("rope_theta").or_insert(json!(10000.0));
    Ok(c)
}
