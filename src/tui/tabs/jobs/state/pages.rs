//! The sections of a job that are read like a page: what was planned, the recipe, the report. Lines without a width: the view
//! breaks them.

use super::measured::measured;
use super::{JobSection, JobView};
use crate::engine::{OutputEvaluation, OutputReport, Report};
use crate::forward::Rounding;
use crate::job::{JobOutput, JobState, SUMMARY_METRICS, check_text, metric_text};
use crate::model::Name;
use crate::plan::{Plan, PlannedOutput};
use crate::quant::Encoding;
use crate::recipe::steps::changes_tensors;
use crate::tui::core::{State, units};
use crate::units::small;
use indexmap::IndexMap;
use std::path::Path;

/// Largest errors shown: of one output, and of each of several.
const WORST: [usize; 2] = [12, 5];

/// A line of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PageLine {
    /// Nothing.
    Blank,
    /// Heading of the lines below: a state, if there is one, and a name.
    Head(Option<JobState>, String),
    /// A word for a fact, and the fact.
    Fact(&'static str, String),
    /// Verbatim text.
    Text(String),
    /// Something to look at.
    Warn(String),
    /// Something that went wrong.
    Bad(String),
    /// A line of a table: true for its head, the first cell, the others.
    Table(bool, String, Vec<String>),
}

impl PageLine {
    /// What it says, to be searched in.
    pub(crate) fn words(&self) -> String {
        match self {
            Blank => String::new(),
            Head(_, text) | Text(text) | Warn(text) | Bad(text) => text.clone(),
            Fact(word, fact) => format!("{word} {fact}"),
            Table(_, first, rest) => {
                std::iter::once(first).chain(rest).map(String::as_str).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

use PageLine::{Bad, Blank, Fact, Head, Table, Text, Warn};

/// Lines of the section shown, or, where it is a list, its rows.
pub(crate) fn section_len(state: &State) -> usize {
    let Some(view) = &state.jobs.view else { return 0 };
    match state.jobs.section {
        JobSection::Layers | JobSection::Metrics => 0,
        JobSection::Tensors => view.history.tensors.len(),
        JobSection::Events => view.log.len(),
        // A page is moved until its end is well in view; some more, for lines that are broken.
        JobSection::Plan | JobSection::Recipe | JobSection::Report => {
            page(state).len().saturating_sub(state.page().saturating_sub(4)).max(1)
        }
    }
}

/// The page of the section shown.
pub(crate) fn page(state: &State) -> Vec<PageLine> {
    let Some(view) = &state.jobs.view else { return Vec::new() };
    match state.jobs.section {
        JobSection::Plan => match &view.plan {
            Some(p) => plan(state, p),
            None => vec![Text("loading the plan…".to_owned())],
        },
        JobSection::Recipe if view.recipe.is_empty() => vec![Text("the job has no recipe file".to_owned())],
        JobSection::Recipe => view.recipe.iter().cloned().map(Text).collect(),
        JobSection::Report => report(state, view),
        _ => Vec::new(),
    }
}

/// A word and facts beside it, those that say something.
fn facts(word: &'static str, parts: &[String]) -> PageLine {
    let parts_shown: Vec<&str> = parts.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    Fact(word, parts_shown.join(" · "))
}

fn plan(state: &State, plan: &Plan) -> Vec<PageLine> {
    let architecture = plan.architecture.clone().unwrap_or_default();
    let parameters = format!("{} parameters", units::params(plan.parameters));
    let tensors = format!("{} of tensors", units::bytes(plan.source_bytes));
    let mut lines = vec![
        Fact("from", state.short_path(&plan.source)),
        facts("", &[plan.source_format.to_string(), architecture, parameters, tensors]),
        facts(
            "needs",
            &[
                format!("{} of disk", units::bytes(plan.disk_bytes)),
                format!("at most {} of memory", units::bytes(plan.memory_bytes)),
            ],
        ),
    ];
    lines.extend(steps(plan));
    for output in &plan.outputs {
        lines.push(Blank);
        lines.extend(planned(state, output));
    }
    lines.extend(warnings(state, &plan.warnings));
    lines
}

/// The steps that were carried out before the outputs were made.
fn steps(plan: &Plan) -> impl Iterator<Item = PageLine> {
    let word = |n: usize| if n == 0 { "steps" } else { "" };
    plan.steps.iter().enumerate().map(move |(n, s)| Fact(word(n), format!("{} {}: {}", n + 1, s.step, s.what)))
}

fn planned(state: &State, output: &PlannedOutput) -> Vec<PageLine> {
    let many = |n: usize| if n > 1 { units::plural(n, "file", "files") } else { String::new() };
    let effort = output.effort.as_ref().map(|e| format!("effort {e}")).unwrap_or_default();
    let mut lines = vec![
        Head(None, state.short_path(&output.path)),
        facts("to", &[format!("{} {}", output.format, output.quantization), effort, many(output.files.len())]),
        facts("size", &[units::bytes(output.bytes), bits(output.bits_per_weight)]),
    ];
    if let Some(matrix) = &output.imatrix {
        lines.push(Fact("imatrix", state.short_path(&matrix.file)));
    }
    let mut types: IndexMap<&str, (usize, u64)> = IndexMap::new();
    for t in output.tensors.iter() {
        let entry = types.entry(t.to.name()).or_default();
        *entry = (entry.0 + 1, entry.1 + t.bytes);
    }
    types.sort_by(|_, a, _, b| b.1.cmp(&a.1));
    let all = types.values().map(|(_, b)| b).sum::<u64>().max(1);
    lines.push(Table(true, "type".to_owned(), ["tensors", "bytes", "share"].map(str::to_owned).to_vec()));
    for (name, (tensors, bytes)) in types {
        let share = format!("{:.1} %", bytes as f64 / all as f64 * 100.0);
        lines.push(Table(false, name.to_owned(), vec![units::count(tensors as u64), units::bytes(bytes), share]));
    }
    // One line for all tensors with the same reason.
    let mut fell: IndexMap<(Encoding, Encoding), (usize, Name)> = IndexMap::new();
    for t in output.tensors.iter() {
        let Some(from) = t.fallback_from else { continue };
        fell.entry((from, t.to)).or_insert_with(|| (0, t.name.clone())).0 += 1;
    }
    lines.extend(fell.into_iter().map(|((from, to), (n, first))| match n {
        1 => Warn(format!("{first}: {from} does not fit its shape, so {to}")),
        n => Warn(format!("{n} tensors: {from} does not fit their shapes, so {to}")),
    }));
    lines
}

fn bits(per_weight: f64) -> String {
    if per_weight > 0.0 { format!("{per_weight:.2} bits per weight") } else { String::new() }
}

/// Warnings of one kind that are shown in a report.
const MOST_ALIKE: usize = 5;

/// The warnings; of many of one kind, some and their number.
fn warnings(state: &State, all: &[crate::model::Warning]) -> Vec<PageLine> {
    let mut kinds: IndexMap<&str, Vec<&str>> = IndexMap::new();
    all.iter().for_each(|w| kinds.entry(w.code.as_str()).or_default().push(&w.text));
    let mut lines: Vec<PageLine> = (!all.is_empty()).then_some(Blank).into_iter().collect();
    for texts in kinds.values() {
        let shown = if texts.len() > MOST_ALIKE + 1 { MOST_ALIKE } else { texts.len() };
        lines.extend(texts.iter().take(shown).map(|text| Warn(state.with_short_paths(text))));
        if texts.len() > shown {
            lines.push(Warn(format!("… and {} more of this kind", texts.len() - shown)));
        }
    }
    lines
}

fn report(state: &State, view: &JobView) -> Vec<PageLine> {
    let how = view.history.ended().or_else(|| state.jobs.current().map(|j| j.state)).unwrap_or(JobState::Lost);
    let mut parts_shown = Vec::new();
    // The time is in the title of the pane, and does not count this.
    let paused = Some(view.history.paused_seconds).filter(|s| *s >= 0.1);
    parts_shown.extend(paused.map(|s| format!("paused for {}", units::took(s))));
    // Below it is beside what was planned.
    let planned = view.report.as_ref().is_some_and(|r| r.memory_bytes.is_some_and(|m| m > 0));
    let peak = view.history.peak_rss.filter(|_| !planned);
    parts_shown.extend(peak.map(|p| format!("peak memory {}", units::bytes(p))));
    if view.history.threads > 0 {
        parts_shown.push(units::plural(view.history.threads, "thread", "threads"));
    }
    let mut lines = vec![Head(Some(how), parts_shown.join(" · "))];
    if view.history.ended().is_none() {
        lines.push(Text("The report is complete when the job has ended; so far:".to_owned()));
    }
    if let Some(failure) = &view.history.failure {
        lines.push(Bad(state.with_short_paths(&failure.message)));
        lines.extend(failure.hint.as_deref().map(|hint| Fact("", state.with_short_paths(hint))));
    }
    // What failed goes first: everything else is as it should be.
    let outputs = view.report.iter().flat_map(|r| &r.outputs);
    for check in outputs.filter_map(|o| o.evaluation.as_ref()).flat_map(|e| e.checks.iter().filter(|c| !c.passed)) {
        let output = state.short_path(Path::new(&check.model));
        lines.push(Bad(format!("check failed: {}, of {output}", check_text(check))));
    }
    for (n, before) in view.history.attempts.earlier().iter().enumerate() {
        let how = before.state.map(JobState::name).unwrap_or_default().to_owned();
        let after = before.seconds.map(|s| format!("after {}", units::took(s))).unwrap_or_default();
        let error = before.error.as_ref().map(|e| state.with_short_paths(&e.message)).unwrap_or_default();
        lines.push(facts(if n == 0 { "before" } else { "" }, &[how, after, error]));
    }
    lines.extend(view.measured.as_deref().map(|r| measured(state, r)).unwrap_or_default());
    if let Some(plan) = view.plan.as_deref() {
        lines.extend(steps(plan));
        if plan.steps.iter().any(|s| changes_tensors(&s.step)) {
            lines.push(Fact(
                "",
                "The dB below are against the model after the steps, not against the source.".to_owned(),
            ));
        }
    }
    let continued = view.history.attempts.earlier().last().and_then(|a| a.state);
    let continued = matches!(continued, Some(JobState::Lost | JobState::Interrupted));
    lines.extend(view.report.as_deref().map(|r| expected(r, view.history.seconds, continued)).unwrap_or_default());
    // What a measurement wrote is in its report.
    let outputs = view.history.outputs.iter().enumerate().filter(|_| view.measured.is_none());
    for (at, output) in outputs {
        lines.push(Blank);
        lines.extend(written(state, view, at, output, how));
    }
    lines.extend(warnings(state, &view.history.warnings));
    if let Some(command) = &view.command {
        lines.extend([Blank, Fact("repeat", command.clone())]);
    }
    lines
}

/// Time and memory, each as it was forecast and as it became. The forecast of the time is about encoding, so that is compared with it; a
/// report of an earlier version has only the time of the whole run, `worked`.
/// Where the run `continued` an earlier one, it did not encode everything.
fn expected(report: &Report, worked: Option<f64>, continued: bool) -> Vec<PageLine> {
    let mut lines = Vec::new();
    let forecast = report.forecast_seconds().map(units::took);
    match (report.encode_seconds.map(units::took), forecast, worked.map(units::took)) {
        (Some(encoding), Some(forecast), _) if continued => {
            let rest = format!("{encoding} for what the attempt before had not done");
            lines.push(facts("encoding", &[format!("forecast {forecast} if nothing else runs"), rest]));
        }
        (Some(encoding), Some(forecast), _) => {
            lines.push(facts("encoding", &[format!("forecast {forecast} if nothing else runs → took {encoding}")]));
        }
        (Some(encoding), None, _) => lines.push(facts("encoding", &[format!("took {encoding}")])),
        (None, Some(forecast), Some(worked)) => {
            lines.push(facts(
                "time",
                &[format!("forecast {forecast} for encoding if nothing else runs · {worked} in all")],
            ));
        }
        _ => {}
    }
    if let Some(most) = report.memory_bytes.filter(|m| *m > 0) {
        let parts = [format!("at most {} planned → {} used", units::bytes(most), units::bytes(report.peak_rss))];
        lines.push(facts("memory", &parts));
    }
    lines
}

/// A figure in dB as it was forecast and as it was measured: `forecast 31.8 → measured 31.6 dB`.
fn beside(forecast: Option<f64>, measured: f64) -> String {
    match forecast {
        Some(forecast) => format!("forecast {forecast:.1} → measured {measured:.1} dB"),
        None => format!("{measured:.1} dB"),
    }
}

/// What was measured of an output on a text, and what was checked.
fn evaluated(state: &State, e: &OutputEvaluation) -> Vec<PageLine> {
    let as_llama = if e.mode == Rounding::LlamaCpp.name() { "as llama.cpp" } else { "" };
    let mut lines = vec![facts(
        "on text",
        &[
            e.data.as_deref().map(|d| state.short_path(d)).unwrap_or_default(),
            e.measured_on.clone(),
            as_llama.to_owned(),
        ],
    )];
    let values = e.metrics.iter().filter(|m| m.layer.is_none() && SUMMARY_METRICS.contains(&m.name.as_str()));
    for (n, metric) in values.enumerate() {
        lines.push(Fact(if n == 0 { "measured" } else { "" }, metric_text(metric)));
    }
    for check in &e.checks {
        lines.push(if check.passed { Fact("passed", check_text(check)) } else { Bad(check_text(check)) });
    }
    lines
}

/// What is said of an output that is larger than its source. The source counts by its tensors: a little more is the rest of the file.
fn larger(view: &JobView, bytes: u64) -> String {
    let source = view.plan.as_ref().map_or(0, |p| p.source_bytes);
    let is_larger = source > 0 && bytes > source.saturating_add(source / 50);
    if is_larger { "larger than the source".to_owned() } else { String::new() }
}

fn written(state: &State, view: &JobView, at: usize, output: &JobOutput, job: JobState) -> Vec<PageLine> {
    let planned = view.plan.as_ref().and_then(|p| p.outputs.get(at));
    let report_of_output: Option<&OutputReport> = view.report.as_ref().and_then(|r| r.outputs.get(at));
    let how = match (output.published, view.history.ended()) {
        (true, _) => JobState::Finished,
        (false, Some(end)) => end,
        // The list knows of a process that is gone.
        (false, None) => job,
    };
    let kind = planned.map(|o| format!("{} {}", o.format, o.quantization)).unwrap_or_default();
    let bpw = report_of_output.map(|o| o.bits_per_weight).or(planned.map(|o| o.bits_per_weight)).unwrap_or_default();
    let mut lines = vec![
        Head(Some(how), state.short_path(Path::new(&output.path))),
        // A file that was not written has no size.
        match output.bytes.filter(|_| output.published || output.written) {
            Some(bytes) => facts("size", &[units::bytes(bytes), bits(bpw), kind, larger(view, bytes)]),
            None => facts("planned", &[planned.map(|o| units::bytes(o.bytes)).unwrap_or_default(), bits(bpw), kind]),
        },
    ];
    if let Some(newer) = state.jobs.replaced_by(&view.id, Path::new(&output.path)).filter(|_| output.published) {
        let text =
            format!("Job {} has written this file again since. This report is about the earlier file.", newer.id);
        lines.push(Warn(text));
    }
    if let Some(o) = report_of_output {
        let forecast = o.forecast.unwrap_or_default();
        if let Some(db) = o.output_sqnr_db {
            let weighted = if o.output_weighted { "weighted by the importance matrix" } else { "" };
            lines.push(facts("output", &[beside(forecast.output_sqnr_db, db), weighted.to_owned()]));
        }
        if let Some(db) = o.sqnr_db {
            let gain = o.gain_db.map(|g| format!("{g:.2} dB better than the reference")).unwrap_or_default();
            let scope = "over all re-encoded tensors".to_owned();
            lines.push(facts("weights", &[beside(forecast.sqnr_db, db), scope, gain]));
        }
        let calibrated = o.calibration.iter().flat_map(|c| c.lines()).enumerate();
        lines.extend(calibrated.map(|(n, line)| Fact(if n == 0 { "planned" } else { "" }, line)));
        lines.extend(o.evaluation.as_ref().map(|e| evaluated(state, e)).unwrap_or_default());
    }
    let status = match (output.published, output.verified.is_empty()) {
        (_, false) => format!("read back, no differences: {}", output.verified.join(", ")),
        (true, true) => "published".to_owned(),
        _ if output.written => "written, not yet published".to_owned(),
        _ => "not written; an existing file is unchanged".to_owned(),
    };
    lines.push(Fact("checked", status));
    let worst = view.worst(at.into(), WORST[usize::from(view.history.outputs.len() > 1)]);
    if !worst.is_empty() {
        // If space is short, the first columns are dropped.
        let head = ["rmse", "cosine", "type", "weights dB"].map(str::to_owned).to_vec();
        lines.push(Table(true, "largest errors".to_owned(), head));
    }
    for (t, db) in worst {
        let rmse = t.rmse.map(small).unwrap_or_default();
        let cosine = t.cosine.map(|v| format!("{v:.6}")).unwrap_or_default();
        let name = t.name.trim_end_matches(".weight").to_owned();
        lines.push(Table(false, name, vec![rmse, cosine, t.to.to_string(), format!("{db:.1}")]));
    }
    lines
}
