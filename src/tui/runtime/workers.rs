//! Worker threads: whatever may take longer than a frame. Each takes requests from a channel and answers with actions.

use super::effects;
use super::inspector::Inspector;
use super::measurer::{Orders, Work, measurer};
use crate::engine::Event;
use crate::forecast::Measuring;
use crate::job::{JobState, JobSummary};
use crate::recipe::{Recipe, Target};
use crate::tui::core::{Action, Level};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// Where actions go.
pub(super) type Outbox = UnboundedSender<Action>;

/// A request to the planner.
enum PlanRequest {
    One(u64, Box<Recipe>),
    Presets(u64, Vec<(usize, Recipe)>),
    Spawn(Box<Recipe>, Arc<crate::plan::Plan>),
    Cancel(String, PathBuf),
}

/// A request to the follower of jobs.
enum JobRequest {
    Follow(Option<(String, PathBuf)>),
    Refresh,
}

/// The workers of one workbench. They end with the process.
pub(super) struct Workers {
    dir: PathBuf,
    outbox: Outbox,
    scan: Arc<AtomicU64>,
    open: Sender<PathBuf>,
    plan: Sender<PlanRequest>,
    measure: Orders,
    jobs: Sender<JobRequest>,
    pub(super) inspector: Inspector,
}

/// Starts a named thread; a panic inside becomes a line of the log instead of a hole in the screen.
pub(super) fn thread(name: &'static str, outbox: Outbox, work: impl FnOnce() + Send + 'static) {
    let run = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            let text = format!("the {name} worker stopped by a fault of the program; restart remold to have it back");
            let _ = outbox.send(Action::Notice(Level::Error, text));
        }
    };
    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(run);
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
        thread("measure", outbox.clone(), move || measurer(&orders, &out));
        let out = outbox.clone();
        thread("jobs", outbox.clone(), move || follower(&follows, &jobs_root, &out));
        let inspector = Inspector::start(outbox.clone());
        Self {
            dir,
            outbox,
            inspector,
            scan: Arc::new(AtomicU64::new(0)),
            open,
            plan,
            measure: Orders::new(measure),
            jobs,
        }
    }

    /// Scans anew; a scan that still runs stops.
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
            self.measure.give(Work::Plan(id, recipe));
        } else {
            let _ = self.plan.send(PlanRequest::One(id, recipe));
        }
    }

    pub(super) fn forecast(&mut self, id: u64, source: PathBuf, target: Box<Target>) {
        self.measure.give(Work::Forecast(id, source, target));
    }

    pub(super) fn plan_presets(&self, id: u64, recipes: Vec<(usize, Recipe)>) {
        let _ = self.plan.send(PlanRequest::Presets(id, recipes));
    }

    pub(super) fn spawn(&self, recipe: Box<Recipe>, plan: Arc<crate::plan::Plan>) {
        let _ = self.plan.send(PlanRequest::Spawn(recipe, plan));
    }

    pub(super) fn cancel(&self, title: String, dir: PathBuf) {
        let _ = self.plan.send(PlanRequest::Cancel(title, dir));
    }

    pub(super) fn follow(&self, job: Option<(String, PathBuf)>) {
        let _ = self.jobs.send(JobRequest::Follow(job));
    }

    pub(super) fn refresh_jobs(&self) {
        let _ = self.jobs.send(JobRequest::Refresh);
    }
}

/// Time between two batches of what a scan finds.
const BATCH: Duration = Duration::from_millis(100);

/// Finds models with what their headers say, and tells them in batches.
fn scanner(dir: &std::path::Path, out: &Outbox, current: &(dyn Fn() -> bool + Sync)) {
    let (send, found) = unbounded();
    std::thread::scope(|s| {
        s.spawn(|| {
            let send = send;
            effects::scan(dir, &|model| current() && send.send(model).is_ok());
        });
        let mut batch = Vec::new();
        let mut told = Instant::now();
        loop {
            let left = BATCH.saturating_sub(told.elapsed());
            match found.recv_timeout(left) {
                Ok(model) => batch.push(model),
                Err(RecvTimeoutError::Timeout) => {
                    // Within a batch the order of the threads does not show.
                    if !batch.is_empty() && current() {
                        let _ = out.send(Action::FoundSome(std::mem::take(&mut batch)));
                    }
                    told = Instant::now();
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

/// Plans the newest recipe; sizes of presets come after it and give way to it.
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
                PlanRequest::Cancel(title, dir) => {
                    let _ = out.send(Action::Cancelled(title, effects::cancel(&dir)));
                }
            }
        }
        if let Some((id, recipe)) = one {
            let _ = out.send(Action::Planned(id, effects::plan(&recipe, Measuring::quiet()).map(Arc::new)));
            continue;
        }
        if let Some((id, recipes)) = &mut presets {
            match recipes.next() {
                Some((at, recipe)) => {
                    let size = |p: crate::plan::Plan| {
                        let bpw = p.outputs.first().map_or(0.0, |o| o.bits_per_weight);
                        (p.outputs.iter().map(|o| o.bytes).sum(), bpw)
                    };
                    let _ =
                        out.send(Action::PresetPlanned(*id, at, effects::plan(&recipe, Measuring::quiet()).map(size)));
                }
                None => presets = None,
            }
        }
    }
}

/// Lists the jobs once a second and follows the selected one's events ten times a second.
fn follower(requests: &Receiver<JobRequest>, root: &std::path::Path, out: &Outbox) {
    let mut known: Vec<JobSummary> = Vec::new();
    let mut following: Option<(String, PathBuf, crate::job::Tail, bool)> = None;
    let mut listed: Option<Instant> = None;
    loop {
        if listed.is_none_or(|t| t.elapsed() >= Duration::from_secs(1)) {
            let list = effects::jobs(root);
            if listed.is_none() || list != known {
                known.clone_from(&list);
                let _ = out.send(Action::Jobs(list));
            }
            listed = Some(Instant::now());
        }
        if let Some((id, dir, tail, planned)) = &mut following {
            if !*planned && let Some(plan) = effects::job_plan(dir) {
                *planned = true;
                let _ = out.send(Action::JobPlan(id.clone(), plan));
            }
            let events: Vec<Event> = tail.poll().unwrap_or_default();
            if !events.is_empty() {
                let _ = out.send(Action::JobEvents(id.clone(), events));
            }
        }
        // A job that has ended says nothing more.
        let live =
            |id: &str| known.iter().any(|j| j.id == id && matches!(j.state, JobState::Running | JobState::Queued));
        let often = following.as_ref().is_some_and(|(id, ..)| live(id));
        let wait = Duration::from_millis(if often { 100 } else { 1000 });
        match requests.recv_timeout(wait) {
            Ok(JobRequest::Follow(job)) => {
                following = job.map(|(id, dir)| {
                    let tail = effects::tail(&dir);
                    (id, dir, tail, false)
                });
                // What there is already is read at once.
                continue;
            }
            Ok(JobRequest::Refresh) => listed = None,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
