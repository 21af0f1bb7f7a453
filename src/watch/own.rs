//! Which models in a watched folder remold wrote itself: they are no checkpoints of a training run.
//!
//! A manifest beside the model says so, or the job that wrote it. A file that was written after its manifest is another program's: a trainer
//! may save its checkpoints over an output.

use super::{FileRole, Unit};
use crate::files::FileStamp;
use crate::job::OutputsWithoutManifest;
use crate::plan;
use std::path::{Path, PathBuf};

/// By how much a file may be newer than its manifest: a copy sets new times, in any order.
const COPY_NS: i128 = 2_000_000_000;

/// What is known of the models that remold wrote.
#[derive(Debug)]
pub(crate) struct OwnOutputs {
    jobs_root: PathBuf,
    jobs: OutputsWithoutManifest,
}

impl OwnOutputs {
    /// Nothing is read yet.
    pub(crate) fn new(jobs_root: &Path) -> Self {
        Self { jobs_root: jobs_root.to_owned(), jobs: OutputsWithoutManifest::default() }
    }

    /// Reads the jobs that are new.
    pub(crate) fn update(&mut self) {
        self.jobs.update(&self.jobs_root);
    }

    /// True if remold wrote the model, and nothing has changed it since.
    pub(crate) fn contain(&self, unit: &Unit) -> bool {
        let mut weights = unit.of(FileRole::Weights).peekable();
        if weights.peek().is_none() {
            return false;
        }
        let whole = manifest_time(&unit.path);
        let mut weights = weights.map(|f| (whole.or_else(|| manifest_time(&f.path)), f));
        weights.all(|(manifest, f)| manifest.is_some_and(|at| f.stamp.mtime_ns <= at + COPY_NS))
            || self.jobs.contains(&unit.path)
    }
}

/// When the manifest of an output was written. Most models have none: then nothing is opened.
fn manifest_time(output: &Path) -> Option<i128> {
    let places = [plan::manifest_beside(output), plan::manifest_inside(output)];
    let stamped = |m: PathBuf| FileStamp::of_path(&m).ok().filter(|_| plan::is_manifest(&m)).map(|s| s.mtime_ns);
    places.into_iter().flatten().find_map(stamped)
}
