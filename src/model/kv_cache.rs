//! Size of the KV cache of a runtime, from hyper-parameters.
//!
//! As llama.cpp allocates it for one sequence (src/llama-context.cpp, src/llama-kv-cache-iswa.cpp): the context is rounded up to a multiple of 256
//! cells; a layer with a sliding window keeps its window and one batch of tokens, rounded up likewise, if that is less.

use super::Network;

/// Bytes of an f16.
const ELEM_BYTES: u64 = 2;
/// Cells are allocated in multiples of this (`GGML_PAD(n_ctx, 256)`).
const CELLS: u64 = 256;
/// Tokens computed at once by default (`n_ubatch`), which a layer with a window keeps on top of its window.
const BATCH: u64 = 512;

/// Bytes of keys and values in f16 for `context` tokens; `None` where the network keeps none (no causal attention) or its sizes
/// are not known.
pub(crate) fn bytes(network: &Network, context: u64) -> Option<u64> {
    if network.causal == Some(false) {
        return None;
    }
    let layers = network.layers.filter(|n| *n > 0)?;
    let heads = network.heads.as_ref()?.uniform().filter(|h| *h > 0)?;
    let each = network.hidden_size? / heads;
    let (key, value) = (network.key_size.unwrap_or(each), network.value_size.unwrap_or(each));
    // Heads of keys and values over all layers.
    let kv_heads = network.kv_heads.as_ref().or(network.heads.as_ref())?.total(layers)?;
    let cells = context.checked_next_multiple_of(CELLS)?;
    let sliding = network.sliding_layers.unwrap_or(0).min(layers);
    let window = network.sliding_window.filter(|w| *w > 0 && sliding > 0);
    let few = match window {
        Some(window) => window.checked_add(BATCH)?.checked_next_multiple_of(CELLS)?.min(cells),
        None => cells,
    };
    // Layers with a window have as many heads as the others.
    let all_cells = few.checked_mul(sliding)?.checked_add(cells.checked_mul(layers - sliding)?)?;
    let cell = u128::from(kv_heads) * u128::from(key.checked_add(value)?) * u128::from(ELEM_BYTES);
    u64::try_from(cell.checked_mul(u128::from(all_cells))? / u128::from(layers)).ok()
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
        // The least number of cells is 256.
        assert_eq!(bytes(&wide, 1), Some(16 * 8 * (128 + 64) * 2 * 256));
        assert_eq!(bytes(&wide, 257), Some(16 * 8 * (128 + 64) * 2 * 512));
        let each = Network { kv_heads: Some(PerLayer::Each(vec![8; 16])), ..llama() };
        assert_eq!(bytes(&each, 4096), bytes(&llama(), 4096));
    }

    #[test]
    fn layers_with_a_window_keep_the_window_and_a_batch() {
        // 8 layers, one key-value head of 256, window 64, -c 1024: llama.cpp rounds 64 + 512 up to 768 cells.
        let gemma = Network {
            layers: Some(8),
            hidden_size: Some(1024),
            heads: Some(4.into()),
            kv_heads: Some(1.into()),
            key_size: Some(256),
            value_size: Some(256),
            sliding_window: Some(64),
            sliding_layers: Some(7),
            ..Network::default()
        };
        let cell = (256 + 256) * 2;
        assert_eq!(bytes(&gemma, 1024), Some(cell * (7 * 768 + 1024)));
        // Never more than without windows.
        assert_eq!(bytes(&gemma, 512), Some(cell * 8 * 512));
        // A window that no layer has in llama.cpp does not count.
        assert_eq!(bytes(&Network { sliding_layers: None, ..gemma }, 1024), Some(cell * 8 * 1024));
    }

    #[test]
    fn no_cache_and_no_sizes_are_no_number() {
        assert_eq!(bytes(&Network { causal: Some(false), ..llama() }, 4096), None);
        assert_eq!(bytes(&Network { layers: None, ..llama() }, 4096), None);
        assert_eq!(bytes(&llama(), u64::MAX), None, "more than can be counted");
    }
}
