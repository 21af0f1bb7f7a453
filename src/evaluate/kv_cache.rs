//! Size of the KV cache of a runtime, from hyper-parameters under GGUF keys.

use crate::model::{MetaArray, MetaValue, Metadata};

/// Bytes of an f16.
const ELEM_BYTES: u64 = 2;

/// Bytes of keys and values in f16 for `context` tokens; `None` where the network keeps none (no causal attention) or its sizes
/// are not known. Layers with sliding-window attention are counted in full, as runtimes do by default.
pub(super) fn bytes(metadata: &Metadata, context: u64) -> Option<u64> {
    let arch = metadata.get("general.architecture")?.as_str()?;
    let get = |key: &str| metadata.get(&format!("{arch}.{key}"));
    let number = |key: &str| get(key).and_then(MetaValue::as_u64);
    if matches!(get("attention.causal"), Some(MetaValue::Bool(false))) {
        return None;
    }
    let layers = number("block_count")?;
    let heads = number("attention.head_count").filter(|h| *h > 0)?;
    let each = number("embedding_length")? / heads;
    let (key, value) =
        (number("attention.key_length").unwrap_or(each), number("attention.value_length").unwrap_or(each));
    // Heads of keys and values over all layers.
    let kv_heads = match get("attention.head_count_kv") {
        Some(MetaValue::Array(MetaArray::U32(all))) => all.iter().map(|n| u64::from(*n)).sum(),
        Some(MetaValue::Array(MetaArray::I32(all))) => all.iter().map(|n| u64::from(n.unsigned_abs())).sum(),
        Some(n) => n.as_u64()?.checked_mul(layers)?,
        None => heads.checked_mul(layers)?,
    };
    kv_heads.checked_mul(key.checked_add(value)?)?.checked_mul(ELEM_BYTES)?.checked_mul(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llama() -> Metadata {
        let mut md = Metadata::new();
        md.insert("general.architecture".into(), "llama".into());
        for (key, n) in [("block_count", 16u32), ("embedding_length", 2048), ("attention.head_count", 32)] {
            md.insert(format!("llama.{key}"), n.into());
        }
        md.insert("llama.attention.head_count_kv".into(), 8u32.into());
        md
    }

    #[test]
    fn grouped_heads_of_a_llama() {
        // 16 layers × 8 heads × (64 + 64) × 2 bytes × 4096 tokens.
        assert_eq!(bytes(&llama(), 4096), Some(134_217_728));
        let mut wide = llama();
        wide.insert("llama.attention.key_length".into(), 128u32.into());
        assert_eq!(bytes(&wide, 1), Some(16 * 8 * (128 + 64) * 2));
    }

    #[test]
    fn no_cache_and_no_sizes_are_no_number() {
        let mut bert = llama();
        bert.insert("llama.attention.causal".into(), false.into());
        assert_eq!(bytes(&bert, 4096), None);
        let mut lacking = llama();
        lacking.shift_remove("llama.block_count");
        assert_eq!(bytes(&lacking, 4096), None);
        assert_eq!(bytes(&llama(), u64::MAX), None, "more than can be counted");
    }
}
