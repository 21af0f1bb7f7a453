//! Files that a model was opened from, and whether they are still what they were then.

use super::{ModelError, Result};
use crate::files::{FileStamp, WriteWatch};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file as it was before anything was read from it.
#[derive(Clone, Debug)]
pub struct OpenedFile {
    /// Its path.
    pub path: PathBuf,
    /// The open file, for those that are read during the conversion too.
    pub file: Option<Arc<File>>,
    /// How it was.
    pub stamp: FileStamp,
}

impl OpenedFile {
    /// For an open file that nothing was read from yet.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn new(path: &Path, file: &Arc<File>) -> Result<Self> {
        let stamp = FileStamp::of_file(file).map_err(|e| ModelError::io(path, "reading", e))?;
        Ok(Self { path: path.to_owned(), file: Some(file.clone()), stamp })
    }

    /// For a file that is read whole from its path, afterwards.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn by_path(path: &Path) -> Result<Self> {
        let stamp = FileStamp::of_path(path).map_err(|e| ModelError::io(path, "reading", e))?;
        Ok(Self { path: path.to_owned(), file: None, stamp })
    }

    /// Checks that the file is still what it was. One that was written to, or whose path is another file's now, is not.
    ///
    /// A trainer may remove a checkpoint while it is read. That changes the change time as a write does, so the times cannot show that
    /// the contents stayed the same; `watch`, which saw every write since the file was last found unchanged, can.
    ///
    /// # Errors
    /// A bad-file error that says what changed, or that the file was removed and was not watched.
    pub(crate) fn check(&self, watch: Option<&WriteWatch>) -> Result<()> {
        let by_path = FileStamp::of_path(&self.path);
        let removed = by_path.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        if let Some(file) = &self.file {
            let now = FileStamp::of_file(file).map_err(|e| ModelError::io(&self.path, "reading", e))?;
            if self.stamp.rewritten(&now) {
                return Err(self.changed(&now));
            }
            if self.stamp.touched(&now) {
                match watch.and_then(|w| w.was_written(&now)) {
                    // One of its names came or went, or its mode was changed.
                    Some(false) => {}
                    Some(true) if removed => return Err(self.error("it was modified and then removed")),
                    Some(true) => return Err(self.changed(&now)),
                    None if removed => return Err(self.removed()),
                    None => return Err(self.changed(&now)),
                }
            }
        }
        match by_path {
            Ok(now) if self.file.is_none() && self.stamp.touched(&now) => Err(self.changed(&now)),
            Ok(now) if !self.stamp.same_file(&now) => Err(self.error("it was replaced by another file")),
            Ok(_) => Ok(()),
            Err(_) if removed && self.file.is_some() => Ok(()),
            Err(e) => Err(ModelError::io(&self.path, "reading", e)),
        }
    }

    fn removed(&self) -> ModelError {
        let what =
            "the file was removed while it was being converted, and it is unknown whether it was modified before that";
        ModelError::bad(what).in_file(&self.path).with_hint("Convert a copy that is kept until the conversion ends.")
    }

    fn changed(&self, now: &FileStamp) -> ModelError {
        let was = &self.stamp;
        let what = if !was.same_file(now) {
            "it was replaced by another file".to_owned()
        } else if was.bytes != now.bytes {
            format!("its size changed from {} to {} bytes", was.bytes, now.bytes)
        } else {
            "it was modified".to_owned()
        };
        self.error(&what)
    }

    fn error(&self, what: &str) -> ModelError {
        let hint = "Start again after the program that writes the file has finished.";
        ModelError::bad(format!("the file changed while it was being converted: {what}"))
            .in_file(&self.path)
            .with_hint(hint)
    }
}
