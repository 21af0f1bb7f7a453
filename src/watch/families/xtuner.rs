//! Checkpoints of XTuner (mmengine): `iter_500.pth` and `epoch_1.pth`, with `last_checkpoint` beside them, which names the newest.
//!
//! With DeepSpeed such a name is a folder: see `deepspeed`.

use super::{Family, PLAIN, lone, numbered};
use crate::watch::folder::{Claim, Folder};

pub(super) static FAMILY: Family = Family { name: "xtuner", title: "a checkpoint of XTuner", claim, ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    if !folder.has("last_checkpoint") {
        return Vec::new();
    }
    let mine = |n: &&str| {
        let stem = n.strip_suffix(".pth");
        stem.is_some_and(|s| numbered(s, "iter_").or_else(|| numbered(s, "epoch_")).is_some())
    };
    folder.names().filter(mine).map(|n| lone::file(folder, n)).collect()
}
