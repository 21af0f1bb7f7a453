//! `jobs`: list, show, attach, cancel, pause, resume, log, remove, clean.

use super::args::{JobsArgs, JobsCommand};
use super::measure::{self, MeasureFlags, MeasureLine};
use super::progress::Progress;
use super::signals::stop_on_signal;
use super::{Exit, convert, err, job_show, note, out, plan_text, print, refuse, text};
use crate::engine::Event;
use crate::files::paths::{chosen_jobs, on_jobs};
use crate::job::{self, JobFolder, JobHistory, JobKind, JobState, Measurement, Tail, Wording};
use crate::model::{ModelError, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a followed job is looked at.
const FOLLOW: Duration = Duration::from_millis(100);

/// Warns of a setting of the queue that is not used.
pub(super) fn say_unused_setting() {
    if let Some(text) = job::unused_at_once() {
        note(&text::warning(&text, text::Style::stderr()));
    }
}

/// `remold jobs`.
pub(crate) fn run(args: JobsArgs) -> Exit {
    say_unused_setting();
    let root = job::jobs_root();
    if let Err(e) = job::check_root(&root) {
        return refuse(&e);
    }
    let result = match args.command.unwrap_or(JobsCommand::List) {
        JobsCommand::List => {
            list(&root, args.json);
            Ok(Exit::Done)
        }
        JobsCommand::Show { id } => JobFolder::find(&root, &id).and_then(|f| job_show::show(&f, args.json)),
        JobsCommand::Attach { id } => attach(&root, &id, args.json),
        JobsCommand::Cancel { id } => JobFolder::find(&root, &id).and_then(|f| cancel(&f)),
        JobsCommand::Pause { id } => JobFolder::find(&root, &id).and_then(|f| pause(&f)),
        JobsCommand::Resume { id } => JobFolder::find(&root, &id).and_then(|f| {
            let before = f.summary().state;
            job::resume(&f)?;
            let how = match before {
                JobState::Failed => {
                    "continues with the files that it kept, or starts again; its earlier events are kept"
                }
                JobState::Cancelled => "starts again in the same folder; its earlier events are kept",
                JobState::Lost | JobState::Interrupted => "continues where it stopped",
                _ => "continues",
            };
            let follow = on_jobs(&format!("jobs attach {id}"));
            note(&format!("job {id} {how}; follow it with `{follow}`\n"));
            Ok(Exit::Done)
        }),
        JobsCommand::Rerun { id, force, run } => JobFolder::find(&root, &id).and_then(|f| {
            if f.kind().measures() {
                let mut request = f.measurement()?;
                if let Measurement::Imatrix(r) = &mut request {
                    r.replace = force;
                }
                let flags = MeasureFlags { json: run.json, detach: run.detach, threads: run.threads, layers: false };
                return Ok(measure::carry_out(&request, flags));
            }
            let mut recipe = f.recipe()?;
            recipe.targets.iter_mut().for_each(|t| t.force = force);
            Ok(convert::carry_out(&recipe, &run))
        }),
        JobsCommand::Remove { id } => JobFolder::find(&root, &id).and_then(|f| {
            let left = job::remove(&f.dir)?;
            say_left(&left);
            note(&format!("removed the folder of job {id}\n"));
            Ok(Exit::Done)
        }),
        JobsCommand::Log { id } => log(&root, &id, args.json),
        JobsCommand::Clean { all } => Ok(clean(&root, all, args.json)),
    };
    result.unwrap_or_else(|e| refuse(&e))
}

fn list(root: &Path, json: bool) {
    let jobs = job::list(root);
    if json {
        for j in &jobs {
            print::json(j);
        }
        return;
    }
    if jobs.is_empty() {
        let start = "`remold convert`, `remold eval` and `remold imatrix` start one";
        note(&match chosen_jobs() {
            Some(root) if !root.exists() => {
                format!(
                    "no jobs yet: the folder of jobs {} does not exist; {start}\n",
                    text::safe(&root.to_string_lossy())
                )
            }
            Some(root) => format!("no jobs yet in {}; {start}\n", text::safe(&root.to_string_lossy())),
            None => format!("no jobs yet; {start}\n"),
        });
        return;
    }
    // Whose they are is of interest where some are others'.
    let shared = jobs.iter().any(|j| j.owner.as_ref().is_some_and(|o| !o.is_me()));
    let mut heads = vec!["job", "state", "done", "time", "made"];
    heads.extend(shared.then_some("by"));
    heads.push("what");
    let mut rows = vec![heads.iter().map(|h| (*h).to_owned()).collect::<Vec<String>>()];
    for j in jobs {
        let made = j.created.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
        let time = j.seconds.map(text::seconds).unwrap_or_default();
        let state = match j.place {
            Some(place) => format!("queued ({place})"),
            None if j.failed_checks > 0 => format!("{}, check failed", j.state.name()),
            None => j.state.name().to_owned(),
        };
        let mut row = vec![j.id, state, format!("{:.0} %", j.fraction * 100.0), time, made];
        let by = || j.owner.as_ref().map(|o| text::safe(&o.shown())).unwrap_or_default();
        row.extend(shared.then(by));
        row.push(text::safe(&j.title));
        rows.push(row);
    }
    out(&text::table(&rows, &[true, false, true, true, false, false, false][..heads.len()]));
}

fn attach(root: &Path, id: &str, json: bool) -> Result<Exit> {
    let folder = JobFolder::find(root, id)?;
    let stop = stop_on_signal();
    let mut progress = Follow::new(&folder)?;
    let mut tail = Tail::new(&folder.dir);
    let mut history = JobHistory::default();
    let mut reported = None;
    let resume = on_jobs(&format!("jobs resume {id}"));
    loop {
        let events = tail.poll()?;
        for event in &events {
            history.apply(event);
            if json {
                print::json(event);
            } else {
                progress.event(event);
            }
        }
        if stop.is_set() {
            note(&format!("job {id} continues; `{}` follows it again\n", on_jobs(&format!("jobs attach {id}"))));
            return Ok(Exit::stopped(&stop));
        }
        if let Some(exit) = exit_of(&history) {
            if !json {
                report_end(&folder, &history);
            }
            return Ok(exit);
        }
        if events.is_empty() {
            let now = folder.summary();
            if !json && (now.place, now.state) != reported.unwrap_or((None, JobState::Running)) {
                match (now.place, now.state) {
                    (Some(place), _) => note(&format!("job {id} is queued at position {place}\n")),
                    (_, JobState::Paused) => {
                        note(&format!("job {id} is paused; continue it with `{resume}`\n"));
                    }
                    _ => {}
                }
                reported = Some((now.place, now.state));
            }
            if now.state == JobState::Lost {
                let hint = format!("`{resume}` continues where it stopped.");
                super::report_error(
                    &ModelError::bad("the job's process has ended unexpectedly").in_file(&folder.dir).with_hint(hint),
                );
                return Ok(Exit::Failed);
            }
            std::thread::sleep(FOLLOW);
        }
    }
}

/// Shows how far a followed job is.
enum Follow {
    Conversion(Box<Progress>),
    Measurement(Box<MeasureLine>),
}

impl Follow {
    fn new(folder: &JobFolder) -> Result<Self> {
        Ok(match folder.kind() {
            JobKind::Conversion => Self::Conversion(Box::new(Progress::new(&folder.plan()?))),
            JobKind::Evaluation | JobKind::Imatrix => {
                Self::Measurement(Box::new(MeasureLine::new(&folder.measurement()?)))
            }
        })
    }

    fn event(&mut self, event: &Event) {
        match self {
            Self::Conversion(progress) => progress.event(event),
            Self::Measurement(line) => line.event(event),
        }
    }
}

/// The exit code of a job that has ended.
fn exit_of(history: &JobHistory) -> Option<Exit> {
    match history.state {
        JobState::Finished if history.failed_checks().next().is_some() => Some(Exit::Check),
        JobState::Finished => Some(Exit::Done),
        JobState::Cancelled => Some(Exit::Cancelled),
        JobState::Interrupted => Some(Exit::interrupted(history.signal.unwrap_or_default())),
        JobState::Failed => Some(Exit::Failed),
        _ => None,
    }
}

/// Says how a followed job ended.
fn report_end(folder: &JobFolder, history: &JobHistory) {
    let id = folder.id();
    let resume = on_jobs(&format!("jobs resume {id}"));
    match (history.state, &history.failure) {
        (JobState::Finished, _) => {
            if let Some(report) = folder.measured().filter(|_| folder.kind().measures()) {
                measure::say(&report, false);
            } else if let Some(report) = folder.report() {
                note(&plan_text::report(&report, text::Style::stderr()));
            }
        }
        (JobState::Cancelled, _) => {
            note(&format!("job {id} was cancelled; `{resume}` starts it again\n"));
        }
        (JobState::Interrupted, _) => {
            note(&format!("job {id} was interrupted; `{resume}` continues where it stopped\n"));
        }
        (_, Some(error)) => {
            let e = ModelError::bad(error.message.clone());
            super::report_error(&match &error.hint {
                Some(h) => e.with_hint(h.clone()),
                None => e,
            });
        }
        _ => {}
    }
}

/// Removes the ended jobs, and says which of them could not be removed and why.
fn clean(root: &Path, all: bool, json: bool) -> Exit {
    let cleaned = job::clean(root, all);
    say_left(&cleaned.left);
    let mut exit = Exit::Done;
    for e in &cleaned.failed {
        exit = refuse(e);
    }
    let failed = match cleaned.failed.len() {
        0 => String::new(),
        n => format!("; {n} could not be removed"),
    };
    if json {
        let failed: Vec<_> = cleaned.failed.iter().map(job::failure).collect();
        print::json(&serde_json::json!({
            "removed": cleaned.removed, "kept": cleaned.kept, "left": cleaned.left, "failed": failed,
        }));
        return exit;
    }
    note(&format!("{} removed{failed}\n", text::plural(cleaned.removed, "job folder")));
    if cleaned.kept > 0 {
        let (jobs, clean) = (text::plural(cleaned.kept, "job"), on_jobs("jobs clean --all"));
        let verb = if cleaned.kept == 1 { "was" } else { "were" };
        note(&format!("{jobs} that can be continued {verb} kept; `{clean}` removes them and their unfinished files\n"));
    }
    exit
}

/// Names of a job's unfinished files that something else has now.
fn say_left(left: &[PathBuf]) {
    for path in left {
        let text = "this was the name of a job's unfinished file, but it is now a link or another file; not removed";
        note(&format!(
            "{} {}: {text}\n",
            text::Style::stderr().warning("warning:"),
            text::safe(&path.display().to_string())
        ));
    }
}

/// How many looks `cancel` and `pause` wait for the job's word.
const WORD_WAIT: u32 = 100;

fn cancel(folder: &JobFolder) -> Result<Exit> {
    job::cancel(&folder.dir)?;
    Ok(word(folder, "stop", JobState::ended))
}

fn pause(folder: &JobFolder) -> Result<Exit> {
    job::pause(&folder.dir)?;
    Ok(word(folder, "pause", |s| s == JobState::Paused || s.ended()))
}

/// Waits until the job is as it was asked to be.
fn word(folder: &JobFolder, what: &str, is: impl Fn(JobState) -> bool) -> Exit {
    for _ in 0..WORD_WAIT {
        let state = folder.summary().state;
        if is(state) {
            note(&format!("job {} is {}\n", folder.id(), state.name()));
            return Exit::Done;
        }
        std::thread::sleep(FOLLOW);
    }
    // A process that hangs responds to nothing.
    let pid = folder.history().pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    let wait = "it may be in the middle of a long step. The request is still pending; if the process hangs, end it with `kill -9`";
    err(&format!("job {}{pid} has not responded to the request to {what} yet: {wait}\n", folder.id()));
    Exit::Failed
}

/// Figures and paths as the command line writes them.
const WORDING: Wording<'_> =
    Wording { path: &|path| path.display().to_string(), bytes: text::bytes, seconds: text::seconds };

fn log(root: &Path, id: &str, json: bool) -> Result<Exit> {
    let folder = JobFolder::find(root, id)?;
    for event in folder.events()? {
        if json {
            print::json(&event);
            continue;
        }
        let time = event.t.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S%.3f").to_string();
        for line in job::event_lines(&event.body, &WORDING) {
            let text = format!("{:<10} {}", line.word, line.text);
            out(&format!("{time}  {}\n", text::safe(text.trim_end())));
        }
    }
    if !json && let Ok(text) = folder.read("log.txt") {
        out(&String::from_utf8_lossy(&text));
    }
    Ok(Exit::Done)
}
