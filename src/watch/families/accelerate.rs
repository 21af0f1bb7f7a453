//! What accelerate's `save_state` writes: `checkpoint_<i>`, and folders of any name for those who call it themselves (diffusers, kohya).
//!
//! Order (accelerate 1.15, `checkpointing.py`): model, optimizer, schedule, sampler, gradient scaler, `random_states_<rank>.pkl`. Nothing
//! marks the end, but the random-number states of rank 0 come last. No configuration is written.

use super::{Family, PLAIN, hf_folder, numbered};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{Outcome, Rule};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family =
    Family { name: "accelerate", title: "a state saved by accelerate", claim, rules: &[&RANDOM], ..PLAIN };

static RANDOM: Rule = Rule {
    name: "last file",
    check: |o| {
        let name = "random_states_0.pkl";
        Some(match o.unit.file(name) {
            Some(_) => Outcome::Pass(format!("{name}, which is written last, exists")),
            None => Outcome::Careful(format!("{name}, which is written last, does not exist")),
        })
    },
};

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    // The Trainer of transformers uses other names for its state.
    let trainer = folder.has("trainer_state.json") || folder.has("training_args.bin");
    let random = || folder.any(|n| n.starts_with("random_states_") && n.ends_with(".pkl"));
    let begun = || folder.has("optimizer.bin") || !hf_folder::weights(folder).is_empty();
    if trainer || !(random() || (numbered(folder.name(), "checkpoint_").is_some() && begun())) {
        return Vec::new();
    }
    let weights = weights(folder);
    let claim = Claim::folder(folder).with(FileRole::Weights, weights).with(FileRole::Sidecar, folder.sidecars());
    let index = folder.names().filter(|n| n.ends_with(".index.json"));
    vec![claim.with(FileRole::Index, index).with(FileRole::Marker, ["random_states_0.pkl"])]
}

/// The first model; others of the same call are `model_1.safetensors` and so on, and a folder with several is not opened.
fn weights(folder: &Folder<'_>) -> Vec<String> {
    hf_folder::weights(folder)
        .into_iter()
        .filter(|n| !n.starts_with("optimizer") && !n.starts_with("scheduler"))
        .collect()
}
