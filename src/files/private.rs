//! Folders and files that only their owner may read: job folders, stored scores and sessions reveal what a user works on.

use super::{create_folders, parent_of, read};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Creates a folder, and missing parents, accessible to the owner only. An existing folder keeps its mode ([`tighten`] changes it).
///
/// # Errors
/// I/O errors.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    create_folders(path, FOLDER_MODE).map(drop)
}

/// Removes other users' permissions from a folder that belongs to this user. Only for folders that only remold creates: earlier versions
/// left them open. A mode that cannot be changed is kept.
pub(crate) fn tighten(path: &Path) {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return };
    let mine = meta.uid() == rustix::process::geteuid().as_raw();
    if mine && meta.is_dir() && meta.mode() & 0o077 != 0 {
        let _ = std::fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE));
    }
}

/// Options for [`open_private`]: new files are for their owner only, or for those who may read the folder.
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE_MODE).custom_flags(read::nonblocking() | read::nofollow());
    options
}

/// Opens a file in remold's own folders. A pipe or a device of that name is refused instead of waited for, and a link is not followed:
/// remold makes none, so it would be another program's, or another user's.
///
/// # Errors
/// I/O errors; `InvalidInput` when it is not a regular file.
pub(crate) fn open_private(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let refuse = |e: read::ReadError| io::Error::new(io::ErrorKind::InvalidInput, e.to_string());
    let mut is_new = false;
    match std::fs::symlink_metadata(path) {
        Ok(meta) => read::regular(meta.file_type()).map_err(refuse)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => is_new = true,
        Err(e) => return Err(e),
    }
    let rights = readable_with(path);
    let file = options.clone().mode(FILE_MODE | rights).open(path)?;
    read::regular(file.metadata()?.file_type()).map_err(refuse)?;
    if is_new {
        past_umask(&file, FILE_MODE | rights);
    }
    Ok(file)
}

/// Gives a new file the rights that its folder asks for, where the user's umask took some of them: jobs in a shared folder are for all to read.
/// If it cannot be done, the others see less.
pub(super) fn past_umask(file: &File, mode: u32) {
    if file.metadata().is_ok_and(|m| m.mode() & 0o777 & mode != mode) {
        let _ = file.set_permissions(Permissions::from_mode(mode));
    }
}

/// The rights to read that others have to the folder of a file: they may read the files in it too. None in a private folder.
pub(super) fn readable_with(path: &Path) -> u32 {
    std::fs::metadata(parent_of(path)).map_or(0, |folder| folder.mode() & 0o044)
}

/// Replaces the contents of a file; a new file in a private folder is accessible to the owner only.
///
/// # Errors
/// I/O errors.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    open_private(private_options().write(true).create(true).truncate(true), path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ones_are_private_and_old_ones_are_tightened() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        let (outer, inner) = (dir.path().join("state"), dir.path().join("state/remold"));
        create_private_folder(&inner).unwrap();
        assert_eq!((mode(&outer), mode(&inner)), (0o700, 0o700));
        write_private(&inner.join("f"), b"x").unwrap();
        assert_eq!(mode(&inner.join("f")), 0o600);
        std::fs::set_permissions(&inner, Permissions::from_mode(0o755)).unwrap();
        create_private_folder(&inner).unwrap();
        assert_eq!(mode(&inner), 0o755);
        tighten(&inner);
        assert_eq!(mode(&inner), 0o700);
    }

    #[test]
    fn a_pipe_in_place_of_a_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("lock");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("device")).unwrap();
        for name in ["lock", "device"] {
            let path = dir.path().join(name);
            let e = open_private(private_options().create(true).append(true), &path).unwrap_err();
            assert!(e.to_string().contains("not a regular file"), "{e}");
            assert!(write_private(&path, b"x").is_err());
        }
    }
}
