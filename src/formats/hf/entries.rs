//! What is in a folder: its files and folders, the shards of an index, the bytes of the files of ranks.

use crate::formats::{limits, pytorch, safetensors};
use crate::model::{FormatId, ModelError, Result};
use std::path::{Path, PathBuf};

/// The name of PyTorch's index file.
pub(crate) const PYTORCH_INDEX: &str = "pytorch_model.bin.index.json";

/// Names of the regular files of a folder, sorted; and of its folders.
pub(in crate::formats) fn entries(folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let list = std::fs::read_dir(folder).map_err(|e| ModelError::io(folder, "reading", e))?;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in list.take(limits::FOLDER_ENTRIES) {
        let entry = entry.map_err(|e| ModelError::io(folder, "reading", e))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Follows links: the cache of Hugging Face consists of links to files.
        let Ok(kind) = entry.file_type() else { continue };
        let is_dir = if kind.is_symlink() { entry.path().is_dir() } else { kind.is_dir() };
        if is_dir { folders.push(name) } else { files.push(name) }
    }
    files.sort();
    folders.sort();
    Ok((files, folders))
}

/// The files that an index of weights lists.
///
/// # Errors
/// When the index cannot be read or is not an index.
pub(in crate::formats) fn shards_of_index(index: &Path) -> Result<Vec<PathBuf>> {
    let pytorch = index.file_name().is_some_and(|n| n == PYTORCH_INDEX);
    let format = if pytorch { FormatId::Pytorch } else { FormatId::Safetensors };
    Ok(safetensors::read_index(index).map_err(|e| e.in_format(format))?.shards)
}

/// Bytes of a file; for the metadata of torch.distributed.checkpoint, of the files of the ranks.
pub(in crate::formats) fn stored_bytes(file: &Path) -> Vec<u64> {
    let bytes = |path: &Path| Some(std::fs::metadata(path).ok()?.len());
    let ranks = file.ends_with(pytorch::DCP_METADATA).then(|| file.parent()).flatten();
    let Some((files, _)) = ranks.and_then(|folder| entries(folder).ok()) else {
        return bytes(file).into_iter().collect();
    };
    files.iter().filter(|f| f.ends_with(".distcp")).filter_map(|f| bytes(&file.with_file_name(f))).collect()
}
