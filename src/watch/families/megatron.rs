//! Checkpoints of Megatron-LM and Megatron-Bridge: `iter_0000100/` with a folder for each model-parallel rank, or with the shards of
//! torch_dist (`.distcp`, `common.pt`, `.metadata`, `metadata.json` last).
//!
//! `latest_checkpointed_iteration.txt` beside it is written after the barrier; it must have reached this iteration.

use super::{Exports, Family, PLAIN, Reading, numbered};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{markers, ranks};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family {
    name: "megatron",
    title: "a checkpoint of Megatron",
    claim,
    rules: &[&ranks::RULE, &markers::TRACKER],
    exports: Exports::No {
        why: "the weights are in Megatron's own layout, split across ranks",
        what_to_run: "Export it to the Hugging Face layout with Megatron-Bridge (AutoBridge.export_ckpt) or with \
                      tools/checkpoint/convert.py of Megatron-LM, and convert that folder.",
    },
    reading: Reading { zips: |n| n.ends_with(".pt"), model: false },
    marked: true,
    by_rank: true,
    ..PLAIN
};

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if numbered(folder.name(), "iter_").is_none_or(|n| n.len() != 7) {
        return Vec::new();
    }
    let mut weights: Vec<String> =
        folder.names().filter(|n| n.ends_with(".distcp") || *n == "common.pt").map(str::to_owned).collect();
    for rank in folder.folders().filter(|f| f.name().starts_with("mp_rank_")) {
        let models = rank.names().filter(|n| matches!(*n, "model_optim_rng.pt" | "model_rng.pt"));
        weights.extend(models.map(|n| format!("{}/{n}", rank.name())));
        // The folder of a rank comes before its file.
        if !rank.any(|n| matches!(n, "model_optim_rng.pt" | "model_rng.pt")) {
            weights.push(format!("{}/model_optim_rng.pt", rank.name()));
        }
    }
    let markers = [markers::TRACKER_NAME, "metadata.json"];
    vec![Claim::all_of(folder).with(FileRole::Weights, weights).with(FileRole::Marker, markers)]
}
