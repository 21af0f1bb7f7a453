//! Llama 1 to 3: interleaved query and key rows, llama3 rope factors as a tensor.

use super::*;
use crate::model::MemoryRows;
use serde_json::json;

pub(crate) static FAMILY: Family = Family {
    info: FamilyInfo { gguf_arch: "llama", hf_classes: &["LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel"] },
    model_types: &["llama"],
    defaults,
    rules: &[DECODER, ROTATED_QK],
    experts: None,
    rename: decoder_name,
    params,
    extra,
    ignored: &["attention_bias", "mlp_bias", "hidden_act"],
    expects: &[("hidden_act", &["silu", "swish"])],
    claims: always,
    config: |meta| config(meta, "LlamaForCausalLM", "llama"),
    computation: Computation::llama(Position::Pairs),
};

fn defaults(c: &mut Config) {
    c.default("vocab_size", json!(32000));
    c.default("max_position_embeddings", json!(2048));
    c.default("hidden_size", json!(4096));
    c.default("intermediate_size", json!(11008));
    c.default("num_hidden_layers", json!(32));
    c.default("num_attention_heads", json!(32));
    c.default_null("num_key_value_heads", |c| c.peek("num_attention_heads").cloned());
    c.default("rms_norm_eps", json!(1e-6));
    c.default("rope_theta", json!(10000.0));
    c.default_null("head_dim", |c| {
        c.peek_uint("hidden_size")?.checked_div(c.peek_uint("num_attention_heads")?).map(Value::from)
    });
}

/// Size of a head: `head_dim`, or the embedding over the heads.
fn head_dim(s: &Source<'_>) -> Result<u64> {
    if let Some(dim) = s.config.uint(&["head_dim"], "rope.dimension_count")? {
        return Ok(dim);
    }
    let width = s.config.need_uint(&["hidden_size"], "rope.dimension_count")?;
    let heads = s.config.need_uint(&["num_attention_heads"], "rope.dimension_count")?;
    width.checked_div(heads).ok_or_else(|| crate::arch::config::bad(&["num_attention_heads"], "zero heads"))
}

/// `LlamaModel.set_gguf_parameters`.
pub(super) fn params(s: &Source<'_>, p: &mut Params) -> Result<()> {
    crate::arch::params::common(s, p)?;
    p.need_uint(s, &["vocab_size"], "vocab_size")?;
    p.uint("rope.dimension_count", head_dim(s)?)
}

/// `rope_freqs.weight` for llama3 scaling.
pub(super) fn extra(s: &Source<'_>, _: &mut Params) -> Result<Vec<TensorEntry>> {
    if s.rope.kind().as_deref() != Some("llama3") {
        return Ok(Vec::new());
    }
    let factors = s.rope.llama3_factors(head_dim(s)?)?;
    Ok(factors.map(|f| MemoryRows::f32_vector("rope_freqs.weight", &f)).into_iter().collect())
}

/// config.json of the Llama-like classes.
pub(super) fn config(meta: &Meta<'_>, class: &str, model_type: &str) -> Result<Map<String, Value>> {
    let mut c = meta.decoder(class, model_type)?;
    c.insert("attention_bias".into(), meta.has_tensor("blk.0.attn_q.bias").into());
    c.insert("mlp_bias".into(), meta.has_tensor("blk.0.ffn_down.bias").into());
    c.insert("hidden_act".into(), "silu".into());
    if meta.has_tensor("rope_freqs.weight") {
        let base = meta.float("rope.freq_base")?.unwrap_or(10000.0);
        let dim = meta.uint("rope.dimension_count")?.unwrap_or(0);
        c.insert("rope_scaling".into(), meta.llama3_scaling(base, dim)?);
    }
    Ok(c)
}
