//! Phi 3 and 4: fused projections, long-context rope factors as two tensors.

use super::*;
use crate::arch::config::{bad, float_of, uint_of, unusable};
use crate::model::MemoryRows;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "phi3", hf_classes: &["Phi3ForCausalLM"] },
    model_types: &["phi3"],
    defaults,
    rules: &[RULES],
    experts: None,
    rename: decoder_name,
    params,
    extra,
    ignored: &[
        "attention_bias",
        "embd_pdrop",
        "full_attn_mod",
        "hidden_act",
        "interpolate_factor",
        "lm_head_bias",
        "mlp_bias",
        "resid_pdrop",
    ],
    expects: &[("hidden_act", &["silu", "swish"])],
    claims: always,
    config,
    computation: Computation {
        gate: Gate::Fused,
        window: Window::TransformersOnly,
        ..Computation::llama(Position::Halves)
    },
};

static RULES: &[Rule] = &[
    keep("model.embed_tokens", "token_embd").of(&[Vocabulary, Width]),
    keep("lm_head", "output").of(&[Vocabulary, Width]).need(Need::If(untied_head)),
    keep("model.norm", "output_norm").of(&[Width]),
    keep("model.layers.{}.input_layernorm", "blk.{}.attn_norm").of(&[Width]),
    keep("model.layers.{}.self_attn.qkv_proj", "blk.{}.attn_qkv").of(&[Fused, Width]),
    keep("model.layers.{}.self_attn.o_proj", "blk.{}.attn_output").of(&[Width, Queries]),
    keep("model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm").of(&[Width]),
    keep("model.layers.{}.mlp.gate_up_proj", "blk.{}.ffn_up").of(&[DoubleInner, Width]),
    keep("model.layers.{}.mlp.down_proj", "blk.{}.ffn_down").of(&[Width, Inner]),
];

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(32064));
    c.default("max_position_embeddings", json!(4096));
    c.default("original_max_position_embeddings", json!(4096));
    c.default("hidden_size", json!(3072));
    c.default("intermediate_size", json!(8192));
    c.default("num_hidden_layers", json!(32));
    c.default("num_attention_heads", json!(32));
    c.default_null("num_key_value_heads", |c| c.peek("num_attention_heads").cloned());
    c.default("rms_norm_eps", json!(1e-5));
    c.default("rope_theta", json!(10000.0));
    c.default("partial_rotary_factor", json!(1.0));
    // Early configurations used `su` or `yarn` for longrope.
    if let Some(Value::Object(scaling)) = c.peek("rope_scaling") {
        let old = scaling.get("type").and_then(Value::as_str).is_some_and(|t| t == "su" || t == "yarn");
        if old {
            let mut scaling = scaling.clone();
            scaling.insert("type".into(), "longrope".into());
            scaling.insert("rope_type".into(), "longrope".into());
            c.set("rope_scaling", Value::Object(scaling));
        }
    }
}

/// Lengths the two functions below share: context, original context, rope dimensions.
fn lengths(s: &Source<'_>) -> Result<(u64, u64, u64)> {
    let context = s.config.need_uint(&["n_positions", "max_position_embeddings"], "context_length")?;
    let key = "original_max_position_embeddings";
    s.config.find(&[key], "rope.scaling.original_context_length");
    let original = s.rope.root(key).ok_or_else(|| bad(&[key], "the field is missing"))?;
    let original =
        uint_of(original).filter(|o| *o > 0).ok_or_else(|| unusable(&[key], original, "a whole number above zero"))?;
    let width = s.config.need_uint(&["hidden_size", "n_embd"], "embedding_length")?;
    let heads = s.config.need_uint(&["num_attention_heads", "n_head"], "attention.head_count")?;
    let part = s.config.find(&["partial_rotary_factor"], "rope.dimension_count");
    let part = match s.rope.root("partial_rotary_factor").or(part) {
        None => 1.0,
        Some(v) => float_of(v)
            .filter(|f| *f > 0.0 && *f <= 1.0)
            .ok_or_else(|| unusable(&["partial_rotary_factor"], v, "a number above zero and not above one"))?,
    };
    let dims = ((part * width as f64) as u64).checked_div(heads);
    Ok((context, original, dims.ok_or_else(|| bad(&["num_attention_heads"], "zero heads"))?))
}

fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    let (context, original, dims) = lengths(s)?;
    p.uint("context_length", context)?;
    p.uint("rope.scaling.original_context_length", original)?;
    p.need_uint(s, &["hidden_size", "n_embd"], "embedding_length")?;
    p.need_uint(s, &["intermediate_size"], "feed_forward_length")?;
    p.uint("block_count", s.blocks)?;
    p.need_uint(s, &["num_attention_heads", "n_head"], "attention.head_count")?;
    p.need_uint(s, &["num_key_value_heads", "n_head_kv"], "attention.head_count_kv")?;
    let eps = "attention.layer_norm_rms_epsilon";
    p.float(eps, s.config.need_float(&["rms_norm_eps"], eps)?);
    p.uint("rope.dimension_count", dims)?;
    s.rope.check(s.config)?;
    s.rope.mark_bases(s.config);
    let theta = s.rope.theta()?.ok_or_else(|| bad(&["rope_theta"], "the field is missing"))?;
    p.float("rope.freq_base", theta);
    p.file_type();
    // Zero distinguishes Phi 4 from the Phi 3 models with a window.
    let window = s.config.uint(&["sliding_window"], "attention.sliding_window")?.unwrap_or(0);
    p.uint("attention.sliding_window", window)
}

/// The long and short rope factors, and the attention factor that belongs to them (`Phi3MiniModel.generate_extra_tensors`).
fn extra(s: &Source<'_>, p: &mut Params) -> Result<Vec<TensorEntry>> {
    let (context, original, dims) = lengths(s)?;
    let field = s.rope.source();
    let Some(long) = s.rope.factors("long_factor")?.filter(|l| !l.is_empty()) else {
        return Ok(Vec::new());
    };
    s.config.mark(field, "rope_factors_long.weight, rope_factors_short.weight");
    let short = s.rope.factors("short_factor")?.ok_or_else(|| bad(&[field, "short_factor"], "the field is missing"))?;
    let scale = context as f64 / original as f64;
    let kind = s.rope.root("rope_type").and_then(Value::as_str).unwrap_or("").to_ascii_lowercase();
    let factor = match kind.as_str() {
        _ if scale <= 1.0 => 1.0,
        "su" | "longrope" => (1.0 + scale.ln() / (original as f64).ln()).sqrt(),
        "yarn" => 0.1 * scale.ln() + 1.0,
        _ => return Err(bad(&[field, "rope_type"], &format!("{kind:?} is not a kind of scaling that Phi 3 has"))),
    };
    p.float("rope.scaling.attn_factor", factor);
    if long.len() != short.len() || long.len() as u64 * 2 != dims {
        let what = format!("{} long and {} short factors for {dims} rope dimensions", long.len(), short.len());
        return Err(bad(&[field], &what));
    }
    Ok(vec![
        MemoryRows::f32_vector("rope_factors_long.weight", &long),
        MemoryRows::f32_vector("rope_factors_short.weight", &short),
    ])
}

fn config(meta: &Meta<'_>) -> Result<Map<String, Value>> {
    let mut c = meta.decoder("Phi3ForCausalLM", "phi3")?;
    c.shift_remove("head_dim");
    c.insert("hidden_act".into(), "silu".into());
    let original = meta.need_uint("rope.scaling.original_context_length")?;
    c.insert("original_max_position_embeddings".into(), original.into());
    let window = meta.uint("attention.sliding_window")?.filter(|w| *w > 0);
    c.insert("sliding_window".into(), window.map_or(Value::Null, Value::from));
    let width = meta.need_uint("embedding_length")?;
    let heads = meta.need_uint("attention.head_count")?;
    if let (Some(dims), Some(head)) = (meta.uint("rope.dimension_count")?, width.checked_div(heads).filter(|h| *h > 0))
    {
        c.insert("partial_rotary_factor".into(), (dims as f64 / head as f64).into());
    }
    if let (Some(long), Some(short)) =
        (meta.vector("rope_factors_long.weight")?, meta.vector("rope_factors_short.weight")?)
    {
        c.insert("rope_scaling".into(), json!({"type": "longrope", "long_factor": long, "short_factor": short}));
    }
    Ok(c)
}
