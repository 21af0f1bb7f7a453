//! Watchers: listed, followed by their files, started, asked to end, removed.

use crate::engine::from_json;
use crate::files;
use crate::job::JobFolder;
use crate::model::ModelError;
use crate::recipe::{self, Recipe};
use crate::tui::core::ErrorCard;
use crate::tui::tabs::watch::{ExportQuality, WatchPlace};
use crate::watch::{self, EventTail, Request, Rule, WatchBody, WatchEvent, WatcherInfo, Watchers};
use std::collections::VecDeque;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Pieces of events that are read in one look, some megabytes each.
const PIECES_A_LOOK: usize = 8;
/// Reports that are read in one look.
const REPORTS_A_LOOK: usize = 8;
/// Longest report that is read. That of a model of a billion parameters has some ten kilobytes.
const MAX_REPORT_BYTES: u64 = 32 << 20;
/// Most characters that are shown of what a watcher said when it did not start.
const MAX_SAID_CHARS: usize = 400;

/// The watchers of a folder of jobs, to be looked at again and again.
pub(crate) fn watchers(jobs_root: &Path) -> Watchers {
    Watchers::new(jobs_root)
}

/// Follows one watcher.
pub(crate) struct Followed {
    tail: EventTail,
    jobs_root: PathBuf,
    /// Jobs whose reports were not looked for yet.
    jobs: VecDeque<String>,
}

impl Followed {
    /// From the beginning of what a watcher's folder has.
    pub(crate) fn new(folder: &Path, jobs_root: &Path) -> Self {
        Self { tail: EventTail::new(folder), jobs_root: jobs_root.to_owned(), jobs: VecDeque::new() }
    }

    /// The events that came since the last look.
    pub(crate) fn events(&mut self) -> Vec<WatchEvent> {
        let mut all = Vec::new();
        for _ in 0..PIECES_A_LOOK {
            let lines = self.tail.poll();
            if lines.is_empty() {
                break;
            }
            all.extend(lines.iter().filter_map(|line| from_json::<WatchEvent>(line).ok()));
        }
        let jobs = all.iter().filter_map(|e| match &e.body {
            // Earlier versions recorded no figure, and lossless exports have none.
            WatchBody::Exported(done)
                if matches!(&*done.status, "ok" | "check_failed") && done.weights_db.is_none() =>
            {
                Some(done.job.clone())
            }
            _ => None,
        });
        self.jobs.extend(jobs);
        all
    }

    /// What the reports of some exports say, the latest exports first.
    pub(crate) fn reports(&mut self) -> Vec<(String, ExportQuality)> {
        let from = self.jobs.len().saturating_sub(REPORTS_A_LOOK);
        let jobs: Vec<String> = self.jobs.drain(from..).collect();
        jobs.into_iter().map(|job| (job.clone(), self.report(&job))).collect()
    }

    fn report(&self, job: &str) -> ExportQuality {
        /// The part of a report that is wanted.
        #[derive(serde::Deserialize)]
        struct Report {
            outputs: Vec<Output>,
        }
        #[derive(serde::Deserialize)]
        struct Output {
            #[serde(default)]
            sqnr_db: Option<f64>,
        }
        let folder = JobFolder::find(&self.jobs_root, job).ok();
        let bytes = folder.and_then(|f| files::read(&f.path("report.json"), MAX_REPORT_BYTES).ok());
        let Some(report) = bytes.and_then(|b| from_json::<Report>(&b).ok()) else { return ExportQuality::NoReport };
        let db = report.outputs.iter().filter_map(|o| o.sqnr_db).filter(|db| db.is_finite());
        db.reduce(f64::min).map_or(ExportQuality::Lossless, ExportQuality::Db)
    }
}

/// What there is at the path of a folder to watch, and the identifier of the watcher that watches it already.
pub(crate) fn place(jobs_root: &Path, root: &Path) -> (WatchPlace, Option<String>) {
    let place = match std::fs::metadata(root) {
        Ok(found) if found.is_dir() => WatchPlace::Folder,
        Ok(_) => WatchPlace::File,
        Err(_) => WatchPlace::Nothing,
    };
    let id = Rule::id_of(root, &Rule::default_output(root));
    let running = find(jobs_root, &id).is_some_and(|w| w.pid.is_some());
    (place, running.then_some(id))
}

/// Starts a watcher of a folder, and waits until it runs; gives its identifier.
///
/// # Errors
/// When the folder is watched already, its recipe cannot be written, or the watcher does not start: with what it said.
pub(crate) fn start(jobs_root: &Path, root: &Path, recipe: &Recipe) -> Result<String, ErrorCard> {
    let card = |e: ModelError| ErrorCard::from(&e);
    let output = Rule::default_output(root);
    let id = Rule::id_of(root, &output);
    if find(jobs_root, &id).is_some_and(|w| w.pid.is_some()) {
        let what = ModelError::request(format!("the folder is already watched by watcher {id}")).in_file(root);
        return Err(card(what.with_hint("Watch (5) shows it; stop it there with s.")));
    }
    let folder = watch::watchers_folder(jobs_root).join(&id);
    let path = folder.join("recipe.toml");
    let mut recipe = recipe.clone();
    for target in &mut recipe.targets {
        target.options.map_paths(|path| std::path::absolute(&path).unwrap_or(path));
    }
    let written = files::create_private_folder(&folder)
        .and_then(|()| files::write_private(&path, recipe::to_toml(&recipe).as_bytes()));
    written.map_err(|e| card(ModelError::io(&path, "writing", e)))?;
    let arguments = ["watch".as_ref(), root.as_os_str(), "-r".as_ref(), path.as_os_str(), "-o".as_ref()];
    let arguments = arguments.into_iter().chain([output.as_os_str(), "--detach".as_ref()]);
    in_background(jobs_root, |command| command.args(arguments))?;
    Ok(id)
}

/// Starts a stopped watcher as it was started before, and waits until it runs; gives its identifier.
///
/// # Errors
/// When it does not exist, runs, or was started by a version that did not record how; when the watcher does not start: with what it said.
pub(crate) fn restart(jobs_root: &Path, id: &str) -> Result<String, ErrorCard> {
    let Some(watcher) = find(jobs_root, id) else {
        return Err(ErrorCard::new(format!("there is no watcher {id}"), true));
    };
    if watcher.pid.is_some() {
        return Err(ErrorCard::new(format!("watcher {id} is running already"), true));
    }
    let Some(start) = watcher.start else {
        return Err(ErrorCard::new(
            format!("an earlier version of remold started watcher {id}: its command is not known"),
            true,
        ));
    };
    if !start.folder.is_dir() {
        let what = "the folder in which the watcher was started does not exist any more";
        return Err(ErrorCard::from(&ModelError::request(what).in_file(&start.folder)));
    }
    in_background(jobs_root, |command| command.args(start.detached()).current_dir(&start.folder))?;
    Ok(id.to_owned())
}

/// Removes a stopped watcher: its state, not its exports and jobs.
///
/// # Errors
/// When it does not exist, runs, or its state cannot be removed.
pub(crate) fn forget(jobs_root: &Path, id: &str) -> Result<(), ErrorCard> {
    let Some(watcher) = find(jobs_root, id) else {
        return Err(ErrorCard::new(format!("there is no watcher {id}"), true));
    };
    watcher.forget().map_err(|e| ErrorCard::from(&e))
}

/// Runs this program with the arguments that are given to it, which start a watcher, until that runs.
fn in_background(jobs_root: &Path, give: impl FnOnce(&mut Command) -> &mut Command) -> Result<(), ErrorCard> {
    let card = |e: ModelError| ErrorCard::from(&e);
    let program = std::env::current_exe();
    let program = program.map_err(|e| card(ModelError::io(Path::new("/proc/self/exe"), "finding the program", e)))?;
    let mut command = Command::new(&program);
    give(&mut command);
    command.env("REMOLD_JOBS", jobs_root).env("NO_COLOR", "1");
    // A separate process group: signals from the terminal do not reach it.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let ran = command.output().map_err(|e| card(ModelError::io(&program, "starting the watcher", e)))?;
    if ran.status.success() { Ok(()) } else { Err(ErrorCard::new(last_error_line(&ran.stderr), true)) }
}

/// What a command said that failed, on one line.
fn last_error_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // Each line is a sentence of its own, whatever it begins with.
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let part = match part.strip_prefix("hint: ") {
            Some(hint) => {
                line += if line.ends_with('.') || line.is_empty() { "" } else { "." };
                hint
            }
            None => part,
        };
        line += if line.is_empty() { "" } else { " " };
        line += part;
    }
    let line = line.strip_prefix("error: ").unwrap_or(&line).trim_end_matches('.');
    if line.is_empty() {
        "the watcher ended without an error message".to_owned()
    } else {
        line.chars().take(MAX_SAID_CHARS).collect()
    }
}

/// Asks a watcher to end.
///
/// # Errors
/// When it no longer exists, or its process cannot be signalled.
pub(crate) fn stop(jobs_root: &Path, id: &str) -> Result<(), ErrorCard> {
    // Looked for again: its process may be another one by now.
    let Some(watcher) = find(jobs_root, id) else {
        return Err(ErrorCard::new(format!("there is no watcher {id}"), true));
    };
    watcher.ask_to_end().map(drop).map_err(|e| ErrorCard::from(&e))
}

/// Leaves a request for a watcher that runs.
///
/// # Errors
/// When it does not run any more, or the request cannot be written.
pub(crate) fn ask(jobs_root: &Path, id: &str, request: &Request) -> Result<(), ErrorCard> {
    let Some(watcher) = find(jobs_root, id).filter(|w| w.pid.is_some()) else {
        return Err(ErrorCard::new(format!("watcher {id} is not running"), true));
    };
    watch::ask(&watcher.folder, request).map_err(|e| ErrorCard::from(&e))
}

fn find(jobs_root: &Path, id: &str) -> Option<WatcherInfo> {
    watch::list_watchers(jobs_root).into_iter().find(|w| w.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_say_the_lowest_of_their_outputs_and_only_what_was_measured() {
        let root = tempfile::tempdir().unwrap();
        for (job, report) in [
            ("1", r#"{"outputs":[{"sqnr_db":22.5},{"sqnr_db":31.0},{}]}"#),
            ("2", r#"{"outputs":[{"path":"x"}]}"#),
            ("3", "{"),
        ] {
            std::fs::create_dir(root.path().join(job)).unwrap();
            std::fs::write(root.path().join(job).join("report.json"), report).unwrap();
        }
        let folder = root.path().join(".watch/0a1b2c3d");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(root.path().join("report.json"), r#"{"outputs":[{"sqnr_db":1.0}]}"#).unwrap();
        let event = |job: &str| {
            format!(
                r#"{{"t":"2026-11-23T12:00:00Z","watch":"1","kind":"watch.exported","source":"/r/c","name":"c","version":"a","job":"{job}","picked":0.0,"done":1.0,"outputs":[],"bytes":0,"status":"ok"}}{}"#,
                "\n"
            )
        };
        let lines = ["1", "2", "3", "4", ".", ".."].map(event).concat();
        std::fs::write(folder.join("events.jsonl"), format!("no event\n{lines}half a line")).unwrap();
        let mut followed = Followed::new(&folder, root.path());
        assert_eq!(followed.events().len(), 6);
        let found: Vec<ExportQuality> = followed.reports().into_iter().map(|(_, m)| m).collect();
        let none = ExportQuality::NoReport;
        assert_eq!(found, [ExportQuality::Db(22.5), ExportQuality::Lossless, none, none, none, none]);
        assert_eq!((followed.events(), followed.reports()), (Vec::new(), Vec::new()), "nothing is read twice");
        // Another file of that name is read from its beginning.
        std::fs::write(folder.join("events.jsonl"), event("2")).unwrap();
        assert_eq!(followed.events().len(), 1);
    }

    #[test]
    fn a_file_and_a_missing_folder_are_told_from_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let seen = |name: &str| place(dir.path(), &dir.path().join(name));
        assert_eq!(seen(""), (WatchPlace::Folder, None));
        assert_eq!(seen("file"), (WatchPlace::File, None));
        assert_eq!(seen("none"), (WatchPlace::Nothing, None));
    }

    #[test]
    fn what_a_watcher_said_is_one_line() {
        assert_eq!(last_error_line(b"error: no such folder.\n  Make it first.\n"), "no such folder. Make it first");
        assert_eq!(last_error_line(b"error: x is a file\nhint: Name the folder.\n"), "x is a file. Name the folder");
        assert_eq!(last_error_line(b"\n"), "the watcher ended without an error message");
        assert_eq!(last_error_line(&[b'x'; 9999]).len(), MAX_SAID_CHARS);
    }
}
