//! A comparison as a table: metrics as rows, models as columns, signed differences from the baseline.

use super::comparison::{Comparison, Measured, Variant};
use super::evaluated::Evaluated;
use super::figures::Figures;
use super::graphs::{Graphs, OutputFigures};
use crate::quality::{Better, MetricSpec};
use crate::units::{bytes, count};
use indexmap::IndexSet;

/// Metrics of a text that every table has; the others are details.
const MAIN: [&str; 12] = [
    "perplexity",
    "kld_mean",
    "kld_p99",
    "kld_p999",
    "kld_max",
    "top1_agreement",
    "delta_p_rms",
    "flips",
    "cosine_mean",
    "cosine_min",
    "similarity_spearman",
    "neighbour_overlap",
];

/// Why a fact is absent.
const UNSAID: &str = "not in its headers";
/// Why memory is absent.
const NO_CACHE: &str = "its headers do not give the size of its KV cache";
/// Why errors are absent.
const BASELINE: &str = "this is the baseline";
const UNMEASURED: &str = "not measured yet";
const NOT_RUN: &str = "this graph could not be run";
const PARTIAL: &str = "what was compared is equal, and tensors of the baseline are missing";

/// Whether a difference is for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Less to store, to hold, to lose.
    Better,
    /// More of it.
    Worse,
}

/// Where a value stands among those of the models that are compared with the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// None is better, and one is worse.
    Best,
    /// None is worse, and one is better.
    Worst,
}

/// A difference from the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// With its sign: `−67.3 %`.
    pub text: String,
    /// Which way.
    pub tone: Tone,
}

/// One metric of one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The value with its unit; empty where it is not known.
    pub text: String,
    /// How it differs from the baseline's.
    pub change: Option<Change>,
    /// Why there is no value, where there is none.
    pub absent: Option<&'static str>,
    /// Best or worst of its row.
    pub rank: Option<Rank>,
    /// Signal over noise in dB, for cells that are that; infinite where nothing was lost.
    pub db: Option<f64>,
    /// One standard error of the value, without its unit; empty where it is not known.
    pub uncertainty: String,
}

impl Cell {
    /// The value with its uncertainty, where it has one: `96.48 ± 0.40 %`.
    pub(crate) fn precise(&self) -> String {
        match (self.uncertainty.as_str(), self.text.split_once(' ')) {
            ("", _) => self.text.clone(),
            (u, Some((value, unit))) => format!("{value} ± {u} {unit}"),
            (u, None) => format!("{} ± {u}", self.text),
        }
    }
}

/// One metric of all models.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    /// Its name for people.
    pub name: String,
    /// A cell a model, in the order of the comparison.
    pub cells: Vec<Cell>,
    /// The metric of the table of metrics that it is, for rows that are one.
    pub metric: Option<&'static str>,
    /// Left out where space is short.
    pub detail: bool,
}

/// The table without details. Metrics that no model has are omitted; facts are listed only where models differ in them.
pub fn rows(c: &Comparison) -> Vec<MetricRow> {
    all_rows(c).into_iter().filter(|r| !r.detail).collect()
}

/// The whole table.
pub(crate) fn all_rows(c: &Comparison) -> Vec<MetricRow> {
    let mut rows = weight_rows(c);
    if let Some(graphs) = &c.graphs {
        // What graphs compute is what counts; estimates from their weights are not shown.
        rows.retain(|r| r.name != "output dB");
        rows.extend(output_rows(c, graphs));
    }
    if let Some(evaluated) = &c.evaluated {
        let predicted: Vec<MetricRow> = evaluated.metrics().map(|spec| metric_row(c, evaluated, spec)).collect();
        // Behind sizes, before the errors of weights: what a model says counts more than what its weights lost.
        let at = rows.iter().position(|r| r.name == "output dB").unwrap_or(rows.len());
        rows.splice(at..at, predicted);
    }
    rows
}

/// The nodes of the graphs and the worst figures of their outputs; as details, those of each output.
fn output_rows(c: &Comparison, graphs: &Graphs) -> Vec<MetricRow> {
    let of = |v: usize| graphs.variants.get(v);
    let row = |name: String, detail: bool, text: &dyn Fn(usize) -> String, cost: &dyn Fn(usize) -> Option<f64>| {
        let one = |v: usize| cell(text(v), None, if v == c.baseline.at { BASELINE } else { NOT_RUN });
        let cells = (0..c.variants.len()).map(one).collect();
        let mut row = MetricRow { name, cells, metric: None, detail };
        rank_by(c, &mut row, cost);
        row
    };
    let none = |_| None;
    let nodes = |v: usize| of(v).map(|g| g.nodes.to_string()).unwrap_or_default();
    let within = |v: usize| {
        let all = of(v).map(|g| g.compared.as_slice()).unwrap_or_default();
        let passed = all.iter().filter(|o| o.passed).count();
        if all.is_empty() { String::new() } else { format!("{passed} of {}", all.len()) }
    };
    let worst = |v: usize, name: &str| Some(of(v)?.worst().into_iter().find(|(n, _)| *n == name)?.1);
    let of_worst = |name: &'static str, title: &str, text: &dyn Fn(f64) -> String, cost: &dyn Fn(f64) -> f64| {
        let text = |v: usize| worst(v, name).map(text).unwrap_or_default();
        row(title.to_owned(), false, &text, &|v| worst(v, name).map(cost))
    };
    let known = |x: f64| Some(x).filter(|x| x.is_finite());
    let mut rows = vec![
        row("nodes".to_owned(), false, &nodes, &none),
        row("outputs in tolerance".to_owned(), false, &within, &none),
        of_worst("output_snr_db", "output SNR", &OutputFigures::decibels, &|db| -db),
        of_worst("output_max_error", "output max error", &|x| OutputFigures::shown(known(x)), &|x| x),
        of_worst("output_cosine", "1 − output cosine", &|x| OutputFigures::shown(known(1.0 - x)), &|x| 1.0 - x),
    ];
    let names: IndexSet<&str> = graphs.variants.iter().flat_map(|g| &g.compared).map(|o| o.name.as_str()).collect();
    for name in names {
        let find = |v: usize| of(v)?.compared.iter().find(|o| o.name == name);
        type Text = fn(&OutputFigures) -> String;
        type Cost = fn(&OutputFigures) -> Option<f64>;
        let all: [(&str, Text, Cost); 4] = [
            ("SNR", OutputFigures::snr, |o| o.snr_db.map(|db| -db)),
            ("max error", |o| OutputFigures::shown(o.max_error), |o| o.max_error),
            ("relative error", |o| OutputFigures::shown(o.relative_error), |o| o.relative_error),
            ("1 − cosine", |o| OutputFigures::shown(o.cosine.map(|x| 1.0 - x)), |o| Some(1.0 - o.cosine?)),
        ];
        for (figure, text, cost) in all {
            let text = |v: usize| find(v).map(text).unwrap_or_default();
            rows.push(row(format!("{name}: {figure}"), true, &text, &|v| cost(find(v)?)));
        }
    }
    rows
}

/// A metric of the text.
fn metric_row(c: &Comparison, evaluated: &Evaluated, spec: &'static MetricSpec) -> MetricRow {
    let cell = |v: usize| {
        let Some(figure) = evaluated.figure(v, spec.name) else {
            let why = if v == c.baseline.at { BASELINE } else { UNMEASURED };
            return cell(String::new(), None, why);
        };
        let uncertainty = figure.uncertainty.map(|u| format!("{u:.*}", spec.decimals)).unwrap_or_default();
        Cell { text: spec.text(figure.value, None), uncertainty, ..Cell::default() }
    };
    let cells = (0..c.variants.len()).map(cell).collect();
    let detail = !MAIN.contains(&spec.name);
    let mut row = MetricRow { name: spec.title.to_owned(), cells, metric: Some(spec.name), detail };
    // Figures without a baseline differ by chance as often as not.
    let sign = match spec.better {
        Better::Less => 1.0,
        Better::More => -1.0,
        Better::Neither => return row,
    };
    if spec.needs.is_relative() {
        rank_by(c, &mut row, |v| evaluated.figure(v, spec.name).map(|f| f.value * sign));
    }
    row
}

fn weight_rows(c: &Comparison) -> Vec<MetricRow> {
    let cache = |v: &Variant| v.memory_bytes?.checked_sub(v.tensor_bytes);
    let cache_row = row(
        c,
        &format!("KV cache @ {}", c.context),
        |v| cache(v).map(|b| b as f64),
        |v| cache(v).map(bytes).unwrap_or_default(),
    );
    let mut rows = vec![
        row(c, "size", |v| Some(v.bytes as f64), |v| bytes(v.bytes)),
        row(c, "bits per weight", |v| Some(v.bits_per_weight), |v| format!("{:.2}", v.bits_per_weight)),
        row(c, &format!("memory @ {}", c.context), |v| v.memory_bytes.map(|b| b as f64), memory),
        MetricRow { detail: true, ..cache_row },
        plain(c, "most bytes in", types),
        decibel(c, "output dB", Measured::output_quality, |m| m.output_sqnr_db),
        decibel(c, "weights dB", |m| m.all.quality(), |m| m.all.sqnr_db),
        errors(c, "RMSE", |m| number(&m.all, m.all.rmse), |m| m.all.rmse),
        errors(c, "1 − cosine", |m| number(&m.all, m.all.cosine.map(|v| 1.0 - v)), |m| Some(1.0 - m.all.cosine?)),
        errors(c, "largest error", |m| number(&m.all, m.all.max_abs), |m| m.all.max_abs),
    ];
    type Count = fn(&Variant) -> usize;
    let counts: [(&str, Count); 3] = [
        ("missing tensors", |v| v.unpaired.missing.len()),
        ("extra tensors", |v| v.unpaired.extra.len()),
        ("different shapes", |v| v.unpaired.reshaped.len()),
    ];
    for (name, count) in counts {
        if c.variants.iter().any(|v| count(v) > 0) {
            rows.push(plain(c, name, |v| count(v).to_string()));
        }
    }
    let built = c.variants.iter().any(|v| v.built);
    // The bytes of a graph that is built of a checkpoint are not those that are stored.
    if !built {
        rows.push(measured(c, "same bytes", |m| format!("{} of {}", m.identical, m.compared)));
    }
    if built || c.variants.iter().any(|v| v.measured.as_ref().is_some_and(|m| m.exact > 0)) {
        rows.push(measured(c, "same values", |m| format!("{} of {}", m.identical + m.exact, m.compared)));
    }
    let base = &c.variants[c.baseline.at];
    if c.variants.iter().any(|v| v.parameters != base.parameters || v.tensors != base.tensors) {
        rows.push(plain(c, "parameters", |v| count(v.parameters)));
        rows.push(plain(c, "tensors", |v| v.tensors.to_string()));
    }
    let mut facts: Vec<&String> = Vec::new();
    for key in c.variants.iter().flat_map(|v| v.facts.keys()) {
        let fact = |v: &Variant| v.facts.get(key).cloned();
        let differs = c.variants.iter().any(|v| fact(v).is_some_and(|f| fact(base).is_none_or(|b| b != f)));
        if differs && !facts.contains(&key) {
            facts.push(key);
        }
    }
    rows.extend(facts.into_iter().map(|key| plain(c, key, |v| v.facts.get(key).cloned().unwrap_or_default())));
    rows.retain(|r| r.cells.iter().any(|cell| !cell.text.is_empty()));
    rows
}

fn cell(text: String, change: Option<Change>, why: &'static str) -> Cell {
    let absent = text.is_empty().then_some(why);
    Cell { text, change, absent, ..Cell::default() }
}

fn plain(c: &Comparison, name: &str, text: impl Fn(&Variant) -> String) -> MetricRow {
    let cells = c.variants.iter().map(|v| cell(text(v), None, UNSAID)).collect();
    MetricRow { name: name.to_owned(), cells, metric: None, detail: false }
}

/// A row of numbers where less is better.
fn row(
    c: &Comparison,
    name: &str,
    value: impl Fn(&Variant) -> Option<f64>,
    text: impl Fn(&Variant) -> String,
) -> MetricRow {
    let base = value(&c.variants[c.baseline.at]).filter(|b| *b > 0.0);
    let cell = |(i, v): (usize, &Variant)| {
        let change = (i != c.baseline.at).then(|| base.zip(value(v))).flatten().and_then(|(b, v)| change(b, v));
        cell(text(v), change, NO_CACHE)
    };
    let cells = c.variants.iter().enumerate().map(cell).collect();
    let mut row = MetricRow { name: name.to_owned(), cells, metric: None, detail: false };
    rank(c, &mut row, value);
    row
}

/// Marks the best and the worst of the models that are compared with the baseline. `cost`: less is better.
fn rank(c: &Comparison, row: &mut MetricRow, cost: impl Fn(&Variant) -> Option<f64>) {
    rank_by(c, row, |v| cost(c.variants.get(v)?));
}

/// As [`rank`], by the place of a model.
fn rank_by(c: &Comparison, row: &mut MetricRow, cost: impl Fn(usize) -> Option<f64>) {
    let costs: Vec<Option<f64>> = (0..c.variants.len()).map(|v| cost(v).filter(|x| !x.is_nan())).collect();
    let others = || costs.iter().enumerate().filter(|(v, _)| *v != c.baseline.at).filter_map(|(_, cost)| *cost);
    let (low, high) = others().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    if low >= high {
        return;
    }
    for (_, (cell, cost)) in row.cells.iter_mut().zip(&costs).enumerate().filter(|(v, _)| *v != c.baseline.at) {
        cell.rank = match cost {
            Some(x) if *x == low => Some(Rank::Best),
            Some(x) if *x == high => Some(Rank::Worst),
            _ => None,
        };
    }
}

/// A row of dB, where more is better.
fn decibel(
    c: &Comparison,
    name: &str,
    text: impl Fn(&Measured) -> String,
    db: impl Fn(&Measured) -> Option<f64>,
) -> MetricRow {
    let known = |m: &Measured| if m.all.lossless() { Some(f64::INFINITY) } else { db(m) };
    let mut row = errors(c, name, text, |m| known(m).map(|db| -db));
    for (cell, v) in row.cells.iter_mut().zip(&c.variants) {
        cell.db = v.measured.as_ref().filter(|_| !v.is_equal_in_part()).and_then(known);
    }
    row
}

/// The difference in percent of the baseline; nothing where it would read as zero.
fn change(base: f64, value: f64) -> Option<Change> {
    let percent = (value / base - 1.0) * 100.0;
    let text = match percent.abs() {
        p if p < 0.05 => return None,
        p if p < 99.95 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    };
    let (sign, tone) = if percent < 0.0 { ("−", Tone::Better) } else { ("+", Tone::Worse) };
    Some(Change { text: format!("{sign}{text}"), tone })
}

/// A row of errors; `cost` ranks the models, less is better. A model that lacks tensors of the baseline is not called equal to it, however equal the
/// others are: those of a quantized graph have other names.
fn errors(
    c: &Comparison,
    name: &str,
    text: impl Fn(&Measured) -> String,
    cost: impl Fn(&Measured) -> Option<f64>,
) -> MetricRow {
    let mut row = measured(c, name, text);
    for (cell, _) in row.cells.iter_mut().zip(&c.variants).filter(|(_, v)| v.is_equal_in_part()) {
        *cell = self::cell(String::new(), None, PARTIAL);
    }
    rank(c, &mut row, |v| cost(v.measured.as_ref().filter(|_| !v.is_equal_in_part())?));
    row
}

/// A row of what was measured against the baseline.
fn measured(c: &Comparison, name: &str, text: impl Fn(&Measured) -> String) -> MetricRow {
    let mut row = plain(c, name, |v| v.measured.as_ref().map(&text).unwrap_or_default());
    for (v, cell) in row.cells.iter_mut().enumerate().filter(|(_, cell)| cell.absent.is_some()) {
        cell.absent = Some(if v == c.baseline.at { BASELINE } else { UNMEASURED });
    }
    row
}

fn memory(v: &Variant) -> String {
    v.memory_bytes.map(bytes).unwrap_or_default()
}

/// The type that has most bytes and its share; the parts of a mix would not fit a column.
fn types(v: &Variant) -> String {
    let Some(most) = v.types.first() else { return String::new() };
    if v.types.len() == 1 {
        return most.name.clone();
    }
    // Never 100 while there is another.
    let percent = (most.bytes as f64 * 100.0 / v.tensor_bytes.max(1) as f64).min(99.0);
    format!("{} {percent:.0} %", most.name)
}

/// A small number with three digits.
pub(super) fn number(f: &Figures, value: Option<f64>) -> String {
    match value {
        _ if f.lossless() => "0".to_owned(),
        None => "not finite".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(v) if (0.001..1000.0).contains(&v.abs()) => {
            let digits = (2 - v.abs().log10().floor() as i32).clamp(0, 6) as usize;
            format!("{v:.digits$}")
        }
        Some(v) => format!("{v:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::Tally;
    use super::*;

    #[test]
    fn changes_have_a_sign_and_a_tone() {
        let c = change(16.0, 5.23).unwrap();
        assert_eq!((c.text.as_str(), c.tone), ("−67.3 %", Tone::Better));
        assert_eq!(change(1.0, 2.5).unwrap(), Change { text: "+150 %".into(), tone: Tone::Worse });
        assert_eq!(change(1000.0, 1000.2), None);
    }

    #[test]
    fn numbers_say_what_they_can() {
        let f = |x: &[f32], y: &[f32]| Tally::of(x, y).figures();
        let quality = Figures::quality;
        assert_eq!(quality(&f(&[1.0], &[0.9])), "20.0 dB");
        assert_eq!(quality(&f(&[1.0], &[1.0])), "exact");
        assert_eq!(quality(&f(&[0.0], &[1.0])), "no signal");
        assert_eq!(quality(&f(&[1.0], &[f32::NAN])), "not finite");
        let d = f(&[1.0], &[0.5]);
        let cases =
            [(0.5, "0.500"), (0.01234, "0.0123"), (12.34, "12.3"), (123.4, "123"), (1.2e-5, "1.20e-5"), (0.0, "0")];
        for (v, text) in cases {
            assert_eq!(number(&d, Some(v)), text);
        }
    }
}
