//! What `remold doctor` says of the places that jobs need: the jobs' root, its locks, free space.

use super::{at_once, jobs_root, unused_at_once};
use crate::files;
use crate::forecast::scores_root;
use crate::monitor::{Check, CheckStatus, gigabytes};
use crate::plan::free_bytes;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const JOBS: &str = "jobs";
const DISK: &str = "disk";

/// Less free space than this is soon filled by one output.
const MIN_FREE: u64 = 5_000_000_000;

/// The jobs' root, and the space where something will be written.
pub(crate) fn folder_checks() -> Vec<Check> {
    let root = jobs_root();
    let mut all = vec![usable(&root)];
    all.extend(shared(&root));
    all.push(match unused_at_once() {
        Some(fact) => Check::note(JOBS, "queue", fact, "Set it to a number, or unset it."),
        None => Check::fine(JOBS, "queue", format!("{} at a time, others wait (REMOLD_JOBS_AT_ONCE)", at_once())),
    });
    let here = std::env::current_dir().unwrap_or_else(|_| ".".into());
    let usable = all.first().is_some_and(|check| check.status == CheckStatus::Fine);
    let places = [("here", here), ("jobs' root", root), ("cache", scores_root())];
    // What cannot be used has no space that counts.
    for (what, path) in places.into_iter().filter(|(what, _)| usable || *what != "jobs' root") {
        all.extend(space(what, &path));
    }
    all
}

/// Whether others can rename or remove the jobs of this user. `None` for a folder that only its owner may write to.
fn shared(root: &Path) -> Option<Check> {
    let mode = fs::metadata(root).ok()?.mode();
    if mode & 0o022 == 0 {
        return None;
    }
    let fact = format!("{} is shared (mode {:o})", root.display(), mode & 0o7777);
    Some(if mode & 0o1000 == 0 {
        let fact = format!("{fact} without the sticky bit: others can rename and remove your jobs");
        Check::note(JOBS, "sharing", fact, format!("Run `chmod +t {}`.", crate::units::quoted(&root.to_string_lossy())))
    } else {
        Check::fine(JOBS, "sharing", fact)
    })
}

fn space(what: &'static str, path: &Path) -> Option<Check> {
    let free = free_bytes(path)?;
    let fact = format!("{} free in {}", gigabytes(free), path.display());
    Some(if free < MIN_FREE && what != "cache" {
        Check::note(DISK, what, fact, "Free some space, or write elsewhere with -o.")
    } else {
        Check::fine(DISK, what, fact)
    })
}

/// Whether jobs can be made and locked there. What was made to find out is removed.
fn usable(root: &Path) -> Check {
    let shown = root.display();
    let wrong = |fact: String| {
        Check::wrong(
            JOBS,
            "jobs' root",
            fact,
            "Every conversion is a job; set REMOLD_JOBS to a folder on a local disk.",
        )
    };
    let new = !root.exists();
    let probe = root.join(format!(".probe-{}", std::process::id()));
    let tried = files::create_private_folder(root).and_then(|()| locks(&probe));
    let _ = fs::remove_file(&probe);
    if new {
        // Left as it was; not empty is not a reason to fail.
        let _ = fs::remove_dir(root);
    }
    match tried {
        Ok(true) => Check::fine(JOBS, "jobs' root", format!("{shown} is writable and supports locks")),
        Ok(false) => wrong(format!("{shown} does not support locks: two processes could work on the same job")),
        Err(e) => wrong(format!("{shown}: {}", crate::units::system_error(&e))),
    }
}

/// True if a file that is locked cannot be locked once more.
fn locks(probe: &Path) -> io::Result<bool> {
    let open = || -> io::Result<File> {
        files::open_private(files::private_options().create(true).truncate(false).write(true), probe)
    };
    let (first, second) = (open()?, open()?);
    first.try_lock().map_err(io::Error::from)?;
    Ok(matches!(second.try_lock(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::CheckStatus;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_shared_root_needs_the_sticky_bit() {
        let dir = tempfile::tempdir().unwrap();
        let of = |mode: u32| {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            shared(dir.path()).map(|check| check.status)
        };
        assert_eq!((of(0o700), of(0o755)), (None, None));
        assert_eq!((of(0o777), of(0o775)), (Some(CheckStatus::Note), Some(CheckStatus::Note)));
        assert_eq!((of(0o1777), of(0o3775)), (Some(CheckStatus::Fine), Some(CheckStatus::Fine)));
    }

    #[test]
    fn a_root_that_cannot_be_written_is_wrong_and_one_that_can_is_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("jobs");
        assert_eq!(usable(&root).status, CheckStatus::Fine);
        assert!(!root.exists());
        fs::write(&root, b"a file").unwrap();
        let check = usable(&root);
        assert!(check.status == CheckStatus::Wrong && check.remedy.is_some(), "{check:?}");
    }
}
