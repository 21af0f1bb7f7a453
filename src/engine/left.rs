//! What an ended job has left on the disk, by its journal.

use super::part_file::Identity;
use super::{journal, stage};
use crate::model::{OutputIndex, Result};
use crate::plan::PlannedOutput;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Removes the unfinished files that a job left, and nothing else: only files that its journal names, under their locks. `outputs` are
/// those of its plan, and `job` is its identifier: names that this job cannot have given are left. Gives the names of what is left there.
///
/// # Errors
/// I/O errors; files that a living process is writing.
pub(crate) fn discard(journal: &Path, job: &str, outputs: &[PlannedOutput]) -> Result<Vec<PathBuf>> {
    stage::discard(&journal::read(journal)?, job, outputs)
}

/// What identifies the files that a job published, by output and in the order of its plan.
///
/// # Errors
/// I/O errors.
pub(crate) fn published(journal: &Path) -> Result<HashMap<OutputIndex, Vec<Identity>>> {
    journal::read(journal).map(|recorded| recorded.publishing)
}

/// Unfinished files of a job and the bytes they take on disk.
///
/// # Errors
/// I/O errors.
pub(crate) fn held(journal: &Path) -> Result<Vec<(PathBuf, u64)>> {
    journal::read(journal).map(|recorded| stage::held(&recorded))
}
