//! GPT-2: fused projections stored transposed, learned positions.

use super::*;
use crate::arch::config::{bad, uint_of, unusable};
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "gpt2", hf_classes: &["GPT2LMHeadModel", "GPT2Model"] },
    model_types: &["gpt2"],
    defaults,
    rules: &[RULES],
    experts: None,
    rename,
    params,
    extra: no_extra,
    ignored: &[
        "activation_function",
        "attn_pdrop",
        "embd_pdrop",
        "n_inner",
        "n_positions",
        "reorder_and_upcast_attn",
        "resid_pdrop",
        "scale_attn_by_inverse_layer_idx",
        "scale_attn_weights",
        "summary_activation",
        "summary_first_dropout",
        "summary_proj_to_labels",
        "summary_type",
        "summary_use_proj",
    ],
    expects: &[
        ("activation_function", &["gelu_new", "gelu_pytorch_tanh"]),
        ("scale_attn_weights", &["true"]),
        ("scale_attn_by_inverse_layer_idx", &["false"]),
    ],
    claims: always,
    config,
    computation: Computation {
        norm: Norm::Layer,
        activation: Activation::GeluTanh,
        gate: Gate::None,
        ..Computation::llama(Position::Learned)
    },
};

static RULES: &[Rule] = &[
    keep("transformer.wte", "token_embd").of(&[Vocabulary, Width]),
    keep("transformer.wpe", "position_embd").of(&[Positions, Width]),
    keep("transformer.ln_f", "output_norm").of(&[Width]).bias(Bias::Always),
    keep("lm_head", "output").of(&[Vocabulary, Width]).need(Need::If(untied_head)),
    keep("transformer.h.{}.ln_1", "blk.{}.attn_norm").of(&[Width]).bias(Bias::Always),
    rule("transformer.h.{}.attn.c_attn", "blk.{}.attn_qkv", Op::Transpose).of(&[Width, TripleWidth]).bias(Bias::Always),
    rule("transformer.h.{}.attn.c_proj", "blk.{}.attn_output", Op::Transpose).of(&[Width, Width]).bias(Bias::Always),
    keep("transformer.h.{}.ln_2", "blk.{}.ffn_norm").of(&[Width]).bias(Bias::Always),
    rule("transformer.h.{}.mlp.c_fc", "blk.{}.ffn_up", Op::Transpose).of(&[Width, QuadWidth]).bias(Bias::Always),
    rule("transformer.h.{}.mlp.c_proj", "blk.{}.ffn_down", Op::Transpose).of(&[QuadWidth, Width]).bias(Bias::Always),
];

/// The base model's names lack `transformer.`; the causal mask that old checkpoints store is not a weight.
fn rename(name: &str, _: &Config) -> Option<String> {
    if name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") {
        return None;
    }
    let bare = ["h.", "wte.", "wpe.", "ln_f."].iter().any(|p| name.starts_with(p));
    Some(if bare { format!("transformer.{name}") } else { name.to_owned() })
}

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(50257));
    c.default("n_positions", json!(1024));
    c.default("n_embd", json!(768));
    c.default("n_layer", json!(12));
    c.default("n_head", json!(12));
    c.default("layer_norm_epsilon", json!(1e-5));
}

fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    p.uint("block_count", s.blocks)?;
    p.need_uint(s, &["n_ctx", "n_positions"], "context_length")?;
    let width = s.config.need_uint(&["n_embd"], "embedding_length")?;
    p.uint("embedding_length", width)?;
    let inner = s.config.peek("n_inner").map(|v| uint_of(v).ok_or_else(|| unusable(&["n_inner"], v, "a whole number")));
    let inner = inner.transpose()?;
    if inner.is_some_and(|n| Some(n) != width.checked_mul(4)) {
        return Err(bad(&["n_inner"], "only four times the embedding is supported for GPT-2"));
    }
    p.uint("feed_forward_length", width.saturating_mul(4))?;
    p.need_uint(s, &["n_head"], "attention.head_count")?;
    let eps = "attention.layer_norm_epsilon";
    p.float(eps, s.config.need_float(&["layer_norm_epsilon"], eps)?);
    p.file_type();
    Ok(())
}

fn config(meta: &Meta<'_>) -> Result<Map<String, Value>> {
    let mut c = meta.head("GPT2LMHeadModel", "gpt2");
    let context = meta.need_uint("context_length")?;
    c.insert("n_positions".into(), context.into());
    c.insert("n_ctx".into(), context.into());
    c.insert("n_embd".into(), meta.need_uint("embedding_length")?.into());
    c.insert("n_layer".into(), meta.need_uint("block_count")?.into());
    c.insert("n_head".into(), meta.need_uint("attention.head_count")?.into());
    c.insert("n_inner".into(), Value::Null);
    c.insert("layer_norm_epsilon".into(), Value::from(meta.need_float("attention.layer_norm_epsilon")?));
    c.insert("activation_function".into(), "gelu_new".into());
    meta.vocabulary(&mut c)?;
    Ok(c)
}
