//! Hyper-parameters as GGUF metadata, in the converter's order.

use super::config::{Config, bad};
use super::rope::Rope;
use crate::model::{MetaArray, MetaValue, Metadata, Model, ModelError, Result};
use serde_json::Value;

/// The names that classes have for the same field of `config.json`, in the order the converter looks for them.
pub(super) mod fields {
    pub(crate) const CONTEXT: &[&str] =
        &["max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length", "model_max_length"];
    pub(crate) const WIDTH: &[&str] = &["hidden_size", "n_embd", "dim"];
    pub(crate) const FFN: &[&str] =
        &["prefix_dense_intermediate_size", "dense_intermediate_size", "intermediate_size", "n_inner", "hidden_dim"];
    pub(crate) const HEADS: &[&str] = &["num_attention_heads", "n_head", "n_heads"];
    pub(crate) const KV_HEADS: &[&str] = &["num_key_value_heads", "n_kv_heads"];
    pub(crate) const RMS_EPSILON: &[&str] = &["rms_norm_eps", "norm_eps"];
    pub(crate) const NORM_EPSILON: &[&str] = &["layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"];
    pub(crate) const EXPERTS: &[&str] = &["num_local_experts", "num_experts", "n_routed_experts"];
    pub(crate) const EXPERTS_USED: &[&str] = &["num_experts_per_tok", "num_experts_per_token", "top_k_experts"];
}

/// What a family's parameter function works with.
pub(crate) struct Source<'a> {
    pub model: &'a Model,
    pub config: &'a Config,
    pub rope: &'a Rope,
    pub blocks: u64,
}

/// The metadata under construction: keys are given without the architecture.
pub(crate) struct Params {
    pub arch: &'static str,
    pub md: Metadata,
    pub file_type: u32,
}

impl Params {
    /// Inserts `ARCH.key`; an existing key keeps its place and takes the new value.
    pub(crate) fn put(&mut self, key: &str, value: impl Into<MetaValue>) {
        self.md.insert(format!("{}.{key}", self.arch), value.into());
    }

    /// Inserts an unsigned value.
    pub(crate) fn uint(&mut self, key: &str, value: u64) -> Result<()> {
        let v = u32::try_from(value).map_err(|_| {
            ModelError::bad(format!("{value} does not fit the 32 bits GGUF has for it")).field(key.to_owned())
        })?;
        self.put(key, v);
        Ok(())
    }

    /// Inserts a float, rounded to 32 bits.
    pub(crate) fn float(&mut self, key: &str, value: f64) {
        self.put(key, value as f32);
    }

    /// Inserts `general.file_type`.
    pub(crate) fn file_type(&mut self) {
        self.md.insert("general.file_type".to_owned(), self.file_type.into());
    }

    /// Copies a whole number from the first present of `fields` to `key`, if it is there.
    pub(crate) fn copy_uint(&mut self, s: &Source<'_>, fields: &[&str], key: &str) -> Result<()> {
        match s.config.uint(fields, key)? {
            Some(v) => self.uint(key, v),
            None => Ok(()),
        }
    }

    /// As [`Params::copy_uint`]; an absent field is an error.
    pub(crate) fn need_uint(&mut self, s: &Source<'_>, fields: &[&str], key: &str) -> Result<()> {
        let v = s.config.need_uint(fields, key)?;
        self.uint(key, v)
    }

    /// Copies a number from the first present of `fields` to `key`, if it is there.
    pub(crate) fn copy_float(&mut self, s: &Source<'_>, fields: &[&str], key: &str) -> Result<()> {
        if let Some(v) = s.config.float(fields, key)? {
            self.float(key, v);
        }
        Ok(())
    }
}

/// The parameters that most families share, in the order of `TextModel.set_gguf_parameters` (llama.cpp conversion/base.py).
pub(crate) fn common(s: &Source<'_>, p: &mut Params) -> Result<()> {
    p.uint("block_count", s.blocks)?;
    p.copy_uint(s, fields::CONTEXT, "context_length")?;
    p.copy_uint(s, fields::WIDTH, "embedding_length")?;
    p.copy_uint(s, fields::FFN, "feed_forward_length")?;
    p.copy_uint(s, fields::HEADS, "attention.head_count")?;
    p.copy_uint(s, fields::KV_HEADS, "attention.head_count_kv")?;
    if s.config.peek("is_causal") == Some(&Value::Bool(false)) {
        s.config.mark("is_causal", "attention.causal");
        p.put("attention.causal", false);
    }
    rope(s, p)?;
    p.copy_float(s, fields::RMS_EPSILON, "attention.layer_norm_rms_epsilon")?;
    p.copy_float(s, fields::NORM_EPSILON, "attention.layer_norm_epsilon")?;
    p.copy_uint(s, fields::EXPERTS, "expert_count")?;
    p.copy_uint(s, fields::EXPERTS_USED, "expert_used_count")?;
    if let Some(dim) = s.config.uint(&["head_dim"], "attention.key_length")? {
        p.uint("attention.key_length", dim)?;
        p.uint("attention.value_length", dim)?;
    }
    p.file_type();
    Ok(())
}

/// Rope scaling and base frequencies.
fn rope(s: &Source<'_>, p: &mut Params) -> Result<()> {
    let r = s.rope;
    r.check(s.config)?;
    let factor = r.number("factor")?;
    r.mark_bases(s.config);
    if s.config.peek(r.source()).is_some() {
        s.config.mark(r.source(), "rope.*");
    }
    match (r.kind().as_deref(), factor) {
        (Some("linear"), Some(factor)) => {
            p.put("rope.scaling.type", "linear");
            p.float("rope.scaling.factor", factor);
        }
        (Some("yarn"), Some(factor)) => {
            p.put("rope.scaling.type", "yarn");
            p.float("rope.scaling.factor", factor);
            let key = "original_max_position_embeddings";
            let length = r.number(key)?.ok_or_else(|| bad(&[r.source(), key], "yarn scaling needs this field"))?;
            p.uint("rope.scaling.original_context_length", length as u64)?;
            let attention = match r.full().contains_key("attention_factor") {
                true => r.number("attention_factor")?,
                false => r.number("attn_factor")?,
            };
            for (key, value) in [
                ("yarn_ext_factor", r.number("extrapolation_factor")?),
                ("yarn_attn_factor", attention),
                ("yarn_beta_fast", r.number("beta_fast")?),
                ("yarn_beta_slow", r.number("beta_slow")?),
            ] {
                if let Some(value) = value {
                    p.float(&format!("rope.scaling.{key}"), value);
                }
            }
        }
        (Some("su" | "longrope"), _) => p.put("rope.scaling.type", "longrope"),
        (Some(kind @ ("linear" | "yarn")), None) => {
            return Err(bad(&[r.source(), "factor"], &format!("{kind} scaling needs this field")));
        }
        // llama3 goes into a tensor; dynamic, default and unknown kinds have no key.
        _ => {}
    }
    if let Some(sections) = r.sections()? {
        p.put("rope.dimension_sections", MetaArray::I32(sections.to_vec()));
    }
    if let Some(theta) = r.theta()? {
        p.float("rope.freq_base", theta);
    }
    if let Some(theta) = r.theta_sliding()? {
        p.float("rope.freq_base_swa", theta);
    }
    Ok(())
}

/// `pooling_type` of a sentence-transformers folder (`modules.json` and the pooling module's own config.json).
///
/// # Errors
/// A pooling mode that has no number in GGUF; broken JSON.
pub(crate) fn pooling(s: &Source<'_>, p: &mut Params) -> Result<()> {
    let Some(Value::Array(modules)) = s.model.sidecars.json("modules.json")? else {
        return Ok(());
    };
    let kind = |m: &Value| m.get("type").and_then(Value::as_str).is_some_and(|t| t.ends_with("Pooling"));
    let Some(path) = modules.iter().find(|m| kind(m)).and_then(|m| m.get("path")).and_then(Value::as_str) else {
        return Ok(());
    };
    let file = format!("{path}/config.json");
    let Some(pooling) = s.model.sidecars.json(&file)? else {
        let hint = "Put the pooling module's config.json back beside the model.";
        return Err(ModelError::bad(format!("modules.json names {file}, which is not there")).with_hint(hint));
    };
    let on = |key: &str| pooling.get(key).and_then(Value::as_bool) == Some(true);
    // gguf-py's PoolingType: mean 1, cls 2, last 3.
    let code = match pooling.get("pooling_mode").and_then(Value::as_str) {
        _ if on("pooling_mode_mean_tokens") => 1u32,
        _ if on("pooling_mode_cls_token") => 2,
        _ if on("pooling_mode_lasttoken") => 3,
        Some("mean") => 1,
        Some("cls") => 2,
        Some("lasttoken") => 3,
        _ => {
            let what = "pooling other than mean, cls and last token has no place in GGUF";
            return Err(ModelError::unsupported(what).field(file));
        }
    };
    p.put("pooling_type", code);
    Ok(())
}

/// `classifier.output_labels`, when the configuration names the classes itself.
pub(crate) fn labels(s: &Source<'_>, p: &mut Params) {
    if let Some(names) = label_names(s.config) {
        s.config.mark("id2label", "classifier.output_labels");
        let list = names.into_iter().map(String::into_bytes).collect();
        p.put("classifier.output_labels", MetaArray::Str(list));
    }
}

/// The class names by number; `None` for transformers' two dummy labels.
pub(crate) fn label_names(config: &Config) -> Option<Vec<String>> {
    let mut named: Vec<(u64, String)> = match config.peek("id2label") {
        Some(Value::Object(map)) => {
            map.iter().filter_map(|(k, v)| Some((k.parse().ok()?, v.as_str()?.to_owned()))).collect()
        }
        _ => (0..config.peek_uint("num_labels")?.min(1 << 16)).map(|i| (i, format!("LABEL_{i}"))).collect(),
    };
    named.sort_by_key(|n| n.0);
    let dummy = named.len() == 2 && named[0].1 == "LABEL_0";
    (!named.is_empty() && !dummy).then(|| named.into_iter().map(|n| n.1).collect())
}
