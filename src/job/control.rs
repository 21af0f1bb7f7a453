//! What others wish of a job, by files in its folder: `cancel`, `pause`. The process that runs the job looks for them, so a wish
//! reaches it from any process and any machine that sees the folder.

use super::owner::own;
use super::{JobFolder, JobState, list};
use crate::engine;
use crate::model::{Hint, ModelError, Remedy, Result};
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const CANCEL: &str = "cancel";
pub(super) const PAUSE: &str = "pause";

fn is(folder: &JobFolder, state: JobState) -> ModelError {
    ModelError::request(format!("job {} is {}", folder.id(), state.name()))
}

/// Asks the job's process to stop, wherever it runs; it removes what is half-written and says `job.cancelled`.
///
/// # Errors
/// A bad-request error when the job has ended.
pub(crate) fn cancel(dir: &Path) -> Result<()> {
    let folder = JobFolder { dir: dir.to_owned() };
    folder.check_mine()?;
    let state = folder.summary().state;
    if state.ended() {
        let remove = Remedy::Run(format!("jobs remove {}", folder.id()));
        let hint = Hint::from("There is nothing left to cancel; ")
            .then(remove)
            .then(" removes its folder, and its outputs stay.");
        return Err(ModelError::request(format!("job {} is already {}", folder.id(), state.name())).with_hint(hint));
    }
    folder.write(CANCEL, b"")
}

/// Asks the job's process to hold between two chunks; it keeps what it has, uses no CPU and says `job.paused`. Its place among
/// the running jobs goes to the next in the queue.
///
/// # Errors
/// A bad-request error when the job does not run.
pub(crate) fn pause(dir: &Path) -> Result<()> {
    let folder = JobFolder { dir: dir.to_owned() };
    folder.check_mine()?;
    match folder.summary().state {
        JobState::Running => folder.write(PAUSE, b""),
        state => Err(is(&folder, state).with_hint("Only a running job can be paused.")),
    }
}

/// Lets a paused job continue, as soon as it is its turn.
///
/// # Errors
/// A bad-request error when the job is not paused.
pub(crate) fn proceed(dir: &Path) -> Result<()> {
    let folder = JobFolder { dir: dir.to_owned() };
    folder.check_mine()?;
    match folder.summary().state {
        JobState::Paused => take_back(&folder, PAUSE),
        state => Err(is(&folder, state)),
    }
}

/// Takes a wish back.
pub(super) fn take_back(folder: &JobFolder, wish: &str) -> Result<()> {
    let path = folder.path(wish);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(ModelError::io(&path, "removing", e)),
        _ => Ok(()),
    }
}

/// Removes the folder of an ended job, and the unfinished files if it left some behind. Outputs stay. Gives the names of unfinished files
/// that something else has now, which is left there.
///
/// # Errors
/// A bad-request error when the job has not ended; I/O errors.
pub(crate) fn remove(dir: &Path) -> Result<Vec<PathBuf>> {
    let folder = JobFolder { dir: dir.to_owned() };
    folder.check_here()?;
    let state = folder.summary().state;
    if !state.ended() {
        return Err(is(&folder, state).with_hint(WAIT));
    }
    remove_ended(&folder)?.ok_or_else(|| is(&folder, JobState::Queued).with_hint(WAIT))
}

const WAIT: &str = "Cancel it first, or wait until it ends.";

/// Removes only what the job's own journal names, while no process works on the job. `None` if the job has been begun again meanwhile.
fn remove_ended(folder: &JobFolder) -> Result<Option<Vec<PathBuf>>> {
    folder.check_here()?;
    let Some(_lock) = folder.lock_if_over()? else { return Ok(None) };
    // In a shared folder of jobs, the name may be that of something else by now.
    folder.check_here()?;
    if let Ok(request) = folder.measurement() {
        request.remove_unfinished(&folder.path(super::measure::STATE));
    }
    // What became of the outputs of a finished job since is the user's business.
    let outputs = match folder.summary().state {
        JobState::Finished => Vec::new(),
        _ => folder.plan().map(|p| p.outputs).unwrap_or_default(),
    };
    let left = engine::discard(&folder.path("journal"), &folder.id(), &outputs)?;
    fs::remove_dir_all(&folder.dir).map_err(|e| ModelError::io(&folder.dir, "removing", e))?;
    Ok(Some(left))
}

/// True for an ended job that did not come to its end and has files to continue from.
fn can_continue(folder: &JobFolder, state: JobState) -> bool {
    let journal = folder.path("journal");
    let has_files = || engine::held(&journal).is_ok_and(|files| !files.is_empty());
    match state {
        JobState::Interrupted | JobState::Lost => has_files(),
        // Complete outputs that could not get their names.
        JobState::Failed => engine::published(&journal).is_ok_and(|outputs| !outputs.is_empty()) && has_files(),
        _ => false,
    }
}

/// What became of the ended jobs.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    /// How many were removed.
    pub removed: usize,
    /// How many were kept, because they can be continued and have done some of their work.
    pub kept: usize,
    /// Names of unfinished files that something else has now, which is left there.
    pub left: Vec<PathBuf>,
    /// Why others could not be removed, one error each.
    pub failed: Vec<ModelError>,
}

/// Removes the folders of ended jobs, and with `all` of those that left unfinished files to continue from, with these files. A job that cannot
/// be removed keeps no other one.
pub(crate) fn clean(root: &Path, all: bool) -> Cleaned {
    let mut cleaned = Cleaned::default();
    for job in own(list(root)).filter(|j| j.state.ended()) {
        let folder = JobFolder { dir: job.dir };
        if !all && can_continue(&folder, job.state) {
            cleaned.kept += 1;
            continue;
        }
        match remove_ended(&folder) {
            Ok(Some(mut left)) => {
                cleaned.removed += 1;
                cleaned.left.append(&mut left);
            }
            Ok(None) => {}
            Err(e) => cleaned.failed.push(e),
        }
    }
    cleaned
}
