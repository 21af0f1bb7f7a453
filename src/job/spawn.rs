//! Starting a worker process that outlives this one.

use super::control::{CANCEL, PAUSE, take_back};
use super::{JobClass, JobFolder, JobSummary, Measurement};
use crate::calibrate::Imatrix;
use crate::engine::{EventBody, EventSink};
use crate::files;
use crate::model::{Hint, ModelError, Remedy, Result};
use crate::plan::Plan;
use crate::quality::Evaluation;
use crate::recipe::Recipe;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Makes a job folder for `recipe` and starts a detached worker process on it. Returns the summary of the new job.
///
/// # Errors
/// When the folder cannot be made or the process cannot be started.
pub(crate) fn spawn(root: &Path, recipe: &Recipe, plan: &Plan) -> Result<JobSummary> {
    spawn_with(root, recipe, plan, 0)
}

/// As [`spawn`], with at most this many threads (0: all cores), also when the job is resumed.
///
/// # Errors
/// As [`spawn`].
pub(crate) fn spawn_with(root: &Path, recipe: &Recipe, plan: &Plan, threads: usize) -> Result<JobSummary> {
    let folder = JobFolder::create(root, recipe, plan)?;
    if threads > 0 {
        folder.write("threads", threads.to_string().as_bytes())?;
    }
    queued(&folder, &plan.title())?;
    start(&folder, false)?;
    Ok(folder.summary())
}

/// Makes a job for a measurement and starts a detached worker process on it, with at most so many threads (0: all cores). What is wrong
/// with the request is found by the worker; [`Measurement::prepare`] finds it before.
///
/// # Errors
/// When the folder cannot be made or the process cannot be started.
pub(crate) fn spawn_measurement(root: &Path, request: &Measurement, threads: usize) -> Result<JobSummary> {
    let folder = create_measurement(root, request, threads)?;
    start(&folder, false)?;
    Ok(folder.summary())
}

/// An evaluation as a detached job: see [`spawn_measurement`].
///
/// # Errors
/// As [`spawn_measurement`].
pub(crate) fn spawn_evaluation(root: &Path, request: &Evaluation) -> Result<JobSummary> {
    spawn_measurement(root, &Measurement::Evaluation(request.clone().into()), 0)
}

/// The making of an importance matrix as a detached job: see [`spawn_measurement`].
///
/// # Errors
/// As [`spawn_measurement`].
pub(crate) fn spawn_imatrix(root: &Path, request: &Imatrix) -> Result<JobSummary> {
    spawn_measurement(root, &Measurement::Imatrix(request.clone()), 0)
}

/// Makes a job for a measurement, which is not started yet.
///
/// # Errors
/// When the folder cannot be made.
pub(crate) fn create_measurement(root: &Path, request: &Measurement, threads: usize) -> Result<JobFolder> {
    let folder = JobFolder::create_measurement(root, request)?;
    if threads > 0 {
        folder.write("threads", threads.to_string().as_bytes())?;
    }
    queued(&folder, &request.title())?;
    Ok(folder)
}

/// Makes a job for a watcher, which is not started yet. [`start_queued`] starts it.
///
/// # Errors
/// When the folder cannot be made.
pub(crate) fn create_for_watcher(root: &Path, recipe: &Recipe, plan: &Plan, threads: usize) -> Result<JobFolder> {
    let folder = JobFolder::create(root, recipe, plan)?;
    folder.write("class", JobClass::Watch.name().as_bytes())?;
    if threads > 0 {
        folder.write("threads", threads.to_string().as_bytes())?;
    }
    queued(&folder, &plan.title())?;
    Ok(folder)
}

/// Starts a detached worker on a job that was made and not started.
///
/// # Errors
/// When the process cannot be started.
pub(crate) fn start_queued(folder: &JobFolder) -> Result<()> {
    start(folder, false)
}

/// Lets a paused job continue; starts a worker that continues with a job that was lost, interrupted, failed or cancelled.
///
/// # Errors
/// A bad-request error when the job runs or is finished; when the process cannot be started.
pub(crate) fn resume(folder: &JobFolder) -> Result<()> {
    folder.check_mine()?;
    let state = settled_state(folder);
    if state == super::JobState::Paused {
        return super::proceed(&folder.dir);
    }
    if !state.ended() || state == super::JobState::Finished {
        let e = ModelError::request(format!("job {} is {}", folder.id(), state.name()));
        let hint = match state {
            super::JobState::Finished => {
                Hint::from(Remedy::Run(format!("jobs rerun {}", folder.id()))).then(" does it once more.")
            }
            _ => Hint::from(Remedy::Run(format!("jobs attach {}", folder.id()))).then(" follows it."),
        };
        return Err(e.with_hint(hint));
    }
    folder.check_here()?;
    take_back(folder, CANCEL)?;
    take_back(folder, PAUSE)?;
    // A follower of the job must not take its earlier end for the new one while the worker starts.
    queued(folder, &folder.title()?)?;
    start(folder, true)
}

/// The state of a job once a process of it that was killed is gone: for some time after the kill it holds the job's lock still.
fn settled_state(folder: &JobFolder) -> super::JobState {
    let begun = Instant::now();
    loop {
        let state = folder.summary().state;
        let waits = matches!(state, super::JobState::Running | super::JobState::Queued);
        let patience = if waits && is_dying(folder) { DYING_PATIENCE } else { NEW_KILL_PATIENCE };
        if !waits || begun.elapsed() > patience {
            return state;
        }
        std::thread::sleep(LOOK);
    }
}

/// How long a process that was killed is waited for.
const DYING_PATIENCE: Duration = Duration::from_secs(10);
/// How long the signs of a kill are waited for.
const NEW_KILL_PATIENCE: Duration = Duration::from_millis(150);
const LOOK: Duration = Duration::from_millis(20);
/// The flag of a process that is being taken down, in `/proc/PID/stat` (`PF_EXITING`, include/linux/sched.h).
const EXITING: u64 = 4;

/// True if the process that worked on the job is gone, or about to be. False where the system does not report it.
fn is_dying(folder: &JobFolder) -> bool {
    let Some(pid) = folder.history().pid else { return false };
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return Path::new("/proc/self").exists();
    };
    // The name in parentheses may hold anything; the fields after it are: state, ppid, pgrp, session, tty, tpgid, flags.
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let flags: u64 = fields.get(6).and_then(|f| f.parse().ok()).unwrap_or(0);
    fields.first().is_some_and(|s| matches!(*s, "Z" | "X")) || flags & EXITING != 0
}

/// Says `job.queued` in the job's events.
///
/// # Errors
/// I/O errors.
pub(crate) fn queued(folder: &JobFolder, title: &str) -> Result<()> {
    let path = folder.path("events.jsonl");
    let sink = EventSink::new(&folder.id()).with_file(&path).map_err(|e| ModelError::io(&path, "opening", e))?;
    sink.send(EventBody::Queued { title: title.to_owned() });
    Ok(())
}

/// Held while a worker is started, and by the code that is about to stop this process group.
static STARTING: Mutex<()> = Mutex::new(());

/// No worker is started while the guard lives. Between its fork and its exec a worker belongs to this process group still: a stop signal would
/// hold it there, with the thread that waits for it in the kernel, so that this process could not stop either and its shell would wait for ever.
pub(crate) fn no_start() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(folder: &JobFolder, resume: bool) -> Result<()> {
    let program =
        std::env::current_exe().map_err(|e| ModelError::io(Path::new("/proc/self/exe"), "finding the program", e))?;
    let path = folder.path("log.txt");
    let log = || {
        files::open_private(files::private_options().create(true).append(true), &path)
            .map_err(|e| ModelError::io(&path, "opening", e))
    };
    let mut command = Command::new(&program);
    command.arg("worker").arg(&folder.dir);
    if resume {
        command.arg("--resume");
    }
    // A process group of its own: the hang-up of the terminal does not reach it.
    command.stdin(Stdio::null()).stdout(log()?).stderr(log()?).process_group(0);
    let started = {
        let _turn = no_start();
        command.spawn()
    };
    let mut child = started.map_err(|e| ModelError::io(&program, "starting the worker", e))?;
    // Reaped in the background, so that a worker that ends while this process lives is not a zombie.
    let _ = crate::task::start(move || child.wait());
    Ok(())
}
