//! Every job of a root, looked at again and again: of a job that was read before only what is new is read.

use super::number::numbers;
use super::summary::FollowedJob;
use super::{JobFolder, JobSummary, tickets};
use crate::engine::Event;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The jobs under a root.
#[derive(Debug)]
pub(crate) struct JobList {
    root: PathBuf,
    known: BTreeMap<u64, FollowedJob>,
}

impl JobList {
    /// Nothing looked at yet.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), known: BTreeMap::new() }
    }

    /// Every job, newest first; and what happened since the last look that concerns all observers, oldest first: changes of state,
    /// warnings, outputs that exist.
    pub(crate) fn look(&mut self) -> (Vec<JobSummary>, Vec<Event>) {
        let numbers: Vec<u64> = numbers(&self.root).collect();
        self.known.retain(|n, _| numbers.contains(n));
        for n in numbers {
            let job = || FollowedJob::new(JobFolder { dir: self.root.join(n.to_string()) });
            self.known.entry(n).or_insert_with(job);
        }
        let waiting = tickets::places(&self.root);
        let mut news = Vec::new();
        let mut all = Vec::with_capacity(self.known.len());
        for job in self.known.values_mut().rev() {
            news.append(&mut job.read());
            all.push(job.summary(&waiting, &mut news));
        }
        news.sort_by_key(|e| e.t);
        (all, news)
    }
}

/// Every job under `root`, newest first.
pub(crate) fn list(root: &Path) -> Vec<JobSummary> {
    JobList::new(root).look().0
}
