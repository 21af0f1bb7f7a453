//! Checkpoints of verl (0.9): `global_step_100/actor/model_world_size_8_rank_0.pt` and so on, `data.pt`, and the tracker beside the folder.
//!
//! The names give the number of ranks. `latest_checkpointed_iteration.txt` is written after all ranks, unless saving is asynchronous; so if
//! it exists it must have reached this step. With `hf_model` among the contents, `actor/huggingface` is a separate model folder.

use super::{Family, PLAIN, Reading, hf_folder, numbered};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{Rule, markers, ranks};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family {
    name: "verl",
    title: "a checkpoint of verl",
    claim,
    rules: &[&ranks::RULE, &TRACKER],
    // The reader says what to run.
    reading: Reading { zips: |n| n.ends_with(".pt"), model: true },
    by_rank: true,
    ..PLAIN
};

static TRACKER: Rule =
    Rule { name: "tracker", check: |o| o.unit.file(markers::TRACKER_NAME).and_then(|_| (markers::TRACKER.check)(o)) };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if numbered(folder.name(), "global_step_").is_none() {
        return Vec::new();
    }
    let roles: Vec<Folder<'_>> = folder.folders().filter(|f| matches!(f.name(), "actor" | "critic")).collect();
    let shard = |n: &str| n.starts_with("model_world_size_") && n.ends_with(".pt");
    let mut weights = Vec::new();
    let mut inside: Vec<String> = Vec::new();
    for role in &roles {
        weights.extend(role.names().filter(|n| shard(n)).map(|n| format!("{}/{n}", role.name())));
        let model = role.folder("huggingface").is_some_and(|f| !hf_folder::weights(&f).is_empty());
        if !model {
            inside.push(role.name().to_owned());
        }
    }
    if roles.is_empty() && !folder.has("data.pt") {
        return Vec::new();
    }
    let claim = Claim::folder(folder).with(FileRole::Weights, weights).with(FileRole::Marker, [markers::TRACKER_NAME]);
    // The reader knows the folder of a role; `data.pt` beside it is the state of the data loader.
    let claim = roles.first().map(|r| r.name()).map_or(claim.clone(), |name| claim.opening(name));
    vec![claim.owning(inside)]
}
