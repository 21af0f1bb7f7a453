//! The loop of a watcher: `scan` the folders and judge what is in them, `begin` an export, handle its `end`, emit `events`.

mod begin;
mod busy;
mod end;
mod events;
pub(super) mod limits;
mod recipe;
mod requests;
mod scan;

pub(crate) use recipe::RecipeSource;

use super::changes::{Backend, ChangeSource};
use super::control::Control;
use super::event::{WatchBody, WatchEvent};
use super::export::Running;
use super::limits::{Hold, HoldTracker, Sensor};
use super::own::OwnOutputs;
use super::rule::Rule;
use super::store::{Ended, Picked, Store};
use super::tracked::Tracked;
use super::watchers::{RuleNote, WatcherStart};
use super::{Shape, StructureCache, Tree, hooks, pin};
use crate::engine::Stop;
use crate::model::{ModelError, Result};
use crate::units::plural;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a request to stop is checked for.
const STOP_LOOK: Duration = Duration::from_millis(500);
/// How often a running job is polled.
const JOB_LOOK: Duration = Duration::from_millis(100);
/// Time between two listings of the folders: at least and at most, and as a multiple of the time that a listing takes.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_millis(800);
const LOOK_SHARE: u32 = 20;
/// Time between two checks of a queue that is full.
const QUEUE_LOOK: Duration = Duration::from_millis(500);
/// Waits after temporary failures: the first, and the longest.
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// Refreshes in a row for folders that appear while they are listed.
const MAX_REFRESHES: usize = 64;

/// How a watcher runs.
pub(crate) struct WatchOptions {
    /// Export what is complete, or becomes so by waiting, and end.
    pub once: bool,
    /// How changes are noticed.
    pub backend: Backend,
    /// The folder of jobs.
    pub jobs_root: PathBuf,
    /// Where the recipe comes from, if it may be edited meanwhile.
    pub recipe: Option<RecipeSource>,
    /// The command that started it, quoted for a shell: stored so that users can start it again.
    pub command: Option<String>,
    /// The same for a program.
    pub start: Option<WatcherStart>,
    /// Asks the watcher to end. Its jobs continue.
    pub stop: Arc<Stop>,
    /// Receives every event.
    pub listener: Box<dyn FnMut(&WatchEvent) + Send>,
}

/// What a watcher did, when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Exports that succeeded.
    pub exported: usize,
    /// Those of them of which a check of the recipe failed.
    pub failed_checks: usize,
    /// Exports that failed.
    pub failed: usize,
    /// Sources that are not complete.
    pub waiting: usize,
    /// Sources that are complete and not exported, because the watcher is paused.
    pub held: usize,
}

/// The folder with the state of a rule.
pub(crate) fn state_folder(jobs_root: &Path, rule: &Rule) -> PathBuf {
    super::watchers::folder_of(jobs_root).join(rule.id())
}

/// Watches a folder until it is asked to stop; with `once`, until nothing more is expected.
///
/// # Errors
/// Request errors of the rule, or when it is watched already; I/O errors of the state.
pub(crate) fn watch(rule: &Rule, options: WatchOptions) -> Result<Tally> {
    rule.check()?;
    if options.once && !rule.root.is_dir() {
        return Err(not_there(&rule.root));
    }
    pin::check(rule)?;
    let folder = state_folder(&options.jobs_root, rule);
    let store = Store::open(&folder)?;
    let note = RuleNote {
        root: rule.root.clone(),
        output: rule.output.clone(),
        recipe: rule.recipe_name.clone(),
        command: options.command.clone(),
        start: options.start.clone(),
    };
    let text = serde_json::to_vec(&note).unwrap_or_default();
    let path = folder.join("rule.json");
    crate::files::write_whole(&path, &text).map_err(|e| ModelError::io(&path, "writing", e))?;
    let mut watcher = Watcher::new(rule, options, store);
    watcher.start()?;
    while !watcher.options.stop.is_set() {
        watcher.handle_requests()?;
        watcher.look();
        watcher.judge_due();
        watcher.emit_found();
        if !watcher.options.once {
            watcher.look_at_recipe();
        }
        watcher.follow()?;
        watcher.take_care();
        watcher.settle_busy();
        watcher.begin_next()?;
        watcher.poll_hooks();
        if watcher.options.once && watcher.is_over() {
            break;
        }
        // Events that came too early for a listing are stored; the next wait must not end at once because of them.
        std::thread::sleep(watcher.until_look().min(watcher.pause()));
        let pause = watcher.pause();
        watcher.changes.wait(pause);
    }
    // Its running export continues without it.
    watcher.let_go();
    watcher.end_hooks();
    let tally = watcher.tally();
    let why = match tally.waiting {
        _ if watcher.options.stop.is_set() => "asked to stop".to_owned(),
        _ if tally.held > 0 => {
            let sources =
                if tally.held == 1 { "1 complete source is" } else { &format!("{} complete sources are", tally.held) };
            format!("it is paused, and {sources} not exported; `remold watch resume {}` ends the pause", watcher.id)
        }
        waiting => {
            let failed = match tally.failed {
                0 => String::new(),
                n => format!("; {} failed", plural(n, "export")),
            };
            let waiting = match waiting {
                0 => String::new(),
                1 => "; 1 source is not complete".to_owned(),
                n => format!("; {n} sources are not complete"),
            };
            format!("nothing left to do{failed}{waiting}")
        }
    };
    watcher.emit(WatchBody::Stopped { why });
    Ok(tally)
}

/// The error for a missing watched folder, if it is not waited for.
pub(crate) fn not_there(root: &Path) -> ModelError {
    let error = ModelError::request("the folder does not exist").in_file(root);
    error.with_hint("Check the path. Without `--once` the watcher waits for the folder.")
}

struct Watcher {
    rule: Rule,
    id: String,
    options: WatchOptions,
    store: Store,
    changes: ChangeSource,
    tree: Tree,
    tracked: BTreeMap<String, Tracked>,
    /// Sources that the rule leaves out by name.
    left_out: usize,
    /// Counts the searches for sources.
    pass: u64,
    structures: StructureCache,
    own: OwnOutputs,
    /// Names of the last complete checkpoint of each run.
    shapes: HashMap<(String, PathBuf), Shape>,
    running: Option<Box<Running>>,
    /// Why the running export was cancelled by the watcher itself.
    restarting: Option<busy::Restart>,
    /// Sources that were complete while it ran, and are skipped if it succeeds.
    ignored: BTreeSet<String>,
    sensor: Sensor,
    /// What cannot be measured here.
    blind: Vec<String>,
    keeper: HoldTracker,
    measured: Option<Instant>,
    /// The limit that is crossed.
    hold: Option<Hold>,
    /// True while the running export is paused by this watcher.
    paused: bool,
    /// Jobs that an earlier watcher started.
    adopted: Vec<Picked>,
    recipe_hash: String,
    recipe_look: recipe::RecipeLook,
    /// Lasting requests of users.
    control: Control,
    /// Sources that users want exported now, regardless of their state.
    forced: BTreeSet<String>,
    /// A source whose export was started, on request, before it was complete.
    early: Option<String>,
    tally: Tally,
    /// True while there is no candidate, and nothing has happened that could make one.
    still: Cell<bool>,
    /// Figures of the export that has just ended.
    metrics: BTreeMap<String, f64>,
    /// Running user commands.
    hooks: Vec<hooks::Hook>,
    /// When the last listing ended, and how long it took.
    looked: Option<(Instant, Duration)>,
    existed: Option<bool>,
    told_note: bool,
    found_emitted: bool,
    told_problems: BTreeSet<(PathBuf, String)>,
}

impl Watcher {
    fn new(rule: &Rule, options: WatchOptions, store: Store) -> Self {
        let changes = ChangeSource::new(&rule.root, options.backend);
        let adopted = store.exports().all().iter().filter(|e| e.done.is_none()).map(|e| e.picked.clone()).collect();
        let (sensor, blind) = Sensor::new(&rule.care);
        Self {
            rule: rule.clone(),
            recipe_look: recipe::RecipeLook::default(),
            sensor,
            blind,
            keeper: HoldTracker::default(),
            measured: None,
            hold: None,
            paused: false,
            id: rule.id(),
            tree: Tree::new(&rule.root),
            recipe_hash: rule.recipe_hash(),
            own: OwnOutputs::new(&options.jobs_root),
            control: Control::read(store.folder()),
            forced: BTreeSet::new(),
            early: None,
            options,
            store,
            changes,
            tracked: BTreeMap::new(),
            left_out: 0,
            pass: 0,
            structures: StructureCache::new(),
            shapes: HashMap::new(),
            running: None,
            restarting: None,
            ignored: BTreeSet::new(),
            adopted,
            tally: Tally::default(),
            still: Cell::new(false),
            metrics: BTreeMap::new(),
            hooks: Vec::new(),
            looked: None,
            existed: None,
            told_note: false,
            found_emitted: false,
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
        self.emit(body);
        for text in std::mem::take(&mut self.blind) {
            self.emit_warning(text);
        }
        let _ = std::fs::remove_file(self.store.folder().join(limits::HOLD));
        pin::sweep(&self.rule, &self.adopted.iter().filter_map(|p| p.pin.clone()).collect::<Vec<_>>());
        if self.control.paused {
            self.emit(WatchBody::Paused);
        }
        // A version that was about to be skipped when the watcher died has no job.
        for picked in self.adopted.extract_if(.., |p| p.job.is_empty()).collect::<Vec<_>>() {
            self.finish(&picked, Ended::Lost, None)?;
        }
        Ok(())
    }

    /// True if nothing more is expected by waiting.
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
        let held = |t: &&Tracked| self.control.paused && t.is_complete() && !self.is_settled_with(&t.unit.name);
        let count = |which: &dyn Fn(&&Tracked) -> bool| self.tracked.values().filter(which).count();
        Tally { waiting: count(&open), held: count(&held), ..self.tally }
    }
}
