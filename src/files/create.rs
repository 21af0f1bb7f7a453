//! Creates files exclusively, and opens them again.

use super::{parent_of, point, rename_new, rename_over, sync_file, sync_folder};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// 64 random bits as 16 hexadecimal digits.
pub(crate) fn random_token() -> String {
    let mut bytes = [0u8; 8];
    if File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes)).is_err() {
        // In a chroot without devices: the seed of the standard library's hash maps is random too.
        use std::hash::{BuildHasher, Hasher, RandomState};
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        bytes = hasher.finish().to_le_bytes();
    }
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Creates a file that does not exist yet, for reading and writing. `mode` is subject to the umask. An existing entry at `path` is never
/// followed or opened.
///
/// # Errors
/// `AlreadyExists` when there is something at `path`; other I/O errors.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    point("create", path)?;
    // O_EXCL does not follow a symbolic link in the last component (open(2)).
    OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)
}

/// Opens a file that an earlier attempt created with [`create_new`]. Links, and files with several names, are not ours.
///
/// # Errors
/// I/O errors; `InvalidInput` when it is not a regular file with one name.
pub(crate) fn reopen(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.nlink() != 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file with a single name"));
    }
    Ok(file)
}

/// Time between two tries to take a lock.
const LOCK_WAIT: Duration = Duration::from_millis(5);

/// Takes an exclusive lock that the system releases when the process dies. Waits up to `patience` for another holder: a process that was just
/// killed needs a moment to die. `false` if it is still held then. File systems without locks count as locked by us.
pub(crate) fn lock(file: &File, patience: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => return true,
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => return false,
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
        }
    }
}

/// Writes a small file atomically: a reader sees either the old or the new contents, even after a power failure.
///
/// # Errors
/// I/O errors; the file is then as it was.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole_with(path, |file| file.write_all(bytes))
}

/// As [`write_whole`], for contents that are written in pieces.
///
/// # Errors
/// I/O errors and those of `write`; the file is then as it was.
pub(crate) fn write_whole_with(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mode = 0o600 | super::private::readable_with(path);
    let write = |file: &mut BufWriter<File>| {
        super::private::past_umask(file.get_ref(), mode);
        write(file)
    };
    write_beside(path, mode, write, rename_over)
}

/// Writes an output that the user asked for, in pieces: it has its name only when it is complete. Without `replace`, a file that is there
/// already is left alone.
///
/// # Errors
/// `AlreadyExists` when the name is taken; I/O errors and those of `write`. Nothing half-written stays.
pub(crate) fn write_output_with(
    path: &Path,
    replace: bool,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    write_beside(path, 0o666, write, if replace { rename_over } else { rename_new })
}

/// Writes a new file next to `path` and renames it.
fn write_beside(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", random_token()));
    let written = create_new(&temporary, mode).and_then(|file| {
        let mut buffered = BufWriter::new(file);
        write(&mut buffered)?;
        let file = buffered.into_inner()?;
        sync_file(&file, &temporary)?;
        rename(&temporary, path)?;
        sync_folder(parent_of(path))
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Writes a small file of the user's that must not exist yet, whole or not at all.
///
/// # Errors
/// `AlreadyExists` when the name is taken; other I/O errors.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    beside(path, bytes, None, rename_new)
}

/// Replaces a small file of the user's, whole or not at all. The file keeps its permissions. Where the name is a link, the file that it refers to is
/// replaced.
///
/// # Errors
/// I/O errors; `PermissionDenied` for a file that the user may not write to. The file is then as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let real = match fs::symlink_metadata(path) {
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let old = fs::metadata(&real).ok();
    if old.is_some() {
        rustix::fs::access(&real, rustix::fs::Access::WRITE_OK)?;
    }
    beside(&real, bytes, old.as_ref(), rename_over)
}

/// Writes into a new file beside `path`, which then gets its name, and the permissions of `like`.
fn beside(
    path: &Path,
    bytes: &[u8],
    like: Option<&fs::Metadata>,
    rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = path.with_file_name(format!(".{}.tmp", random_token()));
    let written = create_new(&temporary, 0o666).and_then(|mut file| {
        if let Some(old) = like {
            if rustix::process::geteuid().is_root() {
                let (uid, gid) = (rustix::fs::Uid::from_raw(old.uid()), rustix::fs::Gid::from_raw(old.gid()));
                // A file system without owners is not a reason to fail.
                let _ = rustix::fs::fchown(&file, Some(uid), Some(gid));
            }
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        sync_file(&file, &temporary)?;
        rename(&temporary, path)?;
        sync_folder(parent_of(path))
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_there_is_opened_or_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, link) = (dir.path().join("victim"), dir.path().join("link"));
        fs::write(&victim, b"data").unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        std::os::unix::fs::symlink(dir.path().join("nowhere"), dir.path().join("dangling")).unwrap();
        for name in ["victim", "link", "dangling"] {
            let e = create_new(&dir.path().join(name), 0o666).unwrap_err();
            assert_eq!(e.kind(), io::ErrorKind::AlreadyExists, "{name}");
        }
        assert!(reopen(&link).is_err());
        fs::hard_link(&victim, dir.path().join("second")).unwrap();
        assert!(reopen(&victim).is_err(), "a file with two names is not ours");
        fs::remove_file(dir.path().join("second")).unwrap();
        assert!(reopen(&victim).is_ok());
        assert_eq!(fs::read(&victim).unwrap(), b"data");
    }

    #[test]
    fn a_file_of_the_user_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        write_new(&at("real.toml"), b"one").unwrap();
        assert_eq!(write_new(&at("real.toml"), b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::set_permissions(at("real.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("real.toml", at("mine.toml")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("dangling.toml")).unwrap();
        fs::write(at("mine.toml.part"), b"precious").unwrap();
        replace(&at("mine.toml"), b"three").unwrap();
        assert!(fs::symlink_metadata(at("mine.toml")).unwrap().is_symlink());
        assert_eq!(fs::read(at("real.toml")).unwrap(), b"three");
        assert_eq!(fs::metadata(at("real.toml")).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read(at("mine.toml.part")).unwrap(), b"precious");
        assert!(write_new(&at("dangling.toml"), b"").is_err() && replace(&at("dangling.toml"), b"").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "nothing is left behind");
    }

    #[test]
    fn tokens_differ_and_small_files_are_replaced_whole() {
        let (a, b) = (random_token(), random_token());
        assert!(a != b && a.len() == 16 && a.bytes().all(|c| c.is_ascii_hexdigit()));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
    #[test]
    fn outputs_replace_only_what_they_may() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.gguf");
        let put = |bytes: &'static [u8], replace| write_output_with(&path, replace, |f| f.write_all(bytes));
        put(b"one", false).unwrap();
        assert_eq!(put(b"two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        put(b"two", true).unwrap();
        let failed =
            write_output_with(&path, true, |f| f.write_all(b"half").and(Err(io::ErrorKind::StorageFull.into())));
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
