//! Checkpoints of nanotron: `100/` with `model/…/model_weight_pp-rank-0-of-1_tp-rank-0-of-2.safetensors`, `optimizer/`, `random/` and, last,
//! `model_config.json`.
//!
//! Every rank writes `latest.txt` beside it without a barrier, so it proves nothing. The number of ranks is in the names.

use super::{Exports, Family, PLAIN, Reading, below, numbered};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::{Rule, markers, ranks};
use crate::watch::unit::FileRole;

pub(super) static FAMILY: Family = Family {
    name: "nanotron",
    title: "a checkpoint of nanotron",
    claim,
    rules: &[&ranks::RULE, &CONFIG],
    exports: Exports::No {
        why: "the weights are in nanotron's own layout, split across ranks",
        what_to_run: "Run examples/llama/convert_nanotron_to_hf.py of nanotron, and convert the folder that it makes.",
    },
    reading: Reading::NOTHING,
    marked: true,
    by_rank: true,
    ..PLAIN
};

static CONFIG: Rule = Rule { name: "model_config.json", check: |o| markers::newer(o, "model_config.json") };

/// Folders between the checkpoint and its weights: `model/model/decoder/0/pp_block/attn/…`.
const DEPTH: usize = 8;

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if numbered(folder.name(), "").is_none() {
        return Vec::new();
    }
    let Some(model) = folder.folder("model").filter(|_| {
        folder.folder("optimizer").is_some() || folder.has("config.yaml") || folder.has("model_config.json")
    }) else {
        return Vec::new();
    };
    let weights = below(&model, DEPTH, &|n| n.ends_with(".safetensors")).into_iter().map(|n| format!("model/{n}"));
    vec![Claim::all_of(folder).with(FileRole::Weights, weights).with(FileRole::Marker, ["model_config.json"])]
}
