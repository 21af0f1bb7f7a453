//! `config.json` as the converter sees it: text part flattened, the class's defaults filled in, and a record of what was
//! used.
//!
//! llama.cpp's converter reads the configuration through transformers' `AutoConfig`, so a missing field has the class's
//! default when `model_type` names the class; with another `model_type` the file is used as it is.

use super::types::{ConfigField, ConfigStatus};
use super::vocab;
use crate::model::{ModelError, Result, python_json};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Fields where null means that there is no value: transformers' own classes write or accept it.
const NULL_IS_ABSENT: &[&str] = &[
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "head_dim",
    "max_length",
    "max_sequence_length",
    "model_max_length",
    "moe_intermediate_size",
    "n_inner",
    "n_kv_heads",
    "n_routed_experts",
    "num_experts",
    "num_experts_per_tok",
    "num_experts_per_token",
    "num_key_value_heads",
    "num_local_experts",
    "shared_expert_intermediate_size",
    "sliding_window",
    "top_k_experts",
];

/// Sizes that are never zero in a network.
const POSITIVE: &[&str] = &[
    "head_dim",
    "hidden_size",
    "max_position_embeddings",
    "n_ctx",
    "n_embd",
    "n_head",
    "n_heads",
    "n_layer",
    "n_layers",
    "n_positions",
    "num_attention_heads",
    "num_hidden_layers",
    "num_layers",
    "vocab_size",
];

/// A configuration with a record of which fields went where.
#[derive(Debug)]
pub(crate) struct Config {
    map: Map<String, Value>,
    defaulted: Vec<String>,
    used: RefCell<BTreeMap<String, String>>,
}

impl Config {
    /// Flattens `text_config` into the root, as the converter does for multi-modal models.
    pub(crate) fn new(root: &Map<String, Value>) -> Self {
        let mut map = root.clone();
        if let Some(Value::Object(text)) = root.get("text_config") {
            for (k, v) in text {
                map.insert(k.clone(), v.clone());
            }
        }
        Self { map, defaulted: Vec::new(), used: RefCell::default() }
    }

    /// Sets `key` to `value` when it is absent.
    pub(crate) fn default(&mut self, key: &str, value: Value) {
        if !self.map.contains_key(key) {
            self.map.insert(key.to_owned(), value);
            self.defaulted.push(key.to_owned());
        }
    }

    /// Sets `key` to `value` when it is absent or null.
    pub(crate) fn default_null(&mut self, key: &str, value: impl FnOnce(&Self) -> Option<Value>) {
        if self.map.get(key).is_none_or(Value::is_null)
            && let Some(value) = value(self)
        {
            self.map.insert(key.to_owned(), value);
            self.defaulted.push(key.to_owned());
        }
    }

    /// Replaces a value without recording its use.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_owned(), value);
    }

    /// The raw value, without recording its use; null counts as absent.
    pub(crate) fn peek(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|v| !v.is_null())
    }

    /// A non-negative integer, without recording its use.
    pub(crate) fn peek_uint(&self, key: &str) -> Option<u64> {
        self.peek(key).and_then(uint_of)
    }

    /// True for a field that the file does not have and the class's default fills in.
    pub(crate) fn is_default(&self, key: &str) -> bool {
        self.defaulted.iter().any(|d| d == key)
    }

    /// Records that `key` went into the output as `to`.
    pub(crate) fn mark(&self, key: &str, to: &str) {
        let mut used = self.used.borrow_mut();
        let entry = used.entry(key.to_owned()).or_default();
        if !entry.split(", ").any(|e| e == to) {
            if !entry.is_empty() {
                entry.push_str(", ");
            }
            entry.push_str(to);
        }
    }

    /// The value of the first of `keys` that is present, recording that it went to `to`. A present null is `None`:
    /// the converter does not look further either.
    pub(crate) fn find(&self, keys: &[&str], to: &str) -> Option<&Value> {
        let key = keys.iter().find(|k| self.map.contains_key(**k))?;
        self.mark(key, to);
        self.peek(key)
    }

    /// As [`Config::find`], with the key that was found. Null is an error, except for the keys that mean "absent" by it.
    fn find_number<'k>(&self, keys: &[&'k str], to: &str, kind: &str) -> Result<Option<(&'k str, &Value)>> {
        let Some(key) = keys.iter().find(|k| self.map.contains_key(**k)) else { return Ok(None) };
        match self.find(&[key], to) {
            Some(value) => Ok(Some((key, value))),
            None if NULL_IS_ABSENT.contains(key) => Ok(None),
            None => Err(unusable(&[key], &Value::Null, kind)),
        }
    }

    /// As [`Config::find`], as a non-negative integer.
    pub(crate) fn uint(&self, keys: &[&str], to: &str) -> Result<Option<u64>> {
        const KIND: &str = "a whole number of zero or more";
        let Some((key, value)) = self.find_number(keys, to, KIND)? else { return Ok(None) };
        match uint_of(value) {
            Some(0) if POSITIVE.contains(&key) => Err(unusable(&[key], value, "a whole number above zero")),
            Some(n) => Ok(Some(n)),
            None => Err(unusable(&[key], value, KIND)),
        }
    }

    /// As [`Config::uint`]; an absent field is an error.
    pub(crate) fn need_uint(&self, keys: &[&str], to: &str) -> Result<u64> {
        self.uint(keys, to)?.ok_or_else(|| bad(keys, "the field is missing"))
    }

    /// As [`Config::find`], as a number.
    pub(crate) fn float(&self, keys: &[&str], to: &str) -> Result<Option<f64>> {
        const KIND: &str = "a finite number of zero or more";
        let Some((key, value)) = self.find_number(keys, to, KIND)? else { return Ok(None) };
        float_of(value).filter(|f| *f >= 0.0).map(Some).ok_or_else(|| unusable(&[key], value, KIND))
    }

    /// True for a field that is there and null.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// As [`Config::float`]; an absent field is an error.
    pub(crate) fn need_float(&self, keys: &[&str], to: &str) -> Result<f64> {
        self.float(keys, to)?.ok_or_else(|| bad(keys, "the field is missing"))
    }

    /// What happened to every field, in the order of the file, then the defaults that were used.
    pub(crate) fn table(&self, ignored: &[&[&str]]) -> Vec<ConfigField> {
        let used = self.used.borrow();
        let mut out = Vec::new();
        for (name, value) in &self.map {
            let by_default = self.defaulted.contains(name);
            let (status, detail) = match used.get(name) {
                // To every class null is the same as absent.
                Some(_) if value.is_null() => (ConfigStatus::Ignored, "null".to_owned()),
                Some(to) if by_default => (ConfigStatus::Defaulted, format!("{} → {to}", brief(value))),
                Some(to) => (ConfigStatus::Mapped, format!("{} → {to}", brief(value))),
                None if by_default => continue,
                None if name == "text_config" => {
                    (ConfigStatus::Mapped, "its fields are read as the model's".to_owned())
                }
                None if let Some(key) = vocab::token_key(name) => {
                    let detail = format!("{} → {key}, if the tokenizer files name no such token", brief(value));
                    (ConfigStatus::Fallback, detail)
                }
                None if ignored.iter().any(|l| l.contains(&name.as_str())) => {
                    (ConfigStatus::Ignored, format!("{}: of no consequence for GGUF", brief(value)))
                }
                None => (ConfigStatus::Unknown, brief(value)),
            };
            out.push(ConfigField { name: name.clone(), status, detail });
        }
        out
    }
}

/// An error about a field of `config.json`.
pub(crate) fn bad(keys: &[&str], what: &str) -> ModelError {
    ModelError::bad(what).in_file(std::path::Path::new("config.json")).field(keys.join(" or "))
}

/// An error about a number of `config.json` that cannot be used. NaN and Infinity are read as text, which is not quoted here.
pub(crate) fn unusable(keys: &[&str], value: &Value, kind: &str) -> ModelError {
    let shown = match value {
        Value::String(s) if python_json::WORDS.contains(&s.as_str()) => s.clone(),
        other => brief(other),
    };
    let hint =
        "Take the value from the configuration of the original model; leave the key out only where that one does.";
    bad(keys, &format!("{shown} is not {kind}")).with_hint(hint)
}

/// A number that is also finite as the 32-bit float that GGUF stores.
pub(crate) fn float_of(v: &Value) -> Option<f64> {
    v.as_f64().filter(|f| (*f as f32).is_finite())
}

/// A whole non-negative number, also when it is written as a float.
pub(crate) fn uint_of(v: &Value) -> Option<u64> {
    v.as_u64().or_else(|| v.as_f64().filter(|f| f.fract() == 0.0 && *f >= 0.0 && *f < 1e15).map(|f| f as u64))
}

fn brief(value: &Value) -> String {
    match value {
        Value::Array(a) if a.len() > 4 => format!("[{} values]", a.len()),
        Value::Object(o) => format!("{{{}}}", o.keys().cloned().collect::<Vec<_>>().join(", ")),
        v => v.to_string().chars().take(60).collect(),
    }
}

/// Fields that every transformers configuration (version 4 or 5) may carry and that have no place in GGUF: training,
/// generation and bookkeeping.
pub(crate) const COMMON_IGNORED: &[&str] = &[
    "_name_or_path",
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_commit_hash",
    "_from_model_config",
    "add_cross_attention",
    "architectures",
    "attention_dropout",
    "attn_implementation",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "chunk_size_feed_forward",
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "experts_implementation",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "id2label",
    "initializer_range",
    "is_decoder",
    "is_encoder_decoder",
    "label2id",
    "length_penalty",
    "max_length",
    "min_length",
    "model_type",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "pad_token_id",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "pruned_heads",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "rope_parameters",
    "rope_scaling",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tie_word_embeddings",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "typical_p",
    "unsloth_fixed",
    "unsloth_version",
    "use_bfloat16",
    "use_cache",
    "vocab_size",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_that_is_there_and_cannot_be_used_is_an_error_that_names_it() {
        let config = |key: &str, value: &Value| Config::new(json!({ (key): value }).as_object().unwrap());
        for (value, shown) in [
            (json!(null), "null"),
            (json!("NaN"), "NaN"),
            (json!("Infinity"), "Infinity"),
            (json!(-1), "-1"),
            (json!(-1e-6), "-1e-6"),
            (json!("12"), "\"12\""),
            (json!([1]), "[1]"),
            (json!(true), "true"),
        ] {
            for key in ["intermediate_size", "max_position_embeddings", "hidden_size"] {
                let e = config(key, &value).uint(&[key], "x").unwrap_err().to_string();
                assert!(e.contains(key) && e.contains(shown), "{e}");
            }
            let e = config("rms_norm_eps", &value).float(&["rms_norm_eps"], "x").unwrap_err().to_string();
            assert!(e.contains("rms_norm_eps") && e.contains(shown), "{e}");
        }
        assert!(config("rms_norm_eps", &json!(1e300)).float(&["rms_norm_eps"], "x").is_err(), "infinite in 32 bits");
        assert!(config("head_dim", &json!(0)).uint(&["head_dim"], "x").is_err());
        for key in ["head_dim", "sliding_window", "num_key_value_heads"] {
            assert_eq!(config(key, &Value::Null).uint(&[key], "x").unwrap(), None, "{key}");
            assert!(config(key, &json!("NaN")).uint(&[key], "x").is_err(), "{key}");
        }
        assert_eq!(config("sliding_window", &json!(0)).uint(&["sliding_window"], "x").unwrap(), Some(0));
    }
}
