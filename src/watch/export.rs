//! One export: from a complete source to a job, and from the job's end to its result.

use super::limits::{self, Readings};
use super::pin::Pinned;
use super::rule::{OnChange, Rule};
use super::store::{Ended, Export, Picked, PublishedFile, SourceStamp, Store};
use super::{FileRole, Unit, config_changes, template};
use crate::arch;
use crate::engine::{self, Failure, manifest};
use crate::job::{self, JobFolder, JobHistory, JobState, Tail};
use crate::model::{ErrorCode, Hint, ModelError, OptionName, Remedy, Result, UNSAFE_CODE};
use crate::plan::{self, Plan};
use crate::recipe::Recipe;
use crate::recipe::remedies::on_command_line;
use crate::task::Task;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Highest version number tried for one name.
const MAX_VERSIONS: u32 = 100_000;
/// How often a job that was killed is resumed.
const MAX_RESUMES: u32 = 5;
/// Time between two checks whether a silent job is still running.
const ALIVE_LOOK: Duration = Duration::from_secs(1);

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// The result of trying to start an export.
#[derive(Debug)]
pub(crate) enum StartResult {
    /// A worker is running it.
    Running(Box<Running>),
    /// The source changed since it was judged.
    Changed,
    /// There is not enough space or memory for it now; the text gives the figures.
    NoSpace(String),
    /// It cannot be exported as it is.
    Refused(ModelError),
}

/// A running export.
#[derive(Debug)]
pub(crate) struct Running {
    /// What was decided.
    pub picked: Picked,
    /// What is said of the source when the export begins: that it asks to run code.
    pub alarm: Option<String>,
    folder: JobFolder,
    tail: Tail,
    history: JobHistory,
    looked: Instant,
    resumes: u32,
}

/// What is recorded of an export beside its source.
pub(crate) struct Decision<'a> {
    /// [`Rule::recipe_hash`].
    pub recipe_hash: &'a str,
    /// [`Picked::extra`].
    pub extra: bool,
}

/// How the job of an export ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JobEnd {
    /// The outputs are published: each with its size in bytes.
    Finished(Vec<(PathBuf, u64)>),
    /// The outputs would be identical to these earlier ones, and were not published.
    Unchanged(Vec<PathBuf>),
    /// It failed.
    Failed(Failure),
    /// A user cancelled it.
    Cancelled,
    /// The job and its folder are gone.
    Lost,
}

/// Plans the export of a unit, records it and starts its job. If `pinned` is given, the unit is read under those names.
///
/// # Errors
/// When it cannot be recorded or the worker cannot be started; problems of the source are in [`StartResult`].
pub(crate) fn begin(
    rule: &Rule,
    unit: &Unit,
    pinned: Option<&Pinned>,
    readings: &Readings,
    decision: &Decision<'_>,
    store: &mut Store,
    jobs_root: &Path,
) -> Result<StartResult> {
    let picked_at = now();
    let planned = match plan(rule, unit, pinned.map_or(unit, |p| &p.unit), store) {
        Ok(planned) => planned,
        Err(e) if e.is_shortage() => return Ok(StartResult::NoSpace(e.to_string())),
        Err(e) => return Ok(StartResult::Refused(e)),
    };
    let Some((recipe, plan)) = planned else { return Ok(StartResult::Changed) };
    if let Some(text) = limits::no_space(&rule.care, readings, &plan) {
        return Ok(StartResult::NoSpace(text));
    }
    let folder = job::create_for_watcher(jobs_root, &recipe, &plan, rule.threads)?;
    if rule.care.nice > 0 {
        folder.write("nice", rule.care.nice.to_string().as_bytes())?;
    }
    folder.write("watch", rule.id().as_bytes())?;
    config_changes::keep(unit, &folder);
    let picked = Picked {
        unit: unit.name.clone(),
        source: unit.path.clone(),
        fingerprint: unit.fingerprint().to_string(),
        recipe: decision.recipe_hash.to_owned(),
        step: unit.step,
        job: folder.id(),
        picked: picked_at,
        outputs: plan.outputs.iter().map(|o| o.path.clone()).collect(),
        written: plan.outputs.iter().map(|o| o.files.iter().map(|(path, _)| path.clone()).collect()).collect(),
        files: unit.files.iter().map(|f| SourceStamp::new(&f.name, &f.stamp)).collect(),
        pin: pinned.map(|p| p.folder.clone()),
        extra: decision.extra,
    };
    store.pick(picked.clone())?;
    job::start_queued(&folder)?;
    let alarm = plan.warnings.iter().find(|w| w.code == UNSAFE_CODE).map(|w| w.text.clone());
    Ok(StartResult::Running(Box::new(Running { alarm, ..Running::new(picked, folder) })))
}

/// The recipe of an export and its plan; `None` if the source changed since it was judged.
fn plan(rule: &Rule, unit: &Unit, read: &Unit, store: &Store) -> Result<Option<(Recipe, Plan)>> {
    let model = arch::open(&read.source)?;
    for version in 1..=MAX_VERSIONS {
        let mut recipe = recipe_for(rule, unit, &read.source, version);
        reuse_earlier(&mut recipe, rule, unit, store);
        let look = plan::rehearse_model(&model, &recipe, Task::quiet())?;
        if !is_as_judged(read, &look) {
            return Ok(None);
        }
        if look.outputs.iter().any(|o| !o.replaces.is_empty()) {
            if rule.on_change != OnChange::Replace || !is_ours(unit, &look, store) {
                continue;
            }
            recipe.targets.iter_mut().for_each(|t| t.force = true);
        }
        let plan = plan::prepare_model(&model, &recipe, Task::quiet())?.plan;
        let mut plan = plan.permitted_by(&recipe);
        let _ = engine::plan_reuse(&recipe, &mut plan);
        skip_unchanged(&mut plan, unit, store);
        return Ok(Some((recipe, plan)));
    }
    Err(ModelError::limit("no free name for the export").in_file(&rule.output))
}

fn recipe_for(rule: &Rule, unit: &Unit, source: &Path, version: u32) -> Recipe {
    let mut recipe = rule.recipe.clone();
    // A format in the recipe belongs to the recipe's source.
    (recipe.source.path, recipe.source.format) = (Some(source.to_owned()), None);
    recipe.output_dir = None;
    for target in &mut recipe.targets {
        target.output = Some(rule.output.join(""));
        target.output_name = Some(template::output_name(&rule.name, &rule.root, unit, version));
        target.force = false;
    }
    recipe
}

/// Earlier exports that are considered for reuse.
const MAX_LOOKED_AT: usize = 16;

/// Lets each target reuse an earlier export: the last one of the same source, else the last one of the rule that still exists.
fn reuse_earlier(recipe: &mut Recipe, rule: &Rule, unit: &Unit, store: &Store) {
    if !rule.incremental {
        return;
    }
    let good = |e: &&Export| e.done.as_ref().is_some_and(|d| d.status == Ended::Ok);
    let newest = store.exports().all().iter().rev().filter(good).take(MAX_LOOKED_AT);
    let earlier: Vec<&Export> = store.exports().last_of(&unit.name).into_iter().chain(newest).collect();
    for (t, target) in recipe.targets.iter_mut().enumerate() {
        let outputs = earlier.iter().filter_map(|e| e.picked.outputs.get(t));
        target.reuse = outputs.into_iter().find(|o| manifest::find(o).is_some()).cloned();
    }
}

/// Prevents publishing outputs identical to the last export of the same source: its files may have been touched or moved. A version that
/// was exported already gets here only if a user requests it.
fn skip_unchanged(plan: &mut Plan, unit: &Unit, store: &Store) {
    let Some(last) = store.exports().last_of(&unit.name) else { return };
    if last.picked.fingerprint == unit.fingerprint().to_string() {
        return;
    }
    let outputs = &last.picked.outputs;
    let same = plan.outputs.iter().map(|o| o.reuse.as_ref().map(|r| &r.output)).eq(outputs.iter().map(Some));
    for reuse in plan.outputs.iter_mut().filter_map(|o| o.reuse.as_mut()).filter(|_| same) {
        reuse.skip_unchanged = true;
    }
}

/// True if the files that the plan would read are those that were judged, unchanged.
fn is_as_judged(unit: &Unit, plan: &Plan) -> bool {
    let decides = unit.files.iter().filter(|f| f.role != FileRole::Marker);
    decides.clone().all(|file| {
        let read = plan.source_files.iter().find(|s| s.inode == file.stamp.ino || s.path == file.path);
        read.is_none_or(|s| {
            let now = (s.inode, s.bytes, s.mtime_ns, s.ctime_ns);
            now == (file.stamp.ino, file.stamp.bytes, file.stamp.mtime_ns, file.stamp.ctime_ns)
        })
    }) && unit.of(FileRole::Weights).any(|file| plan.source_files.iter().any(|s| s.inode == file.stamp.ino))
}

/// True if every file that would be replaced was published by the unit's last export.
fn is_ours(unit: &Unit, plan: &Plan, store: &Store) -> bool {
    let Some(done) = store.exports().last_of(&unit.name).and_then(|e| e.done.as_ref()) else { return false };
    plan.outputs.iter().flat_map(|o| &o.replaces).all(|path| done.owns(path))
}

/// The files that a job published, with their stamps. Empty if the job's folder is gone: then none of them is ever replaced or removed.
pub(crate) fn published(picked: &Picked, plan_files: &[Vec<PathBuf>], jobs_root: &Path) -> Vec<PublishedFile> {
    let journal = jobs_root.join(&picked.job).join("journal");
    let identities = engine::published(&journal).unwrap_or_default();
    let of = |(o, files): (usize, &Vec<PathBuf>)| {
        let identities = identities.get(&o.into()).cloned().unwrap_or_default();
        files
            .iter()
            .cloned()
            .zip(identities)
            .map(|(path, identity)| PublishedFile { path, identity })
            .collect::<Vec<_>>()
    };
    plan_files.iter().enumerate().flat_map(of).collect()
}

impl Running {
    fn new(picked: Picked, folder: JobFolder) -> Self {
        let tail = Tail::new(&folder.dir);
        Self { picked, alarm: None, folder, tail, history: JobHistory::default(), looked: Instant::now(), resumes: 0 }
    }

    /// The export of a job that an earlier watcher started.
    pub(crate) fn adopt(picked: Picked, jobs_root: &Path) -> Self {
        let folder = JobFolder { dir: jobs_root.join(&picked.job) };
        let mut this = Self::new(picked, folder);
        this.looked = Instant::now().checked_sub(ALIVE_LOOK).unwrap_or(this.looked);
        this
    }

    /// Reads the job's new events; returns the result once it has ended. A job whose process was killed is resumed.
    pub(crate) fn follow(&mut self) -> Option<JobEnd> {
        if !self.folder.dir.is_dir() {
            return Some(JobEnd::Lost);
        }
        if let Some(end) = self.read() {
            return Some(end);
        }
        if self.looked.elapsed() < ALIVE_LOOK {
            return None;
        }
        self.looked = Instant::now();
        let state = self.folder.summary().state;
        // It may have ended since its events were read.
        match (self.read(), state) {
            (Some(end), _) => Some(end),
            (None, JobState::Lost | JobState::Interrupted) => self.resume(),
            // It was created, and the watcher died before starting it.
            (None, JobState::Queued) if !self.folder.is_locked() && self.never_started() => {
                job::start_queued(&self.folder).err().map(|e| JobEnd::Failed(job::failure(&e)))
            }
            _ => None,
        }
    }

    fn resume(&mut self) -> Option<JobEnd> {
        self.resumes += 1;
        if self.resumes > MAX_RESUMES {
            let message = format!(
                "the process of job {} ended {} times without reporting a result",
                self.picked.job, self.resumes
            );
            let hint = Hint::from("The system may have killed it because memory ran out; `")
                .then(Remedy::Option(OptionName::MAX_MEMORY))
                .then("` lowers its memory use.");
            let hint = on_command_line(&hint);
            return Some(JobEnd::Failed(Failure { code: ErrorCode::JobDied, message, hint: Some(hint) }));
        }
        // Another process may have resumed it meanwhile: then there is nothing to do.
        let resumed = job::resume(&self.folder);
        resumed.err().filter(|_| self.resumes == MAX_RESUMES).map(|e| JobEnd::Failed(job::failure(&e)))
    }

    /// True if the job was made some seconds ago, and never started.
    fn never_started(&self) -> bool {
        let age = |t: jiff::Timestamp| jiff::Timestamp::now().duration_since(t).as_secs();
        self.history.started.is_none() && self.history.queued.is_some_and(|t| age(t) > 5)
    }

    /// Reads the new events; returns how the job ended, if it has.
    fn read(&mut self) -> Option<JobEnd> {
        loop {
            let events = self.tail.poll().unwrap_or_default();
            if events.is_empty() {
                break;
            }
            events.iter().for_each(|e| self.history.apply(e));
        }
        let history = &self.history;
        match history.state {
            JobState::Finished => {
                let published = history.published();
                let unchanged: Vec<PathBuf> = history.outputs.iter().filter_map(|o| o.unchanged.clone()).collect();
                let is_unchanged = published.is_empty() && !unchanged.is_empty();
                Some(if is_unchanged { JobEnd::Unchanged(unchanged) } else { JobEnd::Finished(published) })
            }
            JobState::Failed => history.failure.clone().map(JobEnd::Failed),
            JobState::Cancelled => Some(JobEnd::Cancelled),
            _ => None,
        }
    }
}
