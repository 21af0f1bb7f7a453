//! Checkpoints of ultralytics: `weights/last.pt`, `best.pt` and `epochN.pt`, each written over itself.
//!
//! `last.pt` is written after each epoch and both once more at the end, without the optimizer (ultralytics 8.4, `engine/trainer.py`). So
//! one name has many versions.

use super::{Family, PLAIN, lone, numbered};
use crate::watch::folder::{Claim, Folder};

pub(super) static FAMILY: Family = Family { name: "ultralytics", title: "a checkpoint of ultralytics", claim, ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if folder.name() != "weights" {
        return Vec::new();
    }
    let mine = |n: &&str| {
        n.strip_suffix(".pt").is_some_and(|s| matches!(s, "last" | "best") || numbered(s, "epoch").is_some())
    };
    folder.names().filter(mine).map(|n| lone::file(folder, n)).collect()
}
