//! Checkpoints of OLMo-core: `step100/` with `model_and_optim/` (torch.distributed.checkpoint), `train/`, `config.json`, `.metadata.json`.
//!
//! It is written as `step100-tmp` and renamed, so a folder with the final name is complete; `.metadata.json` identifies such a checkpoint.

use super::{Exports, Family, PLAIN, Reading, numbered};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{Outcome, Rule};
use crate::watch::unit::FileRole;
use crate::watch::verdict::Wait;

pub(super) static FAMILY: Family = Family {
    name: "olmo-core",
    title: "a checkpoint of OLMo-core",
    claim,
    rules: &[&METADATA],
    exports: Exports::No {
        why: "the weights are in the shards of torch.distributed.checkpoint",
        what_to_run: "Run src/examples/huggingface/convert_checkpoint_to_hf.py of OLMo-core, and convert the folder that it makes.",
    },
    reading: Reading::NOTHING,
    marked: true,
    by_rank: true,
    ..PLAIN
};

const INNER: &str = "model_and_optim";

static METADATA: Rule = Rule {
    name: ".metadata.json",
    check: |o| {
        if o.settings.done_marker.is_some() {
            return None;
        }
        for name in [".metadata.json".to_owned(), format!("{INNER}/.metadata")] {
            if o.unit.file(&name).is_none() {
                return Some(Outcome::Wait(Wait::Marker { name }, None));
            }
        }
        Some(Outcome::Pass("the folder has its final name and .metadata.json".to_owned()))
    },
};

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let named = numbered(folder.name(), "step").is_some();
    let Some(inner) = folder.folder(INNER).filter(|_| named) else { return Vec::new() };
    let weights = inner.names().filter(|n| n.ends_with(".distcp")).map(|n| format!("{INNER}/{n}"));
    let markers = [".metadata.json".to_owned(), format!("{INNER}/.metadata")];
    let claim = Claim::all_of(folder).with(FileRole::Weights, weights).with(FileRole::Marker, markers);
    vec![claim.with(FileRole::Sidecar, folder.has("config.json").then_some("config.json"))]
}
