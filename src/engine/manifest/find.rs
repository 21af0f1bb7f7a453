//! From what a user names (a file, a folder, a manifest) to a manifest and the files that it speaks of.

use super::types::{FileRecord, OutputRecord};
use crate::files;
use crate::model::{ModelError, Result};
use crate::plan;
use std::path::{Path, PathBuf};

/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// A manifest and the output it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The manifest.
    pub manifest: PathBuf,
    /// The output; `None` where the manifest itself was named, which then says what the output is called.
    pub output: Option<PathBuf>,
}

/// The manifest of an output, next to it or in it, or `path` itself if it is one. `None` where there is none.
pub(crate) fn find(path: &Path) -> Option<Found> {
    if plan::is_manifest(path) {
        return Some(Found { manifest: path.to_owned(), output: None });
    }
    let manifest = places(path).into_iter().find(|m| plan::is_manifest(m))?;
    Some(Found { manifest, output: Some(path.to_owned()) })
}

/// Where the manifest of an output may be.
fn places(output: &Path) -> Vec<PathBuf> {
    let inside = plan::manifest_inside(output).filter(|_| output.is_dir());
    [plan::manifest_beside(output), inside].into_iter().flatten().collect()
}

/// As [`find`], for somebody who expects a manifest: that of the only output in a folder is found too.
///
/// # Errors
/// A file with the name of the manifest that is none.
pub(crate) fn find_expected(path: &Path) -> Result<Option<Found>> {
    if let Some(found) = find(path) {
        return Ok(Some(found));
    }
    if let Some(other) = places(path).into_iter().find(|m| m.is_file()) {
        let hint = "It is damaged, or another program wrote it. Without it the bytes of the output cannot be checked: remove it to check the structure alone.";
        return Err(ModelError::bad("not a manifest of remold").in_file(&other).with_hint(hint));
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().take(MAX_ENTRIES).map(|e| e.path());
    let mut inside: Vec<PathBuf> = entries.filter(|p| p.to_string_lossy().ends_with(plan::MANIFEST_SUFFIX)).collect();
    inside.retain(|p| plan::is_manifest(p));
    Ok(match inside.as_slice() {
        [only] => Some(Found { manifest: only.clone(), output: None }),
        _ => None,
    })
}

impl Found {
    /// Where the output is now.
    pub(crate) fn output(&self, record: &OutputRecord) -> PathBuf {
        match &self.output {
            Some(output) => output.clone(),
            None => {
                let home = files::parent_of(&self.manifest);
                // A manifest in its own folder.
                let inside = record.folder
                    && plan::manifest_inside(home).is_some_and(|m| {
                        m.file_name() == self.manifest.file_name() && !home.join(&record.name).is_dir()
                    });
                if inside {
                    home.to_owned()
                } else {
                    let name = Path::new(&record.name).file_name().unwrap_or_default();
                    // Shown as people would write it.
                    if home == Path::new(".") { name.into() } else { home.join(name) }
                }
            }
        }
    }

    /// Files in an output folder that the manifest does not list, relative to the folder: the first ones in the order of their names.
    pub(crate) fn unlisted(&self, record: &OutputRecord, files: &[FileRecord]) -> Vec<PathBuf> {
        if !record.folder {
            return Vec::new();
        }
        let home = self.output(record);
        let (mut todo, mut found, mut looked) = (vec![PathBuf::new()], Vec::new(), 0);
        while let Some(folder) = todo.pop() {
            let entries = std::fs::read_dir(home.join(&folder)).into_iter().flatten().flatten();
            for entry in entries.take(MAX_ENTRIES) {
                looked += 1;
                let name = folder.join(entry.file_name());
                match entry.file_type() {
                    _ if looked > MAX_ENTRIES => break,
                    Ok(kind) if kind.is_dir() => todo.push(name),
                    _ if files.iter().any(|f| Path::new(&f.name) == name) || home.join(&name) == self.manifest => {}
                    _ => found.push(name),
                }
            }
        }
        found.sort();
        found
    }

    /// The paths of the output's files. A single file may have been renamed since. `None` for a name that leads out of its folder.
    pub(crate) fn files(&self, record: &OutputRecord, files: &[FileRecord]) -> Vec<Option<PathBuf>> {
        let output = self.output(record);
        if let ([_], false) = (files, record.folder) {
            return vec![Some(output)];
        }
        let home = if record.folder { output.as_path() } else { files::parent_of(&output) };
        let plain = |name: &str| Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        files.iter().map(|f| plain(&f.name).then(|| home.join(&f.name))).collect()
    }
}
