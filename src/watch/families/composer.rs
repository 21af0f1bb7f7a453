//! Checkpoints of composer and llm-foundry: `ep1-ba100-rank0.pt`, and `latest-rank0.pt`, a link that is removed and made again.
//!
//! One file of rank 0 is the complete model; with files of other ranks beside it, each holds a part. Folders `ep1-ba100` belong to `dcp`.

use super::{Exports, Family, PLAIN, Reading, lone, numbered};
use crate::watch::folder::{Claim, Folder};
use crate::watch::rules::ranks;
use crate::watch::unit::FileRole;
use std::collections::BTreeMap;

pub(super) static FAMILY: Family =
    Family { name: "composer", title: "a checkpoint of composer", claim: whole, ..PLAIN };

pub(super) static SHARDED: Family = Family {
    name: "composer-ranks",
    title: "a checkpoint of composer, a file for each rank",
    claim: sharded,
    rules: &[&ranks::RULE],
    exports: Exports::No {
        why: "each file holds the shard of one rank",
        what_to_run: "Load it with composer and save it with save_weights_only and fsdp_state_dict_type full.",
    },
    reading: Reading { zips: |n| n.ends_with(".pt"), model: false },
    by_rank: true,
    ..PLAIN
};

/// The name before the rank, and the rank.
fn parts(name: &str) -> Option<(&str, &str)> {
    let (front, rank) = name.strip_suffix(".pt")?.rsplit_once("-rank")?;
    let batch = front.strip_prefix("ep").and_then(|r| r.split_once("-ba"));
    let named = front == "latest" || batch.is_some_and(|(e, b)| numbered(e, "").is_some() && numbered(b, "").is_some());
    (named && numbered(rank, "").is_some()).then_some((front, rank))
}

fn whole(folder: &Folder<'_>) -> Vec<Claim> {
    let mine = |n: &&str| parts(n).is_some_and(|(_, rank)| rank == "0");
    folder.names().filter(mine).map(|n| lone::file(folder, n)).collect()
}

fn sharded(folder: &Folder<'_>) -> Vec<Claim> {
    let mut sets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in folder.names() {
        if let Some((front, _)) = parts(name) {
            sets.entry(front).or_default().push(name);
        }
    }
    let several = sets.into_iter().filter(|(_, files)| files.len() > 1);
    let claim = |(front, files)| {
        let file = Some(format!("{front}-rank0.pt"));
        Claim { file, inside: Some(Vec::new()), ..Claim::default() }.with::<&str>(FileRole::Weights, files)
    };
    several.map(claim).collect()
}
