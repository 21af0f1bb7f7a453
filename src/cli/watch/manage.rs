//! Watchers in other processes: start one, list them, follow one, ask one to end.

use super::super::text::{Style, table};
use super::super::{Exit, note, out, print, refuse};
use super::{RequestedRule, lines};
use crate::files::paths::on_jobs;
use crate::job;
use crate::model::{ModelError, Result};
use crate::watch::{self, Rule, WatcherInfo};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a new watcher is waited for until it holds its lock.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// How long a watcher is waited for that was asked to end.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// Events of the past that `watch attach` shows.
const HISTORY: usize = 20;
const LOOK: Duration = Duration::from_millis(100);

/// `watch --detach`: the same command in a separate process.
pub(crate) fn detach(asked: &[RequestedRule]) -> Exit {
    let root = job::jobs_root();
    if let Err(e) = not_running(asked, &root) {
        return refuse(&e);
    }
    let rules: Vec<&Rule> = asked.iter().map(|a| &a.rule).collect();
    if let Err(e) = start(&rules, &root) {
        return refuse(&e);
    }
    for rule in &rules {
        let (id, from, to) = (rule.id(), rule.root.display(), rule.output.display());
        note(&format!("watcher {id} runs in the background: {from} → {to}\n"));
        if !rule.root.is_dir() {
            let style = Style::stderr();
            note(&format!("{} {from} does not exist yet; the watcher waits for it\n", style.warning("warning:")));
        }
    }
    let id = rules.first().map(|r| r.id()).unwrap_or_default();
    let ends = if rules.len() > 1 { "stop all of them" } else { "stop it" };
    let [follow, stop] = ["attach", "stop"].map(|what| on_jobs(&format!("watch {what} {id}")));
    note(&format!("  follow it with `{follow}`, {ends} with `{stop}`\n"));
    Exit::Done
}

/// Refuses to start where another process watches one of the folders.
///
/// # Errors
/// A request error that names the watcher.
pub(crate) fn not_running(asked: &[RequestedRule], jobs_root: &Path) -> Result<()> {
    let known = watch::list_watchers(jobs_root);
    let running = |rule: &Rule| known.iter().find(|k| k.id == rule.id() && k.pid.is_some());
    match asked.iter().find_map(|a| running(&a.rule)) {
        None => Ok(()),
        Some(k) => {
            let what = format!("the folder is already watched by watcher {}", k.id);
            let hint = format!("Stop it with `{}`.", on_jobs(&format!("watch stop {}", k.id)));
            Err(ModelError::request(what).in_file(&k.root).with_hint(hint))
        }
    }
}

fn start(rules: &[&Rule], root: &Path) -> Result<()> {
    let program =
        std::env::current_exe().map_err(|e| ModelError::io(Path::new("/proc/self/exe"), "finding the program", e))?;
    let Some(first) = rules.first() else { return Ok(()) };
    let folder = watch::state_folder(root, first);
    crate::files::create_private_folder(&folder).map_err(|e| ModelError::io(&folder, "creating", e))?;
    let path = folder.join("log.txt");
    let log = || {
        crate::files::private_options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| ModelError::io(&path, "opening", e))
    };
    let mut command = Command::new(&program);
    command.args(std::env::args_os().skip(1).filter(|a| a != "--detach"));
    // A separate process group: the terminal's hang-up does not reach it.
    command.stdin(Stdio::null()).stdout(log()?).stderr(log()?).process_group(0);
    let mut child = command.spawn().map_err(|e| ModelError::io(&program, "starting the watcher", e))?;
    let begun = Instant::now();
    while begun.elapsed() < START_PATIENCE {
        let known = watch::list_watchers(root);
        let runs = |rule: &&Rule| known.iter().any(|k| k.id == rule.id() && k.pid == Some(child.id()));
        if rules.iter().all(runs) {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            let error = ModelError::bad(format!("the watcher ended immediately, {status}")).in_file(&path);
            return Err(error.with_hint("See its output in this file."));
        }
        std::thread::sleep(LOOK);
    }
    Err(ModelError::bad("the watcher does not respond").in_file(&path).with_hint("See its output in this file."))
}

/// `watch list`.
pub(crate) fn list(json: bool) -> Exit {
    let known = watch::list_watchers(&job::jobs_root());
    if json {
        known.iter().for_each(print::json);
        return Exit::Done;
    }
    if known.is_empty() {
        note("no watchers; `remold watch DIR --to gguf:q4_k_m` starts one\n");
        return Exit::Done;
    }
    let mut rows = vec![["id", "state", "exported", "folder", "exports", "recipe"].map(str::to_owned).to_vec()];
    for k in known {
        let state = match (k.pid, &k.hold) {
            (None, _) => "stopped".to_owned(),
            (Some(pid), _) if k.paused => format!("paused ({pid})"),
            (Some(pid), None) => format!("running ({pid})"),
            (Some(pid), Some(hold)) => format!("running ({pid}), {hold}"),
        };
        let exported = k.exported.to_string();
        rows.push(vec![k.id, state, exported, k.root.display().to_string(), k.output.display().to_string(), k.recipe]);
    }
    out(&table(&rows, &[false, false, true, false, false, false]));
    Exit::Done
}

/// The watcher that is meant.
pub(super) fn find(id: Option<&str>) -> Result<WatcherInfo> {
    let known = watch::list_watchers(&job::jobs_root());
    let hint = format!("`{}` lists them.", on_jobs("watch list"));
    match id {
        Some(id) => {
            // The beginning is enough where it is that of one.
            let begins = known.into_iter().filter(|k| !id.is_empty() && k.id.starts_with(id));
            let mut found: Vec<_> = begins.collect();
            if let Some(exact) = found.iter().position(|k| k.id == id) {
                return Ok(found.swap_remove(exact));
            }
            let what = match found.len() {
                1 => return Ok(found.swap_remove(0)),
                0 => format!("there is no watcher `{id}`"),
                n => format!("{n} watchers have names that start with `{id}`"),
            };
            Err(ModelError::request(what).with_hint(hint))
        }
        None => {
            let mut running: Vec<_> = known.into_iter().filter(|k| k.pid.is_some()).collect();
            match (running.pop(), running.len()) {
                (Some(only), 0) => Ok(only),
                (None, _) => Err(ModelError::request("no watcher is running").with_hint(hint)),
                _ => Err(ModelError::request("several watchers are running: name one").with_hint(hint)),
            }
        }
    }
}

/// `watch attach`.
pub(crate) fn attach(id: Option<&str>, all: bool, json: bool) -> Exit {
    let known = match find(id) {
        Ok(known) => known,
        Err(e) => return refuse(&e),
    };
    let stop = super::super::signals::stop_on_signal();
    let closed = Arc::default();
    if json {
        super::reader::end_with_reader(&stop, &closed);
    }
    let lines = lines::Lines::new(Style::stderr());
    let last = if all { usize::MAX } else { HISTORY };
    let mut tail = watch::EventTail::of_last(&known.folder, last);
    loop {
        for line in tail.poll() {
            match crate::engine::from_json::<watch::WatchEvent>(&line) {
                _ if json => print::json_lines(&String::from_utf8_lossy(&line)),
                Ok(event) => note(&lines.line(&event)),
                Err(_) => {}
            }
        }
        if closed.load(Ordering::Relaxed) {
            return Exit::Done;
        }
        if stop.is_set() {
            return Exit::stopped(&stop);
        }
        if !watch::list_watchers(&job::jobs_root()).iter().any(|k| k.id == known.id && k.pid.is_some()) {
            return Exit::Done;
        }
        std::thread::sleep(LOOK);
    }
}

/// `watch forget`.
pub(crate) fn forget(id: &str) -> Exit {
    let removed = find(Some(id)).and_then(|known| known.forget().map(|()| known));
    match removed {
        Ok(known) => {
            note(&format!("watcher {} is removed; its exports and jobs are kept\n", known.id));
            Exit::Done
        }
        Err(e) => refuse(&e),
    }
}

/// `watch stop`.
pub(crate) fn stop(id: Option<&str>) -> Exit {
    let known = match find(id) {
        Ok(known) => known,
        Err(e) => return refuse(&e),
    };
    let others: Vec<String> = watch::list_watchers(&job::jobs_root())
        .into_iter()
        .filter(|k| k.pid.is_some() && k.pid == known.pid && k.id != known.id)
        .map(|k| k.id)
        .collect();
    match known.ask_to_end() {
        Ok(true) => {}
        Ok(false) => {
            note(&format!("watcher {} is already stopped\n", known.id));
            return Exit::Done;
        }
        Err(e) => return refuse(&e),
    }
    let begun = Instant::now();
    while begun.elapsed() < STOP_PATIENCE {
        if watch::list_watchers(&job::jobs_root()).iter().all(|k| k.pid.is_none() || k.pid != known.pid) {
            note(&format!("watcher {} is stopped; its running export, if any, continues\n", known.id));
            if !others.is_empty() {
                note(&format!("  the other rules of the same process are stopped too: {}\n", others.join(", ")));
            }
            return Exit::Done;
        }
        std::thread::sleep(LOOK);
    }
    let pid = known.pid.unwrap_or_default();
    refuse(&ModelError::bad(format!("watcher {} (process {pid}) does not stop", known.id)))
}
