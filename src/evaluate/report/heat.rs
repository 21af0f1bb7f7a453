//! Error by layer and kind: a map for each model, all on one scale.

use super::markup::{at, element, escape, text};
use super::plot::label;
use super::scale::step;
use super::series;
use crate::evaluate::{Comparison, Figures, Sameness};
use crate::quant::Encoding;
use indexmap::IndexSet;
use std::collections::HashMap;

/// Steps of the scale at most.
const STEPS: usize = 8;
/// Kinds and layers that are drawn: more do not fit a page.
const MOST_KINDS: usize = 64;
const MOST_LAYERS: u32 = 512;
/// Height of a row, and columns of the names of kinds.
const ROW: f64 = 16.0;
const NAMES: f64 = 128.0;
/// Width of the cells of a map, and the limits of one cell.
const CELLS: f64 = 620.0;
const CELL: (f64, f64) = (1.5, 24.0);

/// The steps of the scale: dB from the worst to the best.
struct Steps {
    /// The upper end of the lowest step.
    first: f64,
    size: f64,
    count: usize,
}

impl Steps {
    /// Over all values of all models.
    fn over(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if low > high {
            return None;
        }
        let size = step(((high - low) / STEPS as f64).max(1.0));
        let first = (low / size).floor() * size + size;
        let count = (((high - first) / size).floor() as usize + 2).clamp(1, STEPS + 2);
        Some(Self { first, size, count })
    }

    /// The step of a value: 0 is the worst.
    fn of(&self, db: f64) -> usize {
        let above = ((db - self.first) / self.size).floor() + 1.0;
        (above.max(0.0) as usize).min(self.count - 1)
    }

    /// The class of a step: `q0` is the best of nine, so that a scale of few steps uses the whole range of colours.
    fn class(&self, step: usize) -> String {
        let from_best = (self.count - 1 - step) as f64;
        let most = (self.count - 1).max(1) as f64;
        format!("q{}", (from_best / most * 8.0).round() as usize)
    }

    fn words(&self, step: usize) -> String {
        let end = |i: usize| super::scale::label(self.first + self.size * i as f64);
        match step {
            _ if self.count == 1 => "all".to_owned(),
            0 => format!("below {}", end(0)),
            s if s + 1 == self.count => format!("{} and more", end(s - 1)),
            s => format!("{} to {}", end(s - 1), end(s)),
        }
    }
}

/// What a cell shows: the worst of its tensors.
struct HeatCell {
    figures: Figures,
    tensor: String,
    encoding: Option<Encoding>,
    tensors: usize,
}

type Cells<'a> = HashMap<(&'a str, Option<u32>), HeatCell>;

/// The maps with their legend; empty if nothing was measured.
pub(super) fn section(c: &Comparison) -> String {
    let measured: Vec<(usize, &str)> =
        series(c).filter(|(_, v)| v.measured.is_some()).map(|(i, v)| (i, v.label.as_str())).collect();
    let all: Vec<Cells<'_>> = measured.iter().map(|(v, _)| cells(c, *v)).collect();
    let finite = |cell: &HeatCell| cell.figures.sqnr_db.filter(|_| !cell.figures.lossless() && !cell.figures.broken());
    let steps = Steps::over(all.iter().flat_map(|cells| cells.values()).filter_map(finite));
    let kinds: IndexSet<&str> =
        c.tensors.iter().filter(|t| t.figures.iter().any(Option::is_some)).map(|t| t.kind.as_str()).collect();
    if kinds.is_empty() || measured.is_empty() {
        return String::new();
    }
    let layers = c.tensors.iter().filter_map(|t| t.layer).max().map_or(0, |l| l.saturating_add(1)).min(MOST_LAYERS);
    let mut out = text("h2", "Where the loss is: layer and kind");
    out.push_str(&element(
        "p",
        "",
        "Weights dB of each tensor; where several tensors are of one kind and layer, the worst. All models have the same scale. \
         Point at a cell for its figures.",
    ));
    out.push_str(&legend(steps.as_ref(), &all));
    let mut maps = String::new();
    for ((_, name), cells) in measured.iter().zip(&all) {
        let drawn = text("h3", name) + &map(name, &kinds, layers, cells, steps.as_ref());
        maps.push_str(&element("section", "", drawn));
    }
    out.push_str(&element("div", "class=\"maps\"", maps));
    if kinds.len() > MOST_KINDS {
        out.push_str(&text("p", &format!("{} more kinds are not drawn.", kinds.len() - MOST_KINDS)));
    }
    out
}

fn cells(c: &Comparison, v: usize) -> Cells<'_> {
    let mut cells = Cells::new();
    for t in &c.tensors {
        let Some(figures) = t.figures[v] else { continue };
        let new = || HeatCell { figures, tensor: t.name.clone(), encoding: t.types[v], tensors: 0 };
        let cell = cells.entry((t.kind.as_str(), t.layer)).or_insert_with(new);
        let tensors = cell.tensors + 1;
        if figures.badness() > cell.figures.badness() {
            *cell = new();
        }
        cell.tensors = tensors;
    }
    cells
}

fn class(figures: &Figures, steps: Option<&Steps>) -> String {
    match (figures.broken(), figures.same, figures.sqnr_db, steps) {
        (true, ..) => "qb".to_owned(),
        (_, Sameness::Identical | Sameness::Exact, ..) => "qx".to_owned(),
        (_, _, Some(db), Some(steps)) => steps.class(steps.of(db)),
        // An error where there is no signal.
        _ => "qb".to_owned(),
    }
}

fn legend(steps: Option<&Steps>, all: &[Cells<'_>]) -> String {
    let item = |class: &str, words: &str| {
        let swatch = format!("<rect class=\"{class}\" x=\"1\" y=\"1\" width=\"18\" height=\"12\"/>");
        let swatch = element("svg", "viewBox=\"0 0 20 14\" class=\"swatch\" aria-hidden=\"true\"", swatch);
        element("li", "", swatch + &escape(words))
    };
    let mut items = String::new();
    let used = |class_of: &str| all.iter().flat_map(|c| c.values()).any(|c| class(&c.figures, steps) == class_of);
    if used("qx") {
        items.push_str(&item("qx", "exact"));
    }
    for step in (0..steps.map_or(0, |s| s.count)).rev() {
        items.push_str(&steps.map(|s| item(&s.class(step), &format!("{} dB", s.words(step)))).unwrap_or_default());
    }
    if used("qb") {
        items.push_str(&item("qb", "not finite, or no signal"));
    }
    element("ul", "class=\"legend\"", items) + "\n"
}

fn map(name: &str, kinds: &IndexSet<&str>, layers: u32, cells: &Cells<'_>, steps: Option<&Steps>) -> String {
    let size = (CELLS / f64::from(layers.max(1))).clamp(CELL.0, CELL.1);
    let outside = cells.keys().any(|(_, layer)| layer.is_none());
    // What belongs to no layer has the first column, with a gap behind it.
    let first = if outside { 24.0 + 10.0 } else { 0.0 };
    let x = |layer: Option<u32>| NAMES + layer.map_or(0.0, |l| first + f64::from(l) * size);
    let mut out = String::new();
    for (row, kind) in kinds.iter().take(MOST_KINDS).enumerate() {
        let y = 4.0 + ROW * row as f64;
        let short: String = kind.chars().take(18).collect();
        out.push_str(&label((NAMES - 8.0, y + 12.0), "end", &short));
        for layer in std::iter::once(None).chain((0..layers).map(Some)) {
            let Some(cell) = cells.get(&(*kind, layer)) else { continue };
            let gap = if size > 4.0 { 1.0 } else { 0.0 };
            let width = if layer.is_none() { 24.0 } else { size } - gap;
            let place =
                format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", at(x(layer)), at(y), at(width), at(ROW - 1.0));
            let encoding = cell.encoding.map_or("", Encoding::name);
            let mut tip = format!("{} {encoding}: {}", cell.tensor, cell.figures.quality());
            if cell.tensors > 1 {
                tip.push_str(&format!(", the worst of {}", cell.tensors));
            }
            let rect = format!("<rect class=\"{}\" {place}/>", class(&cell.figures, steps));
            out.push_str(&element("g", "", element("title", "", escape(&tip)) + &rect));
        }
        out.push('\n');
    }
    let bottom = 4.0 + ROW * kinds.len().min(MOST_KINDS) as f64;
    if outside {
        out.push_str(&label((x(None) + 12.0, bottom + 14.0), "middle", "–"));
    }
    let every = [1, 2, 5, 10, 20, 50, 100].into_iter().find(|n| f64::from(*n) * size >= 26.0).unwrap_or(200);
    for layer in (0..layers).step_by(every as usize) {
        out.push_str(&label((x(Some(layer)) + size / 2.0, bottom + 14.0), "middle", &layer.to_string()));
    }
    let width = NAMES + first + size * f64::from(layers) + 8.0;
    out.push_str(&label((NAMES - 8.0, bottom + 14.0), "end", "layer"));
    let box_ = format!(
        "viewBox=\"0 0 {0} {1}\" style=\"width:{0}px\" role=\"img\" class=\"map\" xmlns=\"http://www.w3.org/2000/svg\"",
        at(width),
        at(bottom + 20.0)
    );
    let title = element("title", "", escape(&format!("Weights dB of {name} by layer and kind")));
    element("svg", &box_, title + &out) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_colour_of_its_step_in_the_legend() {
        let steps = Steps::over([12.0, 31.0, 55.5].into_iter()).unwrap();
        for db in [12.0, 14.9, 15.0, 31.0, 55.5] {
            let words = steps.words(steps.of(db));
            let numbers: Vec<f64> = words.split_whitespace().filter_map(|w| w.parse().ok()).collect();
            let within = match (words.starts_with("below"), words.ends_with("more"), numbers.as_slice()) {
                (true, _, [end]) => db < *end,
                (_, true, [begin]) => db >= *begin,
                (_, _, [begin, end]) => (*begin..*end).contains(&db),
                _ => false,
            };
            assert!(within, "{db} in {words}");
        }
        assert!(steps.count <= STEPS + 2);
        assert_eq!((steps.class(steps.count - 1), steps.class(0)), ("q0".into(), "q8".into()));
        let classes: IndexSet<String> = (0..steps.count).map(|s| steps.class(s)).collect();
        assert!(classes.len() >= steps.count.min(9), "no two steps look the same: {classes:?}");
        // One value has one step; no value none.
        assert_eq!(Steps::over([20.0].into_iter()).unwrap().of(20.0), 0);
        assert!(Steps::over(std::iter::empty()).is_none());
    }
}
