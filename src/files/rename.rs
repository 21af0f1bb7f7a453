//! Renames that only replace what they were asked to replace.

use super::point;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs;
use std::io;
use std::path::Path;

/// Renames `from` to `to` on the same file system. Replaces an existing entry at `to`.
///
/// # Errors
/// I/O errors.
pub(crate) fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    point("rename", to)?;
    fs::rename(from, to)
}

/// Renames a file or a folder to a name that must be free.
///
/// # Errors
/// `AlreadyExists` when the name is taken; other I/O errors.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    point("rename", to)?;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(e) if is_unsupported(e) => rename_new_by_link(from, to),
        other => other.map_err(io::Error::from),
    }
}

/// For file systems without `RENAME_NOREPLACE`: a hard link never replaces anything.
fn rename_new_by_link(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from)?.is_dir() {
        // A folder replaces at most an empty folder.
        return match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        };
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        // If neither is supported, the window between the check and the rename remains.
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Exchanges two names atomically. `false` if the system cannot.
///
/// # Errors
/// I/O errors.
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<bool> {
    point("exchange", b)?;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(e) if is_unsupported(e) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

fn is_unsupported(e: Errno) -> bool {
    matches!(e, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOTTY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |n: &str| dir.path().join(n);
        type Rename = fn(&Path, &Path) -> io::Result<()>;
        for rename in [rename_new as Rename, rename_new_by_link as Rename] {
            fs::write(at("a"), b"a").unwrap();
            fs::write(at("b"), b"b").unwrap();
            fs::create_dir(at("d")).unwrap();
            fs::create_dir(at("e")).unwrap();
            for (from, to) in [("a", "b"), ("d", "e"), ("a", "e")] {
                assert_eq!(rename(&at(from), &at(to)).unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{from} {to}");
            }
            assert_eq!(fs::read(at("b")).unwrap(), b"b");
            rename(&at("a"), &at("c")).unwrap();
            rename(&at("d"), &at("f")).unwrap();
            assert!(!at("a").exists() && at("c").is_file() && at("f").is_dir());
            for file in ["b", "c"] {
                fs::remove_file(at(file)).unwrap();
            }
            for folder in ["e", "f"] {
                fs::remove_dir(at(folder)).unwrap();
            }
        }
    }

    #[test]
    fn folders_are_exchanged() {
        let dir = tempfile::tempdir().unwrap();
        let at = |n: &str| dir.path().join(n);
        for (folder, file) in [("old", "x"), ("new", "y")] {
            fs::create_dir(at(folder)).unwrap();
            fs::write(at(folder).join(file), b"").unwrap();
        }
        if exchange(&at("new"), &at("old")).unwrap() {
            assert!(at("old/y").is_file() && at("new/x").is_file());
        }
    }
}
