//! Every call from the workbench into the rest of remold, and nothing else: scan, open, plan, jobs, roles; recipes in files
//! are in [`recipes`], looks into a model in [`inspect`], watchers in [`watchers`].

pub(crate) mod batch;
mod companions;
pub(crate) mod evaluations;
pub(crate) mod files;
pub(crate) mod find;
pub(crate) mod inspect;
pub(crate) mod measure;
pub(crate) mod pages;
pub(crate) mod paths;
pub(crate) mod recipes;
pub(crate) mod texts;
pub(crate) mod watchers;

use crate::engine::Report;
use crate::evaluate::{Comparison, Export, GraphRequest, MeasurementCache, Set, rows};
use crate::formats::{Found, spec};
use crate::job::{self, JobFolder, JobList, JobSummary, Tail, WithBaseline};
use crate::model::ErrorKind;
use crate::monitor::{Check, MachineSampler};
use crate::plan::{Forecast, Plan};
use crate::recipe::options::{self, Budget};
use crate::recipe::{Recipe, Target};
use crate::task::Task;
use crate::tui::core::{BaselineChoice, ErrorCard, ForecastSource, FoundModel, MeasuredReport};
use crate::tui::tabs::compare::Compared;
use crate::tui::tabs::jobs::JobAction;
use crate::tui::tabs::models::{ModelInfo, Summary};
use crate::units::escape;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders are looked into this deep.
const DEPTH: usize = 6;

/// Looks for models below `root`, reading headers only; passes each to `take` from one of several threads, until it returns false.
pub(crate) fn scan(root: &Path, take: &(dyn Fn(FoundModel) -> bool + Sync)) {
    crate::formats::scan_each(root, DEPTH, &|f| take(found(f)));
}

fn found(f: Found) -> FoundModel {
    let summary = match f.error {
        // A format without a reader is not an error of the file.
        Some(message) => {
            let readable = f.format.is_none_or(|id| spec(id).is_some_and(|s| s.read.is_some()));
            // The sign is the same when the model is opened.
            let card = ErrorCard::new(message, readable && !f.unsupported);
            Err(ErrorCard { fact: f.fact.map_or(card.fact, |fact| escape(&fact).into_owned()), ..card })
        }
        None => Ok(Summary {
            architecture: f.architecture,
            params: f.parameters,
            dtype: f.encoding.map_or("", |e| e.name()).to_owned(),
            warnings: f.warnings,
        }),
    };
    FoundModel { path: f.path, format: f.format, bytes: f.bytes, modified: f.modified, defect: f.defect, summary }
}

/// Opens a model (headers only) and digests it.
///
/// # Errors
/// What the format's reader says.
pub(crate) fn open(path: &Path) -> Result<ModelInfo, ErrorCard> {
    let model = crate::arch::open(path).map_err(|e| ErrorCard::from(&e))?;
    Ok(ModelInfo::digest(&model))
}

/// Plans a recipe. Measures, as `how` says, where a budget is to be met.
///
/// # Errors
/// What can be known before the run; cancelled.
pub(crate) fn plan(recipe: &Recipe, how: Task<'_>) -> Result<Plan, ErrorCard> {
    crate::plan::rehearse(recipe, how).map_err(|e| ErrorCard::from(&e))
}

/// True if a plan of the recipe has to measure the source, or to read all of a graph.
pub(crate) fn measures(recipe: &Recipe) -> bool {
    recipe.targets.iter().any(|t| has_budget(t) || options::reads_graph(t))
}

fn has_budget(target: &Target) -> bool {
    Budget::of(target).is_some()
}

/// Measures a model and forecasts a GGUF of every type. A budget that cannot be met does not affect the rest: what is
/// wrong with the budget is shown with its plan.
///
/// # Errors
/// Sources that cannot become GGUF, those of measuring; cancelled.
pub(crate) fn forecast(source: &ForecastSource, target: &Target, how: Task<'_>) -> Result<Forecast, ErrorCard> {
    let model = crate::arch::open(&source.path).map_err(|e| ErrorCard::from(&e))?;
    let model = crate::plan::with_steps(&model, &source.steps).map_err(|e| ErrorCard::from(&e))?;
    let forecast = match crate::plan::forecast(&model, target, how) {
        Err(e) if has_budget(target) && e.kind() == ErrorKind::BadRequest => {
            let without = Budget::without(target);
            crate::plan::forecast(&model, &without, how)
        }
        other => other,
    };
    forecast.map_err(|e| ErrorCard::from(&e))
}

/// Starts a job.
///
/// # Errors
/// When its folder or process cannot be made.
pub(crate) fn spawn(root: &Path, recipe: &Recipe, plan: &Plan) -> Result<JobSummary, ErrorCard> {
    job::spawn(root, recipe, plan).map_err(|e| ErrorCard::from(&e))
}

/// Asks something of a job.
///
/// # Errors
/// When its state does not allow it, or its folder cannot be written.
pub(crate) fn job(action: JobAction, dir: &Path) -> Result<(), ErrorCard> {
    let done = match action {
        JobAction::Cancel => job::cancel(dir),
        JobAction::Pause => job::pause(dir),
        JobAction::Resume | JobAction::Again => job::resume(&JobFolder { dir: dir.to_owned() }),
        JobAction::Remove => job::remove(dir).map(drop),
    };
    done.map_err(|e| ErrorCard::from(&e))
}

/// The jobs under a root, to be looked at again and again.
pub(crate) fn jobs(root: &Path) -> JobList {
    JobList::new(root)
}

/// Samples the machine from now on.
pub(crate) fn machine() -> MachineSampler {
    MachineSampler::new()
}

/// Bytes free on the disk of a folder.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    crate::plan::free_bytes(folder)
}

/// What the doctor finds of the jobs' folders and the machine.
pub(crate) fn checks() -> Vec<Check> {
    let mut all = settings_checks();
    all.extend(job::folder_checks());
    all.extend(crate::monitor::machine_checks());
    all
}

/// Checks of the user's settings, keys and themes.
fn settings_checks() -> Vec<Check> {
    let problems = crate::tui::config::problems();
    let checks: Vec<Check> = problems
        .iter()
        .map(|p| {
            Check::note("settings", "files", p.to_string(), "See `remold config check` and docs/configuration.md.")
        })
        .collect();
    if !checks.is_empty() {
        return checks;
    }
    let fact = match crate::tui::config::config_file() {
        Some(file) if file.exists() => format!("valid ({})", file.display()),
        Some(file) => format!("defaults ({} does not exist)", file.display()),
        None => "defaults".to_owned(),
    };
    vec![Check::fine("settings", "files", fact)]
}

/// No job is started while the guard lives.
pub(crate) fn no_start() -> std::sync::MutexGuard<'static, ()> {
    job::no_start()
}

/// Follows a job's events.
pub(crate) fn tail(dir: &Path) -> Tail {
    Tail::new(dir)
}

/// The plan kept in a job's folder.
pub(crate) fn job_plan(dir: &Path) -> Option<Arc<Plan>> {
    crate::engine::from_json(&folder(dir).read("plan.json").ok()?).ok().map(Arc::new)
}

/// The recipe kept in a job's folder, line by line.
pub(crate) fn job_recipe(dir: &Path) -> Vec<String> {
    let text = folder(dir).read("recipe.toml").unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(|l| l.replace('\t', "    ")).collect()
}

/// The command that carries out the job of a folder again.
pub(crate) fn job_command(dir: &Path) -> Option<String> {
    folder(dir).command().map(|c| c.replace(['\n', '\t'], " "))
}

/// The report kept in the folder of a finished job.
pub(crate) fn job_report(dir: &Path) -> Option<Arc<Report>> {
    folder(dir).report().map(Arc::new)
}

/// The report kept in the folder of a finished measurement.
pub(crate) fn job_measured(dir: &Path) -> Option<MeasuredReport> {
    let folder = folder(dir);
    MeasuredReport::from_json(&folder.kind().measures().then(|| folder.read("report.json").ok())??)
}

/// True for the folder of a measurement, which has no plan.
pub(crate) fn job_measures(dir: &Path) -> bool {
    folder(dir).kind().measures()
}

fn folder(dir: &Path) -> job::JobFolder {
    job::JobFolder { dir: dir.to_owned() }
}

/// A comparison and its table.
fn with_table(comparison: Comparison) -> Arc<Compared> {
    let rows = rows(&comparison);
    Arc::new(Compared { comparison, rows })
}

/// The comparison without one of its models.
pub fn take_out(compared: &Arc<Compared>, path: &Path) -> Arc<Compared> {
    let at = compared.comparison.variants.iter().position(|v| v.path == path);
    at.and_then(|at| compared.comparison.without(at)).map_or_else(|| compared.clone(), with_table)
}

/// Compares models with one of them, or with their source. `overview` gets what the headers say before anything is measured.
///
/// # Errors
/// Models that cannot be read or that hold different networks; cancelled.
pub(crate) fn compare(
    paths: &[PathBuf],
    baseline: BaselineChoice,
    context: Option<u64>,
    known: &mut MeasurementCache,
    overview: &dyn Fn(Arc<Compared>),
    how: Task<'_>,
) -> Result<Arc<Compared>, ErrorCard> {
    let found = match baseline {
        BaselineChoice::Find => job::with_baseline(paths, None, &job::jobs_root()),
        BaselineChoice::Precise => {
            WithBaseline { models: paths.to_vec(), baseline: None, sources: Vec::new(), lost: Vec::new() }
        }
        BaselineChoice::First(source) => {
            WithBaseline { models: paths.to_vec(), baseline: Some((0, source)), sources: Vec::new(), lost: Vec::new() }
        }
    };
    let mut set = Set::open(&found.models, found.baseline, context).map_err(|e| ErrorCard::from(&e))?;
    if !found.sources.is_empty() {
        set = set.of_different_sources();
    }
    overview(with_table(set.overview().clone()));
    let mut comparison = known.measure(&set, how).map_err(|e| ErrorCard::from(&e))?;
    let quiet = Task { progress: &|_, _| {}, ..how };
    let outputs = set.graph_outputs(&GraphRequest::default(), quiet, &|_| {});
    comparison.graphs = outputs.map_err(|e| ErrorCard::from(&e))?;
    Ok(with_table(comparison))
}

/// Writes a comparison to a file, as its ending says.
///
/// # Errors
/// An ending that says nothing, a file that is there, those of the file system.
pub(crate) fn export(compared: &Compared, path: &Path) -> Result<String, ErrorCard> {
    let written = Export::to(path).and_then(|e| e.write(&compared.comparison));
    written.map(|()| path.display().to_string()).map_err(|e| ErrorCard::from(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_cannot_be_read_has_the_same_sign_before_and_after_it_is_opened() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad/pytorch");
        let (mut both, mut different) = (0, Vec::new());
        for model in crate::formats::scan(&folder, 1).into_iter().map(found) {
            let (Err(scanned), Err(opened)) = (&model.summary, open(&model.path)) else { continue };
            both += 1;
            if scanned.wrong != opened.wrong {
                different.push((model.path, scanned.message.clone(), opened.message));
            }
        }
        assert!(both > 10 && different.is_empty(), "{both} were refused twice, {different:#?}");
    }
}
