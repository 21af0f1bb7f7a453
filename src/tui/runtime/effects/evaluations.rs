//! Evaluations for the Compare tab: each is a job, which is followed here. Results of earlier jobs are looked up instead of measured again.

use crate::engine::{EventBody, Failure, Metric};
use crate::forward::Rounding;
use crate::job::{self, JobFolder, JobHistory, JobState, JobSummary, MeasuredResult, MeasuredSet, Measurement, Tail};
use crate::job::{EvaluationRequest, PreparedMeasurement};
use crate::model::{ModelError, Result};
use crate::quality::{Evaluation, metric};
use crate::tui::core::ErrorCard;
use crate::tui::tabs::compare::{EvaluationJob, ModelQuality, Quality, QualityNews, QualityValue};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the events of the job are read.
const EVENTS: Duration = Duration::from_millis(100);
/// How often it is checked that its process lives.
const ALIVE: Duration = Duration::from_secs(2);

/// What asks the follower of a job to end.
pub(crate) struct Follow<'a> {
    /// Nobody listens any more; the job goes on.
    pub silent: &'a AtomicBool,
    /// The job is to be cancelled.
    pub stop: &'a AtomicBool,
}

impl Follow<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What earlier evaluations measured of these models against the first of them, and the job that measures them now, if there is one.
pub(crate) fn kept(root: &Path, models: &[PathBuf]) -> (Vec<Arc<Quality>>, Option<EvaluationJob>) {
    let mut sets: Vec<MeasuredSet> = sets(root, models).collect();
    // Perplexity alone says least.
    sets.sort_by_key(|set| set.basis.baseline.is_none());
    let live = job::unfinished(root, models).map(|summary| of(&summary));
    (sets.iter().map(|set| Arc::new(digest(set, models))).collect(), live)
}

fn sets(root: &Path, models: &[PathBuf]) -> impl Iterator<Item = MeasuredSet> {
    let baseline = models.first().cloned().unwrap_or_default();
    job::measured(root, models).into_iter().filter(move |set| set.is_against(&baseline))
}

/// Evaluates models on at most so many windows of a text (0: all), the first of them as the baseline of the others: starts a job for those
/// that were not measured on it before, and follows it.
///
/// # Errors
/// What is wrong with the models or the text; a job that cannot be started, fails or is cancelled.
pub(crate) fn evaluate(
    root: &Path,
    models: &[PathBuf],
    text: (&Path, usize),
    how: &Follow<'_>,
    news: &dyn Fn(QualityNews),
) -> std::result::Result<Arc<Quality>, ErrorCard> {
    match start(root, models, text, how) {
        Ok(Started::Known(quality)) => Ok(quality),
        Ok(Started::Job(summary)) => {
            news(QualityNews::Job(of(&summary)));
            follow(root, &summary.dir, models, how, news)
        }
        Err(e) => Err(ErrorCard::from(&e)),
    }
}

enum Started {
    /// Everything was measured before.
    Known(Arc<Quality>),
    /// This job measures.
    Job(Box<JobSummary>),
}

fn start(root: &Path, models: &[PathBuf], (text, most): (&Path, usize), how: &Follow<'_>) -> Result<Started> {
    let (Some(baseline), true) = (models.first(), models.len() > 1) else {
        return Err(ModelError::request("an evaluation in Compare needs two models"));
    };
    let of = |models: Vec<PathBuf>, chunks: usize| Evaluation {
        baseline: Some(baseline.clone()),
        data: Some(text.to_owned()),
        chunks,
        ..Evaluation::of(models)
    };
    let prepare = |all: &Evaluation| Measurement::Evaluation(EvaluationRequest::from(all.clone())).prepare();
    let mut all = of(models.to_vec(), most);
    // What is wrong is said here, and not by a job that fails.
    let mut prepared = prepare(&all)?;
    // Texts of embedding models are few and short as they are.
    if most > 0 && matches!(&prepared, PreparedMeasurement::Evaluation(prepared, _) if prepared.is_of_texts()) {
        all.chunks = 0;
        prepared = prepare(&all)?;
    }
    let most = all.chunks;
    let windows = match &prepared {
        PreparedMeasurement::Evaluation(prepared, _) => prepared.text().sha256,
        PreparedMeasurement::Imatrix(_) => String::new(),
    };
    drop(prepared);
    let same = |set: &MeasuredSet| {
        let basis = &set.basis;
        basis.text.windows_sha256 == windows && basis.rounding == Rounding::Exact && basis.baseline.is_some()
    };
    let known = sets(root, models).find(same);
    let missing = |place: usize| known.as_ref().is_none_or(|set| set.results.get(place).is_none_or(Option::is_none));
    let wanted: Vec<PathBuf> =
        models.iter().enumerate().filter(|(i, _)| *i > 0 && missing(*i)).map(|(_, m)| m.clone()).collect();
    if let (true, Some(set)) = (wanted.is_empty(), &known) {
        return Ok(Started::Known(Arc::new(digest(set, models))));
    }
    if how.stopped() {
        return Err(ModelError::request("cancelled"));
    }
    let evaluation = if wanted.len() + 1 == models.len() { all } else { of(wanted, most) };
    job::spawn_evaluation(root, &evaluation).map(|summary| Started::Job(Box::new(summary)))
}

fn of(summary: &JobSummary) -> EvaluationJob {
    let folder = JobFolder { dir: summary.dir.clone() };
    let text = match folder.measurement() {
        Ok(Measurement::Evaluation(request)) => request.evaluation.data.unwrap_or_default(),
        _ => PathBuf::new(),
    };
    EvaluationJob { id: summary.id.clone(), dir: summary.dir.clone(), text, since: summary.created }
}

/// Follows the job until it ends, and gives what is known of the models on its text then.
///
/// # Errors
/// A job that fails, is cancelled, or whose process is gone.
pub(crate) fn follow(
    root: &Path,
    dir: &Path,
    models: &[PathBuf],
    how: &Follow<'_>,
    news: &dyn Fn(QualityNews),
) -> std::result::Result<Arc<Quality>, ErrorCard> {
    let folder = JobFolder { dir: dir.to_owned() };
    let names = names(models);
    let (mut tail, mut history) = (Tail::new(dir), JobHistory::default());
    let (mut looked, mut told) = (Instant::now(), None);
    loop {
        if how.silent.load(Ordering::Relaxed) && !how.stopped() {
            return Err(ErrorCard::new("nobody listens", false));
        }
        if how.stopped() {
            // A job that has ended meanwhile needs no cancelling.
            let done = job::cancel(dir).map_err(|e| ErrorCard::from(&e));
            return Err(done.err().unwrap_or_else(|| ErrorCard::new("cancelled", false)));
        }
        for event in tail.poll().unwrap_or_default() {
            history.apply(&event);
            if let EventBody::Metric(Metric { name, model, layer: Some(layer), value, .. }) = &event.body
                && name == "hidden_rms"
                && let Some(path) = names.get(model)
            {
                news(QualityNews::Layer(path.clone(), *layer, *value));
            }
        }
        match history.ended() {
            Some(JobState::Finished) => return result(root, &folder, models),
            Some(state) => return Err(ended(&folder, state, history.failure.as_ref())),
            None => {}
        }
        if looked.elapsed() >= ALIVE {
            looked = Instant::now();
            if folder.summary().state == JobState::Lost {
                return Err(ended(&folder, JobState::Lost, None));
            }
        }
        let progress = progress(&folder, &history);
        if told.as_ref() != Some(&progress) {
            told = Some(progress.clone());
            news(QualityNews::Progress(progress.0, progress.1, progress.2));
        }
        std::thread::sleep(EVENTS);
    }
}

/// The share that is done, the seconds left, and what is being run.
fn progress(folder: &JobFolder, history: &JobHistory) -> (f64, Option<f64>, String) {
    let place = history.place.as_ref();
    let what = match (history.state, place) {
        (JobState::Queued, _) => format!("job {} waits for its turn", folder.id()),
        (JobState::Paused, _) => format!("job {} is paused; Jobs (3) resumes it", folder.id()),
        (_, Some(place)) => {
            let model = Path::new(&place.model);
            let name = model.file_name().unwrap_or(model.as_os_str()).to_string_lossy().into_owned();
            match (place.layer, place.layers) {
                (Some(layer), Some(layers)) => format!("{name}, layer {layer} of {layers}"),
                _ => name,
            }
        }
        (_, None) => String::new(),
    };
    (history.fraction, history.eta(), what)
}

/// The columns' models by the names that events give them.
fn names(models: &[PathBuf]) -> HashMap<String, PathBuf> {
    let full = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    models.iter().map(|m| (full(m).display().to_string(), m.clone())).collect()
}

fn result(root: &Path, folder: &JobFolder, models: &[PathBuf]) -> std::result::Result<Arc<Quality>, ErrorCard> {
    let id = folder.id();
    let of_job = |r: &MeasuredResult| r.job == id;
    let found = sets(root, models).find(|set| set.results.iter().flatten().chain(&set.baseline).any(of_job));
    let hint = "e evaluates again.";
    let changed = || {
        let fact = format!("job {id} has finished, but its models have changed since they were measured");
        ErrorCard { hint: Some(hint.to_owned()), ..ErrorCard::new(fact, true) }
    };
    found.map(|set| Arc::new(digest(&set, models))).ok_or_else(changed)
}

fn ended(folder: &JobFolder, state: JobState, failure: Option<&Failure>) -> ErrorCard {
    let id = folder.id();
    if let Some(failure) = failure {
        return ErrorCard { hint: failure.hint.clone(), ..ErrorCard::new(failure.message.clone(), true) };
    }
    let hint = match state {
        JobState::Cancelled => "e evaluates again.",
        _ => "R in Jobs (3) continues with it; then e here shows it again.",
    };
    ErrorCard { hint: Some(hint.to_owned()), ..ErrorCard::new(format!("job {id} is {}", state.name()), false) }
}

/// The results of one text as the page shows them. Metrics that this version does not know are left out.
fn digest(set: &MeasuredSet, models: &[PathBuf]) -> Quality {
    let baseline = models.first().cloned().unwrap_or_default();
    let model = |(place, path): (usize, &PathBuf)| {
        let own = set.results.get(place).and_then(Option::as_ref);
        let measured = &own.or_else(|| set.baseline.as_ref().filter(|_| place == 0))?.model;
        let whole = measured.values.iter().filter(|v| v.layer.is_none());
        let values = whole.filter_map(|v| {
            let metric = metric(&v.metric)?.name;
            Some(QualityValue { metric, value: v.value, uncertainty: v.uncertainty })
        });
        let layers = measured.by_layer("hidden_rms").map(|(_, value)| value).collect();
        Some(ModelQuality { path: path.clone(), values: values.collect(), layers })
    };
    Quality {
        text: set.basis.text.path.clone().unwrap_or_default(),
        baseline,
        windows: set.basis.text.windows_sha256.clone(),
        rounding: set.basis.rounding.name(),
        measured_on: set.measured_on.clone(),
        notes: set.notes.clone(),
        models: models.iter().enumerate().filter_map(model).collect(),
        seconds: set.seconds,
        jobs: set.jobs(),
        when: set.when(),
    }
}
