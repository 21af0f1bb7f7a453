//! An output under its unfinished names.

use super::journal::StagedPaths;
use super::part_file::{Identity, PartFile};
use crate::files;
use crate::model::Result;
use std::path::Path;

/// An output that is being written.
#[derive(Debug)]
pub(crate) struct Staged {
    /// Where.
    pub paths: StagedPaths,
    /// Its files, in the order of the plan. Those that were published already have their final path.
    pub parts: Vec<PartFile>,
}

impl Staged {
    /// What identifies the files.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn identities(&self) -> Result<Vec<Identity>> {
        self.parts.iter().map(PartFile::identity).collect()
    }
}

/// Removes the hidden folder of an output and the folders in it, as far as they are empty.
pub(crate) fn remove_folders(staged: &StagedPaths) {
    let Some(folder) = &staged.folder else { return };
    let mut inner: Vec<&Path> = staged.parts.iter().map(|p| files::parent_of(p)).collect();
    inner.sort_by_key(|p| std::cmp::Reverse(p.components().count()));
    inner.dedup();
    for path in inner.into_iter().chain([folder.as_path()]) {
        let _ = files::remove_folder(path);
    }
}
