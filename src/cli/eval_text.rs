//! The report of `remold eval` for people: metrics as rows, models as columns; with many models, models as rows of the most important metrics.

use super::text::{Style, cut, safe, seconds, table};
use crate::engine::Check;
use crate::forward::Rounding;
use crate::job;
use crate::quality::{Better, METRICS, Measured, MetricSpec, Report, metric};

/// Columns of a name before it is cut.
const NAME_WIDTH: usize = 28;
/// With more models than this, models are rows.
const MOST_COLUMNS: usize = 3;
/// What a table with models as rows has: it must fit 80 columns.
const IMPORTANT: [&str; 5] = ["perplexity", "kld_mean", "kld_p99", "kld_max", "top1_agreement"];
/// The same for embedding models.
const IMPORTANT_EMBEDDING: [&str; 4] = ["cosine_mean", "cosine_min", "similarity_spearman", "neighbour_overlap"];

/// The whole report.
pub(crate) fn text(report: &Report, checks: &[Check], layers: bool) -> String {
    let style = Style::stdout();
    let mode = match report.rounding {
        Rounding::Exact => "exact: weights as stored, activations in f32",
        Rounding::LlamaCpp => "as llama.cpp: activations rounded as llama.cpp rounds them",
    };
    let mut out = format!("{} in {}\n{}\n", report.measured_on, seconds(report.seconds), mode);
    if let Some((label, _)) = &report.baseline {
        out.push_str(&format!("{} {}\n", style.bold("baseline"), safe(label)));
    }
    for note in &report.notes {
        out.push_str(&format!("{} {}\n", style.dim("note:"), safe(note)));
    }
    out.push('\n');
    out.push_str(&if report.models.len() > MOST_COLUMNS { by_model(report) } else { by_metric(report) });
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

fn head(m: &Measured) -> String {
    let mark = if m.is_baseline { "◆ " } else { "" };
    format!("{mark}{}", cut(&safe(&m.label), NAME_WIDTH))
}

/// The best of the compared models, if there are several and they differ.
fn best(report: &Report, spec: &MetricSpec) -> Option<f64> {
    let values = report.models.iter().filter(|m| !m.is_baseline).filter_map(|m| m.get(spec.name)).map(|e| e.value);
    let (min, max) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let differ = min < max;
    match spec.better {
        Better::Less => Some(min),
        Better::More => Some(max),
        Better::Neither => None,
    }
    .filter(|_| differ)
}

fn cell(report: &Report, m: &Measured, spec: &MetricSpec, with_uncertainty: bool) -> String {
    let Some(e) = m.get(spec.name) else { return "–".to_owned() };
    let mark = if !m.is_baseline && best(report, spec) == Some(e.value) { "▲ " } else { "" };
    format!("{mark}{}", spec.text(e.value, e.uncertainty.filter(|_| with_uncertainty)))
}

/// Metrics as rows.
fn by_metric(report: &Report) -> String {
    let mut lines = vec![[String::new()].into_iter().chain(report.models.iter().map(head)).collect::<Vec<_>>()];
    for spec in METRICS.iter().filter(|s| report.models.iter().any(|m| m.get(s.name).is_some())) {
        // The baseline's own column has it.
        if spec.name == "perplexity_baseline" && report.models.iter().any(|m| m.is_baseline) {
            continue;
        }
        let cells = report.models.iter().map(|m| cell(report, m, spec, true));
        lines.push([spec.title.to_owned()].into_iter().chain(cells).collect());
    }
    table(&lines, &[&[false][..], &vec![true; report.models.len()]].concat())
}

/// Models as rows, without uncertainties.
fn by_model(report: &Report) -> String {
    let names = IMPORTANT.iter().chain(&IMPORTANT_EMBEDDING);
    let shown: Vec<_> =
        names.filter(|n| report.models.iter().any(|m| m.get(n).is_some())).filter_map(|n| metric(n)).collect();
    let titles = shown.iter().map(|s| s.title.to_owned());
    let mut lines = vec![[String::new()].into_iter().chain(titles).collect::<Vec<_>>()];
    for m in &report.models {
        let cells = shown.iter().map(|s| cell(report, m, s, false));
        lines.push([head(m)].into_iter().chain(cells).collect());
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
    let mut lines = vec![["layer".to_owned()].into_iter().chain(shown.iter().map(|m| head(m))).collect::<Vec<_>>()];
    for layer in 0..=last {
        lines.push([layer.to_string()].into_iter().chain(shown.iter().map(|m| of(m, layer))).collect());
    }
    let table = table(&lines, &vec![true; shown.len() + 1]);
    format!("\n{}\n{table}", style.bold("error of the hidden state after each layer, relative to its length"))
}
