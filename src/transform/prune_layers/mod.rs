//! Removes whole layers from a model: those behind move up, and what the model says about its layers follows.
//!
//! `gguf` takes models with GGUF names and metadata, `hugging_face` those with a `config.json`. [`without_layers`] chooses.
//! Tensors are the source's under new names: no bytes are read.

mod gguf;
mod hugging_face;

pub(crate) use gguf::{Pruned, prune_layers};

use crate::model::{Hint, Listing, Model, ModelError, Remedy, Result, Warning};
use std::collections::{BTreeMap, BTreeSet};

/// The model without some of its layers, and what to say about it.
///
/// # Errors
/// A layer that does not exist, all of them, several stacks of layers; a configuration that contradicts the tensors.
pub(crate) fn without_layers(model: &Model, layers: &BTreeSet<u32>) -> Result<(Model, Vec<Warning>)> {
    let (mut pruned, kept, warnings) = if model.metadata.contains_key("general.architecture") {
        let Pruned { model, kept, warnings, .. } = prune_layers(model, layers)?;
        (model, kept, warnings)
    } else {
        hugging_face::prune_layers(model, layers)?
    };
    let origin = |before: u32| model.layer_origins.get(&before).copied().unwrap_or(before);
    pruned.layer_origins = kept.into_iter().map(|(now, before)| (now, origin(before))).collect();
    Ok((pruned, warnings))
}

/// New number → old number of the layers that stay. Layers before the first that is removed keep their number, even where the
/// source skips some.
fn kept_layers(there: &BTreeSet<u32>, layers: &BTreeSet<u32>) -> Result<BTreeMap<u32, u32>> {
    if let Some(missing) = layers.iter().find(|n| !there.contains(n)) {
        let known = match (there.first(), there.last()) {
            (Some(a), Some(b)) => format!("its layers are {a} to {b}"),
            _ => "it has no layers".to_owned(),
        };
        let hint = Hint::from("Layers are counted from 0; ").then(Remedy::See(Listing::Tensors)).then(" lists them.");
        return Err(ModelError::request(format!("the model has no layer {missing}; {known}")).with_hint(hint));
    }
    if layers.len() == there.len() {
        return Err(ModelError::request("no layer would be left").with_hint("Remove fewer layers."));
    }
    let first = layers.first().copied().unwrap_or(u32::MAX);
    let mut kept = BTreeMap::new();
    let mut next = 0;
    for old in there.iter().copied().filter(|n| !layers.contains(n)) {
        let new = if old < first { old } else { next };
        kept.insert(new, old);
        next = new + 1;
    }
    Ok(kept)
}

/// What a runtime that knows the kind of a layer by its number makes of a pruned model.
fn kinds_by_number() -> Warning {
    let text = "layers of this model are of several kinds by their number; a runtime that derives the kind from the number runs the layers \
                behind a removed one as another kind";
    Warning::new("prune.layer-kinds", text)
}

fn several_stacks(tensor: &str) -> ModelError {
    ModelError::unsupported("layers are numbered in more than one list, as in an encoder and a decoder")
        .field(tensor)
        .with_hint("Keep all layers of this model.")
}
