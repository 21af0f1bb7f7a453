//! An output under its `.part` name: locked while written, checked, synced, renamed; removed when anything goes wrong.

use crate::model::{ModelError, Result};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file being written beside its destination. Dropping it without [`PartFile::publish`] removes it.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    part: PathBuf,
    destination: PathBuf,
    kept: bool,
}

/// The name an output has until it is whole.
pub fn part_path(destination: &Path) -> PathBuf {
    let mut name = destination.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    destination.with_file_name(name)
}

impl PartFile {
    /// Creates `<destination>.part` at its full size, taking a lock that says a living process writes it. With `resume`, data
    /// that an earlier process left there is kept.
    ///
    /// # Errors
    /// When the folder cannot be written or another process is writing the same output.
    pub fn create(destination: &Path, bytes: u64, resume: bool) -> Result<Self> {
        let part = part_path(destination);
        let fail = |e| ModelError::io(&part, "creating", e);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part).map_err(fail)?;
        if file.try_lock().is_err() {
            let hint = "Wait for it, cancel it (`remold jobs`), or choose another output.";
            return Err(ModelError::request("another job is writing this output").in_file(destination).with_hint(hint));
        }
        let mut this = Self { file, part: part.clone(), destination: destination.to_owned(), kept: false };
        if !resume {
            this.file.set_len(0).map_err(fail)?;
        }
        this.kept = resume;
        this.file.set_len(bytes).map_err(fail)?;
        this.kept = false;
        Ok(this)
    }

    /// Writes at an absolute offset; may be called from many threads.
    ///
    /// # Errors
    /// I/O errors; a full disk is told by its own hint.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(|e| self.explain("writing", e))
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// I/O errors.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| self.explain("syncing", e))
    }

    fn explain(&self, what: &str, e: std::io::Error) -> ModelError {
        let full = e.kind() == std::io::ErrorKind::StorageFull || e.kind() == std::io::ErrorKind::QuotaExceeded;
        let error = ModelError::io(&self.part, what, e);
        if full {
            error.with_hint("Free some space or choose another disk with -o; the unfinished file is removed.")
        } else {
            error
        }
    }

    /// Path of the unfinished file.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Syncs the file and gives it its final name.
    ///
    /// # Errors
    /// I/O errors; the unfinished file is then removed.
    pub fn publish(mut self) -> Result<()> {
        self.sync()?;
        fs::rename(&self.part, &self.destination).map_err(|e| ModelError::io(&self.destination, "renaming", e))?;
        self.kept = true;
        // The rename itself is made durable; a file system that cannot sync folders is no reason to fail.
        if let Some(Ok(folder)) =
            self.destination.parent().map(|p| File::open(if p.as_os_str().is_empty() { Path::new(".") } else { p }))
        {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_leaves_nothing_and_published_stands() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("x.gguf");
        drop(PartFile::create(&out, 10, false).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let part = PartFile::create(&out, 4, false).unwrap();
        part.write_at(b"ab", 2).unwrap();
        assert!(PartFile::create(&out, 4, false).is_err(), "a second writer is refused");
        part.publish().unwrap();
        assert_eq!(fs::read(&out).unwrap(), b"\0\0ab");
        assert!(!part_path(&out).exists());
    }
}
