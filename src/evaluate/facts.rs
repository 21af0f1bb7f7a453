//! What the headers of a model say that may differ between variants of one network.

use super::comparison::{TypeShare, Unpaired, Variant};
use super::names::Both;
use crate::model::kv_cache;
use crate::model::{MetaValue, Model, Network, PerLayer};
use indexmap::IndexMap;
use std::path::Path;

/// Everything about a model but its errors.
pub(super) fn variant(both: &Both, label: String, path: &Path, context: u64) -> Variant {
    let model = &both.model;
    let (parameters, tensor_bytes) = (model.parameters(), model.tensor_bytes());
    let on_disk = model.files.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
    let network = both.described().and_then(|m| m.network.as_ref());
    let cache = network.and_then(|n| kv_cache::bytes(n, context));
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
        facts: both.described().map(facts).unwrap_or_default(),
        memory_bytes: cache.and_then(|c| c.checked_add(tensor_bytes)),
        built: false,
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

fn facts(model: &Model) -> IndexMap<String, String> {
    let mut facts: IndexMap<String, String> =
        model.network.iter().flat_map(numbers).map(|(title, text)| (title.to_owned(), text)).collect();
    let metadata = &model.metadata;
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

/// The hyper-parameters that variants of a network may differ in. What is given layer by layer is left out.
fn numbers(network: &Network) -> impl Iterator<Item = (&'static str, String)> {
    let text = |n: Option<u64>| n.map(|n| n.to_string());
    let of_all = |n: &Option<PerLayer>| text(n.as_ref().and_then(PerLayer::uniform));
    let all = [
        ("architecture", network.architecture.clone()),
        ("context length", text(network.context)),
        ("layers", text(network.layers)),
        ("embedding size", text(network.hidden_size)),
        ("ffn size", of_all(&network.ffn_size)),
        ("heads", of_all(&network.heads)),
        ("key-value heads", of_all(&network.kv_heads)),
        ("experts", text(network.experts)),
        ("rope base", network.rope.base.map(|f| f.to_string())),
    ];
    all.into_iter().filter_map(|(title, text)| Some((title, text?)))
}
