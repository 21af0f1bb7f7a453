//! Checkpoints of Lightning: single `.ckpt` files, `epoch=3-step=100.ckpt`, and `last.ckpt`, a second save or a link.
//!
//! fsspec writes into `$TMPDIR` and moves; across file systems the move is a copy that grows under the final name (Lightning 2.6). The
//! archive's directory, at its end, says whether it is complete. A strategy that shards writes a folder of that name: see `dcp`,
//! `deepspeed`.

use super::{Family, PLAIN, lone};
use crate::watch::folder::{Claim, Folder};

pub(super) static FAMILY: Family = Family { name: "lightning", title: "a checkpoint of Lightning", claim, ..PLAIN };

fn claim(folder: &Folder<'_>) -> Vec<Claim> {
    let mine = |n: &&str| {
        let stem = n.strip_suffix(".ckpt");
        stem.is_some_and(|s| s.contains("epoch=") || s.contains("step=") || s == "last" || s.starts_with("last-v"))
    };
    folder.names().filter(mine).map(|n| lone::file(folder, n)).collect()
}
