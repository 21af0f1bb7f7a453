//! PEFT adapters outside of a `checkpoint-N`: `adapter_model.safetensors` (or `.bin`) and `adapter_config.json` (PEFT 0.21).
//!
//! The order of the two is not the same in all versions, so both must be there. The conversion decides whether an adapter can be exported.

use super::{Family, PLAIN, hf_folder};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::companions;

pub(super) static FAMILY: Family =
    Family { name: "peft", title: "a PEFT adapter", claim, rules: &[&companions::ADAPTER], ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if !folder.has("adapter_config.json") && !folder.any(|n| n.starts_with("adapter_model.")) {
        return Vec::new();
    }
    let adapter = hf_folder::weights(folder).iter().all(|n| n.starts_with("adapter_model."));
    if adapter { vec![hf_folder::model(folder)] } else { Vec::new() }
}
