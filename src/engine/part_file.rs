//! An output file before it has its name: exclusively created, locked while it is written, removed unless it is kept.

use crate::files;
use crate::model::{ModelError, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the lock of a part file is waited for when its job is resumed: the process that held it may still be dying.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// A file being written. Dropping it removes it, unless it was kept or published.
#[derive(Debug)]
pub struct PartFile {
    file: File,
    path: PathBuf,
    /// What it will be called: errors speak of that.
    destination: PathBuf,
    kept: AtomicBool,
}

/// A finished file, whatever its name: its inode, and the time at which it was last written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i128,
}

impl Identity {
    /// That of a file with this metadata.
    pub fn of(meta: &fs::Metadata) -> Self {
        let stamp = files::FileStamp::from(meta);
        Self { inode: stamp.ino, bytes: stamp.bytes, mtime_ns: stamp.mtime_ns }
    }

    /// True if a regular file with this identity has that path.
    pub fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|m| m.is_file() && Self::of(&m) == *self)
    }
}

/// Longest name of a file on the file systems in use, in bytes.
const NAME_MAX: usize = 255;

/// The name under which an attempt of a job writes what will be called `name`: hidden, and no other job's or attempt's.
pub fn part_name(name: &str, job: &str, token: &str) -> String {
    let mut tail = format!(".remold-{job}-{token}.part");
    if name.len() + tail.len() + 1 > NAME_MAX {
        // Names that are cut to the same text stay different.
        tail = format!(".{:08x}{tail}", crc32fast::hash(name.as_bytes()));
    }
    let mut end = name.len().min(NAME_MAX - 1 - tail.len().min(NAME_MAX - 1));
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!(".{}{tail}", &name[..end])
}

/// True for the names of part files.
pub fn is_part_name(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".part") && name.contains(".remold-")
}

/// Unfinished files of `destination` that a living process is writing, whichever job it is of.
pub fn is_being_written(destination: &Path) -> bool {
    let folder = files::parent_of(destination);
    let name = destination.file_name().unwrap_or_default().to_string_lossy();
    let stem: String = part_name(&name, "", "").trim_end_matches("-.part").to_owned();
    let locked =
        |path: &Path| File::open(path).is_ok_and(|f| matches!(f.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|e| {
        let found = e.file_name().to_string_lossy().into_owned();
        if !is_part_name(&found) || !found.starts_with(&stem) {
            return false;
        }
        match e.file_type() {
            Ok(kind) if kind.is_file() => locked(&e.path()),
            Ok(kind) if kind.is_dir() => {
                fs::read_dir(e.path()).into_iter().flatten().flatten().any(|inner| locked(&inner.path()))
            }
            _ => false,
        }
    })
}

impl PartFile {
    /// Creates the file at its full size, to become `destination` later. Nothing may have the name `path`.
    ///
    /// # Errors
    /// When the folder cannot be written, or something has the name.
    pub fn create(path: &Path, destination: &Path, bytes: u64, mode: u32) -> Result<Self> {
        let fail = |e| ModelError::io(destination, "creating", e);
        let file = files::create_new(path, mode).map_err(fail)?;
        let (path, destination) = (path.to_owned(), destination.to_owned());
        let this = Self { file, path, destination, kept: AtomicBool::new(false) };
        files::lock(&this.file, Duration::ZERO);
        this.file.set_len(bytes).map_err(|e| this.explain("creating", e))?;
        Ok(this)
    }

    /// Opens the file of an earlier attempt; `None` when what has the name cannot be it. It is kept when dropped, until
    /// [`PartFile::remove_when_dropped`] is called.
    ///
    /// # Errors
    /// A request error when another process holds its lock.
    pub fn reopen(path: &Path, destination: &Path, bytes: u64) -> Result<Option<Self>> {
        let Ok(file) = files::reopen(path) else { return Ok(None) };
        let Ok(meta) = file.metadata() else { return Ok(None) };
        if !files::lock(&file, LOCK_PATIENCE) {
            let hint = "Wait for it, or cancel it (`remold jobs`).";
            return Err(ModelError::request("another process is writing this output")
                .in_file(destination)
                .with_hint(hint));
        }
        // The process that held the lock may have renamed or removed the file meanwhile.
        let now = fs::symlink_metadata(path).ok();
        let same = now.is_some_and(|n| (n.dev(), n.ino()) == (meta.dev(), meta.ino()) && n.len() == bytes);
        if !same {
            return Ok(None);
        }
        let (path, destination) = (path.to_owned(), destination.to_owned());
        Ok(Some(Self { file, path, destination, kept: AtomicBool::new(true) }))
    }

    /// Writes at an absolute offset; may be called from many threads.
    ///
    /// # Errors
    /// I/O errors; a full disk has a hint of its own.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(|e| self.explain("writing", e))
    }

    /// The bytes of a stretch of the file, from the reader of this file, with `buffer` as their place.
    ///
    /// # Errors
    /// I/O errors.
    pub fn read_back<'b>(
        &self,
        reader: &files::DiskReader<'_>,
        offset: u64,
        bytes: usize,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b [u8]> {
        reader.read(offset, bytes, buffer).map_err(|e| self.explain("reading back", e).at(offset))
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// I/O errors.
    pub fn sync_data(&self) -> Result<()> {
        files::sync_data(&self.file, &self.path).map_err(|e| self.explain("syncing", e))
    }

    /// Brings what was written, and the permissions, to the disk.
    ///
    /// # Errors
    /// I/O errors.
    pub fn sync(&self) -> Result<()> {
        files::sync_file(&self.file, &self.path).map_err(|e| self.explain("syncing", e))
    }

    /// A reader of what is on the disk. Nothing may be written while it lives.
    pub fn on_disk(&self) -> files::DiskReader<'_> {
        files::DiskReader::new(&self.file)
    }

    fn explain(&self, what: &str, e: io::Error) -> ModelError {
        let full = e.kind() == io::ErrorKind::StorageFull || e.kind() == io::ErrorKind::QuotaExceeded;
        let error = ModelError::io(&self.destination, what, e);
        if full {
            error.with_hint("Free some space or choose another disk with -o; the unfinished file is removed.")
        } else {
            error
        }
    }

    /// The path it will have.
    pub fn destination(&self) -> &Path {
        &self.destination
    }

    /// Path of the unfinished file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What identifies the file and its contents; renaming does not change it.
    ///
    /// # Errors
    /// I/O errors.
    pub fn identity(&self) -> Result<Identity> {
        let meta = self.file.metadata().map_err(|e| self.explain("reading", e))?;
        Ok(Identity::of(&meta))
    }

    /// Gives the file the permissions of what it replaces, so far as the sources allow (`allowed`: the bits of [`crate::plan::Prepared::mode`]).
    ///
    /// # Errors
    /// I/O errors.
    pub fn take_mode_of(&self, replaced: &fs::Metadata, allowed: u32) -> Result<()> {
        let fail = |e| self.explain("setting the permissions of", e);
        let mode = replaced.mode() & 0o777 & (allowed | 0o700);
        let mode = rustix::fs::Mode::from_raw_mode(mode as rustix::fs::RawMode);
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = (rustix::fs::Uid::from_raw(replaced.uid()), rustix::fs::Gid::from_raw(replaced.gid()));
            // A file system without owners is no reason to fail.
            let _ = rustix::fs::fchown(&self.file, Some(uid), Some(gid));
        }
        rustix::fs::fchmod(&self.file, mode).map_err(|e| fail(e.into()))
    }

    /// Leaves the file where it is when this is dropped: it was published, or an attempt to come goes on with it.
    pub fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Removes the file when this is dropped.
    pub fn remove_when_dropped(&self) {
        self.kept.store(false, Ordering::Relaxed);
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        #[cfg(test)]
        if files::fault::is_dead(&self.path) {
            return;
        }
        if !self.kept.load(Ordering::Relaxed) {
            let _ = files::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_created_alone_and_dropped_unless_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(part_name("x.gguf", "3", "0123456789abcdef"));
        assert_eq!(path.file_name().unwrap(), ".x.gguf.remold-3-0123456789abcdef.part");
        assert!(is_part_name(".x.gguf.remold-3-0123456789abcdef.part") && !is_part_name("x.gguf.part"));
        drop(PartFile::create(&path, &path, 10, 0o666).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(&path, b"foreign").unwrap();
        assert!(PartFile::create(&path, &path, 4, 0o666).is_err(), "what is there is never opened");
        assert_eq!(fs::read(&path).unwrap(), b"foreign");
        fs::remove_file(&path).unwrap();

        let part = PartFile::create(&path, &path, 4, 0o666).unwrap();
        part.write_at(b"ab", 2).unwrap();
        assert!(is_being_written(&dir.path().join("x.gguf")) && !is_being_written(&dir.path().join("y.gguf")));
        part.keep();
        drop(part);
        assert!(!is_being_written(&dir.path().join("x.gguf")));
        assert!(PartFile::reopen(&path, &path, 5).unwrap().is_none(), "another size");
        let part = PartFile::reopen(&path, &path, 4).unwrap().unwrap();
        assert_eq!(part.read_back(&part.on_disk(), 0, 4, &mut Vec::new()).unwrap(), b"\0\0ab");
    }

    #[test]
    fn long_names_are_cut_to_what_the_file_system_takes() {
        let name = part_name(&"ä".repeat(127), "12", "0123456789abcdef");
        assert!(name.len() <= NAME_MAX && name.len() > NAME_MAX - 3 && is_part_name(&name), "{}", name.len());
    }
}
