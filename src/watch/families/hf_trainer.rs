//! Checkpoints of transformers' `Trainer`, and of TRL, axolotl, LLaMA-Factory and unsloth, which build on it.
//!
//! `Trainer._save_checkpoint` (transformers 5.24) writes into `checkpoint-N`: configuration, shards, index, tokenizer, `training_args.bin`,
//! optimizer, schedule, random-number state, and `trainer_state.json` last, with a plain `open("w")`. Other ranks' random-number states may
//! come later. 4.36 and 4.37 wrote into `tmp-checkpoint-N` and renamed. Old shards of another count are removed before the new are written.

use super::{Family, PLAIN, hf_folder, numbered};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{companions, markers};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family {
    name: "hf-trainer",
    title: "a checkpoint of the Hugging Face Trainer",
    claim,
    rules: &[&markers::TRAINER_STATE, &companions::ADAPTER],
    marked: true,
    ..PLAIN
};

/// A run's root has a `trainer_state.json` too, from `Trainer.save_state`; it does not prove that the weights beside it are complete.
fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if !is_checkpoint(folder.name()) {
        return Vec::new();
    }
    let inside = folder.folders().map(|f| f.name().to_owned()).filter(|n| state(n));
    vec![hf_folder::model(folder).with(FileRole::Marker, ["trainer_state.json"]).owning(inside)]
}

/// `checkpoint-500`.
pub(super) fn is_checkpoint(name: &str) -> bool {
    numbered(name, "checkpoint-").is_some()
}

/// Folders inside a checkpoint that hold state of the optimizer.
fn state(name: &str) -> bool {
    name.starts_with("global_step") || name.starts_with("optimizer") || name.starts_with("pytorch_model_fsdp")
}
