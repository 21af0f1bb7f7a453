//! Syncs files and directory entries to disk.

use super::point;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder a path is in; `.` for a bare name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Syncs a file's contents, size and mode to disk. `path` is its name, for the tests.
///
/// # Errors
/// I/O errors.
pub(crate) fn sync_file(file: &File, path: &Path) -> io::Result<()> {
    point("sync", path)?;
    file.sync_all()
}

/// Syncs a file's contents and size to disk.
///
/// # Errors
/// I/O errors.
pub(crate) fn sync_data(file: &File, path: &Path) -> io::Result<()> {
    point("sync", path)?;
    file.sync_data()
}

/// Syncs the entries of a folder to disk: names that were created, changed or removed.
///
/// # Errors
/// I/O errors. A file system that cannot sync folders at all is not an error.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    point("sync folder", folder)?;
    match File::open(folder)?.sync_all() {
        Err(e) if matches!(Errno::from_io_error(&e), Some(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS)) => Ok(()),
        other => other,
    }
}

/// Creates a folder and its missing parents, with a mode that is subject to the umask; each entry is synced to disk. Returns the new folders,
/// deepest first.
///
/// # Errors
/// I/O errors; folders created before the error remain.
pub(crate) fn create_folders(folder: &Path, mode: u32) -> io::Result<Vec<PathBuf>> {
    let missing = folder.ancestors().take_while(|a| !a.as_os_str().is_empty() && !a.exists());
    let missing: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
    for new in missing.iter().rev() {
        point("create folder", new)?;
        match fs::DirBuilder::new().mode(mode).create(new) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists || !new.is_dir() => return Err(e),
            _ => sync_folder(parent_of(new))?,
        }
    }
    if missing.is_empty() && !folder.as_os_str().is_empty() && !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(missing)
}

/// Removes a file.
///
/// # Errors
/// I/O errors.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    point("remove", path)?;
    fs::remove_file(path)
}

/// Removes an empty folder.
///
/// # Errors
/// I/O errors; `DirectoryNotEmpty` when it holds something.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    point("remove folder", path)?;
    fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_folders_are_made_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        assert_eq!(create_folders(&deep, 0o777).unwrap(), [deep.clone(), dir.path().join("a")]);
        assert!(create_folders(&deep, 0o777).unwrap().is_empty());
        fs::write(dir.path().join("file"), b"").unwrap();
        assert!(create_folders(&dir.path().join("file"), 0o777).is_err());
        assert!(create_folders(&dir.path().join("file/x"), 0o777).is_err());
    }
}
