//! An output file before it has its name: exclusively created, locked while it is written, removed unless it is kept.

use crate::files;
use crate::model::{Hint, ModelError, Place, Remedy, Result};
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
pub(crate) struct PartFile {
    file: File,
    path: PathBuf,
    /// What it will be called: errors speak of that.
    destination: PathBuf,
    kept: AtomicBool,
    /// It was created by this process.
    new: bool,
}

/// A finished file, whatever its name: its inode, and the time at which it was last written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i128,
}

impl Identity {
    /// That of a file with this metadata.
    pub(crate) fn of(meta: &fs::Metadata) -> Self {
        let stamp = files::FileStamp::from(meta);
        Self { inode: stamp.ino, bytes: stamp.bytes, mtime_ns: stamp.mtime_ns }
    }

    /// True if a regular file with this identity has that path.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|m| m.is_file() && Self::of(&m) == *self)
    }
}

/// Bytes that [`stem`] takes at most, so that names stay within the 255 bytes that file systems allow. What follows it has at most 54: `.remold-`, a job's number, `-`, a token and `.part`.
const STEM_MAX: usize = 200;

/// Bytes of a job's identifier that are part of the names of its files. Numbers have at most 20 digits; the token alone makes a name unique.
const JOB_MAX: usize = 24;

/// How every hidden name for a file called `name` begins, whichever job it is of. A long name is cut, and has its checksum at the end
/// so that two names that begin alike stay different.
pub(crate) fn stem(name: &str) -> String {
    if name.len() < STEM_MAX {
        return format!(".{name}");
    }
    let end = name.floor_char_boundary(STEM_MAX - 10);
    format!(".{}.{:08x}", &name[..end], crc32fast::hash(name.as_bytes()))
}

/// The name under which an attempt of a job writes what will be called `name`: hidden, and no other job's or attempt's.
pub(crate) fn part_name(name: &str, job: &str, token: &str) -> String {
    format!("{}{}", stem(name), part_end(job, token))
}

/// How the names of an attempt's files end.
pub(crate) fn part_end(job: &str, token: &str) -> String {
    let job = &job[..job.floor_char_boundary(JOB_MAX)];
    format!(".remold-{job}-{token}.part")
}

/// True for the names of part files.
pub fn is_part_name(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".part") && name.contains(".remold-")
}

/// The job of which a living process is writing `destination`, by the name of the unfinished file.
pub(crate) fn writer(destination: &Path) -> Option<String> {
    let folder = files::parent_of(destination);
    let name = destination.file_name().unwrap_or_default().to_string_lossy();
    let stem = format!("{}.remold-", stem(&name));
    let locked =
        |path: &Path| files::open(path).is_ok_and(|f| matches!(f.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
    fs::read_dir(folder).ok()?.flatten().find_map(|e| {
        let found = e.file_name().to_string_lossy().into_owned();
        if !is_part_name(&found) || !found.starts_with(&stem) {
            return None;
        }
        let written = match e.file_type() {
            Ok(kind) if kind.is_file() => locked(&e.path()),
            Ok(kind) if kind.is_dir() => {
                fs::read_dir(e.path()).into_iter().flatten().flatten().any(|inner| locked(&inner.path()))
            }
            _ => false,
        };
        let job = || found[stem.len()..].rsplit_once('-').map_or("", |(job, _)| job).to_owned();
        written.then(job)
    })
}

impl PartFile {
    /// Creates the file at its full size, to become `destination` later. Nothing may have the name `path`.
    ///
    /// # Errors
    /// When the folder cannot be written, or something has the name.
    pub(crate) fn create(path: &Path, destination: &Path, bytes: u64, mode: u32) -> Result<Self> {
        let fail = |e| ModelError::io(destination, "creating", e);
        let file = files::create_new(path, mode).map_err(fail)?;
        Self::begin(file, path, destination, bytes, LOCK_PATIENCE)
    }

    /// Locks a new file and gives it its size. A process that looks whether the file is being written holds the lock for a moment.
    fn begin(file: File, path: &Path, destination: &Path, bytes: u64, patience: Duration) -> Result<Self> {
        let (path, destination) = (path.to_owned(), destination.to_owned());
        let this = Self { file, path, destination, kept: AtomicBool::new(false), new: true };
        if !files::lock(&this.file, patience) {
            let what = "another process has locked the unfinished file that was just created";
            let hint = Hint::from("Stop the program that locks new files in this folder, or ")
                .then(Remedy::GiveOutput(Place::Another))
                .then(".");
            return Err(ModelError::request(what).in_file(&this.destination).with_hint(hint));
        }
        this.file.set_len(bytes).map_err(|e| this.explain("creating", e))?;
        Ok(this)
    }

    /// Opens the file of an earlier attempt; `None` when what has the name cannot be it. It is kept when dropped, until
    /// [`PartFile::remove_when_dropped`] is called.
    ///
    /// # Errors
    /// A request error when another process holds its lock.
    pub(crate) fn reopen(path: &Path, destination: &Path, bytes: u64) -> Result<Option<Self>> {
        let Ok(file) = files::reopen(path) else { return Ok(None) };
        let Ok(meta) = file.metadata() else { return Ok(None) };
        if !files::lock(&file, LOCK_PATIENCE) {
            let hint = Hint::from("Wait for it, or cancel it (").then(Remedy::Run("jobs".to_owned())).then(").");
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
        Ok(Some(Self { file, path, destination, kept: AtomicBool::new(true), new: false }))
    }

    /// Writes at an absolute offset; may be called from many threads.
    ///
    /// # Errors
    /// I/O errors; a full disk has a hint of its own.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(|e| self.explain("writing", e))?;
        files::start_writeback(&self.file, offset, bytes.len() as u64);
        Ok(())
    }

    /// The bytes of a stretch of the file, from the reader of this file, with `buffer` as their place.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn read_back<'b>(
        &self,
        reader: &files::DiskReader<'_>,
        offset: u64,
        bytes: usize,
        buffer: &'b mut Vec<u8>,
    ) -> Result<&'b [u8]> {
        reader.read(offset, bytes, buffer).map_err(|e| self.explain("reading back", e).at(offset))
    }

    /// Checks that the file has the size it was created with: no other process truncated it or appended to it.
    ///
    /// # Errors
    /// A bad-file error that gives both sizes; I/O errors.
    pub(crate) fn check_size(&self, bytes: u64) -> Result<()> {
        let now = self.file.metadata().map_err(|e| self.explain("reading back", e))?.len();
        if now == bytes {
            return Ok(());
        }
        let what = format!("the unfinished file has {now} bytes instead of {bytes}: another program changed it");
        Err(ModelError::bad(what).in_file(&self.destination).with_hint("Start the conversion again."))
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn sync_data(&self) -> Result<()> {
        files::sync_data(&self.file, &self.path).map_err(|e| self.explain("syncing", e))
    }

    /// Brings what was written, and the permissions, to the disk.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn sync(&self) -> Result<()> {
        files::sync_file(&self.file, &self.path).map_err(|e| self.explain("syncing", e))
    }

    /// A reader of what is on the disk. Nothing may be written while it lives.
    pub(crate) fn on_disk(&self) -> files::DiskReader<'_> {
        files::DiskReader::new(&self.file)
    }

    fn explain(&self, what: &str, e: io::Error) -> ModelError {
        let full = e.kind() == io::ErrorKind::StorageFull || e.kind() == io::ErrorKind::QuotaExceeded;
        let error = ModelError::io(&self.destination, what, e);
        if full {
            error.with_hint(
                Hint::from("Free some space or ")
                    .then(Remedy::GiveOutput(Place::AnotherDisk))
                    .then("; the unfinished file is removed."),
            )
        } else {
            error
        }
    }

    /// True if this process created the file; false for one of an earlier attempt.
    pub(crate) fn is_new(&self) -> bool {
        self.new
    }

    /// The path it will have.
    pub(crate) fn destination(&self) -> &Path {
        &self.destination
    }

    /// Path of the unfinished file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What identifies the file and its contents; renaming does not change it.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn identity(&self) -> Result<Identity> {
        let meta = self.file.metadata().map_err(|e| self.explain("reading", e))?;
        Ok(Identity::of(&meta))
    }

    /// Gives the file the permissions of what it replaces, so far as the sources allow (`allowed`: the bits of [`crate::plan::Prepared::mode`]).
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn take_mode_of(&self, replaced: &fs::Metadata, allowed: u32) -> Result<()> {
        let fail = |e| self.explain("setting the permissions of", e);
        let mode = replaced.mode() & 0o777 & (allowed | 0o700);
        let mode = rustix::fs::Mode::from_raw_mode(mode as rustix::fs::RawMode);
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = (rustix::fs::Uid::from_raw(replaced.uid()), rustix::fs::Gid::from_raw(replaced.gid()));
            // A file system without owners is not a reason to fail.
            let _ = rustix::fs::fchown(&self.file, Some(uid), Some(gid));
        }
        rustix::fs::fchmod(&self.file, mode).map_err(|e| fail(e.into()))
    }

    /// Leaves the file where it is when this is dropped: it was published, or a later attempt continues with it.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Removes the file when this is dropped.
    pub(crate) fn remove_when_dropped(&self) {
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

    /// Longest name of a file on the file systems in use, in bytes.
    const NAME_MAX: usize = 255;

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
        assert!(writer(&dir.path().join("x.gguf")).is_some() && writer(&dir.path().join("y.gguf")).is_none());
        part.keep();
        drop(part);
        assert!(writer(&dir.path().join("x.gguf")).is_none());
        assert!(PartFile::reopen(&path, &path, 5).unwrap().is_none(), "another size");
        let part = PartFile::reopen(&path, &path, 4).unwrap().unwrap();
        assert_eq!(part.read_back(&part.on_disk(), 0, 4, &mut Vec::new()).unwrap(), b"\0\0ab");
    }

    #[test]
    fn long_names_are_cut_to_what_the_file_system_takes() {
        let (token, longest_job) = ("0123456789abcdef", "9".repeat(40));
        for name in ["ä".repeat(127), "x".repeat(255), "x".repeat(200), "x".repeat(199)] {
            let part = part_name(&name, &longest_job, token);
            assert!(part.len() <= NAME_MAX && is_part_name(&part), "{} {}", name.len(), part.len());
        }
        let (one, other) = ("x".repeat(250), format!("{}y", "x".repeat(249)));
        assert_ne!(stem(&one), stem(&other));
    }

    #[test]
    fn another_job_that_writes_a_long_name_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["x.gguf".to_owned(), format!("{}.gguf", "x".repeat(220)), format!("{}.gguf", "ä".repeat(124))] {
            let path = dir.path().join(part_name(&name, "12", "0123456789abcdef"));
            let part = PartFile::create(&path, &dir.path().join(&name), 4, 0o666).unwrap();
            assert!(writer(&dir.path().join(&name)).is_some(), "{} bytes", name.len());
            assert!(writer(&dir.path().join(&name[..name.len() - 1])).is_none(), "{} bytes", name.len());
            drop(part);
        }
    }

    #[test]
    fn a_new_file_that_another_process_locks_is_waited_for_and_then_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.part");
        let create = || files::create_new(&path, 0o666).unwrap();
        let (file, held) = (create(), File::open(&path).unwrap());
        held.try_lock_shared().unwrap();
        let e = PartFile::begin(file, &path, &path, 4, Duration::from_millis(20)).unwrap_err();
        assert!(e.to_string().contains("has locked the unfinished file"), "{e}");
        assert!(!path.exists(), "what was created is removed");
        // A process that only checks the lock releases it.
        let (file, held) = (create(), File::open(&path).unwrap());
        held.try_lock_shared().unwrap();
        let part = std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                drop(held);
            });
            PartFile::begin(file, &path, &path, 4, LOCK_PATIENCE).unwrap()
        });
        let other = File::open(&path).unwrap();
        assert!(matches!(other.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
        drop(part);
    }
}
