//! The stage after publishing in which outputs are evaluated on a text against the source, and checks are made. The outputs stay,
//! whatever the checks say.

use super::run::{RunError, RunOptions};
use super::staged::Staged;
use super::{Check, EventBody, Metric, OutputEvaluation, manifest};
use crate::arch;
use crate::model::{Model, ModelError, OutputIndex, Result, Warning};
use crate::plan::{self, PlannedOutput, PlannedValidation, Prepared, StageKind};
use crate::quality::{self, Agreement, Condition, Listener, Measured, metric};
use crate::task::{Task, locked};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Outputs that are evaluated together and share the pass of the source; each takes memory for its hidden states.
const TOGETHER: usize = 8;
/// Shortest time between two events of progress.
const EVERY: Duration = Duration::from_millis(500);

/// Evaluates the published outputs; one evaluation an output, also in its manifest.
///
/// # Errors
/// Those of the evaluation; a stop. The outputs stay published in any case, and a warning says so.
pub(super) fn evaluate(
    prepared: &Prepared,
    asked: &PlannedValidation,
    options: &RunOptions<'_>,
    outputs: &[Staged],
) -> std::result::Result<Vec<OutputEvaluation>, RunError> {
    measure(prepared, asked, options, outputs).map_err(|e| {
        let reason = options.stop.reason();
        let why = if reason.is_some() { "the evaluation was stopped" } else { "the evaluation failed" };
        let text = format!("{why}: the outputs are complete, but they were not checked");
        options.sink.send(EventBody::Warning(Warning::new("evaluation.missing", text)));
        reason.map_or_else(|| e.into(), RunError::from)
    })
}

fn measure(
    prepared: &Prepared,
    asked: &PlannedValidation,
    options: &RunOptions<'_>,
    outputs: &[Staged],
) -> Result<Vec<OutputEvaluation>> {
    let plan = &prepared.plan;
    if asked.graphs {
        return super::evaluate_graphs::measure(prepared, asked, options, outputs);
    }
    let Some(data) = &asked.data else {
        return Err(ModelError::request("there is no text to evaluate the outputs on"));
    };
    let text = quality::read_text(data)?;
    let sha256 = sha256_of(data);
    let conditions = asked.conditions()?;
    let source = arch::open_as_format(&plan.source, asked.source_format)?;
    let mut evaluations = Vec::with_capacity(plan.outputs.len());
    for group in plan.outputs.chunks(TOGETHER) {
        let first = evaluations.len();
        let paths: Vec<PathBuf> = group.iter().map(|o| plan::openable(o).to_owned()).collect();
        let request = asked.evaluation(&plan.source, paths);
        let shown =
            Shown { options, before: first, all: plan.outputs.len(), group: group.len(), last: Mutex::default() };
        let task = Task { threads: options.threads, progress: &|_, _| {}, cancel: options.stop.flag() };
        let report = quality::evaluate(&request, &conditions, task, &shown)?;
        for note in &report.notes {
            options.sink.send(EventBody::Warning(Warning::new("evaluation.note", note.clone())));
        }
        for (i, measured) in report.models.iter().filter(|m| !m.is_baseline).enumerate() {
            let (o, planned) = (OutputIndex(first + i), &group[i]);
            let named = Named { planned, output: o, baseline: plan.source.display().to_string(), mode: &asked.mode };
            let mut checks = named.conditions(&conditions, measured);
            let output = arch::open(plan::openable(planned))?;
            checks.extend(named.agreements(&source, &output, &text, options.stop.flag())?);
            let evaluation = OutputEvaluation {
                data: Some(absolute(data.clone())),
                data_sha256: sha256.clone(),
                baseline: absolute(plan.source.clone()),
                mode: asked.mode.clone(),
                measured_on: report.measured_on.clone(),
                metrics: named.metrics(measured),
                checks,
            };
            publish(prepared, options, outputs, o, &evaluation)?;
            evaluations.push(evaluation);
        }
    }
    Ok(evaluations)
}

/// Sends what was measured of an output, and adds it to its manifest.
pub(super) fn publish(
    prepared: &Prepared,
    options: &RunOptions<'_>,
    outputs: &[Staged],
    o: OutputIndex,
    evaluation: &OutputEvaluation,
) -> Result<()> {
    for metric in &evaluation.metrics {
        options.sink.send(EventBody::Metric(metric.clone()));
    }
    for check in &evaluation.checks {
        options.sink.send(EventBody::Check(check.clone()));
    }
    let planned = prepared.plan.outputs.get(o.0).and_then(|planned| planned.manifest.as_ref());
    let part = outputs.get(o.0).and_then(|staged| staged.paths.manifest.as_ref());
    if let (Some(manifest), Some(part)) = (planned, part) {
        manifest::add_evaluation(manifest, part, prepared.mode, evaluation)?;
    }
    Ok(())
}

/// SHA-256 of a file in hexadecimal digits, if it can be read.
pub(super) fn sha256_of(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| hex(&Sha256::digest(&bytes)))
}

pub(super) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// An output whose values are named.
struct Named<'a> {
    planned: &'a PlannedOutput,
    output: OutputIndex,
    baseline: String,
    mode: &'a str,
}

impl Named<'_> {
    fn metrics(&self, measured: &Measured) -> Vec<Metric> {
        let against = |name| metric(name).is_some_and(|m| m.needs.is_relative());
        let metric = |v: &quality::Value| Metric {
            name: v.metric.to_owned(),
            value: v.estimate.value,
            uncertainty: v.estimate.uncertainty,
            model: self.planned.path.display().to_string(),
            baseline: against(v.metric).then(|| self.baseline.clone()),
            layer: v.layer,
            mode: Some(self.mode.to_owned()),
            output: Some(self.output),
        };
        measured.values.iter().map(metric).collect()
    }

    fn check(&self, metric: &str, condition: String, value: f64, passed: bool) -> Check {
        Check {
            metric: metric.to_owned(),
            condition,
            value,
            passed,
            model: self.planned.path.display().to_string(),
            output: Some(self.output),
            what: None,
        }
    }

    fn conditions(&self, conditions: &[Condition], measured: &Measured) -> Vec<Check> {
        let check = |c: &Condition| {
            // What is missing has not passed.
            let value = measured.decisive(c).unwrap_or(f64::NAN);
            self.check(c.metric.name, c.to_string(), value, !c.fails(value))
        };
        conditions.iter().map(check).collect()
    }

    /// The checks that are always made: the tokens of the text, and the text of conversations where both models have a template.
    fn agreements(&self, source: &Model, output: &Model, text: &str, cancel: &AtomicBool) -> Result<Vec<Check>> {
        let here = |e: ModelError| e.in_file(&self.planned.path);
        let tokens = quality::same_tokens(source, output, text).map_err(here)?;
        let chat = quality::same_conversations(source, output, cancel).map_err(here)?;
        let check = |name: &str, found: Agreement| Check {
            what: found.first.clone(),
            ..self.check(name, format!("{name} < 1"), found.share(), found.share() >= 1.0)
        };
        let chat = chat.map(|found| check("chat_template_equal", found));
        Ok(std::iter::once(check("tokenizer_ids_equal", tokens)).chain(chat).collect())
    }
}

/// Sends how far the stage is, and holds it while the job is paused.
struct Shown<'a> {
    options: &'a RunOptions<'a>,
    /// Outputs that are done, those of this pass, and all.
    before: usize,
    group: usize,
    all: usize,
    last: Mutex<Option<Instant>>,
}

impl Listener for Shown<'_> {
    fn progress(&self, done: usize, all: usize, what: &str) {
        self.options.gate.pass();
        let mut last = locked(&self.last);
        if last.is_some_and(|t| t.elapsed() < EVERY) {
            return;
        }
        *last = Some(Instant::now());
        let share = done as f64 / all.max(1) as f64;
        let fraction = (self.before as f64 + share * self.group as f64) / self.all.max(1) as f64;
        self.options.sink.send(EventBody::StageProgress {
            stage: StageKind::Evaluate,
            fraction,
            what: what.to_owned(),
        });
    }
}
