//! Holds exports while a limit is crossed: new ones wait, and some limits pause the running one.

use super::Watcher;
use crate::job::{self, JobFolder};
use crate::watch::event::WatchBody;
use crate::watch::limits::{Hold, Readings};
use crate::watch::tracked::Tracked;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two measurements.
const LOOK: Duration = Duration::from_secs(1);
/// How often a job is asked to continue when the watcher ends, one job poll apart.
const LET_GO_TRIES: usize = 30;
/// In the folder of a job that a watcher has paused: the watcher continues it, not the user.
const MARK: &str = "held";
/// In the folder of a watcher, while it holds exports.
pub(in crate::watch) const HOLD: &str = "hold";

impl Watcher {
    /// Measures, and pauses or continues the running export.
    pub(super) fn take_care(&mut self) {
        if self.measured.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        let idle = self.running.is_none() && self.adopted.is_empty() && self.candidates().is_empty();
        if idle {
            self.measured = None;
            return self.set_hold(None);
        }
        self.measured = Some(Instant::now());
        let readings = self.readings();
        let mut hold = self.keeper.look(&self.rule.care, &readings, Instant::now());
        if self.options.once && hold.as_ref().is_some_and(|h| h.check == "min-free") {
            // A single run does not wait for space; the export fails and says why.
            hold = None;
        }
        self.set_hold(hold);
        self.pause_or_continue();
    }

    pub(super) fn readings(&self) -> Readings {
        self.sensor.read(&self.rule.care, &self.rule.output)
    }

    fn set_hold(&mut self, hold: Option<Hold>) {
        let before = self.hold.as_ref().map(|h| h.check);
        let now = hold.as_ref().map(|h| h.check);
        self.hold = hold;
        if before == now {
            return;
        }
        let path = self.store.folder().join(HOLD);
        let text = self.hold.as_ref().map(|h| h.text.clone());
        let _ = match &text {
            Some(text) => crate::files::write_private(&path, text.as_bytes()),
            None => std::fs::remove_file(&path),
        };
        let pauses = self.hold.as_ref().is_some_and(|h| h.pauses);
        self.emit(WatchBody::Hold { text, pauses });
    }

    /// Reports for complete sources what they wait for.
    pub(super) fn emit_queued(&mut self, names: &[String], hold: &Hold) {
        let waits = if hold.text.starts_with("waiting ") { "" } else { "waiting: " };
        for name in names {
            let text = format!("complete; {waits}{}", hold.text);
            self.emit_source_once(name, "queued", text, hold.check.to_owned());
        }
    }

    /// Reports for complete sources that they are not exported because the watcher is paused.
    pub(super) fn emit_held(&mut self) {
        let held = |(name, t): &(&String, &Tracked)| t.is_complete() && !self.is_settled_with(name);
        let held: Vec<String> = self.tracked.iter().filter(held).map(|(name, _)| name.clone()).collect();
        for name in held.into_iter().filter(|name| !self.is_forced(name)).collect::<Vec<_>>() {
            let text = "complete; not exported, because the watcher is paused".to_owned();
            self.emit_source_once(&name, "queued", text, "watcher-paused".to_owned());
        }
    }

    fn pause_or_continue(&mut self) {
        let Some(running) = &self.running else { return };
        let (unit, folder) = (running.picked.unit.clone(), self.job_folder(&running.picked.job));
        let Some(hold) = self.hold.clone().filter(|h| h.pauses) else { return self.proceed() };
        // A job that the user has paused, or that is queued, is left alone.
        if !self.paused && job::pause(&folder.dir).is_ok() {
            let _ = folder.write(MARK, hold.text.as_bytes());
            self.paused = true;
            self.emit_source_once(&unit, "paused", format!("paused: {}", hold.text), hold.check.to_owned());
        }
    }

    /// Continues the export that was paused here.
    pub(super) fn proceed(&mut self) {
        let Some(running) = self.running.as_ref().filter(|_| self.paused) else { return };
        let (unit, folder) = (running.picked.unit.clone(), self.job_folder(&running.picked.job));
        // It may not have paused yet; then this is tried again.
        if job::proceed(&folder.dir).is_ok() || folder.summary().state.ended() {
            let _ = std::fs::remove_file(folder.path(MARK));
            self.paused = false;
            self.emit_source(&unit, "exporting", "exporting".to_owned());
        }
    }

    /// Continues it because the watcher ends. A job that was asked to pause a moment ago is waited for.
    pub(super) fn let_go(&mut self) {
        for _ in 0..LET_GO_TRIES {
            self.proceed();
            if !self.paused || self.running.is_none() {
                return;
            }
            std::thread::sleep(super::JOB_LOOK);
        }
    }

    /// Takes over the pause of a watcher that was killed.
    pub(super) fn adopt_pause(&mut self, job: &str) {
        self.paused = self.job_folder(job).path(MARK).exists();
    }

    fn job_folder(&self, job: &str) -> JobFolder {
        JobFolder { dir: PathBuf::from(&self.options.jobs_root).join(job) }
    }
}
