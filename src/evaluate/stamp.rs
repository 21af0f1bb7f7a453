//! The files of a model as they were when they were compared.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The files of a model as they are: path, bytes, time of the last change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Stamp {
    /// Of these files now.
    pub(super) fn of<'p>(files: impl Iterator<Item = &'p Path>) -> Self {
        let stamp = |path: &Path| {
            let meta = std::fs::metadata(path).ok();
            (path.to_owned(), meta.as_ref().map_or(0, std::fs::Metadata::len), meta.and_then(|m| m.modified().ok()))
        };
        Self(files.map(stamp).collect())
    }

    /// True if the files are unchanged. This is unknown for files without a time.
    pub(super) fn holds(&self) -> bool {
        self.0.iter().all(|(_, _, time)| time.is_some()) && Self::of(self.0.iter().map(|(p, ..)| p.as_path())) == *self
    }
}
