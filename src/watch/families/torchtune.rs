//! Checkpoints of torchtune: `epoch_N` (and `step_N`) with Hugging Face's names.
//!
//! Weights and index come first, then the configuration and the tokenizer, copied from the base model; nothing marks the end
//! (torchtune's `_checkpointer.py`). `recipe_state.pt` is the state of the optimizer.

use super::{Family, PLAIN, hf_folder, numbered};
use crate::watch::folder::{Claim, Folder};

pub(super) static FAMILY: Family = Family { name: "torchtune", title: "a checkpoint of torchtune", claim, ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let named = ["epoch_", "step_"].iter().any(|p| numbered(folder.name(), p).is_some());
    let mine = named
        && !hf_folder::weights(folder).is_empty()
        && !folder.any(|n| n.ends_with(".ckpt") || n.ends_with(".keras"));
    if mine { vec![hf_folder::model(folder)] } else { Vec::new() }
}
