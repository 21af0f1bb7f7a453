//! The few hyper-parameters the rules use.

use super::QuantizeRequest;
use crate::model::{MetaArray, MetaValue, Metadata, ModelError, Result};

/// The facts about a model that the rules use.
#[derive(Clone, Debug)]
pub(super) struct ModelFacts {
    /// `general.architecture`.
    pub(super) arch: String,
    /// Layers, including those for predicting several tokens.
    pub(super) layers: u32,
    /// Experts; 0 for a dense model.
    pub(super) experts: u64,
    /// Query heads for each key-value head, in the first layer; 0 without attention.
    pub(super) heads_per_kv: u64,
    /// One of the models of about 70 billion parameters with a rule of their own.
    pub(super) is_70b: bool,
}

impl ModelFacts {
    /// Reads them from GGUF metadata and the overrides of the request. If the metadata has no architecture, no special rule applies.
    ///
    /// # Errors
    /// More layers than any existing model has.
    pub(super) fn of(metadata: &Metadata, req: &QuantizeRequest) -> Result<Self> {
        // LLAMA_MAX_LAYERS is 512 today; the bound only keeps arithmetic on layers safe.
        const MAX_LAYERS: u64 = 1 << 20;
        let arch = metadata.get("general.architecture").and_then(MetaValue::as_str).unwrap_or("").to_owned();
        let first = |key: &str| {
            let key = format!("{arch}.{key}");
            let stored = metadata.get(&key);
            // llama.cpp's loader accepts an override for a number that exists, not for an array of them.
            let over = req.overrides.iter().find(|(k, _)| *k == key).and_then(|(_, v)| v.as_u64());
            over.filter(|_| !matches!(stored, None | Some(MetaValue::Array(_))))
                .or_else(|| stored.and_then(first_number))
        };
        let layers = req.layers_before_pruning.map(u64::from).or_else(|| first("block_count")).unwrap_or(0);
        if layers > MAX_LAYERS {
            return Err(ModelError::bad(format!("{layers} layers")).field(format!("{arch}.block_count")));
        }
        let experts = first("expert_count").unwrap_or(0);
        let heads = first("attention.head_count").unwrap_or(0);
        let kv_heads = first("attention.head_count_kv").unwrap_or(heads);
        let heads_per_kv = heads.checked_div(kv_heads).unwrap_or(0);
        let is_70b = match (arch.as_str(), layers) {
            ("llama", 80) => experts != 8 && heads != kv_heads,
            ("qwen2" | "deci" | "olmo", 80) | ("jais2", 68) => true,
            _ => false,
        };
        Ok(Self { arch, layers: layers as u32, experts, heads_per_kv, is_70b })
    }
}

/// A number, or the first element of an array with one per layer.
fn first_number(value: &MetaValue) -> Option<u64> {
    match value {
        MetaValue::Array(MetaArray::U32(v)) => v.first().map(|&n| n.into()),
        MetaValue::Array(MetaArray::I32(v)) => v.first().and_then(|&n| n.try_into().ok()),
        MetaValue::Array(MetaArray::U64(v)) => v.first().copied(),
        other => other.as_u64(),
    }
}
