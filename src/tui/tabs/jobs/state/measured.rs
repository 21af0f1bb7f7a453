//! The report of a measurement as lines of a page.

use super::PageLine::{self, Blank, Fact, Head, Table, Warn};
use crate::forward::Rounding;
use crate::job::{EvaluationReport, ImatrixReport, MeasuredModel, MeasurementReport, TextRecord, check_text};
use crate::quality::{METRICS, MetricSpec, metric};
use crate::tui::core::{State, units};

/// What the table over all models has, with the words above it.
const IMPORTANT: [(&str, &str); 7] = [
    ("cosine_mean", "cosine"),
    ("similarity_spearman", "rank corr."),
    ("neighbour_overlap", "neighbours"),
    ("top1_agreement", "top-1"),
    ("perplexity", "perplexity"),
    ("kld_p99", "99 % KLD"),
    ("kld_mean", "mean KLD"),
];

/// The report of a measurement.
pub(super) fn measured(state: &State, report: &MeasurementReport) -> Vec<PageLine> {
    match report {
        MeasurementReport::Evaluation(r) => evaluation(state, r),
        MeasurementReport::Imatrix(r) => imatrix(state, r),
    }
}

fn text(state: &State, text: &TextRecord, what: &str) -> Vec<PageLine> {
    let path = text.path.as_ref().map(|p| Fact("text", state.short_path(p)));
    path.into_iter().chain([Fact("", what.to_owned())]).collect()
}

fn evaluation(state: &State, r: &EvaluationReport) -> Vec<PageLine> {
    let mut lines = text(state, &r.text, &r.measured_on);
    let mode = match r.rounding {
        Rounding::Exact => "exact: weights as stored, activations in f32",
        Rounding::LlamaCpp => "as llama.cpp: activations rounded as llama.cpp rounds them",
    };
    lines.push(Fact("computed", mode.to_owned()));
    lines.extend(r.baseline.iter().map(|b| Fact("baseline", state.short_path(&b.path))));
    for check in &r.checks {
        let line = format!("{}: {}", check.model, check_text(check));
        lines.push(if check.passed { Fact("passed", line) } else { PageLine::Bad(line) });
    }
    lines.push(Blank);
    let shown: Vec<(&MetricSpec, &str)> = IMPORTANT
        .iter()
        .filter(|(name, _)| r.models.iter().any(|m| m.get(name).is_some()))
        .filter_map(|(name, word)| Some((metric(name)?, *word)))
        .collect();
    lines.push(Table(true, "model".to_owned(), shown.iter().map(|(_, word)| (*word).to_owned()).collect()));
    for model in &r.models {
        let cell = |(spec, _): &(&MetricSpec, &str)| {
            model.get(spec.name).map_or_else(|| "–".to_owned(), |v| spec.text(v.value, None))
        };
        let mark = if model.is_baseline { "◆ " } else { "" };
        lines.push(Table(false, format!("{mark}{}", model.label), shown.iter().map(cell).collect()));
    }
    for model in &r.models {
        lines.extend([Blank, Head(None, state.short_path(&model.path))]);
        if !model.holds() {
            lines.push(Warn("its files have changed since: these figures are of the earlier files".to_owned()));
        }
        lines.extend(figures(model));
    }
    lines.extend(r.notes.iter().map(|n| Fact("note", n.clone())));
    lines
}

/// Every figure of a model with its uncertainty.
fn figures(model: &MeasuredModel) -> Vec<PageLine> {
    let figure = |spec: &MetricSpec| {
        let value = model.get(spec.name)?;
        let digits = spec.decimals;
        let uncertainty = value.uncertainty.map(|u| format!("± {u:.digits$}")).unwrap_or_default();
        Some(Table(false, spec.title.to_owned(), vec![spec.text(value.value, None), uncertainty]))
    };
    METRICS.iter().filter_map(figure).collect()
}

fn imatrix(state: &State, r: &ImatrixReport) -> Vec<PageLine> {
    let on = format!("{} of {} tokens", units::plural(r.text.windows, "window", "windows"), r.text.window_tokens);
    let mut lines = vec![Fact("model", state.short_path(&r.model))];
    lines.extend(text(state, &r.text, &on));
    lines.extend([Blank, Head(None, state.short_path(&r.output))]);
    let (tensors, chunks) = (units::plural(r.tensors, "tensor", "tensors"), r.chunks as usize);
    lines.push(Fact(
        "size",
        format!("{} · {tensors} · {}", units::bytes(r.bytes), units::plural(chunks, "chunk", "chunks")),
    ));
    lines
}
