//! Free space where outputs will be written.

use crate::model::{Hint, ModelError, Place, Remedy, Result};
use crate::units;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes of the file system that `path` is on, or will be; `None` if it does not report it.
pub(crate) fn total_bytes(path: &Path) -> Option<u64> {
    let fs = rustix::fs::statvfs(existing_ancestor(path)).ok()?;
    Some(fs.f_blocks.saturating_mul(fs.f_frsize))
}

/// The nearest folder above `path` that exists.
fn existing_ancestor(path: &Path) -> PathBuf {
    let mut at = path;
    loop {
        if at.is_dir() {
            return at.to_owned();
        }
        match at.parent() {
            Some(p) if !p.as_os_str().is_empty() => at = p,
            _ => return PathBuf::from("."),
        }
    }
}

/// Bytes free for new files at `path`, which need not exist yet; `None` if the file system does not report it.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let fs = rustix::fs::statvfs(existing_ancestor(path)).ok()?;
    // One without blocks reports nothing.
    (fs.f_blocks > 0).then_some(())?;
    Some(fs.f_bavail.saturating_mul(fs.f_frsize))
}

/// Checks that each file system has room for the files that will be written to it, all at once. `held` are files that hold some of
/// those bytes already.
///
/// # Errors
/// A limit error that names the folder, what is needed and what is free. A file system that does not report its space is trusted.
pub(crate) fn check_free<'a>(
    files: impl Iterator<Item = (&'a Path, u64)>,
    held: impl Iterator<Item = (&'a Path, u64)>,
) -> Result<()> {
    let mut needed: HashMap<u64, (PathBuf, u64)> = HashMap::new();
    let device = |folder: &Path| std::fs::metadata(folder).map(|m| m.dev()).unwrap_or(0);
    for (path, bytes) in files {
        let folder = existing_ancestor(path);
        let entry = needed.entry(device(&folder)).or_insert((folder, 0));
        entry.1 = entry.1.saturating_add(bytes);
    }
    for (path, bytes) in held {
        if let Some(entry) = needed.get_mut(&device(&existing_ancestor(path))) {
            entry.1 = entry.1.saturating_sub(bytes);
        }
    }
    for (folder, bytes) in needed.into_values() {
        let Some(free) = free_bytes(&folder) else { continue };
        if bytes > free {
            let what = format!("{} are needed and {} are free", units::bytes_at_least(bytes), units::bytes(free));
            let hint = Hint::from("Free some space, or ").then(Remedy::GiveOutput(Place::AnotherDisk)).then(".");
            return Err(ModelError::shortage(what).in_file(&folder).with_hint(hint));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_any_disk_is_refused_and_names_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/x.gguf");
        check_free([(file.as_path(), 10)].into_iter(), std::iter::empty()).unwrap();
        let e = check_free([(file.as_path(), u64::MAX)].into_iter(), std::iter::empty()).unwrap_err();
        assert!(e.to_string().contains(&dir.path().display().to_string()), "{e}");
    }
}
