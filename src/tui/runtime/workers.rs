//! Worker threads: whatever may take longer than a frame. Each takes requests from a channel and answers with actions.

use super::comparer::{self, Comparer};
use super::effects;
use super::follower::{JobRequest, follower};
use super::inspector::Inspector;
use super::machine::{self, Watch};
use super::measurer::{MeasureRequest, MeasureRequests, measurer};
use super::pages::Pages;
use super::threads::{Outbox, give_way, thread};
use super::watchers::{self, Watching};
use crate::recipe::{Recipe, Target};
use crate::task::{self, Task};
use crate::tui::core::{Action, ForecastSource, MeasureWhat};
use crate::tui::tabs::compare::Compared;
use crate::tui::tabs::jobs::JobAction;
use crate::tui::tabs::models::{FileList, pair_title};
use crate::tui::tabs::watch::WatcherQuery;
use crate::watch::{Request, WatcherInfo};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A request to the planner.
enum PlanRequest {
    One(u64, Box<Recipe>),
    Presets(u64, Vec<(usize, Recipe)>),
    Spawn(Box<Recipe>, Arc<crate::plan::Plan>),
}

/// The workers of one workbench. They end with the process.
pub(super) struct Workers {
    dir: PathBuf,
    outbox: Outbox,
    scan: Arc<AtomicU64>,
    search: Arc<AtomicU64>,
    batch: Arc<AtomicU64>,
    open: Sender<PathBuf>,
    plan: Sender<PlanRequest>,
    measure: MeasureRequests,
    compare: Comparer,
    jobs: Sender<JobRequest>,
    machine: Watch,
    watching: Watching,
    jobs_root: PathBuf,
    pub(super) inspector: Inspector,
    pub(super) pages: Pages,
}

impl Workers {
    pub(super) fn start(dir: PathBuf, jobs_root: PathBuf, outbox: Outbox) -> Self {
        let (open, opens) = unbounded();
        let (plan, plans) = unbounded();
        let (jobs, follows) = unbounded();
        let (measure, orders) = unbounded();
        let out = outbox.clone();
        thread("open", outbox.clone(), move || opener(&opens, &out));
        let (out, root) = (outbox.clone(), jobs_root.clone());
        thread("plan", outbox.clone(), move || planner(&plans, &root, &out));
        let out = outbox.clone();
        thread("measure", outbox.clone(), move || {
            give_way();
            measurer(&orders, &out);
        });
        let out = outbox.clone();
        let root = jobs_root.clone();
        thread("jobs", outbox.clone(), move || follower(&follows, &root, &out));
        let (query, queries) = unbounded();
        let (out, root) = (outbox.clone(), jobs_root.clone());
        thread("watchers", outbox.clone(), move || watchers::follower(&queries, &root, &out));
        let watching = Watching::new(query);
        let (watch, watched) = unbounded();
        let out = outbox.clone();
        thread("machine", outbox.clone(), move || machine::sampler(&watched, &out));
        let (scan, measure, machine) = (Arc::new(AtomicU64::new(0)), MeasureRequests::new(measure), Watch::new(watch));
        let (compare, comparisons) = Comparer::new();
        let out = outbox.clone();
        thread("compare", outbox.clone(), move || {
            give_way();
            super::comparer::work(&comparisons, &out);
        });
        let inspector = Inspector::start(outbox.clone());
        let pages = Pages::new(outbox.clone(), jobs_root.clone());
        Self {
            dir,
            outbox,
            inspector,
            pages,
            search: Arc::default(),
            batch: Arc::default(),
            scan,
            open,
            plan,
            measure,
            compare,
            jobs,
            machine,
            watching,
            jobs_root,
        }
    }

    /// Starts a new scan; a running one stops.
    pub(super) fn scan(&self) {
        let mine = self.scan.fetch_add(1, Ordering::SeqCst) + 1;
        let (dir, out, current) = (self.dir.clone(), self.outbox.clone(), self.scan.clone());
        thread("scan", self.outbox.clone(), move || scanner(&dir, &out, &|| current.load(Ordering::SeqCst) == mine));
    }

    pub(super) fn open(&self, path: PathBuf) {
        let _ = self.open.send(path);
    }

    pub(super) fn plan(&mut self, id: u64, recipe: Box<Recipe>) {
        if effects::measures(&recipe) {
            self.measure.give(MeasureRequest::Plan(id, recipe));
        } else {
            self.measure.drop_graphs();
            let _ = self.plan.send(PlanRequest::One(id, recipe));
        }
    }

    pub(super) fn forecast(&mut self, id: u64, source: Box<ForecastSource>, target: Box<Target>) {
        self.measure.give(MeasureRequest::Forecast(id, source, target));
    }

    pub(super) fn stop_measuring(&mut self) {
        self.measure.cancel();
    }

    pub(super) fn plan_presets(&self, id: u64, recipes: Vec<(usize, Recipe)>) {
        let _ = self.plan.send(PlanRequest::Presets(id, recipes));
    }

    /// Reads a file as text.
    pub(super) fn texts(&self, path: PathBuf) {
        self.recipes(move || Action::TextRead(path.display().to_string(), effects::texts::read(&path)));
    }

    /// Puts two configurations side by side.
    pub(super) fn configs(&self, a: PathBuf, b: PathBuf) {
        let title = pair_title(&a, &b);
        self.recipes(move || Action::TextRead(title, effects::texts::compare_configs(&a, &b)));
    }

    /// Looks for a tensor in these models; a search that runs stops.
    pub(super) fn find(&self, id: u64, query: String, models: Vec<PathBuf>) {
        let mine = self.search.fetch_add(1, Ordering::SeqCst) + 1;
        let (out, latest) = (self.outbox.clone(), self.search.clone());
        thread("find", self.outbox.clone(), move || {
            give_way();
            let current = || latest.load(Ordering::SeqCst) == mine;
            effects::find::tensors(&query, &models, &current, &mut |hits, done| {
                let _ = out.send(Action::TensorsFound(id, hits, done));
            });
        });
    }

    /// Lists the files of a model.
    pub(super) fn list_files(&self, path: PathBuf) {
        let root = self.jobs_root.clone();
        self.recipes(move || Action::FilesListed(effects::files::list(&root, &path)));
    }

    /// Deletes files that were listed.
    pub(super) fn delete_files(&self, list: FileList) {
        let root = self.jobs_root.clone();
        self.recipes(move || {
            let done = effects::files::delete(&root, &list);
            Action::ModelDeleted(list.path, done)
        });
    }

    /// Renames a model.
    pub(super) fn rename(&self, path: PathBuf, name: String) {
        let root = self.jobs_root.clone();
        self.recipes(move || {
            let renamed = effects::files::rename(&root, &path, &name);
            Action::ModelRenamed(path, renamed)
        });
    }

    /// Starts a job that measures models on a text; what is wrong with them is found before.
    pub(super) fn measure(&self, what: MeasureWhat, models: Vec<PathBuf>, text: PathBuf) {
        let (out, root) = (self.outbox.clone(), self.jobs_root.clone());
        thread("measure", self.outbox.clone(), move || {
            let started = effects::measure::start(&root, what, models, text);
            let _ = out.send(Action::MeasureStarted(Box::new(started)));
        });
    }

    /// Does one thing with recipe files, beside everything else.
    pub(super) fn recipes(&self, work: impl FnOnce() -> Action + Send + 'static) {
        let out = self.outbox.clone();
        thread("recipes", self.outbox.clone(), move || {
            let _ = out.send(work());
        });
    }

    pub(super) fn spawn(&self, recipe: Box<Recipe>, plan: Arc<crate::plan::Plan>) {
        let _ = self.plan.send(PlanRequest::Spawn(recipe, plan));
    }

    /// Starts a job for each of the models, beside everything else: budgets are measured for each.
    pub(super) fn spawn_batch(&self, recipe: Box<Recipe>, sources: Vec<PathBuf>, replace: bool) {
        let (out, root) = (self.outbox.clone(), self.jobs_root.clone());
        thread("batch", self.outbox.clone(), move || {
            let outcome = effects::batch::start(&root, recipe, sources, replace);
            let _ = out.send(Action::BatchSpawned(Box::new(outcome)));
        });
    }

    /// Finds out for which of the models jobs can be started; an earlier search for that stops.
    pub(super) fn check_batch(&self, id: u64, recipe: Box<Recipe>, sources: Vec<PathBuf>) {
        let mine = self.batch.fetch_add(1, Ordering::SeqCst) + 1;
        let (out, latest) = (self.outbox.clone(), self.batch.clone());
        thread("batch", self.outbox.clone(), move || {
            let outlook = effects::batch::check(&recipe, &sources, &|| latest.load(Ordering::SeqCst) == mine);
            if let Some(outlook) = outlook {
                let _ = out.send(Action::BatchChecked(id, Box::new(outlook)));
            }
        });
    }

    pub(super) fn ask(&self, action: JobAction, title: String, dir: PathBuf) {
        let _ = self.jobs.send(JobRequest::Act(action, title, dir));
    }

    /// Samples the machine, and the disk of this folder; not at all without.
    pub(super) fn watch_machine(&mut self, watched: Option<Option<PathBuf>>) {
        self.machine.give(watched);
    }

    /// Looks at watchers as this says; not at all without.
    pub(super) fn look_at_watchers(&mut self, query: Option<WatcherQuery>) {
        self.watching.give(query);
    }

    /// The watchers there are now.
    pub(super) fn watchers(&self) -> Vec<WatcherInfo> {
        effects::watchers::watchers(&self.jobs_root).look()
    }

    pub(super) fn look_at_watch_place(&self, root: PathBuf) {
        let (out, jobs) = (self.outbox.clone(), self.jobs_root.clone());
        thread("watcher", self.outbox.clone(), move || {
            let (place, watcher) = effects::watchers::place(&jobs, &root);
            let _ = out.send(Action::WatchPlaceSeen(root, place, watcher));
        });
    }

    pub(super) fn start_watcher(&self, root: PathBuf, recipe: Box<Recipe>) {
        let (out, jobs) = (self.outbox.clone(), self.jobs_root.clone());
        thread("watcher", self.outbox.clone(), move || {
            let _ = out.send(Action::WatcherStarted(effects::watchers::start(&jobs, &root, &recipe)));
        });
    }

    pub(super) fn restart_watcher(&self, id: String) {
        let (out, jobs) = (self.outbox.clone(), self.jobs_root.clone());
        thread("watcher", self.outbox.clone(), move || {
            let _ = out.send(Action::WatcherStarted(effects::watchers::restart(&jobs, &id)));
        });
    }

    pub(super) fn forget_watcher(&self, id: String, root: PathBuf) {
        let (out, jobs) = (self.outbox.clone(), self.jobs_root.clone());
        thread("watcher", self.outbox.clone(), move || {
            let _ = out.send(Action::WatcherForgotten(root, effects::watchers::forget(&jobs, &id)));
        });
    }

    pub(super) fn stop_watcher(&self, id: String, root: PathBuf) {
        let (out, jobs) = (self.outbox.clone(), self.jobs_root.clone());
        thread("watcher", self.outbox.clone(), move || {
            let _ = out.send(Action::WatcherStopRequested(root, effects::watchers::stop(&jobs, &id)));
        });
    }

    pub(super) fn ask_watcher(&self, id: String, request: Request) {
        let (out, jobs) = (self.outbox.clone(), self.jobs_root.clone());
        thread("watcher", self.outbox.clone(), move || {
            let asked = effects::watchers::ask(&jobs, &id, &request);
            let _ = out.send(Action::WatcherRequestSent(request, asked));
        });
    }

    pub(super) fn doctor(&self) {
        let out = self.outbox.clone();
        thread("doctor", self.outbox.clone(), move || {
            let _ = out.send(Action::Checked(crate::tui::checks()));
        });
    }

    pub(super) fn follow(&self, job: Option<(String, PathBuf)>) {
        let _ = self.jobs.send(JobRequest::Follow(job));
    }

    pub(super) fn compare(&mut self, id: u64, request: comparer::Request) {
        self.compare.start(id, request);
    }

    pub(super) fn uncompare(&self, id: u64, compared: Arc<Compared>, path: PathBuf) {
        self.compare.take_out(id, compared, path);
    }

    pub(super) fn stop_comparing(&mut self) {
        self.compare.stop();
    }

    pub(super) fn export(&self, compared: Arc<Compared>, path: PathBuf) {
        self.compare.export(compared, path);
    }

    pub(super) fn refresh_jobs(&self) {
        let _ = self.jobs.send(JobRequest::Refresh);
    }
}

/// Time between two batches of what a scan finds.
const BATCH: Duration = Duration::from_millis(100);

/// Finds models and what their headers say, and sends them in batches.
fn scanner(dir: &std::path::Path, out: &Outbox, current: &(dyn Fn() -> bool + Sync)) {
    let (send, found) = unbounded();
    std::thread::scope(|s| {
        let scan = |send: Sender<_>| effects::scan(dir, &|model| current() && send.send(model).is_ok());
        let own = send.clone();
        match task::start_in(s, move || scan(own)) {
            Ok(_) => drop(send),
            // Without a thread of its own, the scan ends before anything that it found is shown.
            Err(_) => scan(send),
        }
        let mut batch = Vec::new();
        let mut last_sent = Instant::now();
        loop {
            let left = BATCH.saturating_sub(last_sent.elapsed());
            match found.recv_timeout(left) {
                Ok(model) => batch.push(model),
                Err(RecvTimeoutError::Timeout) => {
                    // Within a batch the order of the threads does not show.
                    if !batch.is_empty() && current() {
                        let _ = out.send(Action::FoundSome(std::mem::take(&mut batch)));
                    }
                    last_sent = Instant::now();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if current() {
            let _ = out.send(Action::Found(batch));
        }
    });
}

/// Opens the newest path asked for.
fn opener(requests: &Receiver<PathBuf>, out: &Outbox) {
    while let Ok(path) = requests.recv() {
        let path = requests.try_iter().last().unwrap_or(path);
        let info = effects::open(&path).map(Arc::new);
        let _ = out.send(Action::Opened(path, info));
    }
}

/// Plans the newest recipe; sizes of presets come after it and are interrupted by it.
fn planner(requests: &Receiver<PlanRequest>, jobs_root: &std::path::Path, out: &Outbox) {
    let mut presets: Option<(u64, std::vec::IntoIter<(usize, Recipe)>)> = None;
    loop {
        let mut one = None;
        let first = if presets.is_some() { requests.try_recv().ok() } else { requests.recv().ok() };
        if first.is_none() && presets.is_none() {
            return;
        }
        for request in first.into_iter().chain(requests.try_iter()) {
            match request {
                PlanRequest::One(id, recipe) => one = Some((id, recipe)),
                PlanRequest::Presets(id, recipes) => presets = Some((id, recipes.into_iter())),
                PlanRequest::Spawn(recipe, plan) => {
                    let _ = out.send(Action::Spawned(effects::spawn(jobs_root, &recipe, &plan)));
                }
            }
        }
        if let Some((id, recipe)) = one {
            let _ = out.send(Action::Planned(id, effects::recipes::plan(&recipe, Task::quiet())));
            continue;
        }
        if let Some((id, recipes)) = &mut presets {
            match recipes.next() {
                Some((at, recipe)) => {
                    let size = |p: crate::plan::Plan| {
                        let bpw = p.outputs.first().map_or(0.0, |o| o.bits_per_weight);
                        (p.outputs.iter().map(|o| o.bytes).sum(), bpw)
                    };
                    let _ = out.send(Action::PresetPlanned(*id, at, effects::plan(&recipe, Task::quiet()).map(size)));
                }
                None => presets = None,
            }
        }
    }
}
