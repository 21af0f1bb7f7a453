//! Whether outputs can be created where they will be written. Nothing is written to find out, so that a dry run can ask too.

use crate::model::{Hint, ModelError, OptionName, Place, Remedy, Result};
use rustix::fs::Access;
use rustix::io::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// Refuses a file that cannot be created: its folder, or the nearest one above it that exists, is not a folder or takes no files.
///
/// # Errors
/// Bad-request errors that name the folder.
pub(crate) fn check(file: &Path) -> Result<()> {
    let (above, is_folder) = nearest_above(file);
    let error = match is_folder {
        true => obstacle(&above),
        false => Some(ModelError::request("this is a file, so no output can be inside of it")),
    };
    let Some(error) = error else { return Ok(()) };
    let hint = Hint::from(Remedy::GiveOutput(Place::Another)).then(".");
    Err(error.in_file(&above).about_option(OptionName::OUTPUT).with_hint(hint))
}

/// The nearest path above a file that exists, and whether it is a folder.
fn nearest_above(file: &Path) -> (PathBuf, bool) {
    for at in file.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()) {
        if let Ok(meta) = fs::metadata(at) {
            return (at.to_owned(), meta.is_dir());
        }
    }
    (PathBuf::from("."), true)
}

/// Why no file can be created in a folder.
fn obstacle(folder: &Path) -> Option<ModelError> {
    if let Err(e) = rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)
        && let Some(why) = refused(e)
    {
        // Permissions and mounts change: a watcher tries again.
        return Some(ModelError::would_be_refused(why, e.into()));
    }
    let what = "this is a file system of the kernel, which holds no files";
    holds_no_files(folder).then(|| ModelError::request(what))
}

/// What an error of access(2) means. Other errors than these say nothing about writing.
fn refused(e: Errno) -> Option<&'static str> {
    match e {
        Errno::ROFS => Some("the file system is read-only"),
        Errno::ACCESS | Errno::PERM => Some("there is no permission to create files in this folder"),
        _ => None,
    }
}

/// True for `/proc`, `/sys` and the like, where access(2) lets the superuser write. The numbers are from `linux/magic.h`.
#[cfg(target_os = "linux")]
#[allow(clippy::unnecessary_cast, reason = "the type of the number depends on the target")]
fn holds_no_files(folder: &Path) -> bool {
    const PROC: i64 = 0x9fa0;
    const SYSFS: i64 = 0x6265_6572;
    const CGROUP: i64 = 0x27_e0eb;
    const CGROUP2: i64 = 0x6367_7270;
    rustix::fs::statfs(folder).is_ok_and(|s| [PROC, SYSFS, CGROUP, CGROUP2].contains(&(s.f_type as i64)))
}

#[cfg(not(target_os = "linux"))]
fn holds_no_files(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_created_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        check(&dir.path().join("new/deep/x.gguf")).unwrap();
        check(Path::new("x.gguf")).unwrap();
    }

    #[test]
    fn a_file_in_the_path_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("notes");
        fs::write(&file, "x").unwrap();
        for output in ["notes/x.gguf", "notes/deep/x.gguf"] {
            let e = check(&dir.path().join(output)).unwrap_err();
            assert!(e.file() == Some(&file) && e.to_string().contains("is a file"), "{e}");
        }
    }

    #[test]
    fn what_the_system_refuses_has_words() {
        assert!(refused(Errno::ROFS).is_some_and(|w| w.contains("read-only")));
        assert!(refused(Errno::ACCESS).is_some_and(|w| w.contains("permission")));
        assert_eq!(refused(Errno::NOENT), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernels_file_systems_hold_no_files() {
        // Without the rights of the superuser, access(2) has said so already.
        assert_eq!(check(Path::new("/proc/x.gguf")).unwrap_err().kind(), crate::model::ErrorKind::BadRequest);
        assert!(holds_no_files(Path::new("/proc")) && !holds_no_files(&std::env::temp_dir()));
    }
}
