//! From what a user names (a file, a folder, a manifest) to a manifest and the files that it speaks of.

use super::types::{FileRecord, OutputRecord};
use crate::files;
use crate::plan;
use std::path::{Path, PathBuf};

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
    let inside = plan::manifest_inside(path).filter(|_| path.is_dir());
    let candidates = [plan::manifest_beside(path), inside];
    let manifest = candidates.into_iter().flatten().find(|m| plan::is_manifest(m))?;
    Some(Found { manifest, output: Some(path.to_owned()) })
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
                    home.join(Path::new(&record.name).file_name().unwrap_or_default())
                }
            }
        }
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
