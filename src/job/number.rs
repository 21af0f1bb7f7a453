//! The numbers of jobs. A number is never given twice, even if its job was removed: screens and logs know jobs by it.

use super::owner::shared_rights;
use crate::files;
use crate::model::{ModelError, Result};
use rustix::fs::{Mode, RawMode, fchmod};
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// File that holds the last number given.
const MARK: &str = ".last";

/// Most bytes of that file.
const MARK_BYTES: u64 = 64;

/// Largest number that is given. A mark or a folder with a larger one is ignored, so that it cannot use up the numbers.
const MAX_NUMBER: u64 = 999_999_999_999_999;

/// How many numbers are tried.
const TRIES: usize = 10_000;

/// How long the mark's lock is waited for; another process holds it while it makes one folder.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a folder, for its owner only, with the next free number under `root`.
///
/// # Errors
/// I/O errors; no free number.
pub(super) fn create_numbered(root: &Path) -> Result<PathBuf> {
    let mark = open_mark(root);
    let known = numbers(root).filter(|n| *n <= MAX_NUMBER).max().unwrap_or(0);
    let last = known.max(mark.as_ref().map_or(0, given));
    for number in (last + 1..=MAX_NUMBER).take(TRIES) {
        let dir = root.join(number.to_string());
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => {
                if let Some(mark) = &mark {
                    let _ = note(mark, number);
                }
                files::sync_folder(root).map_err(|e| ModelError::io(root, "syncing the folder of jobs", e))?;
                return Ok(dir);
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(ModelError::io(&dir, "creating the job", e)),
        }
    }
    let hint = format!("Remove or rename the folder with the largest number, {known}, if it is not a job.");
    Err(ModelError::limit("no free job number").in_file(root).with_hint(hint))
}

/// The numbers of the jobs under `root`. A link is no job.
pub(super) fn numbers(root: &Path) -> impl Iterator<Item = u64> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let folders = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    folders.filter_map(|e| number(e.file_name().to_str()?))
}

/// The number that is written so, without leading zeros.
pub(super) fn number(name: &str) -> Option<u64> {
    name.parse().ok().filter(|n: &u64| n.to_string() == name)
}

/// The mark, locked. `None` if it cannot be used: in a shared folder of jobs it may be a link, or a file that only its owner writes to.
fn open_mark(root: &Path) -> Option<File> {
    let path = root.join(MARK);
    let file = match files::reopen(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            files::create_new(&path, 0o600).or_else(|_| files::reopen(&path)).ok()?
        }
        other => other.ok()?,
    };
    let rights = shared_rights(root);
    let own = file.metadata().is_ok_and(|m| m.uid() == rustix::process::geteuid().as_raw());
    if own && rights != 0 {
        // Other users write their numbers to it.
        let _ = fchmod(&file, Mode::from_raw_mode((0o600 | rights & 0o066) as RawMode));
    }
    files::lock(&file, PATIENCE);
    Some(file)
}

fn given(mark: &File) -> u64 {
    let mut text = String::new();
    let read = mark.take(MARK_BYTES).read_to_string(&mut text);
    read.ok().and_then(|_| text.trim().parse().ok()).filter(|n| *n <= MAX_NUMBER).unwrap_or(0)
}

/// Writes the number over the smaller one. The file is never empty in between.
fn note(mark: &File, number: u64) -> std::io::Result<()> {
    let text = number.to_string();
    mark.write_all_at(text.as_bytes(), 0)?;
    mark.set_len(text.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn made(root: &Path) -> String {
        create_numbered(root).unwrap().file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn numbers_are_given_once_by_any_number_of_processes() {
        let root = tempfile::tempdir().unwrap();
        let given: BTreeSet<String> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..24).map(|_| scope.spawn(|| made(root.path()))).collect();
            all.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(given.len(), 24);
        assert_eq!(fs::read_to_string(root.path().join(MARK)).unwrap(), "24");
        for number in &given {
            fs::remove_dir(root.path().join(number)).unwrap();
        }
        assert_eq!(made(root.path()), "25");
    }

    #[test]
    fn absurd_numbers_do_not_use_up_the_others() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(MARK), u64::MAX.to_string()).unwrap();
        fs::create_dir(root.path().join(u64::MAX.to_string())).unwrap();
        assert_eq!((made(root.path()), made(root.path())), ("1".into(), "2".into()));
        fs::create_dir(root.path().join(MAX_NUMBER.to_string())).unwrap();
        assert!(create_numbered(root.path()).unwrap_err().to_string().contains("no free job number"));
    }

    #[test]
    fn a_mark_that_is_a_link_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o2777)).unwrap();
        let victim = root.path().join("bashrc");
        fs::write(&victim, "precious").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        for link in [true, false] {
            let _ = fs::remove_file(root.path().join(MARK));
            match link {
                true => symlink(&victim, root.path().join(MARK)).unwrap(),
                false => fs::hard_link(&victim, root.path().join(MARK)).unwrap(),
            }
            made(root.path());
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
            assert_eq!(fs::metadata(&victim).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_link_is_no_job() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("3")).unwrap();
        symlink(root.path().join("3"), root.path().join("9")).unwrap();
        fs::create_dir(root.path().join("007")).unwrap();
        assert_eq!(numbers(root.path()).collect::<Vec<_>>(), [3]);
    }
}
