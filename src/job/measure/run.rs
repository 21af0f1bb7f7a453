//! Carries a measurement out as the job of a folder.

use super::super::runner::{Running, within};
use super::super::{JobFolder, Outcome, RunJob};
use super::report::{Baseline, EvaluationReport, FileRecord, ImatrixReport, MeasuredModel, TextRecord, VERSION};
use super::report::{checks, metrics, sha256_of};
use super::request::absolute;
use super::shown::Shown;
use super::{Measurement, MeasurementReport};
use crate::calibrate::{self, PreparedImatrix};
use crate::engine::{EventBody, Metric, RunError, StopReason};
use crate::files::{Checkpoint, FileStamp};
use crate::model::Warning;
use crate::monitor::ProcessSampler;
use crate::quality::{Condition, PreparedEvaluation};
use crate::task::Task;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::time::Instant;

/// A measurement that was checked, and can be carried out.
pub(crate) enum PreparedMeasurement {
    /// Of models, with the conditions that are checked.
    Evaluation(Box<PreparedEvaluation>, Vec<Condition>),
    /// An importance matrix.
    Imatrix(Box<PreparedImatrix>),
}

/// Runs a prepared measurement as the job of `folder`. `request` is what it was prepared from. The lock is held meanwhile.
///
/// # Errors
/// When another process works on the job or its folder cannot be written; failures of the work itself are an [`Outcome`].
pub(crate) fn run_measurement(
    folder: &JobFolder,
    request: &Measurement,
    prepared: PreparedMeasurement,
    job: RunJob,
) -> crate::model::Result<Outcome<MeasurementReport>> {
    within(folder, request.title(), job, usize::MAX, |running| {
        let report = match (prepared, request) {
            (PreparedMeasurement::Evaluation(prepared, conditions), Measurement::Evaluation(asked)) => {
                evaluate(&prepared, &conditions, asked, command_of(request, running), running)
                    .map(MeasurementReport::Evaluation)
            }
            (PreparedMeasurement::Imatrix(prepared), Measurement::Imatrix(_)) => {
                collect(*prepared, request, running).map(MeasurementReport::Imatrix)
            }
            _ => Err(crate::model::ModelError::bad("the request is not the one that was prepared").into()),
        };
        // The error of a run that was asked to stop says nothing.
        let report = report.map_err(|e| running.stop.reason().map_or(e, RunError::from))?;
        running.keep_report(&report);
        let peak = match &report {
            MeasurementReport::Evaluation(r) => r.peak_rss,
            MeasurementReport::Imatrix(r) => r.peak_rss,
        };
        Ok((report, peak))
    })
}

/// The command that measures the same again, as the folder of the job has it.
fn command_of(request: &Measurement, running: &Running<'_>) -> String {
    running.folder().command().unwrap_or_else(|| request.command())
}

fn evaluate(
    prepared: &PreparedEvaluation,
    conditions: &[Condition],
    asked: &super::EvaluationRequest,
    command: String,
    running: &Running<'_>,
) -> Result<EvaluationReport, RunError> {
    let request = &asked.evaluation;
    let named = request.baseline.as_ref().or(request.logits.as_ref());
    let logits: Vec<(PathBuf, FileStamp)> =
        request.logits.iter().filter_map(|path| Some((path.clone(), FileStamp::of_path(path).ok()?))).collect();
    let begun = Instant::now();
    let text_sha256 = request.data.as_deref().and_then(sha256_of);
    let mut shown = Shown::new(running.sink, running.gate);
    shown.baseline = named.map(|b| b.display().to_string());
    shown.mode = request.rounding.name();
    let task = Task { threads: running.threads, progress: &|_, _| {}, cancel: running.stop.flag() };
    let files: Vec<&[(PathBuf, FileStamp)]> = prepared.files().collect();
    let facts = prepared.text();
    let inputs = files.iter().flat_map(|files| files.iter()).chain(&logits);
    let key = key(&Measurement::Evaluation(asked.clone()), &facts.sha256, inputs);
    let checkpoint = checkpoint(running, &key, request.memory);
    let report = prepared.run(task, &shown, Some(&checkpoint));
    settle(running, &checkpoint, report.is_ok());
    let report = report?;
    for note in &report.notes {
        running.sink.send(EventBody::Warning(Warning::new("eval.note", note.clone())));
    }
    metrics(&report).into_iter().for_each(|m| running.sink.send(EventBody::Metric(m)));
    let checks = checks(&report, conditions);
    checks.iter().for_each(|c| running.sink.send(EventBody::Check(c.clone())));
    let models: Vec<MeasuredModel> =
        report.models.iter().zip(&files).map(|(m, files)| MeasuredModel::of(m, files)).collect();
    let base = models.iter().find(|m| m.is_baseline).map(|m| m.files.clone());
    let baseline = report.baseline.as_ref().map(|(label, path)| Baseline {
        label: label.clone(),
        path: absolute(path),
        files: base.unwrap_or_else(|| logits.iter().map(FileRecord::of).collect()),
    });
    Ok(EvaluationReport {
        version: VERSION,
        remold: env!("CARGO_PKG_VERSION").to_owned(),
        models,
        baseline,
        text: TextRecord {
            path: request.data.as_deref().map(absolute),
            sha256: text_sha256,
            windows_sha256: facts.sha256,
            windows: facts.windows,
            window_tokens: facts.window_tokens,
            scored_tokens: facts.scored_tokens,
        },
        rounding: report.rounding,
        measured_on: report.measured_on,
        notes: report.notes,
        checks,
        seconds: begun.elapsed().as_secs_f64(),
        peak_rss: ProcessSampler::own_usage().peak_rss,
        threads: running.threads,
        command,
    })
}

fn collect(prepared: PreparedImatrix, request: &Measurement, running: &Running<'_>) -> Result<ImatrixReport, RunError> {
    let begun = Instant::now();
    let Measurement::Imatrix(asked) = request else {
        return Err(crate::model::ModelError::bad("the request is not one of an importance matrix").into());
    };
    let mut report = ImatrixReport {
        version: VERSION,
        remold: env!("CARGO_PKG_VERSION").to_owned(),
        output: absolute(prepared.output()),
        command: command_of(request, running),
        threads: running.threads,
        ..ImatrixReport::default()
    };
    let mut shown = Shown::new(running.sink, running.gate);
    if let Some(input) = prepared.input() {
        shown.model = input.model.display().to_string();
        report.model = absolute(input.model);
        report.files = input.files.iter().map(FileRecord::of).collect();
        report.text = TextRecord {
            path: asked.data.as_deref().map(absolute),
            sha256: asked.data.as_deref().and_then(sha256_of),
            windows_sha256: hash(input.windows),
            windows: input.windows.len(),
            window_tokens: input.context as usize,
            scored_tokens: 0,
        };
    }
    let model = shown.model.clone();
    let advance = |done: usize, all: usize| shown.advance(done as f64 / all.max(1) as f64);
    let task = Task { threads: running.threads, progress: &advance, cancel: running.stop.flag() };
    let inputs = prepared.input().map(|i| i.files).unwrap_or_default();
    let key = key(request, &report.text.windows_sha256, inputs.iter());
    let checkpoint = checkpoint(running, &key, asked.memory.unwrap_or(calibrate::DEFAULT_MEMORY));
    let made = prepared.run(task, &shown as &dyn calibrate::Listener, Some(&checkpoint));
    settle(running, &checkpoint, made.is_ok());
    let made = made?;
    made.warnings.iter().for_each(|w| running.sink.send(EventBody::Warning(w.clone())));
    let metric = |name: &str, value: f64| {
        let metric = Metric { name: name.to_owned(), value, model: model.clone(), ..Metric::default() };
        running.sink.send(EventBody::Metric(metric));
    };
    let (tensors, chunks) = (made.activations.entries.len(), made.activations.chunks());
    metric("tensors", tensors as f64);
    metric("chunks", f64::from(chunks));
    metric("tokens", made.tokens.unwrap_or(0) as f64);
    let path = made.path.display().to_string();
    running.sink.send(EventBody::OutputPublished { output: 0.into(), path, bytes: made.bytes });
    Ok(ImatrixReport {
        bytes: made.bytes,
        tensors,
        chunks,
        tokens: made.tokens.unwrap_or(0),
        warnings: made.warnings,
        seconds: begun.elapsed().as_secs_f64(),
        peak_rss: ProcessSampler::own_usage().peak_rss,
        ..report
    })
}

/// The folder of a job for its unfinished work.
pub(in crate::job) const STATE: &str = "state";
/// Least bytes of that folder that are allowed.
const MIN_STATE: u64 = 64 << 20;

/// Where the work is kept: only a run that was interrupted is continued, one that was cancelled is not.
fn checkpoint(running: &Running<'_>, key: &str, memory: u64) -> Checkpoint {
    let stop = running.stop.clone();
    let interrupted = move || !matches!(stop.reason(), Some(StopReason::Cancel));
    let checkpoint = Checkpoint::new(&running.folder().path(STATE), key, memory.max(MIN_STATE)).wanted(interrupted);
    if !running.resumes {
        checkpoint.remove();
    }
    checkpoint
}

/// Removes what is not needed any more: a run that failed or was interrupted can be continued.
fn settle(running: &Running<'_>, checkpoint: &Checkpoint, done: bool) {
    if let Some(trouble) = checkpoint.trouble() {
        let text = format!("the unfinished work could not be kept, so that a resumed job starts over: {trouble}");
        running.sink.send(EventBody::Warning(Warning::new("measure.state", text)));
    }
    if done || running.stop.reason() == Some(StopReason::Cancel) {
        checkpoint.remove();
    }
}

/// Names the work: the request, its input, and the files as they are. Work of another key is not continued.
fn key<'a>(request: &Measurement, windows: &str, files: impl Iterator<Item = &'a (PathBuf, FileStamp)>) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(request.absolute().to_json().unwrap_or_default());
    hash.update(windows);
    for file in files.map(FileRecord::of) {
        hash.update(format!("\n{} {} {}", file.path.display(), file.bytes, file.mtime_ns));
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn hash(windows: &[Vec<u32>]) -> String {
    let mut hash = Sha256::new();
    for window in windows {
        hash.update((window.len() as u64).to_le_bytes());
        window.iter().for_each(|id| hash.update(id.to_le_bytes()));
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
