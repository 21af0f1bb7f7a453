//! The loop of a watcher: look, judge, export, tell.

use super::changes::{Backend, ChangeSource};
use super::event::{Exported, WatchBody, WatchEvent};
use super::export::{self, Begun, JobEnd, Running};
use super::known::RuleNote;
use super::rule::{Policy, Rule};
use super::store::{self, Done, Ended, Picked, Store};
use super::tracked::Tracked;
use super::{Dirty, FileRole, Observation, Shape, StructureCache, Tree, Unit, judge, same, units};
use super::{hooks, prune};
use crate::engine::{Failure, Stop};
use crate::job::{self, JobClass};
use crate::model::{ModelError, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How often a request to stop is looked for.
const STOP_LOOK: Duration = Duration::from_millis(500);
/// How often a running job is looked at.
const JOB_LOOK: Duration = Duration::from_millis(100);
/// Time between two looks at the folders: at least and at most, and how many times what a look takes.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_millis(800);
const LOOK_SHARE: u32 = 20;
/// Between two looks at a queue that is full.
const QUEUE_LOOK: Duration = Duration::from_millis(500);
/// Waits after failures that may go away by themselves: the first, and the longest.
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Refreshes in a row for folders that appear while they are listed.
const MAX_REFRESHES: usize = 64;

/// How a watcher runs.
pub struct WatchOptions {
    /// Export what is whole, or becomes so by waiting, and end.
    pub once: bool,
    /// How changes are noticed.
    pub backend: Backend,
    /// The folder of jobs.
    pub jobs_root: PathBuf,
    /// Asks the watcher to end. Its jobs go on.
    pub stop: Arc<Stop>,
    /// Hears every event.
    pub listener: Box<dyn FnMut(&WatchEvent) + Send>,
}

/// What a watcher did, when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Exports that succeeded.
    pub exported: usize,
    /// Exports that failed.
    pub failed: usize,
    /// Sources that are not whole.
    pub waiting: usize,
}

/// The folder with the state of a rule.
pub fn state_folder(jobs_root: &Path, rule: &Rule) -> PathBuf {
    jobs_root.join(".watch").join(rule.id())
}

/// Watches a folder until it is asked to stop; with `once`, until nothing more is to come.
///
/// # Errors
/// Request errors of the rule, or when it is watched already; I/O errors of the state.
pub fn watch(rule: &Rule, options: WatchOptions) -> Result<Tally> {
    rule.check()?;
    let folder = state_folder(&options.jobs_root, rule);
    let store = Store::open(&folder)?;
    let note = RuleNote { root: rule.root.clone(), output: rule.output.clone(), recipe: rule.recipe_name.clone() };
    let text = serde_json::to_vec(&note).unwrap_or_default();
    let path = folder.join("rule.json");
    crate::files::write_whole(&path, &text).map_err(|e| ModelError::io(&path, "writing", e))?;
    let mut watcher = Watcher::new(rule, options, store);
    watcher.start()?;
    while !watcher.options.stop.is_set() {
        watcher.look();
        watcher.judge_due();
        watcher.follow()?;
        watcher.begin_next()?;
        if watcher.options.once && watcher.is_over() {
            break;
        }
        // Events that came too early for a look are kept; the next wait must not end at once because of them.
        std::thread::sleep(watcher.until_look().min(watcher.pause()));
        let pause = watcher.pause();
        watcher.changes.wait(pause);
    }
    let why = if watcher.options.stop.is_set() { "asked to stop" } else { "nothing more is to come" };
    watcher.tell(WatchBody::Stopped { why: why.to_owned() });
    Ok(watcher.tally())
}

struct Watcher<'r> {
    rule: &'r Rule,
    id: String,
    options: WatchOptions,
    store: Store,
    changes: ChangeSource,
    tree: Tree,
    tracked: BTreeMap<String, Tracked>,
    structures: StructureCache,
    /// Names of the last complete checkpoint of each run.
    shapes: HashMap<(String, PathBuf), Shape>,
    running: Option<Box<Running>>,
    /// Jobs that an earlier watcher began.
    adopted: Vec<Picked>,
    recipe_hash: String,
    tally: Tally,
    /// When the last look ended, and how long it took.
    looked: Option<(Instant, Duration)>,
    existed: Option<bool>,
    told_note: bool,
    told_problems: BTreeSet<(PathBuf, String)>,
}

impl<'r> Watcher<'r> {
    fn new(rule: &'r Rule, options: WatchOptions, store: Store) -> Self {
        let changes = ChangeSource::new(&rule.root, options.backend);
        let adopted = store.exports().all().iter().filter(|e| e.done.is_none()).map(|e| e.picked.clone()).collect();
        Self {
            rule,
            id: rule.id(),
            tree: Tree::new(&rule.root),
            recipe_hash: rule.recipe_hash(),
            options,
            store,
            changes,
            tracked: BTreeMap::new(),
            structures: StructureCache::new(),
            shapes: HashMap::new(),
            running: None,
            adopted,
            tally: Tally::default(),
            looked: None,
            existed: None,
            told_note: false,
            told_problems: BTreeSet::new(),
        }
    }

    fn start(&mut self) -> Result<()> {
        let body = WatchBody::Started {
            root: self.rule.root.clone(),
            output: self.rule.output.clone(),
            recipe: self.rule.recipe_name.clone(),
            pid: std::process::id(),
            note: self.changes.note().map(str::to_owned),
        };
        self.told_note = self.changes.note().is_some();
        self.tell(body);
        // A version that was about to be skipped when the watcher died has no job.
        for picked in self.adopted.extract_if(.., |p| p.job.is_empty()).collect::<Vec<_>>() {
            self.finish(&picked, Ended::Lost, None)?;
        }
        Ok(())
    }

    /// Lists what may have changed, and finds the sources in it. A file that is being written sends thousands of events in a second, so
    /// looks are a while apart, longer where a look takes long.
    fn look(&mut self) {
        if !self.until_look().is_zero() {
            return;
        }
        let Some(dirty) = self.changes.take() else { return };
        let begun = Instant::now();
        self.refresh(dirty);
        self.find();
        self.tell_folder();
        self.looked = Some((Instant::now(), begun.elapsed()));
    }

    /// Time until the folders may be looked at again.
    fn until_look(&self) -> Duration {
        let Some((at, took)) = self.looked else { return Duration::ZERO };
        (took * LOOK_SHARE).clamp(SHORTEST_LOOK, LONGEST_LOOK).saturating_sub(at.elapsed())
    }

    fn refresh(&mut self, dirty: Dirty) {
        let mut next = Some(dirty);
        for _ in 0..MAX_REFRESHES {
            let Some(dirty) = next.take() else { return };
            let begun = Instant::now();
            let changes = self.tree.refresh(&dirty);
            if dirty == Dirty::All {
                self.changes.swept(begun.elapsed());
            }
            self.changes.forget(&changes.removed);
            let watched = self.changes.follow(&self.tree);
            if watched {
                // What was written before the watch was set is seen now.
                let new = changes.added.into_iter().collect::<BTreeSet<_>>();
                next = Some(if new.is_empty() { Dirty::All } else { Dirty::Folders(new) });
            }
        }
    }

    fn find(&mut self) {
        let found = units(&self.tree);
        self.structures.retain(&found);
        let mut gone: BTreeSet<String> = self.tracked.keys().cloned().collect();
        for unit in found.into_iter().filter(|u| self.rule.covers(&u.name)) {
            gone.remove(&unit.name);
            match self.tracked.get_mut(&unit.name) {
                Some(known) => {
                    known.update(unit);
                }
                None => {
                    let trusted = !self.changes.is_remote();
                    self.tracked.insert(unit.name.clone(), Tracked::new(unit, trusted));
                }
            }
        }
        for name in gone {
            if let Some(lost) = self.tracked.remove(&name) {
                self.tell_gone(&lost);
            }
        }
    }

    fn judge_due(&mut self) {
        let now = Instant::now();
        let due: Vec<String> = self.tracked.iter().filter(|(_, t)| t.due <= now).map(|(n, _)| n.clone()).collect();
        for name in due {
            self.judge(&name);
        }
    }

    fn judge(&mut self, name: &str) {
        let Some(tracked) = self.tracked.get_mut(name) else { return };
        let previous = self.store.exports().last_of(name).map(|e| e.picked.seen());
        let (family, folder) = tracked.unit.run();
        let run = (family.to_owned(), folder.to_owned());
        let observation = Observation {
            unit: &tracked.unit,
            tree: &self.tree,
            unchanged: tracked.unchanged(),
            now: SystemTime::now(),
            settings: &self.rule.settings,
            previous: previous.as_ref(),
            sibling: self.shapes.get(&run),
        };
        let verdict = judge(&observation, &mut self.structures);
        let far = Duration::from_secs(86_400);
        tracked.due = Instant::now() + verdict.next_look.unwrap_or(far).max(Duration::from_millis(10));
        tracked.verdict = Some(verdict);
        if tracked.is_complete() {
            let shape = tracked.unit.shape();
            self.shapes.insert(run, shape);
        }
        if !self.is_settled_with(name) && !self.is_being_removed(name) {
            self.tell_verdict(name);
        }
    }

    /// True if this version of the source needs no export: it has one, or one that failed, or is under way.
    fn is_settled_with(&self, name: &str) -> bool {
        let Some(tracked) = self.tracked.get(name) else { return true };
        let under_way = self.running.iter().map(|r| &r.picked).chain(&self.adopted);
        if under_way.into_iter().any(|p| p.unit == name && p.fingerprint == tracked.fingerprint.as_str()) {
            return true;
        }
        let Some(export) = self.store.exports().export_of(name, &tracked.fingerprint, &self.recipe_hash) else {
            return false;
        };
        match export.done.as_ref().map(|d| d.status) {
            None | Some(Ended::Ok | Ended::Failed | Ended::Cancelled | Ended::Skipped) => true,
            Some(Ended::Passing | Ended::Changed | Ended::Lost) => false,
        }
    }

    /// True for a source that was exported and now has fewer files and no other ones: its trainer is deleting it.
    fn is_being_removed(&self, name: &str) -> bool {
        let (Some(tracked), Some(export)) = (self.tracked.get(name), self.store.exports().last_of(name)) else {
            return false;
        };
        let before = export.picked.seen().files;
        let same = |f: &super::UnitFile| {
            before.get(&f.name).is_some_and(|b| b.ino == f.stamp.ino && b.mtime_ns == f.stamp.mtime_ns)
        };
        tracked.unit.files.len() < before.len() && tracked.unit.files.iter().all(same)
    }

    /// Sources that are whole and have no export, first come first.
    fn candidates(&self) -> Vec<String> {
        let now = Instant::now();
        let ready = |(name, t): &(&String, &Tracked)| {
            t.is_complete() && t.retry.is_none_or(|at| at <= now) && !self.is_settled_with(name)
        };
        let mut ready: Vec<(&String, &Tracked)> = self.tracked.iter().filter(ready).collect();
        let written = |t: &Tracked| t.unit.files.iter().map(|f| f.stamp.ctime_ns).max().unwrap_or(0);
        ready.sort_by_key(|(_, t)| (written(t), t.unit.step));
        ready.into_iter().map(|(name, _)| name.clone()).collect()
    }

    fn begin_next(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        if !self.adopted.is_empty() {
            let picked = self.adopted.remove(0);
            self.running = Some(Box::new(Running::adopt(picked, &self.options.jobs_root)));
            return Ok(());
        }
        let mut candidates = self.candidates();
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

    /// Leaves the newest of each run; what is older is skipped.
    fn skip_superseded(&mut self, candidates: Vec<String>) -> Result<Vec<String>> {
        let mut newest: HashMap<(&'static str, PathBuf), (Option<u64>, String)> = HashMap::new();
        let mut older = Vec::new();
        for name in candidates {
            let Some(t) = self.tracked.get(&name) else { continue };
            let (family, folder) = t.unit.run();
            let entry = newest.entry((family, folder.to_owned())).or_insert_with(|| (t.unit.step, name.clone()));
            if entry.1 != name {
                // They come in the order in which they were written.
                let last = if t.unit.step >= entry.0 { std::mem::replace(entry, (t.unit.step, name)).1 } else { name };
                older.push((last, entry.1.clone()));
            }
        }
        for (name, by) in older {
            self.skip(&name, format!("superseded by {by}"))?;
        }
        // One that is whole in a moment takes the place of an older one.
        let overtaken = |run: &(&'static str, PathBuf), step: Option<u64>| {
            let newer = |t: &Tracked| t.is_settling() && t.unit.step > step && !self.is_settled_with(&t.unit.name);
            self.tracked.values().any(|t| (t.unit.run().0, t.unit.run().1) == (run.0, run.1.as_path()) && newer(t))
        };
        Ok(newest.into_iter().filter(|(run, (step, _))| !overtaken(run, *step)).map(|(_, (_, name))| name).collect())
    }

    /// Begins an export; false if there is none to begin.
    fn begin(&mut self, name: &str) -> Result<bool> {
        // What was written since the last event came is seen now.
        let Some(tracked) = self.tracked.get(name) else { return Ok(false) };
        let before = (tracked.fingerprint.clone(), tracked.unit.activity());
        let folders = tracked.unit.files.iter().filter_map(|f| f.path.parent()).chain([tracked.unit.folder.as_path()]);
        let folders: BTreeSet<PathBuf> = folders.map(Path::to_owned).collect();
        self.refresh(Dirty::Folders(folders));
        self.find();
        self.judge(name);
        let Some(tracked) = self.tracked.get(name) else { return Ok(false) };
        if before != (tracked.fingerprint.clone(), tracked.unit.activity()) || !tracked.is_complete() {
            return Ok(false);
        }
        let unit = tracked.unit.clone();
        if let Some(other) = self.same_contents(&unit) {
            self.skip(name, format!("the same contents as {other}"))?;
            return Ok(false);
        }
        match export::begin(self.rule, &unit, &self.recipe_hash, &mut self.store, &self.options.jobs_root)? {
            Begun::Running(running) => {
                self.running = Some(running);
                self.tell_source(name, "exporting", "exporting".to_owned());
                Ok(true)
            }
            Begun::Changed => {
                // The next look finds out what changed.
                self.refresh(Dirty::All);
                self.find();
                if let Some(t) = self.tracked.get_mut(name) {
                    t.due = Instant::now() + JOB_LOOK;
                }
                Ok(false)
            }
            Begun::Refused(e) => {
                let mut picked = self.picked_without_job(&unit);
                picked.outputs.clear();
                self.store.pick(picked.clone())?;
                self.ended(&picked, JobEnd::Failed(job::failure(&e)))?;
                Ok(false)
            }
        }
    }

    /// An exported file in the same folder that holds the same bytes: trainers copy a checkpoint to `last.ckpt`.
    fn same_contents(&self, unit: &Unit) -> Option<String> {
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

    fn follow(&mut self) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let Some(end) = running.follow() else { return Ok(()) };
        let picked = running.picked.clone();
        self.running = None;
        self.ended(&picked, end)
    }

    /// Takes the end of an export: tells it, and writes it down.
    fn ended(&mut self, picked: &Picked, end: JobEnd) -> Result<()> {
        let (status, word, why, outputs) = match end {
            JobEnd::Finished(outputs) => (Ended::Ok, "ok", None, outputs),
            JobEnd::Cancelled => (Ended::Cancelled, "cancelled", Some("the job was cancelled".to_owned()), Vec::new()),
            JobEnd::Lost => {
                self.tell_warning(format!("job {} of {} is gone; it is exported again", picked.job, picked.unit));
                self.wake(&picked.unit);
                return self.finish(picked, Ended::Lost, Some("the job is gone".to_owned()));
            }
            JobEnd::Failed(failure) => match self.change_of(picked) {
                Some(why) => {
                    let body = WatchBody::Skipped {
                        source: picked.source.clone(),
                        name: picked.unit.clone(),
                        why: why.clone(),
                    };
                    self.tell(body);
                    self.wake(&picked.unit);
                    return self.finish(picked, Ended::Changed, Some(why));
                }
                None => {
                    let (status, why) = self.failed(picked, &failure);
                    (status, "failed", Some(why), Vec::new())
                }
            },
        };
        let bytes = outputs.iter().map(|(_, bytes)| bytes).sum();
        let done = export::now();
        let exported = Exported {
            source: picked.source.clone(),
            name: picked.unit.clone(),
            step: picked.step,
            version: picked.fingerprint.clone(),
            job: picked.job.clone(),
            picked: picked.picked,
            done,
            outputs: outputs.into_iter().map(|(path, _)| path).collect(),
            bytes,
            status: word.to_owned(),
            why: why.clone(),
        };
        match status {
            Ended::Ok => self.tally.exported += 1,
            _ => self.tally.failed += 1,
        }
        // Told before it is written down: after a kill in between it is told once more, never not at all.
        self.tell(WatchBody::Exported(exported.clone()));
        self.finish(picked, status, why)?;
        self.run_hook(&exported, status);
        if status == Ended::Ok {
            self.prune(&picked.unit);
        }
        Ok(())
    }

    /// Starts the user's command for an export that ended.
    fn run_hook(&mut self, exported: &Exported, status: Ended) {
        let command = if status == Ended::Ok { &self.rule.on_finish } else { &self.rule.on_fail };
        let Some(command) = command else { return };
        if let Err(e) = hooks::run(command, exported, self.store.folder()) {
            self.tell_warning(format!("`{command}` cannot be started: {e}"));
        }
    }

    /// Removes older exports of the run of `unit`, where only some are to be kept.
    fn prune(&mut self, unit: &str) {
        let Some(keep) = self.rule.keep_last else { return };
        let old = prune::superseded(self.store.exports(), unit, keep);
        let removed: Vec<(String, PathBuf, Vec<PathBuf>)> = old
            .into_iter()
            .map(|e| (e.picked.unit.clone(), e.picked.source.clone(), prune::remove(e)))
            .filter(|(_, _, files)| !files.is_empty())
            .collect();
        for (name, source, files) in removed {
            self.tell(WatchBody::Removed { source, name, files });
        }
    }

    /// Why an export that failed is no failure: the source is not what it was.
    fn change_of(&mut self, picked: &Picked) -> Option<String> {
        self.refresh(Dirty::All);
        self.find();
        match self.tracked.get(&picked.unit) {
            None => Some("it was removed before it was read whole".to_owned()),
            Some(t) if t.fingerprint.as_str() != picked.fingerprint => {
                Some("it changed while it was exported; the new version follows".to_owned())
            }
            Some(_) => None,
        }
    }

    /// Notes a failure; gives its kind and its words. What may go away by itself is tried again.
    fn failed(&mut self, picked: &Picked, failure: &Failure) -> (Ended, String) {
        let mut why = failure.message.clone();
        if let Some(hint) = &failure.hint {
            why = format!("{why}. {hint}");
        }
        let passing = matches!(failure.code.as_str(), "io" | "disk.full");
        let Some(t) = self.tracked.get_mut(&picked.unit).filter(|_| passing) else { return (Ended::Failed, why) };
        let wait = (FIRST_RETRY * 2u32.saturating_pow(t.failures)).min(LAST_RETRY);
        t.failures += 1;
        t.retry = Some(Instant::now() + wait);
        (Ended::Passing, format!("{why} (tried again in {} s)", wait.as_secs()))
    }

    fn skip(&mut self, name: &str, why: String) -> Result<()> {
        let Some(tracked) = self.tracked.get(name) else { return Ok(()) };
        let picked = self.picked_without_job(&tracked.unit);
        let body = WatchBody::Skipped { source: picked.source.clone(), name: name.to_owned(), why: why.clone() };
        self.store.pick(picked.clone())?;
        self.tell(body);
        self.finish(&picked, Ended::Skipped, Some(why))
    }

    fn picked_without_job(&self, unit: &Unit) -> Picked {
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
            files: unit.files.iter().map(|f| store::KnownFile::new(&f.name, &f.stamp)).collect(),
        }
    }

    fn finish(&mut self, picked: &Picked, status: Ended, why: Option<String>) -> Result<()> {
        self.store.finish(Done {
            job: picked.job.clone(),
            unit: picked.unit.clone(),
            fingerprint: picked.fingerprint.clone(),
            status,
            why,
            done: export::now(),
        })
    }

    /// Has a source judged again at the next look.
    fn wake(&mut self, name: &str) {
        if let Some(t) = self.tracked.get_mut(name) {
            t.due = Instant::now();
        }
    }

    /// True if nothing more is to come by waiting.
    fn is_over(&self) -> bool {
        let idle = self.running.is_none() && self.adopted.is_empty() && self.candidates().is_empty();
        idle && !self.tracked.values().any(|t| t.is_settling() && !self.is_settled_with(&t.unit.name))
    }

    fn pause(&self) -> Duration {
        let now = Instant::now();
        let due = self.tracked.values().map(|t| t.due.saturating_duration_since(now)).min().unwrap_or(STOP_LOOK);
        let mut pause = due.min(self.changes.until_sweep().max(self.until_look())).min(STOP_LOOK);
        if self.running.is_some() || !self.adopted.is_empty() {
            pause = pause.min(JOB_LOOK);
        } else if !self.candidates().is_empty() {
            pause = pause.min(QUEUE_LOOK);
        }
        pause
    }

    fn tally(&self) -> Tally {
        let open = |t: &&Tracked| !t.is_complete() && !self.is_settled_with(&t.unit.name);
        Tally { waiting: self.tracked.values().filter(open).count(), ..self.tally }
    }

    fn tell(&mut self, body: WatchBody) {
        let event = WatchEvent { t: jiff::Timestamp::now(), watch: self.id.clone(), body };
        if let Ok(line) = serde_json::to_vec(&event) {
            // The state is what must survive; a full disk must not end the watcher over a line that is shown.
            let _ = store::append_event(self.store.folder(), &line);
        }
        (self.options.listener)(&event);
    }

    fn tell_warning(&mut self, text: String) {
        self.tell(WatchBody::Warning { text });
    }

    fn tell_source(&mut self, name: &str, word: &'static str, text: String) {
        let Some(tracked) = self.tracked.get_mut(name) else { return };
        let Some(text) = tracked.news(word, text.clone(), text) else { return };
        let body = source_event(&tracked.unit, word, text);
        self.tell(body);
    }

    fn tell_verdict(&mut self, name: &str) {
        let Some(tracked) = self.tracked.get_mut(name) else { return };
        let Some((word, text)) = tracked.news_of_verdict() else { return };
        let body = source_event(&tracked.unit, word, text);
        self.tell(body);
    }

    fn tell_gone(&mut self, lost: &Tracked) {
        let exports = self.store.exports();
        let done = exports.export_of(&lost.unit.name, &lost.fingerprint, &self.recipe_hash).is_some();
        let body = if done || exports.last_of(&lost.unit.name).is_some() {
            source_event(&lost.unit, "gone", "removed; its export stays".to_owned())
        } else if lost.is_complete() {
            let why = "it was removed before it could be exported".to_owned();
            WatchBody::Skipped { source: lost.unit.path.clone(), name: lost.unit.name.clone(), why }
        } else {
            source_event(&lost.unit, "gone", "removed before it was whole".to_owned())
        };
        self.tell(body);
    }

    /// Tells what is new of the folder itself.
    fn tell_folder(&mut self) {
        let exists = self.tree.exists();
        if self.existed != Some(exists) {
            let text = match self.existed {
                _ if !exists => format!("{} is not there; waiting for it", self.rule.root.display()),
                Some(false) => format!("{} is there now", self.rule.root.display()),
                _ => String::new(),
            };
            self.existed = Some(exists);
            if !text.is_empty() {
                self.tell_warning(text);
            }
        }
        if let (false, Some(note)) = (self.told_note, self.changes.note().map(str::to_owned)) {
            self.told_note = true;
            self.tell_warning(note);
        }
        let problems: Vec<_> = self.tree.problems().iter().map(|p| (p.path.clone(), p.what.clone())).collect();
        for problem in problems {
            if self.told_problems.insert(problem.clone()) {
                self.tell_warning(format!("{}: {}", problem.0.display(), problem.1));
            }
        }
    }
}

fn source_event(unit: &Unit, state: &'static str, text: String) -> WatchBody {
    WatchBody::Source {
        source: unit.path.clone(),
        name: unit.name.clone(),
        family: unit.family.name.to_owned(),
        step: unit.step,
        state: state.to_owned(),
        text,
    }
}
