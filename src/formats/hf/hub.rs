//! The cache of `huggingface_hub`: a folder per repository, `models--ORG--NAME`, with `blobs`, `refs` and
//! `snapshots`.
//!
//! A snapshot is a folder named after a commit, whose files are links to blobs; `refs/main` contains the commit of the
//! branch. Layout: huggingface_hub's documentation, "Understand caching" (2026). remold never writes there.

use super::entries::entries;
use crate::model::{ModelError, Result};
use std::fs;
use std::path::{Component, Path, PathBuf};

const PREFIX: &str = "models--";

/// A reference contains a commit: 40 characters.
const REFERENCE_BYTES: u64 = 256;

/// A model's repository in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// `models--ORG--NAME`, with everything before it.
    pub folder: PathBuf,
    /// `ORG/NAME`, or `NAME` for the few without an owner.
    pub id: String,
}

impl Repository {
    /// The repository that a path is in (or is), by the components of the path and by the targets of its links.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let absolute = std::path::absolute(path).ok();
        let known = absolute.as_deref().and_then(Self::in_path);
        known.or_else(|| Self::in_path(&fs::canonicalize(path).ok()?))
    }

    /// The repository whose folder this is, not a path inside it.
    pub(crate) fn at(folder: &Path) -> Option<Self> {
        let real = fs::canonicalize(folder).ok()?;
        Self::of(folder).filter(|r| fs::canonicalize(&r.folder).is_ok_and(|f| f == real))
    }

    fn in_path(path: &Path) -> Option<Self> {
        let mut folder = PathBuf::new();
        for part in path.components() {
            folder.push(part);
            let Component::Normal(name) = part else { continue };
            let Some(id) = name.to_str().and_then(|n| n.strip_prefix(PREFIX)) else { continue };
            if !id.is_empty() && folder.join("snapshots").is_dir() {
                return Some(Self { folder, id: id.replacen("--", "/", 1) });
            }
        }
        None
    }

    /// The model's own name, without its owner.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit_once('/').map_or(&self.id, |(_, name)| name)
    }

    /// The snapshot to open: that of `refs/main`, or the only one.
    ///
    /// # Errors
    /// No snapshot, one that was not downloaded, or several without a `refs/main`.
    pub(super) fn snapshot(&self) -> Result<PathBuf> {
        let snapshots = self.folder.join("snapshots");
        let (_, folders) = entries(&snapshots)?;
        let main = self.reference();
        if let Some(commit) = main.as_ref().filter(|c| folders.contains(c)) {
            return Ok(snapshots.join(commit));
        }
        let refuse = |what: String, hint: String| Err(ModelError::bad(what).in_file(&self.folder).with_hint(hint));
        let fetch = format!("Run `hf download {}` to fetch it.", self.id);
        match (folders.as_slice(), main) {
            ([], _) => refuse("the cache has no snapshot of this model".to_owned(), fetch),
            (_, Some(commit)) => {
                let commit: String = commit.chars().take(40).collect();
                let hint = format!("{fetch} Or pass the path of a snapshot in the cache: {}.", shown(&folders));
                refuse(format!("refs/main points to snapshot {commit:?}, which is not in the cache"), hint)
            }
            ([only], None) => Ok(snapshots.join(only)),
            (several, None) => {
                let what = format!("the cache has {} snapshots but no refs/main", several.len());
                refuse(what, format!("Pass the path of one of the folders: {}.", shown(several)))
            }
        }
    }

    /// The commit of the main branch.
    fn reference(&self) -> Option<String> {
        let path = self.folder.join("refs/main");
        let meta = fs::metadata(&path).ok().filter(|m| m.is_file() && m.len() <= REFERENCE_BYTES)?;
        let text = fs::read_to_string(&path).ok().filter(|_| meta.len() > 0)?;
        Some(text.trim().to_owned()).filter(|t| !t.is_empty())
    }
}

fn shown(folders: &[String]) -> String {
    folders.iter().take(4).map(|f| format!("snapshots/{f}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(snapshots: &[&str], main: Option<&str>) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("models--me--Tiny--Chat");
        fs::create_dir_all(folder.join("snapshots")).unwrap();
        fs::create_dir_all(folder.join("refs")).unwrap();
        snapshots.iter().for_each(|s| fs::create_dir(folder.join("snapshots").join(s)).unwrap());
        if let Some(main) = main {
            fs::write(folder.join("refs/main"), main).unwrap();
        }
        (dir, folder)
    }

    #[test]
    fn a_path_inside_says_which_repository_it_is_of() {
        let (dir, folder) = cache(&["aa"], None);
        for inside in ["", "snapshots/aa", "snapshots/aa/model.safetensors", "blobs/1234"] {
            let repo = Repository::of(&folder.join(inside)).unwrap();
            assert_eq!(
                (repo.id.as_str(), repo.name(), &repo.folder),
                ("me/Tiny--Chat", "Tiny--Chat", &folder),
                "{inside}"
            );
        }
        std::os::unix::fs::symlink(folder.join("snapshots/aa"), dir.path().join("link")).unwrap();
        assert!(Repository::of(&dir.path().join("link")).is_some(), "through a link");
        assert_eq!(Repository::of(dir.path()), None);
        fs::create_dir(dir.path().join("models--x")).unwrap();
        assert_eq!(Repository::of(&dir.path().join("models--x")), None, "a folder that is only called so");
    }

    #[test]
    fn the_snapshot_is_that_of_the_main_branch() {
        let open = |snapshots: &[&str], main| {
            let (_dir, folder) = cache(snapshots, main);
            let found = Repository::of(&folder).unwrap().snapshot();
            found
                .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
                .map_err(|e| format!("{e} / {}", e.hint().unwrap().text()))
        };
        assert_eq!(open(&["aa", "bb"], Some("bb\n")), Ok("bb".into()));
        assert_eq!(open(&["aa"], None), Ok("aa".into()));
        for (snapshots, main, part) in [
            (&[][..], None, "no snapshot"),
            (&["aa"], Some("cc"), "hf download me/Tiny--Chat"),
            (&["aa", "bb"], None, "snapshots/aa, snapshots/bb"),
            (&["aa", "bb"], Some("../../aa"), "not in the cache"),
        ] {
            let e = open(snapshots, main).unwrap_err();
            assert!(e.contains(part), "{e}");
        }
    }
}
