//! Hyper-parameters as tensor dimensions, from `config.json` or from GGUF metadata, each with the field that gives it.

use crate::arch::back::Meta;
use crate::arch::config::Config;
use crate::arch::family::{Dim, Family};
use crate::model::{MetaValue, Model};

/// A size and the fields that give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub value: u64,
    pub fields: Vec<String>,
}

/// The sizes of one network; a size that its configuration does not give is unknown and not checked.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    vocabulary: Option<Size>,
    width: Option<Size>,
    inner: Option<Size>,
    heads: Option<Size>,
    heads_kv: Option<Size>,
    head: Option<Size>,
    experts: Option<Size>,
    expert_inner: Option<Size>,
    positions: Option<Size>,
    token_types: Option<Size>,
}

impl Sizes {
    /// From a configuration with the family's defaults filled in.
    pub(super) fn of_config(config: &Config, family: &Family) -> Self {
        let get = |keys: &[&str]| {
            let key = keys.iter().find(|k| config.peek(k).is_some())?;
            let by_default = if config.is_default(key) { " (by default)" } else { "" };
            let value = config.peek_uint(key)?;
            Some(Size { value, fields: vec![format!("{key} {value}{by_default}")] })
        };
        let experts = family.experts.as_ref().and_then(|e| get(e.count));
        let inner = get(&["intermediate_size", "hidden_dim"]);
        Self {
            vocabulary: get(&["vocab_size"]),
            width: get(&["hidden_size", "n_embd", "dim"]),
            expert_inner: get(&["moe_intermediate_size"]).or_else(|| inner.clone()),
            inner,
            heads: get(&["num_attention_heads", "n_head", "n_heads"]),
            heads_kv: get(&["num_key_value_heads", "n_kv_heads"]),
            head: get(&["head_dim"]),
            experts,
            positions: get(&["max_position_embeddings", "n_positions"]),
            token_types: get(&["type_vocab_size"]),
        }
    }

    /// From GGUF metadata. Values that differ from layer to layer (arrays) are unknown.
    pub(super) fn of_gguf(model: &Model, arch: &str) -> Self {
        let meta = Meta { arch, model };
        let get = |key: &str| {
            let value = meta.uint(key).ok().flatten()?;
            Some(Size { value, fields: vec![format!("{arch}.{key} {value}")] })
        };
        let tokens = match model.metadata.get("tokenizer.ggml.tokens") {
            Some(MetaValue::Array(a)) if !a.is_empty() => {
                let value = a.len() as u64;
                Some(Size { value, fields: vec![format!("tokenizer.ggml.tokens {value}")] })
            }
            _ => None,
        };
        let head = get("attention.key_length");
        let (keys, values) = (head.as_ref().map(|s| s.value), get("attention.value_length").map(|s| s.value));
        let inner = get("feed_forward_length");
        // llama.cpp gives Mixtral's experts the size of the feed-forward part.
        let shared = if arch == "llama" { inner.clone() } else { None };
        Self {
            vocabulary: tokens,
            width: get("embedding_length"),
            expert_inner: get("expert_feed_forward_length").or(shared),
            inner,
            heads: get("attention.head_count"),
            heads_kv: get("attention.head_count_kv"),
            head: head.filter(|_| values.is_none() || values == keys),
            experts: get("expert_count"),
            // A context length given by hand says nothing about the size of the position table.
            positions: None,
            token_types: None,
        }
    }

    /// A dimension, as far as it is known.
    pub(super) fn get(&self, dim: Dim) -> Option<Size> {
        let times = |n: u64, size: &Option<Size>| {
            let size = size.as_ref()?;
            Some(Size { value: size.value.checked_mul(n)?, fields: size.fields.clone() })
        };
        match dim {
            Dim::Vocabulary => self.vocabulary.clone(),
            Dim::Width => self.width.clone(),
            Dim::TripleWidth => times(3, &self.width),
            Dim::QuadWidth => times(4, &self.width),
            Dim::Inner => self.inner.clone(),
            Dim::DoubleInner => times(2, &self.inner),
            Dim::Queries => product(self.heads.clone()?, self.head_size()?),
            Dim::Keys => product(self.heads_kv()?, self.head_size()?),
            Dim::Fused => {
                let (queries, keys) = (self.get(Dim::Queries)?, self.get(Dim::Keys)?);
                let value = queries.value.checked_add(keys.value.checked_mul(2)?)?;
                Some(Size { value, fields: union(queries.fields, keys.fields) })
            }
            Dim::Head => self.head_size(),
            Dim::Experts => self.experts.clone(),
            Dim::ExpertInner => self.expert_inner.clone(),
            Dim::DoubleExpertInner => times(2, &self.expert_inner),
            Dim::Positions => self.positions.clone(),
            Dim::TokenTypes => self.token_types.clone(),
            Dim::Labels => None,
        }
    }

    /// Experts in a layer.
    pub(super) fn experts(&self) -> u64 {
        self.experts.as_ref().map_or(0, |s| s.value)
    }

    fn heads_kv(&self) -> Option<Size> {
        self.heads_kv.clone().or_else(|| self.heads.clone())
    }

    fn head_size(&self) -> Option<Size> {
        if self.head.is_some() {
            return self.head.clone();
        }
        let (width, heads) = (self.width.clone()?, self.heads.clone()?);
        let value = width.value.checked_div(heads.value)?;
        Some(Size { value, fields: union(width.fields, heads.fields) })
    }
}

fn product(a: Size, b: Size) -> Option<Size> {
    Some(Size { value: a.value.checked_mul(b.value)?, fields: union(a.fields, b.fields) })
}

fn union(mut a: Vec<String>, b: Vec<String>) -> Vec<String> {
    for field in b {
        if !a.contains(&field) {
            a.push(field);
        }
    }
    a
}
