//! Identifies a file and shows whether it was changed.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Identity and times of a file at one moment. Two equal stamps mean that the file was not written to in between: a program can set
/// the modification time back, but not the change time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileStamp {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Change time (contents, mode, links), nanoseconds since 1970.
    pub ctime_ns: i128,
    /// Permission bits.
    pub mode: u32,
}

impl FileStamp {
    /// The stamp of a path; links are followed.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|m| Self::from(&m))
    }

    /// The stamp of an open file.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        file.metadata().map(|m| Self::from(&m))
    }

    /// True if both are of the same file, changed or not.
    pub(crate) fn same_file(&self, other: &Self) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }

    /// True if the file was written to between `self` and `later`, both taken from the same open file, judging by size and modification
    /// time. A program can set that time back: see [`FileStamp::touched`].
    pub(crate) fn rewritten(&self, later: &Self) -> bool {
        !self.same_file(later) || self.bytes != later.bytes || self.mtime_ns != later.mtime_ns
    }

    /// True if the contents, the mode, the times or the names of the file changed between `self` and `later`.
    pub(crate) fn touched(&self, later: &Self) -> bool {
        self.rewritten(later) || self.ctime_ns != later.ctime_ns
    }
}

impl From<&Metadata> for FileStamp {
    fn from(m: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            dev: m.dev(),
            ino: m.ino(),
            bytes: m.len(),
            mtime_ns: nanos(m.mtime(), m.mtime_nsec()),
            ctime_ns: nanos(m.ctime(), m.ctime_nsec()),
            mode: m.mode() & 0o7777,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_rewrite_with_the_old_time_touches_the_file_and_a_removal_does_not_rewrite_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, b"abcd").unwrap();
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let before = FileStamp::of_file(&file).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!before.rewritten(&FileStamp::of_file(&file).unwrap()));
        let modified = file.metadata().unwrap().modified().unwrap();
        // Change times advance with the kernel's clock tick.
        std::thread::sleep(std::time::Duration::from_millis(20));
        file.write_all_at(b"x", 0).unwrap();
        file.set_modified(modified).unwrap();
        let after = FileStamp::of_file(&file).unwrap();
        assert_eq!((after.bytes, after.mtime_ns), (before.bytes, before.mtime_ns));
        assert!(!before.rewritten(&after) && before.touched(&after));
    }
}
