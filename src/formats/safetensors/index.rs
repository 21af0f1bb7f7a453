//! `model.safetensors.index.json` (and PyTorch's equivalent): which tensor is in which shard.

use crate::formats::{limits, shards};
use crate::model::{ModelError, Result, placeholder, python_json, read_request_file};
use indexmap::{IndexMap, IndexSet};
use std::path::{Path, PathBuf};

/// A parsed index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    /// Shard file name of each tensor, in file order.
    pub weight_map: IndexMap<String, String>,
    /// Path of each shard, in name order; all inside the index's folder.
    pub shards: Vec<PathBuf>,
}

/// Reads an index. The caller checks whether the shards exist and match it.
///
/// # Errors
/// Not JSON, no `weight_map`, a shard outside the folder, or the result of a failed download.
pub(crate) fn read_index(path: &Path) -> Result<Index> {
    let bytes = read_request_file(path, limits::INDEX_BYTES)?;
    if let Some(error) = placeholder(&bytes, true, false) {
        return Err(error.in_file(path));
    }
    #[derive(serde::Deserialize)]
    struct File {
        weight_map: IndexMap<String, String>,
    }
    let file: File = python_json::from_slice(&bytes).map_err(|e| {
        ModelError::bad(format!("not an index of shards: {e}"))
            .in_file(path)
            .with_hint("An index is JSON with a weight_map from tensor names to file names.")
    })?;
    if file.weight_map.is_empty() {
        return Err(ModelError::bad("the index has no tensors").in_file(path).field("weight_map"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut names: IndexSet<&str> = IndexSet::new();
    for (tensor, name) in &file.weight_map {
        if names.insert(name) {
            shards::inside(folder, name)
                .map_err(|e| e.in_file(path).field(format!("weight_map[{:?}]", super::dtype::truncated(tensor))))?;
        }
    }
    names.sort();
    let shards = names.into_iter().map(|n| folder.join(n)).collect();
    Ok(Index { weight_map: file.weight_map, shards })
}
