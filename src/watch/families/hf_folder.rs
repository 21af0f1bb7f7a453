//! Any folder with weights and the small files of Hugging Face beside them: `save_pretrained`, a download, a copy.
//!
//! Nothing marks the end. transformers writes configuration, shards, index and tokenizer in this order; a copy goes by name; others write
//! the index first or the configuration last.

use super::{Family, PLAIN};
use crate::formats;
use crate::formats::hf;
use crate::formats::shards::ShardName;
use crate::watch::folder::{Claim, Folder};
use crate::watch::unit::FileRole;
use std::path::Path;

pub(super) static FAMILY: Family = Family { name: "hf", title: "a model folder", claim, ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let telling = ["config.json", "adapter_config.json", "model.safetensors", "pytorch_model.bin"];
    let index = folder.any(|n| n.ends_with(".index.json"));
    let shard = |n: &str| !formats::is_self_contained(n) && ShardName::parse(Path::new(n)).is_some_and(|s| s.count > 1);
    if !index && !telling.iter().any(|n| folder.has(n)) && !folder.any(|n| n.contains("-of-") && shard(n)) {
        return Vec::new();
    }
    // Before the weights: the small files of a model, not any config.json.
    let begun = || index || (folder.has("config.json") && folder.sidecars().take(2).count() > 1);
    if begun() || !weights(folder).is_empty() { vec![model(folder)] } else { Vec::new() }
}

/// The claim of a model folder: weights, their index, sidecars.
pub(super) fn model(folder: &Folder<'_>) -> Claim {
    let index = folder.names().filter(|n| n.ends_with(".index.json"));
    let all = Claim::folder(folder).with(FileRole::Weights, weights(folder)).with(FileRole::Index, index);
    all.with(FileRole::Sidecar, folder.sidecars())
}

/// Names of the weights of a model folder, by the preference of transformers: one file, an index and its shards, a set.
pub(super) fn weights(folder: &Folder<'_>) -> Vec<String> {
    for one in ["model.safetensors", "adapter_model.safetensors"] {
        if folder.has(one) {
            return vec![one.to_owned()];
        }
    }
    let of = |ends: &[&str]| -> Vec<String> {
        let fits = |n: &&str| ends.iter().any(|e| n.ends_with(e)) && !hf::is_training_state(n);
        folder.names().filter(fits).map(str::to_owned).collect()
    };
    let safetensors = of(&[".safetensors"]);
    if !safetensors.is_empty() {
        return safetensors;
    }
    for one in ["pytorch_model.bin", "adapter_model.bin"] {
        if folder.has(one) {
            return vec![one.to_owned()];
        }
    }
    let sets: Vec<String> = of(&[".bin"]).into_iter().filter(|n| ShardName::parse(Path::new(n)).is_some()).collect();
    if !sets.is_empty() {
        return sets;
    }
    let consolidated: Vec<String> = of(&[".pth"]).into_iter().filter(|n| n.starts_with("consolidated.")).collect();
    if !consolidated.is_empty() {
        return consolidated;
    }
    of(&[".pt", ".pth", ".bin", ".ckpt"])
}
