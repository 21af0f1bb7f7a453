//! Carries a job out in this process: run, report; every end is an event.

use super::overseer::Overseer;
use super::{JobFolder, Turn};
use crate::engine::{self, Event, EventBody, EventSink, Failure, Gate, Report, RunError, RunOptions, Stop};
use crate::model::{ErrorKind, Hint, ModelError, Remedy, Result, Warning, numbered};
use crate::plan::{self, Prepared};
use crate::recipe::remedies::on_command_line;
use crate::task::{self, OnExit, Task};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

/// Called with every event of a run.
pub(crate) type Listener = Box<dyn FnMut(&Event) + Send>;

/// How a job is run.
pub(crate) struct RunJob {
    /// Worker threads; 0 = as many as the machine gives.
    pub threads: usize,
    /// Go on from the journal.
    pub resume: bool,
    /// Set from outside (a signal) to stop.
    pub stop: Arc<Stop>,
    /// Called with every event.
    pub listener: Option<Listener>,
    /// The job's lock, where it is held already.
    pub lock: Option<File>,
    /// The job's place among those that run at once, where it had to wait for one.
    pub turn: Option<Turn>,
}

/// How a job ended.
#[derive(Debug)]
pub(crate) enum Outcome<R = Report<()>> {
    /// Done.
    Finished(Box<R>),
    /// Failed; the event says the same.
    Failed(ModelError),
    /// Cancelled.
    Cancelled,
    /// Asked to end by this signal; the job can be resumed.
    Interrupted(i32),
}

/// What the events say of an error.
pub(crate) fn failure(e: &ModelError) -> Failure {
    Failure { code: e.code(), message: e.to_string(), hint: remedy(e).as_ref().map(on_command_line) }
}

/// What to do about an error: its own hint, else what is right for all of its kind.
pub(crate) fn remedy(e: &ModelError) -> Option<Hint> {
    use std::io::ErrorKind::{
        FileTooLarge, IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull,
    };
    const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
    const ENFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();
    if let Some(hint) = e.hint() {
        return Some(hint.clone());
    }
    if let Some(EMFILE | ENFILE) = e.os_error().and_then(std::io::Error::raw_os_error) {
        return Some(
            "Raise the limit of open files (`ulimit -n`, or that of the container), or end other programs.".into(),
        );
    }
    Some(match (e.kind(), e.os_error().map(std::io::Error::kind)) {
        (_, Some(FileTooLarge)) => {
            "The file is larger than a limit (`ulimit -f`) or the file system allows: raise the limit, choose another disk, or write smaller files.".into()
        }
        (_, Some(NotFound | NotADirectory)) => {
            e.file().map_or("Check the path.".into(), |path| missing(path, e.option().is_none() && !is_text(path)))
        }
        (_, Some(IsADirectory)) => "Name a file, not a folder.".into(),
        (_, Some(PermissionDenied)) if e.file().is_some() => {
            let path = e.file().unwrap_or(Path::new("."));
            no_permission(&std::fs::metadata(path).map(|_| ()), is_readable(path)).into()
        }
        (_, Some(PermissionDenied | ReadOnlyFilesystem)) => {
            "Choose a folder that you may write to, or change its permissions.".into()
        }
        (_, Some(StorageFull)) => "Free some space or choose another disk.".into(),
        (ErrorKind::BadFile, _) => {
            "The file is damaged or was written incorrectly; download it again or save it again.".into()
        }
        (ErrorKind::Unsupported, _) => {
            Hint::from(Remedy::Run("formats".to_owned())).then(" lists the formats of this version.")
        }
        _ => return None,
    })
}

/// What to do about a path where there is nothing.
fn missing(path: &Path, could_be_model: bool) -> Hint {
    let above = path.ancestors().skip(1).map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    let folder = above.clone().find(|p| p.exists()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return format!("{} is a file, so nothing can be in it.", folder.display()).into();
    }
    let list = Remedy::Run(format!("inspect {}", crate::units::quoted(&folder.to_string_lossy())));
    let here = folder == Path::new(".");
    let start = match above.clone().next().is_some_and(Path::exists) {
        true if here => "The current folder has no file or folder with this name".to_owned(),
        true => format!("{} has no file or folder with this name", folder.display()),
        false if here => "The current folder does not have the first folder of this path".to_owned(),
        false => format!("Only {} exists of this path", folder.display()),
    };
    if !could_be_model {
        return Hint::from(format!("{start}."));
    }
    Hint::from(format!("{start}; ")).then(list).then(" lists the models in it.")
}

/// True for the name of a file that is no model: a recipe, a text, rules.
fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    ["toml", "yaml", "yml", "json", "txt", "md", "dat"].contains(&extension)
}

/// True for a file or folder that this process may read.
fn is_readable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::READ_OK).is_ok()
}

/// What to do about a path that this process has no permission for, by what looking at it gave and whether it may be read.
fn no_permission(looked_at: &std::io::Result<()>, is_readable: bool) -> &'static str {
    match looked_at {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            "You may not enter a folder of this path: change its permissions, or ask its owner to."
        }
        Ok(()) if !is_readable => "You may not read it: change its permissions, or ask its owner to.",
        _ => "Choose a folder that you may write to, or change its permissions.",
    }
}

/// What work finds that runs as a job.
pub(super) struct Running<'a> {
    folder: &'a JobFolder,
    /// Takes the events.
    pub(super) sink: &'a EventSink,
    /// Where work waits while the job is paused.
    pub(super) gate: &'a Gate,
    /// Set when the job is to stop.
    pub(super) stop: &'a Arc<Stop>,
    /// Threads to work with.
    pub(super) threads: usize,
    /// True if the job was begun before.
    pub(super) resumes: bool,
    /// When this run of the job began.
    begun: Instant,
}

impl Running<'_> {
    /// The job.
    pub(super) fn folder(&self) -> &JobFolder {
        self.folder
    }

    /// Writes the report. What was made exists: a job folder on a full disk does not make the job a failure.
    pub(super) fn keep_report(&self, report: &impl serde::Serialize) {
        if let Err(e) = self.folder.write_with("report.json", |file| serde_json::to_writer_pretty(file, report)) {
            let text = format!("the work is complete, but the report could not be written: {e}");
            self.sink.send(EventBody::Warning(Warning::new("job.report", text)));
        }
    }
}

/// Runs a prepared plan as the job of `folder`. The lock is held meanwhile.
///
/// # Errors
/// When another process works on the job or its folder cannot be written; failures of the work itself are an [`Outcome`].
pub(crate) fn run(folder: &JobFolder, prepared: &Prepared, job: RunJob) -> Result<Outcome> {
    let plan = &prepared.plan;
    within(folder, plan.title(), job, prepared.threads, |running| {
        running.sink.send(EventBody::Plan {
            outputs: plan.outputs.iter().map(|o| o.path.display().to_string()).collect(),
            tensors: plan.outputs.iter().map(|o| o.tensors.len()).sum(),
            bytes: plan.outputs.iter().map(|o| o.bytes).sum(),
            warnings: plan.warnings.clone(),
        });
        for (output, planned) in numbered(&plan.outputs) {
            if let Some(calibration) = planned.calibration.clone() {
                let path = planned.path.display().to_string();
                running.sink.send(EventBody::OutputCalibrated { output, path, calibration });
            }
        }
        let journal = folder.path("journal");
        let (threads, stop) = (running.threads, &**running.stop);
        let journal = Some((journal.as_path(), running.resumes));
        let origin = folder.origin();
        let options = RunOptions { threads, stop, gate: running.gate, sink: running.sink, journal, origin };
        // From the cache of the system the sample costs little; what is wrong with the values is reported by the run.
        let how = Task { threads, progress: &|_, _| {}, cancel: stop.flag() };
        let estimates = plan::estimate(prepared, how).unwrap_or_default();
        let mut report = engine::run(prepared, &options)?;
        for (output, estimate) in report.outputs.iter_mut().zip(estimates) {
            output.forecast = Some(estimate);
        }
        // All of the work, as the event of its end has it.
        report.seconds = running.begun.elapsed().as_secs_f64();
        // The file is read from other folders than the one that the paths were given in.
        let shown = report.set_paths(absolute_paths(report.paths()));
        running.keep_report(&report);
        report.set_paths(shown);
        let peak = report.peak_rss;
        Ok((report.without_rows(), peak))
    })
}

fn absolute_paths(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.into_iter().map(|path| std::path::absolute(&path).unwrap_or(path)).collect()
}

/// Does `work` as the job of `folder`, with at most so many threads: its lock is held, requests are looked for, and its beginning and end are
/// events. `work` gives its result and its highest resident memory.
pub(super) fn within<R>(
    folder: &JobFolder,
    title: String,
    job: RunJob,
    most_threads: usize,
    work: impl FnOnce(&Running<'_>) -> std::result::Result<(R, u64), RunError>,
) -> Result<Outcome<R>> {
    let _lock = match job.lock {
        Some(lock) => lock,
        None => folder.lock()?,
    };
    let events = folder.path("events.jsonl");
    let mut sink =
        EventSink::new(&folder.id()).with_file(&events).map_err(|e| ModelError::io(&events, "opening", e))?;
    if let Some(listener) = job.listener {
        sink = sink.with_listener(listener);
    }
    let threads = match job.threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        n => n.min(crate::monitor::most_threads()),
    };
    let threads = threads.min(most_threads.max(1));
    let begun = Instant::now();
    sink.send(EventBody::Started { pid: std::process::id(), threads });
    let (gate, over) = (Gate::default(), AtomicBool::new(false));
    let overseer = Overseer { folder, title, stop: &job.stop, gate: &gate, sink: &sink, turn: job.turn };
    let run = || {
        thread::scope(|scope| {
            let watcher = task::start_in(scope, || overseer.watch(&over)).map_err(ModelError::no_thread)?;
            let _ended = OnExit(|| {
                over.store(true, Ordering::Relaxed);
                watcher.thread().unpark();
            });
            let running =
                Running { folder, sink: &sink, gate: &gate, stop: &job.stop, threads, resumes: job.resume, begun };
            work(&running)
        })
    };
    // What panicked has said so on stderr. The job has ended, whatever happened, and its unfinished files were removed on the way.
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let e = ModelError::bad("remold panicked while it worked on this job; this is a bug");
        Err(RunError::Failed(e.with_hint("Please report it, with the message of the panic.")))
    });
    let seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    Ok(match result {
        Ok((result, peak_rss)) => {
            sink.send(EventBody::Finished { seconds, peak_rss });
            Outcome::Finished(Box::new(result))
        }
        Err(RunError::Cancelled) => {
            sink.send(EventBody::Cancelled { seconds });
            Outcome::Cancelled
        }
        Err(RunError::Interrupted(signal)) => {
            sink.send(EventBody::Interrupted { seconds, signal });
            Outcome::Interrupted(signal)
        }
        Err(RunError::Failed(e)) => {
            sink.send(EventBody::Failed { seconds, error: failure(&e) });
            Outcome::Failed(e)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    /// The superuser may do everything, so what the system says is made here.
    #[test]
    fn what_may_not_be_read_is_told_from_what_may_not_be_written() {
        let hidden = Err(Error::from(ErrorKind::PermissionDenied));
        assert!(no_permission(&hidden, false).starts_with("You may not enter"));
        assert!(no_permission(&Ok(()), false).starts_with("You may not read it"));
        assert!(no_permission(&Ok(()), true).starts_with("Choose a folder that you may write to"));
        assert!(no_permission(&Err(ErrorKind::NotFound.into()), false).starts_with("Choose a folder"));
    }

    #[test]
    fn limits_of_the_system_are_not_called_bugs() {
        let said = |number: i32| {
            let e = ModelError::io(Path::new("x.gguf"), "writing", Error::from_raw_os_error(number));
            remedy(&e).map(|hint| on_command_line(&hint)).unwrap_or_default()
        };
        assert!(said(rustix::io::Errno::MFILE.raw_os_error()).contains("`ulimit -n`"));
        assert!(said(rustix::io::Errno::FBIG.raw_os_error()).contains("`ulimit -f`"));
    }
}
