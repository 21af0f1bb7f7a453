//! Giving a manifest its name, taking that of a replaced output away, and removing what an ended job left.

use crate::engine::part_file::PartFile;
use crate::files;
use crate::model::{ModelError, Result};
use crate::plan::{self, PlannedOutput};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Removes the manifests that an earlier output of this name has, before the output is published: they say nothing true of the new one.
///
/// # Errors
/// I/O errors.
pub(crate) fn withdraw(planned: &PlannedOutput) -> Result<()> {
    let inside = plan::manifest_inside(&planned.path).filter(|_| planned.folder);
    for path in [plan::manifest_beside(&planned.path), inside].into_iter().flatten() {
        if plan::is_manifest(&path) {
            match files::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(ModelError::io(&path, "removing", e)),
                _ => {}
            }
            files::sync_folder(files::parent_of(&path))
                .map_err(|e| ModelError::io(files::parent_of(&path), "syncing the folder", e))?;
        }
    }
    Ok(())
}

/// Gives the manifest of a published output its name. A file that is not a manifest is not replaced.
///
/// # Errors
/// I/O errors; a request error when something else has the name.
pub(crate) fn publish(part: &PartFile) -> Result<()> {
    let to = part.destination();
    let there = plan::is_manifest(to);
    let renamed = if there { files::rename_over(part.path(), to) } else { files::rename_new(part.path(), to) };
    renamed.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => {
            let what = "a file that remold did not write has the name of the manifest";
            ModelError::request(what).in_file(to).with_hint("Move it away and resume the job.")
        }
        _ => ModelError::io(to, "renaming", e),
    })?;
    part.keep();
    let folder = files::parent_of(to);
    files::sync_folder(folder).map_err(|e| ModelError::io(folder, "syncing the folder", e))
}

/// Removes the part file of a manifest that an ended attempt left. Gives its name if something else has it.
///
/// # Errors
/// I/O errors; a file that another process is writing.
pub(crate) fn discard_part(part: &Path) -> Result<Option<PathBuf>> {
    let Ok(meta) = fs::symlink_metadata(part) else { return Ok(None) };
    let own = if meta.is_file() { PartFile::reopen(part, part, meta.len())? } else { None };
    match own {
        Some(file) => {
            file.remove_when_dropped();
            Ok(None)
        }
        None => Ok(Some(part.to_owned())),
    }
}
