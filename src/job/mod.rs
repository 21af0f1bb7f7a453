//! A job is a folder: `recipe.toml`, `plan.json`, `events.jsonl`, `journal`, `report.json`, `log.txt`.
//!
//! The process that runs a job is detached; everybody else reads the folder. Must not know screens.

use crate::engine::Event;
use crate::model::{ModelError, Result};
use crate::plan::Plan;
use crate::recipe::Recipe;
use std::path::{Path, PathBuf};

/// State of a job as its folder tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Made, not started.
    Queued,
    /// A living process works on it.
    Running,
    /// Done.
    Finished,
    /// Ended with an error.
    Failed,
    /// Cancelled by the user.
    Cancelled,
    /// The process is gone without a last word (crash, kill, power).
    Lost,
}

/// One line of `remold jobs`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct JobSummary {
    /// Identifier: the folder's name.
    pub id: String,
    /// The folder.
    pub dir: PathBuf,
    /// What is converted, for people.
    pub title: String,
    /// State now.
    pub state: JobState,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// 0 to 1.
    pub fraction: f64,
    /// Wall seconds, once ended.
    pub seconds: Option<f64>,
}

/// Folder that holds all jobs: `$XDG_STATE_HOME/remold/jobs` (or `$REMOLD_JOBS`).
pub fn jobs_root() -> PathBuf {
    PathBuf::from(".")
}

/// Every job under `root`, newest first.
pub fn list(_root: &Path) -> Vec<JobSummary> {
    Vec::new()
}

/// Makes a job folder for `recipe` and starts a detached worker process on it. Returns the summary of the new job.
///
/// # Errors
/// When the folder cannot be made or the process cannot be started.
pub fn spawn(_root: &Path, _recipe: &Recipe, _plan: &Plan) -> Result<JobSummary> {
    Err(ModelError::unsupported("jobs are being built"))
}

/// Asks the job's process to stop; it removes what is half-written and says `job.cancelled`.
///
/// # Errors
/// When there is no such job or its process cannot be signalled.
pub fn cancel(_dir: &Path) -> Result<()> {
    Err(ModelError::unsupported("jobs are being built"))
}

/// Follows a job's `events.jsonl` by offset. Works for live, finished and replayed jobs alike.
#[derive(Debug)]
pub struct Tail {
    _path: PathBuf,
    _offset: u64,
}

impl Tail {
    /// Starts at the beginning of the job's events.
    pub fn new(job_dir: &Path) -> Self {
        Self { _path: job_dir.join("events.jsonl"), _offset: 0 }
    }

    /// The complete lines that have appeared since the last call. Unknown kinds are kept as `EventBody::Unknown`.
    ///
    /// # Errors
    /// I/O errors other than the file not being there yet.
    pub fn poll(&mut self) -> Result<Vec<Event>> {
        Ok(Vec::new())
    }
}
