//! Size of the KV cache of a runtime, from hyper-parameters.

use super::Network;

/// Bytes of an f16.
const ELEM_BYTES: u64 = 2;

/// Bytes of keys and values in f16 for `context` tokens; `None` where the network keeps none (no causal attention) or its sizes
/// are not known. Layers with sliding-window attention are counted in full, as runtimes do by default.
pub(crate) fn bytes(network: &Network, context: u64) -> Option<u64> {
    if network.causal == Some(false) {
        return None;
    }
    let layers = network.layers?;
    let heads = network.heads.as_ref()?.uniform().filter(|h| *h > 0)?;
    let each = network.hidden_size? / heads;
    let (key, value) = (network.key_size.unwrap_or(each), network.value_size.unwrap_or(each));
    // Heads of keys and values over all layers.
    let kv_heads = network.kv_heads.as_ref().or(network.heads.as_ref())?.total(layers)?;
    kv_heads.checked_mul(key.checked_add(value)?)?.checked_mul(ELEM_BYTES)?.checked_mul(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PerLayer;

    fn llama() -> Network {
        Network {
            layers: Some(16),
            hidden_size: Some(2048),
            heads: Some(32.into()),
            kv_heads: Some(8.into()),
            ..Network::default()
        }
    }

    #[test]
    fn grouped_heads_of_a_llama() {
        // 16 layers × 8 heads × (64 + 64) × 2 bytes × 4096 tokens.
        assert_eq!(bytes(&llama(), 4096), Some(134_217_728));
        let wide = Network { key_size: Some(128), ..llama() };
        assert_eq!(bytes(&wide, 1), Some(16 * 8 * (128 + 64) * 2));
        let each = Network { kv_heads: Some(PerLayer::Each(vec![8; 16])), ..llama() };
        assert_eq!(bytes(&each, 4096), bytes(&llama(), 4096));
    }

    #[test]
    fn no_cache_and_no_sizes_are_no_number() {
        assert_eq!(bytes(&Network { causal: Some(false), ..llama() }, 4096), None);
        assert_eq!(bytes(&Network { layers: None, ..llama() }, 4096), None);
        assert_eq!(bytes(&llama(), u64::MAX), None, "more than can be counted");
    }
}
