//! GGUF metadata as a family's conversion back to `config.json` reads it.

use super::rope::Rope;
use crate::arch::config::Config;
use crate::model::{MetaArray, MetaValue, Metadata, Model, ModelError, Piece, Result, decode_piece};
use crate::quant::Encoding;
use crate::tensor::DType;
use serde_json::{Map, Value, json};

/// Vectors of rope factors are no longer than this.
const MAX_FACTORS: u64 = 1 << 16;

/// GGUF metadata and tensors of one architecture; keys are given without it.
pub(crate) struct Meta<'a> {
    pub arch: &'a str,
    pub model: &'a Model,
}

impl Meta<'_> {
    fn md(&self) -> &Metadata {
        &self.model.metadata
    }

    fn get(&self, key: &str) -> Option<&MetaValue> {
        self.md().get(&format!("{}.{key}", self.arch))
    }

    fn wrong(&self, key: &str, what: &str) -> ModelError {
        ModelError::bad(what).in_file(&self.model.path).field(format!("{}.{key}", self.arch))
    }

    /// A whole number.
    pub(crate) fn uint(&self, key: &str) -> Result<Option<u64>> {
        match self.get(key) {
            None => Ok(None),
            Some(v) => v.as_u64().map(Some).ok_or_else(|| self.wrong(key, "not a whole number")),
        }
    }

    /// A whole number that must be there.
    pub(crate) fn need_uint(&self, key: &str) -> Result<u64> {
        self.uint(key)?.ok_or_else(|| self.wrong(key, "the key is missing"))
    }

    /// A number, with no more digits than a 32-bit float has (1e-5 rather than 9.99999974e-6).
    pub(crate) fn float(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            None => Ok(None),
            Some(MetaValue::F32(v)) if v.is_finite() => Ok(Some(short(*v))),
            Some(v) => {
                v.as_f64().filter(|f| f.is_finite()).map(Some).ok_or_else(|| self.wrong(key, "not a finite number"))
            }
        }
    }

    /// A number that must be there.
    pub(crate) fn need_float(&self, key: &str) -> Result<f64> {
        self.float(key)?.ok_or_else(|| self.wrong(key, "the key is missing"))
    }

    /// A whole number of a key given in full.
    pub(crate) fn general_uint(&self, key: &str) -> Option<u64> {
        self.md().get(key)?.as_u64()
    }

    /// Whether there is a tensor of that name.
    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.model.tensor(name).is_some()
    }

    /// Outermost dimension of a tensor.
    pub(crate) fn rows(&self, name: &str) -> Option<u64> {
        self.model.tensor(name)?.shape.0.first().copied()
    }

    /// The values of a small plain vector.
    pub(crate) fn vector(&self, name: &str) -> Result<Option<Vec<f64>>> {
        let Some(tensor) = self.model.tensor(name) else { return Ok(None) };
        if tensor.rows() != 1 || tensor.cols() > MAX_FACTORS {
            return Err(ModelError::bad(format!("shape {} is not a vector of rope factors", tensor.shape)).field(name));
        }
        let mut floats = vec![0f32; tensor.cols() as usize];
        decode_piece(tensor, &Piece::rows(tensor, 0..1), &mut Vec::new(), &mut floats)?;
        Ok(Some(floats.into_iter().map(short).collect()))
    }

    /// Class, model type and the most common type of the matrices.
    pub(crate) fn head(&self, class: &str, model_type: &str) -> Map<String, Value> {
        let of = |e: Encoding| {
            let matrices = self.model.tensors.iter().filter(|t| t.shape.rank() > 1 && t.encoding == e);
            matrices.fold(0u64, |a, t| a.saturating_add(t.bytes()))
        };
        let (f32s, bf16s) = (of(DType::F32.into()), of(DType::BF16.into()));
        let others = self.model.tensor_bytes().saturating_sub(f32s).saturating_sub(bf16s);
        let dtype = match () {
            () if f32s >= bf16s && f32s >= others => "float32",
            () if bf16s >= others => "bfloat16",
            () => "float16",
        };
        let mut c = Map::new();
        c.insert("architectures".into(), json!([class]));
        c.insert("model_type".into(), model_type.into());
        c.insert("torch_dtype".into(), dtype.into());
        c
    }

    /// What Llama-like decoders share.
    pub(crate) fn decoder(&self, class: &str, model_type: &str) -> Result<Map<String, Value>> {
        let mut c = self.head(class, model_type);
        let heads = self.need_uint("attention.head_count")?;
        c.insert("hidden_size".into(), self.need_uint("embedding_length")?.into());
        c.insert("intermediate_size".into(), self.need_uint("feed_forward_length")?.into());
        c.insert("num_hidden_layers".into(), self.need_uint("block_count")?.into());
        c.insert("num_attention_heads".into(), heads.into());
        c.insert("num_key_value_heads".into(), self.uint("attention.head_count_kv")?.unwrap_or(heads).into());
        if let Some(dim) = self.uint("attention.key_length")? {
            c.insert("head_dim".into(), dim.into());
        }
        c.insert("max_position_embeddings".into(), self.need_uint("context_length")?.into());
        c.insert("rms_norm_eps".into(), self.need_float("attention.layer_norm_rms_epsilon")?.into());
        if let Some(theta) = self.float("rope.freq_base")? {
            c.insert("rope_theta".into(), theta.into());
        }
        if let Some(scaling) = self.scaling()? {
            c.insert("rope_scaling".into(), scaling);
        }
        self.vocabulary(&mut c)?;
        c.insert("tie_word_embeddings".into(), (!self.has_tensor("output.weight")).into());
        Ok(c)
    }

    /// `rope_scaling`: the kinds that are keys, and the sections of several axes.
    fn scaling(&self) -> Result<Option<Value>> {
        let kind = self.scaling_kind()?;
        let Some(sections) = self.sections() else { return Ok(kind) };
        let mut map = match kind {
            Some(Value::Object(map)) => map,
            _ => [("rope_type".to_owned(), "default".into())].into_iter().collect(),
        };
        map.insert("mrope_section".into(), sections.into());
        Ok(Some(Value::Object(map)))
    }

    /// The sections without the zeros they were filled up with.
    fn sections(&self) -> Option<Vec<i32>> {
        let Some(MetaValue::Array(MetaArray::I32(all))) = self.get("rope.dimension_sections") else { return None };
        let used = all.iter().rposition(|n| *n != 0).map_or(0, |at| at + 1);
        Some(all[..used].to_vec())
    }

    fn scaling_kind(&self) -> Result<Option<Value>> {
        let Some(kind) = self.get("rope.scaling.type").and_then(MetaValue::as_str) else { return Ok(None) };
        if kind != "linear" && kind != "yarn" {
            return Ok(None);
        }
        let mut map = Map::new();
        map.insert("rope_type".into(), kind.into());
        map.insert("factor".into(), self.need_float("rope.scaling.factor")?.into());
        if let Some(length) = self.uint("rope.scaling.original_context_length")? {
            map.insert("original_max_position_embeddings".into(), length.into());
        }
        for (key, field) in [
            ("yarn_ext_factor", "extrapolation_factor"),
            ("yarn_attn_factor", "attention_factor"),
            ("yarn_beta_fast", "beta_fast"),
            ("yarn_beta_slow", "beta_slow"),
        ] {
            if let Some(value) = self.float(&format!("rope.scaling.{key}"))? {
                map.insert(field.into(), value.into());
            }
        }
        Ok(Some(Value::Object(map)))
    }

    /// Vocabulary size and the special tokens.
    pub(crate) fn vocabulary(&self, c: &mut Map<String, Value>) -> Result<()> {
        let rows = self.rows("token_embd.weight").ok_or_else(|| {
            ModelError::bad("the tensor is missing").in_file(&self.model.path).field("token_embd.weight")
        })?;
        c.insert("vocab_size".into(), rows.into());
        for (field, key) in [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")] {
            if let Some(id) = self.general_uint(&format!("tokenizer.ggml.{key}_token_id")) {
                c.insert(field.into(), id.into());
            }
        }
        Ok(())
    }

    /// `rope_scaling` of kind llama3 that gives the factors in `rope_freqs.weight`. The file does not store the parameters;
    /// the usual ones are tried until the factors match.
    pub(crate) fn llama3_scaling(&self, base: f64, dim: u64) -> Result<Value> {
        let stored = self.vector("rope_freqs.weight")?.unwrap_or_default();
        let factor = stored.iter().copied().fold(1.0, f64::max);
        let near = |a: &[f32]| {
            a.len() == stored.len() && a.iter().zip(&stored).all(|(a, b)| (f64::from(*a) - b).abs() <= b.abs() * 1e-4)
        };
        for high in [4.0, 2.0, 8.0, 16.0, 32.0] {
            for context in (8u32..=20).map(|p| 1u64 << p) {
                let scaling = json!({
                    "rope_type": "llama3",
                    "factor": factor,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": high,
                    "original_max_position_embeddings": context,
                });
                let config = json!({"rope_theta": base, "rope_scaling": scaling});
                let rope = Rope::read(&Config::new(config.as_object().unwrap_or(&Map::new())));
                if rope.llama3_factors(dim)?.is_some_and(|f| near(&f)) {
                    return Ok(scaling);
                }
            }
        }
        let what = "the rope factors follow no llama3 rule with usual parameters";
        Err(ModelError::unsupported(what).in_file(&self.model.path).field("rope_freqs.weight"))
    }
}

/// The `f64` that prints as the shortest decimal of an `f32`.
fn short(v: f32) -> f64 {
    v.to_string().parse().unwrap_or(f64::from(v))
}
