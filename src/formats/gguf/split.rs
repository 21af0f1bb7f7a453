//! Sets of GGUF files as `llama-gguf-split` makes them.

use crate::formats::shards::{self, ShardName};
use crate::model::{MetaValue, Metadata, ModelError, Result};
use std::path::{Path, PathBuf};

/// Keys that only describe the split and vanish when a set is opened as one model.
pub(super) const KEYS: [&str; 3] = ["split.no", "split.count", "split.tensors.count"];

/// (this shard's index, number of shards, tensors over all) of a file that is part of a set of more than one.
pub(super) fn split_of(metadata: &Metadata) -> Option<(u64, u64, Option<u64>)> {
    let get = |key: &str| metadata.get(key).and_then(MetaValue::as_u64);
    let count = get(KEYS[1])?;
    (count > 1).then(|| (get(KEYS[0]).unwrap_or(0), count, get(KEYS[2])))
}

/// Every file of the set that `path` belongs to, in order.
///
/// # Errors
/// When the name is not `NAME-00001-of-0000N.gguf` or files are missing, which are named.
pub fn shard_paths(path: &Path, count: u64) -> Result<Vec<PathBuf>> {
    let Some(name) = ShardName::parse(path).filter(|n| n.count == count) else {
        let what = format!("part of a set of {count} files, but not named NAME-00001-of-{count:05}.gguf");
        return Err(ModelError::bad(what)
            .in_file(path)
            .with_hint("Give the files back the names they were made with."));
    };
    let paths: Vec<PathBuf> = (1..=name.count).map(|i| name.path(i)).collect();
    shards::all_present(&paths)?;
    Ok(paths)
}
