//! What the headers of a model say that may differ between variants of one network.

use super::comparison::{TypeShare, Unpaired, Variant};
use super::kv_cache;
use super::names::Both;
use crate::model::{MetaValue, Metadata, Model};
use indexmap::IndexMap;
use std::path::Path;

/// Facts: title, and the GGUF key after the architecture.
const FACTS: [(&str, &str); 8] = [
    ("context length", "context_length"),
    ("layers", "block_count"),
    ("embedding size", "embedding_length"),
    ("ffn size", "feed_forward_length"),
    ("heads", "attention.head_count"),
    ("key-value heads", "attention.head_count_kv"),
    ("experts", "expert_count"),
    ("rope base", "rope.freq_base"),
];

/// Everything about a model but its errors.
pub(super) fn variant(both: &Both, label: String, path: &Path, context: u64) -> Variant {
    let model = &both.model;
    let (parameters, tensor_bytes) = (model.parameters(), model.tensor_bytes());
    let on_disk = model.files.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
    let cache = both.metadata().and_then(|md| kv_cache::bytes(md, context));
    Variant {
        label,
        path: path.to_owned(),
        format: model.format,
        bytes: on_disk,
        tensor_bytes,
        tensors: model.tensors.len(),
        parameters,
        bits_per_weight: if parameters == 0 { 0.0 } else { tensor_bytes as f64 * 8.0 / parameters as f64 },
        types: types(model),
        facts: both.metadata().map(facts).unwrap_or_default(),
        memory_bytes: cache.and_then(|c| c.checked_add(tensor_bytes)),
        unpaired: Unpaired::default(),
        measured: None,
    }
}

fn types(model: &Model) -> Vec<TypeShare> {
    let mut by_type: IndexMap<&str, (usize, u64)> = IndexMap::new();
    for t in &model.tensors {
        let share = by_type.entry(t.encoding.name()).or_default();
        *share = (share.0 + 1, share.1.saturating_add(t.bytes()));
    }
    by_type.sort_by(|_, a, _, b| b.1.cmp(&a.1));
    by_type.into_iter().map(|(name, (tensors, bytes))| TypeShare { name: name.to_owned(), tensors, bytes }).collect()
}

fn facts(metadata: &Metadata) -> IndexMap<String, String> {
    let mut facts = IndexMap::new();
    let arch = metadata.get("general.architecture").and_then(MetaValue::as_str).unwrap_or_default();
    if !arch.is_empty() {
        facts.insert("architecture".to_owned(), arch.to_owned());
    }
    for (title, key) in FACTS {
        let value = metadata.get(&format!("{arch}.{key}"));
        if let Some(text) = value.and_then(plain) {
            facts.insert(title.to_owned(), text);
        }
    }
    if let Some(MetaValue::Array(tokens)) = metadata.get("tokenizer.ggml.tokens") {
        facts.insert("vocabulary".to_owned(), tokens.len().to_string());
    }
    let tokenizer =
        ["tokenizer.ggml.model", "tokenizer.ggml.pre"].into_iter().filter_map(|k| metadata.get(k)?.as_str());
    let tokenizer: Vec<&str> = tokenizer.collect();
    if !tokenizer.is_empty() {
        facts.insert("tokenizer".to_owned(), tokenizer.join(" "));
    }
    facts
}

fn plain(value: &MetaValue) -> Option<String> {
    value.as_u64().map(|n| n.to_string()).or_else(|| value.as_f64().map(|f| f.to_string()))
}
