//! The report of `remold eval` for people: metrics as rows and models as columns where they fit; else models as rows of the most important
//! metrics, and `--verbose` lists all of them, a few models at a time.

use super::print::{is_verbose, width as width_of};
use super::text::{Style, safe, seconds, table};
use crate::engine::Check;
use crate::forward::Rounding;
use crate::job::{self, EvaluationReport};
use crate::quality::{Better, METRICS, Measured, MetricSpec, Report, metric};
use std::io::IsTerminal;

/// Columns of a name at the head of a column before it is shortened.
const NAME_WIDTH: usize = 24;
/// The same at the beginning of a row.
const ROW_NAME_WIDTH: usize = 18;
/// Models in one table of layers.
const LAYER_COLUMNS: usize = 2;
/// Columns of a report that does not go to a terminal.
const PIPE_WIDTH: usize = 120;
/// What a table with models as rows has, with the names of its columns, as far as they fit.
const IMPORTANT: [(&str, &str); 13] = [
    ("perplexity", "perplexity"),
    ("kld_mean", "mean KLD"),
    ("kld_p99", "99 % KLD"),
    ("kld_max", "max KLD"),
    ("top1_agreement", "top-1"),
    ("cosine_mean", "mean cosine"),
    ("cosine_min", "min cosine"),
    ("similarity_spearman", "rank corr."),
    ("neighbour_overlap", "neighbours"),
    ("llama_cpp_generation_tps", "llama.cpp"),
    ("hellaswag_accuracy", "HellaSwag"),
    ("winogrande_accuracy", "Winogrande"),
    ("multiple_choice_accuracy", "choices"),
];

/// The report of a job, with the command that measures the same again.
pub(crate) fn report(r: &EvaluationReport, layers: bool) -> String {
    let style = Style::stdout();
    let text = text(&r.to_quality(), &r.checks, layers);
    format!("{text}{} {}\n", style.bold("repeat"), safe(&r.command))
}

/// The whole report.
fn text(report: &Report, checks: &[Check], layers: bool) -> String {
    let style = Style::stdout();
    let mode = match report.rounding {
        Rounding::Exact => "exact: weights as stored, activations in f32",
        Rounding::LlamaCpp => "as llama.cpp: activations rounded as llama.cpp rounds them",
    };
    let mut out = format!("{} ({})\n{}\n", report.measured_on, seconds(report.seconds), mode);
    if let Some((label, _)) = &report.baseline {
        out.push_str(&format!("{} {}\n", style.bold("baseline"), safe(label)));
    }
    for note in &report.notes {
        out.push_str(&format!("{} {}\n", style.dim("note:"), safe(note)));
    }
    out.push('\n');
    out.push_str(&tables(report, columns(), style));
    if layers {
        out.push_str(&by_layer(report, style));
    }
    if !checks.is_empty() {
        out.push('\n');
    }
    for check in checks {
        let word = if check.passed { style.good("passed") } else { style.error("failed") };
        out.push_str(&format!("{word} {}: {}\n", safe(&check.model), safe(&job::check_text(check))));
    }
    out
}

/// Columns that the report may have.
fn columns() -> usize {
    let terminal = || crossterm::terminal::size().ok().map(|(width, _)| usize::from(width));
    std::io::stdout().is_terminal().then(terminal).flatten().unwrap_or(PIPE_WIDTH)
}

fn tables(report: &Report, columns: usize, style: Style) -> String {
    let all: Vec<&Measured> = report.models.iter().collect();
    let whole = by_metric(report, &all);
    if all.len() == 1 || whole.lines().all(|line| width_of(line) <= columns) {
        return whole;
    }
    let mut out = by_model(report, columns);
    if is_verbose() {
        all.chunks(2).for_each(|pair| out.push_str(&format!("\n{}", by_metric(report, pair))));
    } else {
        out.push_str(&style.dim("all figures with their uncertainties: --verbose or --json\n"));
    }
    out
}

fn head(m: &Measured, width: usize) -> String {
    let mark = if m.is_baseline { "◆ " } else { "" };
    format!("{mark}{}", shortened(&safe(&m.label), width))
}

/// A long name without its middle: names of variants differ at the end.
fn shortened(name: &str, width: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= width {
        return name.to_owned();
    }
    let (begin, end) = (width / 3, width - width / 3 - 1);
    let part = |chars: &[char]| chars.iter().collect::<String>();
    format!("{}…{}", part(&chars[..begin]), part(&chars[chars.len() - end..]))
}

/// The best of the compared models, if there are several and they differ. Only figures against a baseline are marked: the others differ
/// by chance as often as not.
fn best(report: &Report, spec: &MetricSpec) -> Option<f64> {
    let values = report.models.iter().filter(|m| !m.is_baseline).filter_map(|m| m.get(spec.name)).map(|e| e.value);
    let (min, max) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let differ = min < max;
    match spec.better {
        Better::Less => Some(min),
        Better::More => Some(max),
        Better::Neither => None,
    }
    .filter(|_| differ && spec.needs.is_relative())
}

fn cell(report: &Report, m: &Measured, spec: &MetricSpec, with_uncertainty: bool) -> String {
    let Some(e) = m.get(spec.name) else { return "–".to_owned() };
    let mark = if !m.is_baseline && best(report, spec) == Some(e.value) { "▲ " } else { "" };
    format!("{mark}{}", spec.text(e.value, e.uncertainty.filter(|_| with_uncertainty)))
}

/// Metrics as rows.
fn by_metric(report: &Report, models: &[&Measured]) -> String {
    let mut lines =
        vec![[String::new()].into_iter().chain(models.iter().map(|m| head(m, NAME_WIDTH))).collect::<Vec<_>>()];
    for spec in METRICS.iter().filter(|s| models.iter().any(|m| m.get(s.name).is_some())) {
        // The baseline's own column has it.
        if spec.name == "perplexity_baseline" && report.models.iter().any(|m| m.is_baseline) {
            continue;
        }
        let cells = models.iter().map(|m| cell(report, m, spec, true));
        lines.push([spec.title.to_owned()].into_iter().chain(cells).collect());
    }
    table(&lines, &[&[false][..], &vec![true; models.len()]].concat())
}

/// Models as rows, without uncertainties: the metrics that fit.
fn by_model(report: &Report, columns: usize) -> String {
    let there = |name: &str| report.models.iter().any(|m| m.get(name).is_some());
    let shown: Vec<_> =
        IMPORTANT.iter().filter(|(n, _)| there(n)).filter_map(|(n, title)| Some((metric(n)?, *title))).collect();
    let tables = (1..=shown.len()).rev().map(|n| models_as_rows(report, &shown[..n]));
    let fits = |text: &String| text.lines().all(|line| width_of(line) <= columns);
    tables.reduce(|widest, next| if fits(&widest) { widest } else { next }).unwrap_or_default()
}

fn models_as_rows(report: &Report, shown: &[(&MetricSpec, &str)]) -> String {
    let titles = shown.iter().map(|(_, title)| (*title).to_owned());
    let mut lines = vec![[String::new()].into_iter().chain(titles).collect::<Vec<_>>()];
    for m in &report.models {
        let cells = shown.iter().map(|(s, _)| cell(report, m, s, false));
        lines.push([head(m, ROW_NAME_WIDTH)].into_iter().chain(cells).collect());
    }
    table(&lines, &[&[false][..], &vec![true; shown.len()]].concat())
}

/// Layers as rows: relative error of the hidden state of each model.
fn by_layer(report: &Report, style: Style) -> String {
    let of = |m: &Measured, layer: u32| {
        let value = m.values.iter().find(|v| v.metric == "hidden_rms" && v.layer == Some(layer));
        value.map_or_else(|| "–".to_owned(), |v| format!("{:.6}", v.estimate.value))
    };
    let layers = report.models.iter().flat_map(|m| &m.values).filter_map(|v| v.layer).max();
    let Some(last) = layers else { return String::new() };
    let shown: Vec<&Measured> = report.models.iter().filter(|m| m.values.iter().any(|v| v.layer.is_some())).collect();
    let mut out = format!("\n{}\n", style.bold("error of the hidden state after each layer, relative to its length"));
    for group in shown.chunks(LAYER_COLUMNS) {
        let heads = group.iter().map(|m| head(m, NAME_WIDTH));
        let mut lines = vec![["layer".to_owned()].into_iter().chain(heads).collect::<Vec<_>>()];
        for layer in 0..=last {
            lines.push([layer.to_string()].into_iter().chain(group.iter().map(|m| of(m, layer))).collect());
        }
        out.push_str(&table(&lines, &vec![true; group.len() + 1]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::{Estimate, Value};

    fn model(label: &str, is_baseline: bool, kld: Option<f64>) -> Measured {
        let value =
            |metric, value| Value { metric, estimate: Estimate { value, uncertainty: Some(0.00123) }, layer: None };
        let mut values = vec![value("perplexity", 28.4795)];
        values.extend(kld.map(|kld| value("kld_mean", kld)));
        values.extend(kld.map(|_| value("top1_agreement", 96.43)));
        Measured { label: label.to_owned(), path: label.into(), is_baseline, values }
    }

    fn report(n: usize) -> Report {
        let mut models = vec![model("a-model-with-a-rather-long-name-BF16.gguf", true, None)];
        let variant =
            |i: usize| model(&format!("a-model-with-a-rather-long-name-Q{i}_K.gguf"), false, Some(1.0 / i as f64));
        models.extend((1..n).map(variant));
        Report {
            models,
            baseline: Some(("base\u{1b}[2J".to_owned(), "base".into())),
            rounding: Rounding::Exact,
            measured_on: "1 window".to_owned(),
            notes: vec![],
            seconds: 1.0,
        }
    }

    #[test]
    fn tables_fit_their_columns_and_mark_the_best() {
        let style = Style::stdout();
        let two = tables(&report(2), 80, style);
        assert!(two.contains("mean KLD") && two.contains("1.000000 ± 0.001230"), "{two}");
        assert!(!two.contains('▲'), "one model is not the best of several: {two}");
        for n in [4, 8, 16] {
            let many = tables(&report(n), 80, style);
            assert!(many.lines().all(|line| width_of(line) <= 80), "{many}");
            assert_eq!(many.matches('▲').count(), 1, "{many}");
            assert!(many.contains("…e-Q3_K.gguf") && many.contains("--verbose"), "{many}");
        }
        assert!(tables(&report(4), 160, style).contains('±'));
    }

    #[test]
    fn names_from_outside_are_escaped() {
        assert!(!text(&report(2), &[], true).contains("\u{1b}[2J"));
    }
}
