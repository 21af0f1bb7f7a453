//! Outputs that jobs published without a manifest: only the folders of the jobs know that remold wrote them.

use super::folder::numbers;
use super::{JobFolder, JobHistory};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// The line of a recipe that leaves the manifests out.
const NO_MANIFEST: &str = "manifest = false";

/// Paths of published outputs that have no manifest. Each job is read once.
#[derive(Debug, Default)]
pub(crate) struct OutputsWithoutManifest {
    read: BTreeSet<u64>,
    paths: HashSet<PathBuf>,
}

impl OutputsWithoutManifest {
    /// Reads the jobs that are new in a folder of jobs, or had not ended yet.
    pub(crate) fn update(&mut self, root: &Path) {
        let new: Vec<u64> = numbers(root).filter(|n| !self.read.contains(n)).collect();
        for number in new {
            let folder = JobFolder { dir: root.join(number.to_string()) };
            let recipe = folder.read("recipe.toml").unwrap_or_default();
            let mut ended = true;
            if String::from_utf8_lossy(&recipe).lines().any(|line| line.trim() == NO_MANIFEST) {
                let mut history = JobHistory::default();
                folder.events().unwrap_or_default().iter().for_each(|e| history.apply(e));
                self.paths.extend(history.published().into_iter().map(|(path, _)| real(&path)));
                ended = history.state.ended();
            }
            if ended {
                self.read.insert(number);
            }
        }
    }

    /// True for the path of such an output.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        !self.paths.is_empty() && self.paths.contains(&real(path))
    }
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
