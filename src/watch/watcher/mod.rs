//! The loop of a watcher: `look` at the folders and judge what is in them, `begin` an export, take its `end`, `tell` what happens.

mod asked;
mod begin;
mod end;
mod look;
mod tell;

use super::changes::{Backend, ChangeSource};
use super::control::Control;
use super::event::{WatchBody, WatchEvent};
use super::export::Running;
use super::known::RuleNote;
use super::rule::Rule;
use super::store::{Ended, Picked, Store};
use super::tracked::Tracked;
use super::{Shape, StructureCache, Tree, hooks};
use crate::engine::Stop;
use crate::model::{ModelError, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// The command that started it, fit for a shell: kept for those who want to start it again.
    pub command: Option<String>,
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
    if options.once && !rule.root.is_dir() {
        let error = ModelError::request("the folder is not there").in_file(&rule.root);
        return Err(error.with_hint("Check the path. Without `--once` the watcher waits for the folder."));
    }
    let folder = state_folder(&options.jobs_root, rule);
    let store = Store::open(&folder)?;
    let note = RuleNote {
        root: rule.root.clone(),
        output: rule.output.clone(),
        recipe: rule.recipe_name.clone(),
        command: options.command.clone(),
    };
    let text = serde_json::to_vec(&note).unwrap_or_default();
    let path = folder.join("rule.json");
    crate::files::write_whole(&path, &text).map_err(|e| ModelError::io(&path, "writing", e))?;
    let mut watcher = Watcher::new(rule, options, store);
    watcher.start()?;
    while !watcher.options.stop.is_set() {
        watcher.hear_requests()?;
        watcher.look();
        watcher.judge_due();
        watcher.follow()?;
        watcher.begin_next()?;
        watcher.hear_hooks();
        if watcher.options.once && watcher.is_over() {
            break;
        }
        // Events that came too early for a look are kept; the next wait must not end at once because of them.
        std::thread::sleep(watcher.until_look().min(watcher.pause()));
        let pause = watcher.pause();
        watcher.changes.wait(pause);
    }
    watcher.end_hooks();
    let tally = watcher.tally();
    let why = match tally.waiting {
        _ if watcher.options.stop.is_set() => "asked to stop".to_owned(),
        0 => "nothing left to do".to_owned(),
        1 => "nothing left to do; 1 source is not whole".to_owned(),
        n => format!("nothing left to do; {n} sources are not whole"),
    };
    watcher.tell(WatchBody::Stopped { why });
    Ok(tally)
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
    /// What users asked for that lasts.
    control: Control,
    /// Sources that users want exported now, whatever their state.
    forced: BTreeSet<String>,
    /// A source whose export was begun, on request, before it was whole.
    early: Option<String>,
    tally: Tally,
    /// Commands of the user that run.
    hooks: Vec<hooks::Hook>,
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
            control: Control::read(store.folder()),
            forced: BTreeSet::new(),
            early: None,
            options,
            store,
            changes,
            tracked: BTreeMap::new(),
            structures: StructureCache::new(),
            shapes: HashMap::new(),
            running: None,
            adopted,
            tally: Tally::default(),
            hooks: Vec::new(),
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
        if self.control.paused {
            self.tell(WatchBody::Paused);
        }
        // A version that was about to be skipped when the watcher died has no job.
        for picked in self.adopted.extract_if(.., |p| p.job.is_empty()).collect::<Vec<_>>() {
            self.finish(&picked, Ended::Lost, None)?;
        }
        Ok(())
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
}
