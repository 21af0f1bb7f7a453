//! A plan and a report as text.

use super::text::{Style, bytes, count, fold, plural, safe, seconds, table, table_of, warning};
use crate::engine::{OutputEvaluation, Report};
use crate::forecast::divergence::Checked;
use crate::forward::Rounding;
use crate::job;
use crate::model::{Name, Warning, few};
use crate::plan::{ChoiceCheck, ImatrixCoverage, PartOf, Plan, PlannedOutput, PlannedTensor, PredictedDivergence};
use crate::quant::Encoding;
use crate::units::{decibel, figure, own_words};
use indexmap::IndexMap;
use std::collections::HashSet;

/// Outputs with more tensors are summarized by kind.
const LISTED: usize = 24;

/// How a plan is printed.
#[derive(Clone, Copy)]
pub(crate) struct PlanStyle {
    /// Every tensor has a line.
    pub all: bool,
    /// Threads that will work.
    pub threads: usize,
    /// Styles of the terminal.
    pub style: Style,
}

/// What `--dry-run` prints.
pub(crate) fn plan(plan: &Plan, how: PlanStyle) -> String {
    let style = how.style;
    let mut out = format!(
        "{} {}  {}{} parameters, {} as {}\n",
        style.bold("source"),
        safe(&plan.source.to_string_lossy()),
        plan.architecture.as_ref().map(|a| format!("{}, ", safe(a))).unwrap_or_default(),
        count(plan.parameters),
        bytes(plan.source_bytes),
        plan.source_format,
    );
    for (i, step) in plan.steps.iter().enumerate() {
        out.push_str(&format!("{} {} {}: {}\n", style.bold("step"), i + 1, safe(&step.step), safe(&step.what)));
    }
    for o in &plan.outputs {
        out.push_str(&output(o, how));
    }
    if let Some(v) = &plan.validation {
        let fails: Vec<String> = v.fail_if.iter().map(|c| safe(c)).collect();
        let fails = if fails.is_empty() { String::new() } else { format!("; fails if {}", fails.join(" or ")) };
        let data = match &v.data {
            Some(data) => safe(&data.to_string_lossy()),
            None => "inputs made from a seed".to_owned(),
        };
        out.push_str(&format!("\n{} on {data} against the source{fails}\n", style.bold("then evaluated")));
    }
    out.push_str(&format!(
        "\n{} disk {}, memory at most {}{}\n",
        style.bold("needs"),
        bytes(plan.disk_bytes),
        bytes(plan.memory_bytes),
        time(plan, how.threads)
    ));
    out.push_str(&warnings(&plan.warnings, style));
    out.push_str(&style.dim("no output was written (dry run)"));
    out.push('\n');
    out
}

/// How a dry run ends: the command that writes what it shows, and replaces what exists.
pub(crate) fn write_with(replaces: bool) -> String {
    let force = if replaces { " --force" } else { "" };
    own_words(&["--dry-run"]).map_or_else(String::new, |command| format!("write it with: {command}{force}\n"))
}

/// `, about 12.3 s on 4 threads`: the time to encode; nothing where all tensors are copied.
fn time(plan: &Plan, threads: usize) -> String {
    let Some(cpu) = encoding_seconds(plan) else { return String::new() };
    format!(", {} to encode on {}", about(cpu / threads.max(1) as f64), plural(threads, "thread"))
}

/// An estimate of seconds.
pub(crate) fn about(s: f64) -> String {
    if s < 1.0 { "under 1 s".to_owned() } else { format!("about {}", seconds(s.round())) }
}

/// CPU seconds to encode all outputs; `None` if nothing is encoded or nothing was estimated.
pub(crate) fn encoding_seconds(plan: &Plan) -> Option<f64> {
    let sum: f64 = plan.outputs.iter().filter_map(|o| o.estimate).map(|e| e.cpu_seconds).sum();
    (sum > 0.0).then_some(sum)
}

/// Why a tensor gets its type.
pub(crate) fn reason(t: &PlannedTensor) -> String {
    match (&t.fallback_from, &t.because) {
        (Some(from), _) => format!("{from} does not fit"),
        (None, Some(why)) => why.to_string(),
        _ => String::new(),
    }
}

/// One line for the tensors of a kind that get the same type for the same reason.
fn by_kind(o: &PlannedOutput) -> String {
    let mut groups: IndexMap<(&Name, Encoding, Encoding, String), (usize, u64)> = IndexMap::new();
    for t in o.tensors.iter() {
        let group = groups.entry((&t.kind, t.from, t.to, reason(t))).or_default();
        *group = (group.0 + 1, group.1 + t.bytes);
    }
    // The lines of a kind are together, and kinds have the same order whatever the order of the tensors is: those outside of layers first.
    let in_layers: HashSet<&Name> = o.tensors.iter().filter(|t| t.layer.is_some()).map(|t| &t.kind).collect();
    groups.sort_by(|(a, ..), _, (b, ..), _| (in_layers.contains(a), a).cmp(&(in_layers.contains(b), b)));
    let mut rows = vec![["kind", "tensors", "from", "to", "bytes", "why"].map(str::to_owned).to_vec()];
    rows.extend(groups.into_iter().map(|((kind, from, to, why), (n, size))| {
        vec![safe(kind), n.to_string(), from.to_string(), to.to_string(), bytes(size), why]
    }));
    let lines = table(&rows, &[false, true, false, false, true, false]);
    lines.lines().map(|line| format!("  {line}\n")).collect()
}

fn output(o: &PlannedOutput, how: PlanStyle) -> String {
    let style = how.style;
    let row = |i: usize| {
        let Some(t) = i.checked_sub(1).and_then(|i| o.tensors.get(i)) else {
            return ["tensor", "from", "to", "shape", "bytes", "why"].map(str::to_owned).to_vec();
        };
        let shape: Vec<String> = t.shape.iter().map(u64::to_string).collect();
        vec![safe(&t.name), t.from.to_string(), t.to.to_string(), shape.join("×"), bytes(t.bytes), reason(t)]
    };
    let mut out = format!(
        "\n{} {}  {}{}{}\n",
        style.bold("output"),
        safe(&o.path.to_string_lossy()),
        o.format,
        if matches!(o.quantization.as_str(), "auto" | "") { String::new() } else { format!(" {}", o.quantization) },
        o.effort.as_ref().map(|e| format!(", effort {e}")).unwrap_or_default()
    );
    let all = how.all || o.tensors.len() <= LISTED;
    if all {
        out.push_str(&table_of(o.tensors.len() + 1, row, &[false, false, false, false, true, false], "  "));
    } else {
        out.push_str(&by_kind(o));
    }
    if o.files.len() > 1 {
        let rows: Vec<Vec<String>> =
            o.files.iter().map(|(path, n)| vec![safe(&path.display().to_string()), bytes(*n)]).collect();
        table(&rows, &[false, true]).lines().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    out.push_str(&format!(
        "  {}, {} in {}, {:.2} bits per weight{}\n",
        plural(o.tensors.len(), "tensor"),
        bytes(o.bytes),
        plural(o.files.len(), "file"),
        o.bits_per_weight,
        if all { "" } else { "; -v lists every tensor" }
    ));
    if let Some(reuse) = &o.reuse {
        out.push_str(&format!(
            "  reuses up to {} of {} tensors, {}, of {}: those whose source is unchanged\n",
            reuse.tensors,
            o.tensors.len(),
            bytes(reuse.bytes),
            safe(&reuse.output.to_string_lossy())
        ));
    }
    if let Some(matrix) = &o.imatrix {
        out.push_str(&coverage(matrix));
    }
    if let Some(c) = &o.calibration {
        c.lines().iter().for_each(|line| out.push_str(&format!("  {}\n", safe(line))));
    }
    if let Some(d) = &o.divergence {
        divergence(d).iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    out
}

/// What types are expected to cost, and how they compared with others on a second text.
pub(super) fn divergence(d: &PredictedDivergence) -> Vec<String> {
    let mut lines = vec![format!(
        "expected mean KL divergence {} nats on {} tokens; {} of {} tensor × type costs measured",
        figure(d.nats),
        d.tokens,
        d.measured,
        d.of
    )];
    if d.measured < d.of && d.of_groups > 0 {
        let kinds = match d.kinds {
            0 => String::new(),
            1 => " and 1 kind as a whole".to_owned(),
            n => format!(" and {n} kinds as a whole"),
        };
        lines.push(format!(
            "the others are estimated from the error of the weights, by {} of {} groups (kind × quarter of the depth){kinds}",
            d.groups, d.of_groups
        ));
    }
    match &d.check {
        Some(check) => lines.extend(self::check(check)),
        None => {
            lines.push("not compared with other mixes as a whole: there is no second text (budget_check)".to_owned())
        }
    }
    lines
}

/// How a choice compared with others, in a few lines.
fn check(check: &ChoiceCheck) -> Vec<String> {
    let figures = |c: &Checked| {
        format!("mean {} ± {}, 99.9 % {}, maximum {}", figure(c.mean), figure(c.error), figure(c.p999), figure(c.max))
    };
    let mut lines = vec![format!(
        "measured as a whole on {} tokens of {}: {} (best of {})",
        check.tokens,
        safe(&check.text),
        figures(&check.chosen),
        if check.mixes == 1 { "1 mix".to_owned() } else { format!("{} mixes", check.mixes) }
    )];
    if let Some((name, c)) = &check.file_type {
        lines.push(match check.took_file_type {
            true => {
                format!("taken is the file type {name}: no mix has a smaller mean and no larger 99.9 % and maximum")
            }
            false => format!("best file type of at most its size: {name}, {}", figures(c)),
        });
    }
    lines
}

/// What the importance matrix covers, in a few lines.
fn coverage(m: &ImatrixCoverage) -> String {
    let mut source = match m.chunks {
        0 => String::new(),
        n => format!(", {n} chunks"),
    };
    if let Some(dataset) = &m.dataset {
        source.push_str(&format!(" of {}", safe(dataset)));
    }
    let mut out = format!("  importance matrix {}: {} entries{source}\n", safe(&m.file.to_string_lossy()), m.entries);
    let mut line = |text: String| out.push_str(&format!("    {text}\n"));
    if m.left_out > 0 {
        line(format!("{} entries left out", m.left_out));
    }
    line(format!("{} of {} tensors that are quantized with it have values", m.used, m.quantized));
    let named = |what: &str, n: usize, names: String| format!("{n} {what}: {}", safe(&names));
    if !m.missing.is_empty() {
        line(named("without values", m.missing.len(), few(&m.missing)));
    }
    if !m.unmatched.is_empty() {
        line(named("entries match no tensor", m.unmatched.len(), few(&m.unmatched)));
    }
    let parts = |all: &[PartOf]| {
        few(&all.iter().map(|p| format!("{} ({} of {})", p.tensor, p.count, p.of)).collect::<Vec<_>>())
    };
    if !m.zero_columns.is_empty() {
        line(named("with columns of zero importance", m.zero_columns.len(), parts(&m.zero_columns)));
    }
    if !m.unseen_experts.is_empty() {
        line(named("with experts that no token reached", m.unseen_experts.len(), parts(&m.unseen_experts)));
    }
    out
}

/// One line a warning, those of a kind together; many of a kind are counted.
pub(crate) fn warnings(all: &[Warning], style: Style) -> String {
    const SHOWN: usize = 8;
    let mut kinds: IndexMap<&str, Vec<&Warning>> = IndexMap::new();
    all.iter().for_each(|w| kinds.entry(&w.code).or_default().push(w));
    let mut out = String::new();
    for same in kinds.values() {
        for w in same.iter().take(SHOWN) {
            out.push_str(&warning(&w.text, style));
        }
        if same.len() > SHOWN {
            out.push_str(&format!("{} and {} more like these\n", style.warning("warning:"), same.len() - SHOWN));
        }
    }
    out
}

/// What was measured of an output on a text, and the checks.
fn evaluation(e: &OutputEvaluation, style: Style) -> String {
    let shown = e.metrics.iter().filter(|m| m.layer.is_none() && job::SUMMARY_METRICS.contains(&m.name.as_str()));
    let shown: Vec<String> = shown.map(job::metric_text).collect();
    let as_llama = if e.mode == Rounding::LlamaCpp.name() { ", as llama.cpp" } else { "" };
    let measured = format!("({}{as_llama})", e.measured_on);
    let facts: Vec<String> = shown.into_iter().chain([measured]).collect();
    let mut out = fold(&facts, " · ", ("  ", "  "), style.columns());
    for check in &e.checks {
        let (mark, word) = match check.passed {
            true => (style.good("✓"), String::new()),
            false => (style.error("✗"), format!("{} ", style.error("check failed:"))),
        };
        out.push_str(&format!("  {mark} {word}{}\n", safe(&job::check_text(check))));
    }
    out
}

/// The last words of a finished job.
pub(crate) fn report<T>(report: &Report<T>, style: Style) -> String {
    let mut out = String::new();
    for o in &report.outputs {
        let size = if o.files > 1 { format!("{} in {} files", bytes(o.bytes), o.files) } else { bytes(o.bytes) };
        let mut facts = vec![size, format!("{:.2} bits per weight", o.bits_per_weight)];
        let forecast = o.forecast.unwrap_or_default();
        let beside =
            |forecast: Option<f64>| forecast.map(|db| format!(" (forecast {})", decibel(db))).unwrap_or_default();
        if let Some(db) = o.output_sqnr_db {
            let weighted = if o.output_weighted { ", weighted by the importance matrix" } else { "" };
            facts.push(format!("output {} dB{}{weighted}", decibel(db), beside(forecast.output_sqnr_db)));
        }
        if let Some(db) = o.sqnr_db {
            facts.push(format!("weights {} dB{}", decibel(db), beside(forecast.sqnr_db)));
        }
        if let Some(db) = o.gain_db {
            facts.push(format!("effort max: noise {db:.2} dB below the reference"));
        }
        if let Some(c) = &o.calibration {
            facts.push(format!("as measured when planned: {}", safe(&c.shown())));
        }
        if let Some(d) = &o.divergence {
            facts.push(match &d.check {
                Some(c) => format!("mean KL divergence {} as measured when planned", figure(c.chosen.mean)),
                None => format!("mean KL divergence {} expected", figure(d.nats)),
            });
        }
        if let Some(t) = &o.worst {
            facts.push(format!("worst {} {} dB", safe(&t.name), decibel(t.sqnr_db)));
        }
        if let Some(c) = &o.reused {
            let from = safe(&c.from.to_string_lossy());
            facts.push(format!("{} of {} tensors, {}, copied from {from}", c.tensors, c.of, bytes(c.bytes)));
        }
        facts.push(format!("read back by {}", o.verified_by.join(" and ")));
        out.push_str(&format!("{} {}\n", style.good("✓"), safe(&o.path.to_string_lossy())));
        out.push_str(&fold(&facts, " · ", ("  ", "  "), style.columns()));
        out.push_str(&o.evaluation.as_ref().map(|e| evaluation(e, style)).unwrap_or_default());
    }
    let expected =
        report.forecast_seconds().map(|s| format!(" (computing alone: forecast {})", seconds(s))).unwrap_or_default();
    let planned = report.memory_bytes.filter(|m| *m > 0);
    let planned = planned.map(|m| format!(" (at most {} planned)", bytes(m))).unwrap_or_default();
    // The forecast is about encoding; all of it also reads back and publishes, and may have been paused.
    let paused = report.paused_seconds.filter(|s| *s >= 0.1).map(|s| format!("paused for {}", seconds(s)));
    let worked = (report.seconds - report.paused_seconds.unwrap_or(0.0)).max(0.0);
    let mut facts: Vec<String> = Vec::new();
    facts.extend(report.encode_seconds.map(|encode| format!("{} encoding{expected}", seconds(encode))));
    facts.push(format!("{} in all", seconds(worked)));
    facts.extend(paused);
    facts.push(format!("{} CPU", seconds(report.cpu_seconds)));
    facts.push(format!("{} peak memory{planned}", bytes(report.peak_rss)));
    let lines = fold(&facts, ", ", ("  ", "  "), style.columns());
    out.push_str(&style.dim(lines.trim_end()));
    out.push('\n');
    out
}
