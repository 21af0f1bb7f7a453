//! `remold eval`: what models say of a text.

use super::args::{AsProgram, EvalArgs};
use super::eval_text;
use super::tensor_counter::TensorCounter;
use super::text::{safe, seconds};
use super::{Exit, out, print, refuse, signals};
use crate::engine::{Check, Event, EventBody, Metric};
use crate::forward::Rounding;
use crate::model::{ModelError, Result};
use crate::quality::{
    Condition, DEFAULT_MEMORY, Evaluation, LayerDivergence, Listener, METRICS, Needs, REPETITIONS, Report,
    SpeedRequest, TaskFile, TaskKind, evaluate, metric,
};
use crate::recipe::parse_size;
use crate::task::Task;
use std::path::Path;
use std::time::Instant;

/// The value that replaces the job number in these events.
const JOB: &str = "eval";
/// The time left is shown once this share of the work is done.
const SHARE_FOR_ETA: f64 = 0.02;

/// The long help of `--fail-if`: every metric with what it means.
pub(crate) fn fail_if_help() -> String {
    let width = METRICS.iter().map(|m| m.name.len()).max().unwrap_or(0);
    let mut text = String::from(
        "Exit with 3 if this condition holds for any model other than the baseline: METRIC, one of > >= < <=, and a number. May be repeated.\n\nMetrics:\n",
    );
    for m in &METRICS {
        let unit = if m.unit.is_empty() { String::new() } else { format!(" ({})", m.unit) };
        text.push_str(&format!("  {:width$}  {}{unit}\n", m.name, m.meaning));
    }
    text.trim_end().to_owned()
}

/// `remold eval`.
pub(crate) fn run(args: &EvalArgs) -> Exit {
    let stop = signals::stop_on_signal();
    let listener = Shown::new(args);
    let task = Task { threads: args.threads, progress: &|_, _| {}, cancel: stop.flag() };
    let done = conditions(args).and_then(|c| Ok((evaluate(&request(args), &c, task, &listener)?, c)));
    drop(listener);
    match done {
        _ if stop.is_set() => Exit::stopped(&stop),
        Err(e) => refuse(&e),
        Ok((report, conditions)) => {
            let checks = checks(&report, &conditions);
            if args.json {
                print::json_lines(&lines(bodies(&report, &checks)));
            } else {
                out(&eval_text::text(&report, &checks, args.layers));
            }
            if checks.iter().all(|c| c.passed) { Exit::Done } else { Exit::Check }
        }
    }
}

fn request(args: &EvalArgs) -> Evaluation {
    let number = |n: Option<u32>| n.map_or(0, |n| n as usize);
    Evaluation {
        baseline: args.baseline.clone(),
        data: args.data.clone(),
        logits: args.logits.clone(),
        save_logits: args.save_logits.clone(),
        context: args.context.map(|n| n as usize),
        stride: number(args.stride),
        chunks: number(args.chunks),
        rounding: rounding(args),
        memory: args.memory.as_deref().and_then(parse_size).unwrap_or(DEFAULT_MEMORY),
        tasks: task_files(args),
        speed: args.speed.then(|| SpeedRequest {
            llama_cpp: args.llama_cpp.clone(),
            repetitions: args.speed_runs.map_or(REPETITIONS, |n| n as usize),
        }),
        ..Evaluation::of(args.models.clone())
    }
}

fn task_files(args: &EvalArgs) -> Vec<TaskFile> {
    let most = args.tasks.map(|n| n as usize);
    let files = [
        (TaskKind::Hellaswag, &args.hellaswag),
        (TaskKind::Winogrande, &args.winogrande),
        (TaskKind::MultipleChoice, &args.multiple_choice),
    ];
    files.into_iter().filter_map(|(kind, path)| Some(TaskFile { kind, path: path.clone()?, most })).collect()
}

fn rounding(args: &EvalArgs) -> Rounding {
    match args.rounding {
        Some(AsProgram::LlamaCpp) => Rounding::LlamaCpp,
        None => Rounding::Exact,
    }
}

/// How a metric was computed; speeds in llama.cpp were not computed here.
fn mode(name: &str, rounding: Rounding) -> Option<String> {
    let elsewhere = metric(name).is_some_and(|m| m.needs == Needs::LlamaCpp);
    (!elsewhere).then(|| rounding.name().to_owned())
}

fn conditions(args: &EvalArgs) -> Result<Vec<Condition>> {
    args.fail_if.iter().map(|text| Condition::parse(text).map_err(|e: ModelError| e.field("--fail-if"))).collect()
}

/// What the conditions say of each model. The baseline is not checked, unless it was asked for alone.
fn checks(report: &Report, conditions: &[Condition]) -> Vec<Check> {
    let mut all = Vec::new();
    let checked = report.models.iter().filter(|m| !m.is_baseline || report.models.len() == 1);
    for model in checked {
        for condition in conditions {
            // What is missing has not passed.
            let value = model.decisive(condition).unwrap_or(f64::NAN);
            all.push(Check {
                metric: condition.metric.name.to_owned(),
                condition: condition.to_string(),
                value,
                passed: !condition.fails(value),
                model: model.path.display().to_string(),
                ..Check::default()
            });
        }
    }
    all
}

fn lines(bodies: Vec<EventBody>) -> String {
    let t = jiff::Timestamp::now();
    let line = |body| {
        let event = Event { t, job: JOB.to_owned(), body };
        format!("{}\n", serde_json::to_string(&event).unwrap_or_default())
    };
    bodies.into_iter().map(line).collect()
}

fn bodies(report: &Report, checks: &[Check]) -> Vec<EventBody> {
    let baseline = report.baseline.as_ref().map(|(_, path)| path.display().to_string());
    let mut all = Vec::new();
    for text in &report.notes {
        all.push(EventBody::Warning(crate::model::Warning::new("eval.note", text.clone())));
    }
    for model in &report.models {
        // Those of layers were printed when they were measured.
        for value in model.values.iter().filter(|v| v.layer.is_none()) {
            let against = || !model.is_baseline && metric(value.metric).is_some_and(|m| m.needs.is_relative());
            let against = baseline.clone().filter(|_| against());
            all.push(EventBody::Metric(Metric {
                name: value.metric.to_owned(),
                value: value.estimate.value,
                uncertainty: value.estimate.uncertainty,
                model: model.path.display().to_string(),
                baseline: against,
                layer: None,
                mode: mode(value.metric, report.rounding),
                ..Metric::default()
            }));
        }
    }
    all.extend(checks.iter().cloned().map(EventBody::Check));
    all
}

/// Shows how far an evaluation is: a line on a terminal that is replaced, with the time left. With `--json`, prints the divergence of
/// layers as they are measured.
struct Shown<'a> {
    counter: TensorCounter,
    begun: Instant,
    args: &'a EvalArgs,
}

impl<'a> Shown<'a> {
    fn new(args: &'a EvalArgs) -> Self {
        Self { counter: TensorCounter::new(args.json), begun: Instant::now(), args }
    }
}

impl Listener for Shown<'_> {
    fn progress(&self, done: usize, all: usize, what: &str) {
        self.counter.say(|| {
            let share = done as f64 / all.max(1) as f64;
            let left = self.begun.elapsed().as_secs_f64() * (1.0 - share) / share.max(1e-9);
            let left = if share >= SHARE_FOR_ETA { format!("  {} left", seconds(left)) } else { String::new() };
            format!("evaluating {:3.0} %  {}{left}", share * 100.0, safe(what))
        });
    }

    fn layer(&self, model: &Path, layer: u32, divergence: &LayerDivergence) {
        if !self.args.json {
            return;
        }
        let metric = |name: &str, value| {
            EventBody::Metric(Metric {
                name: name.to_owned(),
                value,
                model: model.display().to_string(),
                baseline: self.args.baseline.as_ref().map(|b| b.display().to_string()),
                layer: Some(layer),
                mode: Some(rounding(self.args).name().to_owned()),
                ..Metric::default()
            })
        };
        let both = [("hidden_rms", divergence.relative_rms()), ("hidden_cosine", divergence.cosine())];
        print::json_lines(&lines(both.into_iter().map(|(name, value)| metric(name, value)).collect()));
    }
}
