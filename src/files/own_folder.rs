//! A folder of this user in a place that others may write to.
//!
//! The folder is used through its descriptor, so nothing that others do to its name has an effect: a link of that name is not followed, and a
//! folder that belongs to others, or that they can write to, is refused.

use super::{create_new, create_private_folder, parent_of, random_token};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RawMode, Stat, fchmod, fstat, open, openat, statat, unlinkat};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Permissions of a folder or file that let others write to it.
const OTHERS_WRITE: u32 = 0o022;

/// A folder whose contents nobody but this user made.
#[derive(Debug)]
pub(crate) struct OwnFolder {
    dir: OwnedFd,
}

impl OwnFolder {
    /// Opens a folder. In a place that only this user or root can write to, every folder is accepted.
    ///
    /// # Errors
    /// I/O errors; `PermissionDenied` for the folder of another user and for one that others can write to.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let dir = open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let stat = fstat(&dir)?;
        let own = stat.st_mode & OTHERS_WRITE == 0 && is_own_uid(stat.st_uid, path);
        if own || is_closed(parent_of(path)) {
            return Ok(Self { dir });
        }
        let what = "the folder belongs to another user, or others can write to it";
        Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
    }

    /// Opens a folder; creates it, for its owner only, if it is missing.
    ///
    /// # Errors
    /// As [`OwnFolder::open`].
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        match Self::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                create_private_folder(path)?;
                Self::open(path)
            }
            other => other,
        }
    }

    /// Sets the permissions of the folder.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(&self.dir, Mode::from_raw_mode(mode as RawMode))?)
    }

    /// The names in the folder, as far as they are text.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = Dir::read_from(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(|e| Some(e.file_name().to_str().ok()?.to_owned())).collect()
    }

    /// Opens a file of the folder for writing; creates it, for its owner only, if it is missing. Nothing in it changes.
    ///
    /// # Errors
    /// I/O errors; `InvalidInput` when it is not a regular file.
    pub(crate) fn file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.dir, name, flags, Mode::RUSR | Mode::WUSR)?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        }
    }

    /// Removes a file of the folder if it is regular and empty; anything else stays.
    pub(crate) fn remove_empty(&self, name: &str) {
        let is_empty = |s: Stat| FileType::from_raw_mode(s.st_mode) == FileType::RegularFile && s.st_size == 0;
        if statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(is_empty) {
            let _ = unlinkat(&self.dir, name, AtFlags::empty());
        }
    }
}

/// True if only this user, or root, can write to the folder.
pub(crate) fn is_closed(folder: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    std::fs::metadata(folder).is_ok_and(|m| m.mode() & OTHERS_WRITE == 0 && (m.uid() == me || m.uid() == 0))
}

/// True if what has this metadata, below `folder`, was made by this user.
pub(crate) fn is_own(meta: &Metadata, folder: &Path) -> bool {
    is_own_uid(meta.uid(), folder)
}

/// True if files that this user makes in the folder get that owner. On some mounts this is not the user: a server may map root to nobody, and a file
/// system without owners reports the same one for all files.
fn is_own_uid(uid: u32, folder: &Path) -> bool {
    uid == rustix::process::geteuid().as_raw() || uid_of_new_file(folder) == Some(uid)
}

fn uid_of_new_file(folder: &Path) -> Option<u32> {
    let probe: PathBuf = folder.join(format!(".probe-{}", random_token()));
    let uid = create_new(&probe, 0o600).and_then(|file| file.metadata()).map(|m| m.uid()).ok();
    let _ = std::fs::remove_file(&probe);
    uid
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_link_and_a_folder_that_others_write_to_are_refused_where_others_may_write() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("victim")).unwrap();
        symlink(at("victim"), at("link")).unwrap();
        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), Permissions::from_mode(0o777)).unwrap();
        assert!(OwnFolder::open(&at("open")).is_ok() && OwnFolder::open(&at("link")).is_err());
        fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(OwnFolder::create(&at("link")).is_err() && OwnFolder::create(&at("open")).is_err());
        assert!(OwnFolder::create(&at("new")).is_ok() && OwnFolder::open(&at("victim")).is_ok());
    }

    #[test]
    fn only_empty_regular_files_are_removed_and_links_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let folder = OwnFolder::open(dir.path()).unwrap();
        fs::write(at("full"), "x").unwrap();
        symlink(at("nowhere"), at("link")).unwrap();
        folder.file("empty").unwrap();
        assert!(folder.file("link").is_err() && !at("nowhere").exists());
        for name in ["full", "link", "empty"] {
            folder.remove_empty(name);
        }
        let mut names = folder.names();
        names.retain(|n| !n.starts_with('.'));
        names.sort();
        assert_eq!(names, ["full", "link"]);
    }
}
