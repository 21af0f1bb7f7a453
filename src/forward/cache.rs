//! Keys and values of the tokens that were seen, for generating text token by token.
//!
//! They are appended to two buffers for each layer. A buffer grows by at least half of its size, so that a value is moved a
//! few times at most, however long the text becomes.

/// Tokens that a buffer has space for at first, and grows by at least.
const TOKENS: usize = 64;

/// Of one layer.
#[derive(Debug, Default)]
pub(super) struct LayerCache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl LayerCache {
    /// Appends the keys and values of `tokens` new tokens.
    pub(super) fn push(&mut self, tokens: usize, keys: &[f32], values: &[f32]) {
        append(&mut self.keys, keys, tokens);
        append(&mut self.values, values, tokens);
    }

    /// All keys, tokens × width.
    pub(super) fn keys(&self) -> &[f32] {
        &self.keys
    }

    /// All values, tokens × width.
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }
}

fn append(kept: &mut Vec<f32>, new: &[f32], tokens: usize) {
    if kept.capacity() - kept.len() < new.len() {
        let block = new.len() / tokens.max(1) * TOKENS;
        kept.reserve_exact(new.len().max(block).max(kept.len() / 2));
    }
    kept.extend_from_slice(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_kept_in_order_and_moved_a_few_times_only() {
        let mut cache = LayerCache::default();
        let mut moves = 0;
        for token in 0..10_000u16 {
            let before = cache.keys.capacity();
            cache.push(1, &[f32::from(token); 4], &[-f32::from(token); 2]);
            moves += usize::from(cache.keys.capacity() != before);
        }
        assert!(moves < 20, "{moves}");
        assert_eq!((cache.keys().len(), cache.values().len()), (40_000, 20_000));
        assert!(cache.keys().chunks(4).zip(0u16..).all(|(k, token)| k == [f32::from(token); 4]));
        assert!(cache.values().chunks(2).zip(0u16..).all(|(v, token)| v == [-f32::from(token); 2]));
    }
}
