//! The end of an export: reporting and recording it, and what follows.

use super::{FIRST_RETRY, LAST_RETRY, Watcher};
use crate::engine::Failure;
use crate::job::JobFolder;
use crate::model::Result;
use crate::watch::event::{Exported, WatchBody};
use crate::watch::export::{self, JobEnd};
use crate::watch::store::{Done, Ended, Export, Picked};
use crate::watch::{Dirty, hooks, pin, prune, retention, trend};
use std::path::PathBuf;
use std::time::Instant;

impl Watcher {
    pub(super) fn follow(&mut self) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let Some(end) = running.follow() else { return Ok(()) };
        let picked = running.picked.clone();
        self.running = None;
        self.paused = false;
        if let Some(folder) = &picked.pin {
            pin::remove(folder);
        }
        self.skip_ignored(&picked, matches!(end, JobEnd::Finished(_)))?;
        match (end, self.restarting.take()) {
            (JobEnd::Cancelled, Some(why)) => self.restarted(&picked, why),
            (end, _) => self.ended(&picked, end),
        }
    }

    /// Reports the end of an export and records it.
    pub(super) fn ended(&mut self, picked: &Picked, end: JobEnd) -> Result<()> {
        match end {
            JobEnd::Finished(outputs) => self.report_end(picked, Ended::Ok, None, outputs),
            JobEnd::Cancelled => {
                self.report_end(picked, Ended::Cancelled, Some("the job was cancelled".to_owned()), Vec::new())
            }
            JobEnd::Lost => {
                self.emit_warning(format!("job {} of {} is gone; it is exported again", picked.job, picked.unit));
                self.wake(&picked.unit);
                self.finish(picked, Ended::Lost, Some("the job is gone".to_owned()))
            }
            JobEnd::Unchanged(earlier) => {
                let name = |p: &PathBuf| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let names: Vec<String> = earlier.iter().map(name).collect();
                let why = format!("unchanged since its last export, {}", names.join(", "));
                self.emit_skipped(picked, &why);
                self.finish(picked, Ended::Skipped, Some(why))
            }
            JobEnd::Failed(failure) => match self.change_of(picked) {
                Some(why) => {
                    self.emit_skipped(picked, &why);
                    self.wake(&picked.unit);
                    self.finish(picked, Ended::Changed, Some(why))
                }
                None => {
                    let (status, why) = self.failed(picked, &failure);
                    self.report_end(picked, status, Some(why), Vec::new())
                }
            },
        }
    }

    fn emit_skipped(&mut self, picked: &Picked, why: &str) {
        let (source, name) = (picked.source.clone(), picked.unit.clone());
        self.emit(WatchBody::Skipped { source, name, why: why.to_owned() });
    }

    /// Counts, reports and records an export that has run, and does what follows.
    fn report_end(
        &mut self,
        picked: &Picked,
        status: Ended,
        why: Option<String>,
        outputs: Vec<(PathBuf, u64)>,
    ) -> Result<()> {
        let figures = if status == Ended::Ok { self.figures(picked) } else { trend::Figures::default() };
        self.metrics = retention::recorded(&figures);
        let (why, checked) = match figures.failed_checks.as_slice() {
            [] => (why, true),
            failed => (Some(failed.join("; ")), false),
        };
        for metric in &figures.metrics {
            self.emit(WatchBody::Metric { source: picked.source.clone(), metric: metric.clone() });
        }
        let exported = Exported {
            source: picked.source.clone(),
            name: picked.unit.clone(),
            step: picked.step,
            version: picked.fingerprint.clone(),
            job: picked.job.clone(),
            picked: picked.picked,
            done: export::now(),
            bytes: outputs.iter().map(|(_, bytes)| bytes).sum(),
            outputs: outputs.into_iter().map(|(path, _)| path).collect(),
            weights_db: figures.weights_db,
            regression: figures.regression,
            config_changes: figures.config_changes,
            status: match status {
                Ended::Ok if checked => "ok",
                Ended::Ok => "check_failed",
                Ended::Cancelled => "cancelled",
                _ => "failed",
            }
            .to_owned(),
            why: why.clone(),
        };
        match status {
            Ended::Ok => {
                self.tally.exported += 1;
                self.tally.failed_checks += usize::from(!checked);
            }
            _ => self.tally.failed += 1,
        }
        if status == Ended::Passing && !self.is_first_failure(picked, &why) {
            return self.finish(picked, status, why);
        }
        // Reported before it is recorded: after a kill in between it is reported twice rather than not at all.
        self.emit(WatchBody::Exported(exported.clone()));
        self.finish(picked, status, why)?;
        self.run_hook(&exported, status);
        // An export that failed a check replaces none.
        if status == Ended::Ok && checked {
            self.prune(&picked.unit);
        }
        Ok(())
    }

    /// The figures of an export that succeeded, compared to the previous checkpoint in the same folder.
    pub(super) fn figures(&self, picked: &Picked) -> trend::Figures {
        let job = |id: &str| JobFolder { dir: self.options.jobs_root.join(id) };
        let before = self.store.exports().all().iter().filter(|e| {
            let good = e.done.as_ref().is_some_and(|d| d.status == Ended::Ok);
            good && e.picked.recipe == picked.recipe
                && e.picked.source.parent() == picked.source.parent()
                && e.picked.step < picked.step
        });
        let previous = before.max_by_key(|e| e.picked.step).map(|e| job(&e.picked.job));
        trend::figures(&job(&picked.job), previous.as_ref())
    }

    /// Starts the user's command for an export that ended.
    pub(super) fn run_hook(&mut self, exported: &Exported, status: Ended) {
        let command =
            if status == Ended::Ok && exported.status == "ok" { &self.rule.on_finish } else { &self.rule.on_fail };
        let Some(command) = command else { return };
        match hooks::run(command, exported, self.store.folder()) {
            Ok(hook) => self.hooks.push(hook),
            Err(e) => self.emit_warning(format!("`{command}` cannot be started: {}", crate::units::system_error(&e))),
        }
    }

    /// Warns about user commands that have failed since the last call.
    pub(super) fn poll_hooks(&mut self) {
        let ended: Vec<hooks::Hook> = self.hooks.extract_if(.., |h| h.is_finished()).collect();
        for hook in ended {
            if let Ok(Some(text)) = hook.join() {
                self.emit_warning(text);
            }
        }
    }

    /// Waits for the user's commands if the watcher ends on its own: in a container they would end with it.
    pub(super) fn end_hooks(&mut self) {
        while !self.hooks.is_empty() && !self.options.stop.is_set() {
            self.poll_hooks();
            std::thread::sleep(super::JOB_LOOK);
        }
    }

    /// Removes older exports of the run of `unit`, if only some are to be kept.
    pub(super) fn prune(&mut self, unit: &str) {
        let keep = retention::Retention {
            last: self.rule.keep_last,
            best: self.rule.keep_best.map(|n| (n, self.rule.metric)),
        };
        if keep.last.is_none() && keep.best.is_none() {
            return;
        }
        let old = retention::surplus(self.store.exports(), unit, keep, prune::is_present);
        let removed: Vec<(String, PathBuf, Vec<PathBuf>, String)> = old
            .into_iter()
            .map(|(e, why)| (e.picked.unit.clone(), e.picked.source.clone(), prune::remove(e), why))
            .filter(|(_, _, files, _)| !files.is_empty())
            .collect();
        for (name, source, files, why) in removed {
            self.emit(WatchBody::Removed { source, name, files, why: Some(why) });
        }
    }

    /// Why a failed export does not count as a failure: the source changed.
    pub(super) fn change_of(&mut self, picked: &Picked) -> Option<String> {
        self.refresh(Dirty::All);
        self.find();
        match self.tracked.get(&picked.unit) {
            None => Some("it was removed before it was read completely".to_owned()),
            Some(t) if t.fingerprint.as_str() != picked.fingerprint => {
                Some("it changed during the export; the new version follows".to_owned())
            }
            Some(_) if picked.recipe != self.recipe_hash => {
                Some("the recipe changed during the export; it is exported again".to_owned())
            }
            Some(_) => None,
        }
    }

    /// Records a failure; returns its kind and its text. A temporary failure is retried.
    pub(super) fn failed(&mut self, picked: &Picked, failure: &Failure) -> (Ended, String) {
        let mut why = failure.message.clone();
        if let Some(hint) = &failure.hint {
            why = format!("{why}. {hint}");
        }
        if self.early.as_deref() == Some(picked.unit.as_str()) {
            // An export requested too early says nothing about the complete source.
            return (Ended::Changed, format!("{why} It was not complete; it is exported once it is."));
        }
        // Space and memory may come back.
        let passing = failure.code.may_pass();
        let Some(t) = self.tracked.get_mut(&picked.unit).filter(|_| passing) else { return (Ended::Failed, why) };
        let wait = (FIRST_RETRY * 2u32.saturating_pow(t.failures)).min(LAST_RETRY);
        t.failures += 1;
        t.retry = Some(Instant::now() + wait);
        if self.options.once {
            return (Ended::Passing, why);
        }
        (Ended::Passing, format!("{why} (tried again in {} s)", wait.as_secs()))
    }

    /// True if this failure of this version was not reported before: while a disk is full, the same export fails again and again.
    pub(super) fn is_first_failure(&self, picked: &Picked, why: &Option<String>) -> bool {
        let plain =
            |why: &Option<String>| why.as_deref().and_then(|w| w.split(" (tried again").next()).map(str::to_owned);
        let same = |e: &Export| {
            let failed = e.done.as_ref().is_some_and(|d| d.status == Ended::Passing && plain(&d.why) == plain(why));
            failed && e.picked.unit == picked.unit && e.picked.fingerprint == picked.fingerprint
        };
        !self.store.exports().all().iter().any(same)
    }

    pub(super) fn finish(&mut self, picked: &Picked, status: Ended, why: Option<String>) -> Result<()> {
        self.still.set(false);
        let ok = status == Ended::Ok;
        let files = if ok { export::published(picked, &picked.written, &self.options.jobs_root) } else { Vec::new() };
        self.store.finish(Done {
            job: picked.job.clone(),
            unit: picked.unit.clone(),
            fingerprint: picked.fingerprint.clone(),
            status,
            why,
            done: export::now(),
            files,
            metrics: std::mem::take(&mut self.metrics),
        })
    }

    /// Has a source judged again at the next look.
    pub(super) fn wake(&mut self, name: &str) {
        if let Some(t) = self.tracked.get_mut(name) {
            t.due = Instant::now();
        }
    }
}
