//! The few hyper-parameters the rules use.

use super::QuantizeRequest;
use crate::model::{Model, ModelError, Network, PerLayer, Result};

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
    /// Takes them from the network and the overrides of the request. If no architecture is known, no special rule applies.
    ///
    /// # Errors
    /// More layers than any existing model has.
    pub(super) fn of(model: &Model, req: &QuantizeRequest) -> Result<Self> {
        // LLAMA_MAX_LAYERS is 512 today; the bound only keeps arithmetic on layers safe.
        const MAX_LAYERS: u64 = 1 << 20;
        let none = Network::default();
        let network = model.network.as_ref().unwrap_or(&none);
        let arch = network.architecture.clone().unwrap_or_default();
        // llama.cpp's loader accepts an override for a number that exists, not for an array of them.
        let count = |key: &str, stored: Option<u64>| {
            let key = format!("{arch}.{key}");
            let over = || req.overrides.iter().find(|(k, _)| *k == key).and_then(|(_, v)| v.as_u64());
            stored.map(|n| over().unwrap_or(n))
        };
        let first = |key: &str, stored: &Option<PerLayer>| match stored {
            Some(PerLayer::All(n)) => count(key, Some(*n)),
            Some(each) => each.first(),
            None => None,
        };
        let layers = req.layers_before_pruning.map(u64::from).or_else(|| count("block_count", network.layers));
        let layers = layers.unwrap_or(0);
        if layers > MAX_LAYERS {
            return Err(ModelError::bad(format!("{layers} layers")).field(format!("{arch}.block_count")));
        }
        let experts = count("expert_count", network.experts).unwrap_or(0);
        let heads = first("attention.head_count", &network.heads).unwrap_or(0);
        let kv_heads = first("attention.head_count_kv", &network.kv_heads).unwrap_or(heads);
        let heads_per_kv = heads.checked_div(kv_heads).unwrap_or(0);
        let is_70b = match (arch.as_str(), layers) {
            ("llama", 80) => experts != 8 && heads != kv_heads,
            ("qwen2" | "deci" | "olmo", 80) | ("jais2", 68) => true,
            _ => false,
        };
        Ok(Self { arch, layers: layers as u32, experts, heads_per_kv, is_70b })
    }
}
