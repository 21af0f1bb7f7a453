//! Removes layers from a GGUF model: the remaining ones move up and the metadata is adjusted.
//!
//! Names and `block_count` are those of llama-quantize's `--prune-layers` (`remap_layer` in `src/llama-quant.cpp` of llama.cpp). It leaves
//! metadata that has a value for each layer as it was, and llama.cpp then refuses the file or runs it with the values of other layers; here
//! the values of removed layers are removed from such arrays and counters. Refuses layers that do not exist, all of them, and models of
//! several stacks of layers (encoder and decoder), whose numbers name two layers each. Tensors are the source's under new names. Test with
//! `cargo test prune_layers`.

use super::{kept_layers, several_stacks};
use crate::model::{MetaValue, Metadata, Model, Result, Warning};
use crate::transform::llama_quantize::layer_of_name;
use std::collections::{BTreeMap, BTreeSet};

/// Keys below the architecture whose arrays have a value for each layer (`get_key_or_arr` and `get_arr` with `n_layer` in
/// `src/llama-model.cpp` and `src/models`).
const PER_LAYER: &[&str] = &[
    "attention.head_count",
    "attention.head_count_kv",
    "attention.sliding_window_pattern",
    "attention.recurrent_layers",
    "attention.compress_ratios",
    "attention.indexer.types",
    "feed_forward_length",
    "expert_feed_forward_length",
    "expert_used_count",
    "swiglu_clamp_exp",
    "swiglu_clamp_shexp",
];

/// The same, without the architecture before them.
const PER_LAYER_BARE: &[&str] = &["xielu.alpha_n", "xielu.alpha_p", "xielu.beta", "xielu.eps"];

/// Architectures whose runtime derives the kind of attention from the layer's number (`set_swa_pattern` in `src/llama-model.cpp`).
const ALTERNATING: &[&str] =
    &["gemma2", "gemma3", "gemma3n", "cohere2", "gpt-oss", "llama4", "exaone4", "olmo2", "smallthinker"];

/// A model without some of its layers.
#[derive(Clone, Debug)]
pub(crate) struct Pruned {
    /// The model. `block_count` is at the end of its metadata, where llama-quantize puts it.
    pub model: Model,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
    /// Layers that the source declares.
    pub layers_before: u32,
    /// New number → old number.
    pub(super) kept: BTreeMap<u32, u32>,
}

impl Pruned {
    /// The name a tensor has in the source.
    pub(crate) fn old_name(&self, new: &str) -> String {
        let old = layer_of_name(new).and_then(|n| self.kept.get(&n));
        old.map_or_else(|| new.to_owned(), |n| renumbered(new, *n))
    }

    /// The name a tensor of the source has now; `None` if its layer was removed.
    pub(crate) fn new_name(&self, old: &str) -> Option<String> {
        let Some(n) = layer_of_name(old) else { return Some(old.to_owned()) };
        let new = self.kept.iter().find(|(_, old)| **old == n)?.0;
        Some(renumbered(old, *new))
    }
}

/// Removes `layers` from a model with GGUF names.
///
/// # Errors
/// A layer that does not exist, all of them, several stacks of layers.
pub(crate) fn prune_layers(model: &Model, layers: &BTreeSet<u32>) -> Result<Pruned> {
    if let Some(t) = model.tensors.iter().find(|t| t.name.contains(".blk.")) {
        return Err(several_stacks(&t.name));
    }
    let there: BTreeSet<u32> = model.tensors.iter().filter_map(|t| layer_of_name(&t.name)).collect();
    let kept = kept_layers(&there, layers)?;
    let next = kept.keys().last().map_or(0, |n| n + 1);
    let mut pruned =
        Pruned { model: model.clone(), warnings: Vec::new(), layers_before: there.last().map_or(0, |n| n + 1), kept };
    pruned.model.tensors = model.tensors.iter().filter_map(|t| Some(t.renamed(pruned.new_name(&t.name)?))).collect();
    let arch = model.architecture().unwrap_or_default().to_owned();
    if let Some(n) = model.network.as_ref().and_then(|n| n.layers) {
        pruned.layers_before = u32::try_from(n).unwrap_or(u32::MAX);
    }
    let (declared, arch) = (pruned.layers_before, arch.as_str());
    let changed = follow(&mut pruned.model.metadata, arch, declared, layers);
    let block_count = format!("{arch}.block_count");
    pruned.model.metadata.shift_remove(&block_count);
    pruned.model.metadata.insert(block_count, next.into());
    crate::arch::identify(&mut pruned.model);
    if ALTERNATING.contains(&arch) && pruned.kept.iter().any(|(now, before)| now != before) {
        pruned.warnings.push(super::kinds_by_number());
    }
    if !changed.is_empty() {
        let text = format!(
            "metadata with a value per layer or a layer count was adjusted to the removed layers ({}); llama-quantize does not change it",
            changed.join(", ")
        );
        pruned.warnings.push(Warning::new("prune.metadata", text));
    }
    Ok(pruned)
}

/// `blk.N.rest` with another number.
fn renumbered(name: &str, layer: u32) -> String {
    let rest = name.strip_prefix("blk.").unwrap_or(name).trim_start_matches(|c: char| c.is_ascii_digit());
    format!("blk.{layer}{rest}")
}

/// Removes the values of `layers` from metadata with a value or a count for layers; returns the keys that changed.
fn follow(metadata: &mut Metadata, arch: &str, declared: u32, layers: &BTreeSet<u32>) -> Vec<String> {
    let count = |metadata: &Metadata, key: &str| {
        metadata.get(key).and_then(MetaValue::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    };
    let (dense, predicting) = (format!("{arch}.leading_dense_block_count"), format!("{arch}.nextn_predict_layers"));
    // Layers that predict several tokens come after the others and have no place in some arrays.
    let without = declared.saturating_sub(count(metadata, &predicting));
    let mut changed = Vec::new();
    let keys = PER_LAYER.iter().map(|k| format!("{arch}.{k}")).chain(PER_LAYER_BARE.iter().map(|k| (*k).to_owned()));
    for key in keys {
        let Some(MetaValue::Array(values)) = metadata.get_mut(&key) else { continue };
        let n = values.len();
        if n == declared as usize || n == without as usize {
            let stay: Vec<usize> = (0..n).filter(|i| !layers.contains(&(*i as u32))).collect();
            if stay.len() < n {
                *values = values.pick(&stay);
                changed.push(key);
            }
        }
    }
    for (key, range) in
        [(dense, 0..count(metadata, &format!("{arch}.leading_dense_block_count"))), (predicting, without..declared)]
    {
        let gone = layers.range(range).count() as u32;
        let left = count(metadata, &key).saturating_sub(gone);
        if let Some(value) = metadata.get_mut(&key).filter(|_| gone > 0) {
            *value = left.into();
            changed.push(key);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MetaArray;
    use crate::tensor::{DType, Shape};
    use crate::transform::llama_quantize::golden_tests::fake_model;

    fn model(layers: &[u32]) -> Model {
        let mut md = Metadata::new();
        md.insert("general.architecture".into(), "llama".into());
        md.insert("llama.block_count".into(), (layers.last().unwrap() + 1).into());
        md.insert("llama.leading_dense_block_count".into(), 2u32.into());
        md.insert("llama.feed_forward_length".into(), MetaArray::U32(vec![10, 11, 12, 13]).into());
        md.insert("llama.rope.dimension_sections".into(), MetaArray::I32(vec![1, 2, 3, 4]).into());
        let tensor = |name: String| (name, DType::F32.into(), Shape::from([4]));
        let mut tensors = vec![tensor("output.weight".into())];
        tensors.extend(layers.iter().map(|n| tensor(format!("blk.{n}.attn_q.weight"))));
        fake_model(md, tensors)
    }

    fn set(layers: &[u32]) -> BTreeSet<u32> {
        layers.iter().copied().collect()
    }

    #[test]
    fn layers_behind_move_up_and_metadata_follows() {
        let p = prune_layers(&model(&[0, 1, 2, 3]), &set(&[1])).unwrap();
        let names: Vec<&str> = p.model.tensors.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["output.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight", "blk.2.attn_q.weight"]);
        assert_eq!(p.old_name("blk.2.attn_q.weight"), "blk.3.attn_q.weight");
        assert_eq!(p.old_name("output.weight"), "output.weight");
        assert_eq!(p.new_name("blk.1.attn_q.weight"), None);
        assert_eq!(p.new_name("blk.2.x"), Some("blk.1.x".into()));
        let md = &p.model.metadata;
        assert_eq!(md.last(), Some((&"llama.block_count".to_owned(), &3u32.into())));
        assert_eq!(md["llama.feed_forward_length"], MetaArray::U32(vec![10, 12, 13]).into());
        assert_eq!(md["llama.leading_dense_block_count"], 1u32.into());
        assert_eq!(md["llama.rope.dimension_sections"], MetaArray::I32(vec![1, 2, 3, 4]).into(), "no layers these");
        assert_eq!(p.warnings.len(), 1);
    }

    #[test]
    fn numbers_that_the_source_skips_close_behind_the_first_that_goes() {
        let p = prune_layers(&model(&[0, 2, 3, 5]), &set(&[3])).unwrap();
        assert_eq!(p.kept.into_iter().collect::<Vec<_>>(), [(0, 0), (2, 2), (3, 5)]);
        assert_eq!(p.model.metadata["llama.block_count"], 4u32.into());
    }

    #[test]
    fn what_cannot_be_left_out_is_refused() {
        for (layers, part) in
            [(&[4][..], "no layer 4; its layers are 0 to 3"), (&[0, 1, 2, 3], "no layer would be left")]
        {
            let e = prune_layers(&model(&[0, 1, 2, 3]), &set(layers)).unwrap_err();
            assert!(e.to_string().contains(part) && e.hint().is_some(), "{e}");
        }
        let mut both = model(&[0, 1]);
        both.tensors[0].name = "enc.blk.0.attn_q.weight".into();
        assert!(prune_layers(&both, &set(&[0])).is_err());
    }
}
