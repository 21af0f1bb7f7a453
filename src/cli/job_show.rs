//! `jobs show`: everything about one job: facts, earlier attempts, warnings, outputs, report.

use super::text::{self, Style, bytes, count, plural, safe, seconds};
use super::{Exit, measure, out, plan_text, print};
use crate::engine::Report;
use crate::files::paths::on_jobs;
use crate::job::{Attempt, JobFolder, JobHistory, JobKind, JobState, JobSummary, MeasurementReport, is_same_output};
use crate::model::FormatId;
use crate::model::{Result, Warning};
use crate::plan::{Plan, PlannedStep};
use serde::Serialize;

/// The details of a job; `--json` prints them unchanged.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    job: JobSummary,
    source: Option<std::path::PathBuf>,
    /// Every start, oldest first.
    attempts: Vec<Attempt>,
    warnings: Vec<Warning>,
    outputs: Vec<Output>,
    report: Option<JobReport>,
    /// The command line that carries the job out again.
    command: Option<String>,
    /// The steps of its recipe.
    steps: Vec<PlannedStep>,
    #[serde(skip)]
    plan: Option<Plan>,
    /// How many attempts came before the one that counts.
    #[serde(skip)]
    earlier: usize,
}

/// What a job found.
#[derive(Serialize)]
#[serde(untagged)]
enum JobReport {
    Conversion(Box<Report>),
    Measurement(Box<MeasurementReport>),
}

impl JobReport {
    fn of(folder: &JobFolder) -> Option<Self> {
        match folder.kind() {
            JobKind::Conversion => folder.report().map(|r| Self::Conversion(Box::new(r))),
            JobKind::Evaluation | JobKind::Imatrix => folder.measured().map(|r| Self::Measurement(Box::new(r))),
        }
    }
}

/// An output as it was planned.
#[derive(Serialize)]
struct Output {
    path: std::path::PathBuf,
    format: FormatId,
    quantization: String,
    tensors: usize,
    bytes: u64,
    bits_per_weight: f64,
    published: bool,
}

/// Prints what is known of a job.
pub(crate) fn show(folder: &JobFolder, json: bool) -> Result<Exit> {
    let shown = gather(folder)?;
    if json {
        print::json(&shown);
    } else {
        out(&describe(&shown, Style::stdout()));
    }
    Ok(Exit::Done)
}

fn gather(folder: &JobFolder) -> Result<Shown> {
    let events = folder.events()?;
    let mut job = folder.summary();
    // The planned outputs say which of them are published.
    let made = std::mem::take(&mut job.outputs);
    // A folder whose plan is damaged has its events still.
    let plan = folder.plan().ok();
    let report = JobReport::of(folder);
    let mut history = JobHistory::default();
    if let Some(plan) = &plan {
        history.set_plan(plan);
    }
    events.iter().for_each(|e| history.apply(e));
    let planned = plan.iter().flat_map(|p| &p.outputs).map(|o| Output {
        path: o.path.clone(),
        format: o.format,
        quantization: o.quantization.clone(),
        tensors: o.tensors.len(),
        bytes: o.bytes,
        bits_per_weight: o.bits_per_weight,
        published: made.iter().any(|made| is_same_output(made, &o.path)),
    });
    Ok(Shown {
        source: plan.as_ref().map(|p| p.source.clone()),
        attempts: history.attempts.all().to_vec(),
        earlier: history.attempts.earlier().len(),
        warnings: history.warnings,
        outputs: planned.collect(),
        // A report of an earlier attempt says nothing of this one.
        report: report.filter(|_| job.state == JobState::Finished),
        command: folder.command(),
        steps: plan.as_ref().map(|p| p.steps.clone()).unwrap_or_default(),
        job,
        plan,
    })
}

fn describe(s: &Shown, style: Style) -> String {
    let job = &s.job;
    let state = match job.state {
        JobState::Finished if job.failed_checks > 0 => {
            style.error(&format!("{}, {} failed", job.state.name(), plural(job.failed_checks, "check")))
        }
        JobState::Finished => style.good(job.state.name()),
        JobState::Failed | JobState::Lost => style.error(job.state.name()),
        _ => job.state.name().to_owned(),
    };
    let progress = match (job.state, job.seconds) {
        (JobState::Queued, _) => job.place.map(|n| format!(", position {n}")).unwrap_or_default(),
        (JobState::Running | JobState::Paused, _) => format!(", {:.0} % done", job.fraction * 100.0),
        (_, Some(s)) => format!(" after {}", seconds(s)),
        _ => String::new(),
    };
    let mut text = format!("{} {}  {state}{progress}\n", style.bold("job"), job.id);
    let mut fact = |word: &str, what: String| text.push_str(&format!("  {word:<9}{}\n", safe(&what)));
    fact("what", job.title.clone());
    fact("made", local(job.created));
    if let Some(owner) = job.owner.as_ref().filter(|owner| !owner.is_me()) {
        fact("by", owner.shown());
    }
    if let Some(p) = &s.plan {
        let architecture = p.architecture.as_ref().map(|a| format!("{a}, ")).unwrap_or_default();
        let parameters = count(p.parameters);
        let size = bytes(p.source_bytes);
        fact("from", p.source.display().to_string());
        fact("", format!("{}, {architecture}{parameters} parameters, {size}", p.source_format));
    }
    for (n, step) in s.steps.iter().enumerate() {
        fact(if n == 0 { "steps" } else { "" }, format!("{} {}: {}", n + 1, step.step, step.what));
    }
    fact("folder", job.dir.display().to_string());
    for (n, a) in s.attempts.iter().enumerate().take(s.earlier) {
        fact(if n == 0 { "before" } else { "" }, attempt(a));
    }
    if let Some(error) = s.attempts.get(s.earlier).and_then(|a| a.error.as_ref()) {
        text.push_str(&format!("{} {}\n", style.error("error"), safe(&error.message)));
        if let Some(hint) = &error.hint {
            text.push_str(&format!("  {}\n", safe(hint)));
        }
    }
    text.push_str(&plan_text::warnings(&s.warnings, style));
    match &s.report {
        Some(JobReport::Conversion(report)) => text.push_str(&plan_text::report(report, style)),
        Some(JobReport::Measurement(report)) => text.push_str(&measure::report_text(report, style)),
        None => text.push_str(&planned(s, style)),
    }
    // The report of an evaluation ends with it.
    let said = matches!(&s.report, Some(JobReport::Measurement(r)) if r.ends_with_command());
    if let Some(command) = s.command.as_ref().filter(|_| !said) {
        text.push_str(&format!("{} {}\n", style.bold("repeat"), safe(command)));
    }
    if let Some(next) = next(job) {
        text.push_str(&style.dim(&next));
        text.push('\n');
    }
    text
}

/// The outputs of a job that has no report.
fn planned(s: &Shown, style: Style) -> String {
    let mut text = String::new();
    for o in &s.outputs {
        let tensors = plural(o.tensors, "tensor");
        let mark = if o.published { style.good("✓") } else { "○".to_owned() };
        text.push_str(&format!("{mark} {}\n", safe(&o.path.display().to_string())));
        let bits = format!("{:.2} bits per weight", o.bits_per_weight);
        let planned = match (o.published, o.path.exists()) {
            (true, _) => "published",
            (false, true) => "not written; the existing file is older",
            (false, false) if s.job.state.ended() => "not written",
            (false, false) => "planned, not written yet",
        };
        // A file that will not exist has no size.
        let size = match s.job.state.ended() && !o.published {
            true => String::new(),
            false => format!("{} · {bits} · {tensors} · ", bytes(o.bytes)),
        };
        text.push_str(&format!("  {} {} · {size}{planned}\n", o.format, o.quantization));
    }
    text
}

/// What can be done with it.
fn next(job: &JobSummary) -> Option<String> {
    let id = &job.id;
    let resume = on_jobs(&format!("jobs resume {id}"));
    Some(match job.state {
        JobState::Failed | JobState::Cancelled => {
            let log = on_jobs(&format!("jobs log {id}"));
            format!("start it again with `{resume}`; `{log}` shows what happened")
        }
        JobState::Lost | JobState::Interrupted => format!("continue it with `{resume}`"),
        JobState::Paused => format!("continue it with `{resume}`"),
        JobState::Running | JobState::Queued => format!("follow it with `{}`", on_jobs(&format!("jobs attach {id}"))),
        JobState::Finished => return None,
    })
}

/// `failed after 3.0 s, 2026-11-23 12:04: no space left`.
fn attempt(a: &Attempt) -> String {
    let state = a.state.map_or("running", JobState::name);
    let after = a.seconds.map(|s| format!(" after {}", seconds(s))).unwrap_or_default();
    let error = a.error.as_ref().map(|e| format!(": {}", e.message)).unwrap_or_default();
    text::cut(&format!("started {}, {state}{after}{error}", local(a.begun)), 160)
}

fn local(t: jiff::Timestamp) -> String {
    t.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
