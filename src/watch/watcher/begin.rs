//! Which source is exported next, and how its export starts.

use super::{JOB_LOOK, Watcher};
use crate::engine::Failure;
use crate::job::{self, JobClass};
use crate::model::Result;
use crate::watch::event::WatchBody;
use crate::watch::export::{self, Decision, JobEnd, Running, StartResult};
use crate::watch::pin::{self, Pinned};
use crate::watch::rule::Policy;
use crate::watch::store::{Ended, Picked, SourceStamp};
use crate::watch::tracked::Tracked;
use crate::watch::{Dirty, FileRole, Pin, Unit, same};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two checks whether there is space for an export.
const SPACE_CHECK: Duration = Duration::from_secs(5);

impl Watcher {
    /// Sources that are complete and have no export, in the order in which they were written.
    pub(super) fn candidates(&self) -> Vec<String> {
        if self.still.get() {
            return Vec::new();
        }
        let now = Instant::now();
        let ready = |(name, t): &(&String, &Tracked)| {
            let ready = t.is_complete() && t.retry.is_none_or(|at| at <= now) && !self.control.paused;
            (ready || self.is_forced(name)) && !self.is_settled_with(name)
        };
        let mut ready: Vec<(&String, &Tracked)> = self.tracked.iter().filter(ready).collect();
        let written = |t: &Tracked| t.unit.files.iter().map(|f| f.stamp.ctime_ns).max().unwrap_or(0);
        self.still.set(ready.is_empty() && self.tracked.values().all(|t| t.retry.is_none()));
        ready.sort_by_key(|(_, t)| (written(t), t.unit.step));
        ready.into_iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn begin_next(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        if !self.adopted.is_empty() {
            let picked = self.adopted.remove(0);
            self.adopt_pause(&picked.job);
            self.running = Some(Box::new(Running::adopt(picked, &self.options.jobs_root)));
            return Ok(());
        }
        if self.control.paused {
            self.emit_held();
        }
        let mut candidates = self.candidates();
        if let Some(hold) = self.hold.clone() {
            // A user's request does not wait.
            let waiting: Vec<String> = candidates.extract_if(.., |name| !self.is_forced(name)).collect();
            self.emit_queued(&waiting, &hold);
        }
        if candidates.is_empty() || job::is_full(&self.options.jobs_root, JobClass::Watch) {
            return Ok(());
        }
        if self.rule.policy == Policy::Newest {
            candidates = self.skip_superseded(candidates)?;
        }
        for name in candidates {
            if self.begin(&name)? {
                break;
            }
        }
        Ok(())
    }

    /// Keeps the newest of each run; older ones are skipped.
    pub(super) fn skip_superseded(&mut self, candidates: Vec<String>) -> Result<Vec<String>> {
        let mut newest: HashMap<(&'static str, PathBuf), (Option<u64>, String)> = HashMap::new();
        let mut older = Vec::new();
        for name in candidates {
            let Some(t) = self.tracked.get(&name) else { continue };
            let (family, folder) = t.unit.run();
            let entry = newest.entry((family, folder.to_owned())).or_insert_with(|| (t.unit.step, name.clone()));
            if entry.1 != name && !self.is_forced(&name) {
                // They are in the order in which they were written.
                let last = if t.unit.step >= entry.0 { std::mem::replace(entry, (t.unit.step, name)).1 } else { name };
                older.push((last, entry.1.clone()));
            }
        }
        for (name, by) in older {
            self.skip(&name, format!("superseded by {by}"))?;
        }
        // One that will soon be complete replaces an older one.
        let overtaken = |run: &(&'static str, PathBuf), step: Option<u64>| {
            let newer = |t: &Tracked| t.is_settling() && t.unit.step > step && !self.is_settled_with(&t.unit.name);
            self.tracked.values().any(|t| (t.unit.run().0, t.unit.run().1) == (run.0, run.1.as_path()) && newer(t))
        };
        Ok(newest.into_iter().filter(|(run, (step, _))| !overtaken(run, *step)).map(|(_, (_, name))| name).collect())
    }

    /// Starts an export; false if there is none to start.
    pub(super) fn begin(&mut self, name: &str) -> Result<bool> {
        let Some((unit, complete)) = self.current(name) else { return Ok(false) };
        if let Some(other) = self.same_contents(&unit).filter(|_| !self.is_forced(name)) {
            self.skip(name, format!("the same contents as {other}"))?;
            return Ok(false);
        }
        let Some(pinned) = self.pinned(&unit) else {
            self.wake_changed(name);
            return Ok(false);
        };
        let readings = self.readings();
        let extra = self.is_forced(name) && self.is_extra(&unit);
        let started = export::begin(
            &self.rule,
            &unit,
            pinned.as_ref(),
            &readings,
            &Decision { recipe_hash: &self.recipe_hash, extra },
            &mut self.store,
            &self.options.jobs_root,
        );
        if let (false, Some(pinned)) = (matches!(started, Ok(StartResult::Running(_))), &pinned) {
            pin::remove(&pinned.folder);
        }
        let started = started?;
        if !matches!(started, StartResult::Changed) {
            self.forced.remove(name);
            self.early = (!complete).then(|| name.to_owned());
        }
        self.handle_start(name, &unit, started)
    }

    /// True for a source that was exported before, and for one that is older than an exported one of its run.
    fn is_extra(&self, unit: &Unit) -> bool {
        let parent = |name: &str| Path::new(name).parent().map(Path::to_owned);
        self.store.exports().all().iter().any(|e| {
            let good = e.done.as_ref().is_some_and(|d| d.status == Ended::Ok);
            let newer = parent(&e.picked.unit) == parent(&unit.name) && e.picked.step > unit.step;
            good && (newer || e.picked.unit == unit.name)
        })
    }

    /// A source as it is now, and whether it is complete; nothing if it changed since the last event or may not be exported.
    fn current(&mut self, name: &str) -> Option<(Unit, bool)> {
        // Changes since the last event are seen now.
        let tracked = self.tracked.get(name)?;
        let before = (tracked.fingerprint.clone(), tracked.unit.activity());
        let folders = tracked.unit.files.iter().filter_map(|f| f.path.parent()).chain([tracked.unit.folder.as_path()]);
        let folders: BTreeSet<PathBuf> = folders.map(Path::to_owned).collect();
        // Finding every source again takes long in a large tree.
        if !self.tree.is_current(folders.iter().map(PathBuf::as_path)) {
            self.refresh(Dirty::Folders(folders));
            self.find();
        }
        self.judge(name);
        let tracked = self.tracked.get(name)?;
        let (forced, complete) = (self.is_forced(name), tracked.is_complete());
        let unchanged = before == (tracked.fingerprint.clone(), tracked.unit.activity());
        (unchanged && (complete || forced)).then(|| (tracked.unit.clone(), complete))
    }

    /// Records the result of starting an export; true if it runs.
    fn handle_start(&mut self, name: &str, unit: &Unit, started: StartResult) -> Result<bool> {
        match started {
            StartResult::Running(running) => {
                let alarm = running.alarm.clone();
                self.running = Some(running);
                self.emit_source(name, "exporting", "exporting".to_owned());
                if let Some(text) = alarm {
                    self.emit_warning(format!("{name}: {text}"));
                }
                return Ok(true);
            }
            StartResult::Changed => self.wake_changed(name),
            StartResult::NoSpace(text) if !self.options.once => {
                let text = if text.starts_with("waiting ") { text } else { format!("waiting: {text}") };
                self.emit_source_once(name, "queued", format!("complete; {text}"), "room".to_owned());
                if let Some(t) = self.tracked.get_mut(name) {
                    t.retry = Some(Instant::now() + SPACE_CHECK);
                }
            }
            StartResult::NoSpace(text) => {
                let picked = self.picked_without_job(unit);
                self.store.pick(picked.clone())?;
                let failure = Failure { code: crate::model::ErrorCode::Limit, message: text, hint: None };
                self.ended(&picked, JobEnd::Failed(failure))?;
            }
            StartResult::Refused(e) => {
                let mut picked = self.picked_without_job(unit);
                picked.outputs.clear();
                self.store.pick(picked.clone())?;
                self.ended(&picked, JobEnd::Failed(job::failure(&e)))?;
            }
        }
        Ok(false)
    }

    /// The unit under the watcher's own names, where that is requested and possible; `None` if it changed since it was judged.
    fn pinned(&mut self, unit: &Unit) -> Option<Option<Pinned>> {
        if self.rule.pin == Pin::None {
            return Some(None);
        }
        match pin::pin(&self.rule, unit) {
            Ok(pinned) => pinned.map(Some),
            Err(e) => {
                self.emit_warning(format!(
                    "{} cannot be pinned and is exported in place: {}",
                    unit.name,
                    crate::units::system_error(&e)
                ));
                Some(None)
            }
        }
    }

    /// Schedules another check of a source that changed when its export was about to start.
    fn wake_changed(&mut self, name: &str) {
        self.refresh(Dirty::All);
        self.find();
        if let Some(t) = self.tracked.get_mut(name) {
            t.due = Instant::now() + JOB_LOOK;
        }
    }

    /// An exported file in the same folder that holds the same bytes: trainers copy a checkpoint to `last.ckpt`.
    pub(super) fn same_contents(&self, unit: &Unit) -> Option<String> {
        let mut weights = unit.of(FileRole::Weights);
        let (Some(file), None) = (weights.next(), weights.next()) else { return None };
        let exported = self.tracked.values().filter(|t| {
            let done = self.store.exports().export_of(&t.unit.name, &t.fingerprint, &self.recipe_hash);
            let good = done.and_then(|e| e.done.as_ref()).is_some_and(|d| d.status == Ended::Ok);
            good && t.unit.name != unit.name && t.unit.folder == unit.folder && !t.unit.is_folder() && !unit.is_folder()
        });
        let alike = exported.filter(|t| {
            let mut theirs = t.unit.of(FileRole::Weights);
            matches!((theirs.next(), theirs.next()), (Some(other), None)
                if other.stamp.bytes == file.stamp.bytes && same::contents(&other.path, &file.path).unwrap_or(false))
        });
        alike.map(|t| t.unit.name.clone()).next()
    }

    pub(super) fn skip(&mut self, name: &str, why: String) -> Result<()> {
        let Some(tracked) = self.tracked.get(name) else { return Ok(()) };
        let picked = self.picked_without_job(&tracked.unit);
        let body = WatchBody::Skipped { source: picked.source.clone(), name: name.to_owned(), why: why.clone() };
        self.store.pick(picked.clone())?;
        self.emit(body);
        self.finish(&picked, Ended::Skipped, Some(why))
    }

    pub(super) fn picked_without_job(&self, unit: &Unit) -> Picked {
        Picked {
            unit: unit.name.clone(),
            source: unit.path.clone(),
            fingerprint: unit.fingerprint().to_string(),
            recipe: self.recipe_hash.clone(),
            step: unit.step,
            job: String::new(),
            picked: export::now(),
            outputs: Vec::new(),
            written: Vec::new(),
            files: unit.files.iter().map(|f| SourceStamp::new(&f.name, &f.stamp)).collect(),
            pin: None,
            extra: false,
        }
    }
}
