//! A measure of the errors by layer, a curve a model; the numbers on the curves are those of the columns.

use super::{number, short_label, style};
use crate::tui::tabs::compare::{CompareState, Measure};
use crate::tui::view::braille::Braille;
use crate::tui::view::canvas::{Canvas, width};
use ratatui::layout::Rect;

/// Columns of the axis at the left.
const AXIS: u16 = 7;
/// Rows between two numbers of the axis from which it is not seen that one is a bit off.
const FAR: f64 = 4.0;
/// Rows that a number of the axis may be off its value.
const MOST_OFF: f64 = 0.3;
/// Least columns between two numbers on a curve.
const APART: usize = 6;

/// The curve of one column: heights by layer, infinite where nothing was lost, nothing where it is undefined.
struct Curve {
    column: usize,
    points: Vec<Option<f64>>,
}

/// What is drawn.
struct Content {
    title: String,
    /// How heights are written at the axis.
    measure: Measure,
    layers: Vec<u32>,
    curves: Vec<Curve>,
}

/// Errors of the weights.
pub(super) fn draw(c: &mut Canvas<'_>, s: &CompareState, area: Rect) {
    let dim = c.theme().dim;
    let (layers, curves) = curves(s);
    let known = || curves.iter().flat_map(|v| v.points.iter().flatten().copied()).filter(|db| db.is_finite());
    if layers.is_empty() || known().next().is_none() {
        let untold = curves.iter().any(|v| v.points.iter().any(Option::is_none));
        let text = match (layers.is_empty(), untold) {
            (true, _) => "The tensors of these models are not in layers; tab shows them by kind.",
            (_, true) => "Errors by layer are undefined: values are not finite, or all zero.",
            _ => "Nothing is lost in any layer.",
        };
        c.text(area.x + 1, area.y + 1, area.width.saturating_sub(2), text, dim);
        return;
    }
    let scale = if s.measure.is_logarithmic() && area.width >= 100 { ", log scale" } else { "" };
    let title = format!("{} by layer{scale}, up is better", s.measure.title());
    plot(c, s, Content { title, measure: s.measure, layers, curves }, area);
}

/// Errors of the hidden state after each layer, as far as they are measured.
pub(super) fn draw_hidden(c: &mut Canvas<'_>, s: &CompareState, area: Rect) {
    let dim = c.theme().dim;
    let of = |column: usize| {
        let height = |error: &f64| (!error.is_nan()).then(|| if *error > 0.0 { -error.log10() } else { f64::INFINITY });
        Curve { column, points: s.hidden_errors(column).iter().map(height).collect() }
    };
    let mut curves: Vec<Curve> = (1..s.columns.len()).map(of).filter(|curve| !curve.points.is_empty()).collect();
    let layers = curves.iter().map(|curve| curve.points.len()).max().unwrap_or(0);
    curves.iter_mut().for_each(|curve| curve.points.resize(layers, None));
    let known = curves.iter().flat_map(|v| v.points.iter().flatten()).any(|v| v.is_finite());
    if !known {
        let text = match s.quality.running {
            Some(_) => "The error of the hidden state after each layer appears when the baseline was run.",
            None if (1..s.columns.len()).all(|column| s.quality_of(column).is_none()) => {
                "Only the baseline was measured on this text, so there is no error of hidden states; e measures the others."
            }
            None if curves.iter().any(|v| v.points.iter().flatten().next().is_some()) => {
                "No layer lost anything: the hidden states are those of the baseline."
            }
            None => "No errors of hidden states were measured: embedding models have none.",
        };
        c.wrapped(area.x + 1, area.y + 1, area.width.saturating_sub(2), 3, text, dim);
        return;
    }
    let title = if area.width >= 100 {
        "error of the hidden state after each layer, relative, log scale, up is better"
    } else {
        "hidden state error by layer, up is better"
    };
    let layers = (0u32..).take(layers).collect();
    plot(c, s, Content { title: title.to_owned(), measure: Measure::Rmse, layers, curves }, area);
}

fn plot(c: &mut Canvas<'_>, s: &CompareState, content: Content, area: Rect) {
    let Content { title, measure, layers, curves } = content;
    let known = || curves.iter().flat_map(|v| v.points.iter().flatten().copied()).filter(|db| db.is_finite());
    let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let step = measure.step(high - low);
    let (low, high) = ((low / step).floor() * step, ((high / step).floor() + 1.0) * step);
    let plot = Rect {
        x: area.x + AXIS + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(AXIS + 2),
        height: area.height.saturating_sub(2),
    };
    heading(c, s, &title, &curves, area);
    let lossless = curves.iter().any(|v| v.points.iter().flatten().any(|db| db.is_infinite()));
    axes(c, plot, (measure, step), (low, high), lossless, &layers);
    // In dots: two across and four down a cell.
    let x = |layer: usize| dot_of(layer, layers.len(), plot.width);
    // What lost nothing is at the top.
    let y = |db: f64| {
        if db.is_infinite() { 0.0 } else { (high - db) / (high - low) * (f64::from(plot.height) * 4.0 - 1.0) }
    };
    let mut lines = Braille::new(plot);
    for curve in &curves {
        let all: Vec<_> = curve.points.iter().enumerate().map(|(i, db)| Some((x(i), y((*db)?)))).collect();
        // A layer without a value breaks the line.
        for run in all.split(Option::is_none) {
            let points: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            lines.line(&points, style(c, curve.column));
        }
    }
    lines.draw(c);
    let step = (APART * (layers.len() - 1)).div_ceil(usize::from(plot.width).max(1)).max(1);
    let mut taken: Vec<(u16, u16)> = Vec::new();
    for curve in &curves {
        // Each curve has its numbers at other layers, so that they do not hide one another.
        let first = if layers.len() > 2 * step { curve.column % step } else { 0 };
        for (i, db) in curve.points.iter().enumerate().skip(first).step_by(step) {
            let Some(db) = db else { continue };
            // The cell that has the dot of the curve.
            let (cx, cy) = (plot.x + x(i).round() as u16 / 2, plot.y + y(*db).round() as u16 / 4);
            // Where curves meet, their numbers are side by side.
            let Some(cx) = (cx..plot.right()).take(curves.len()).find(|cx| !taken.contains(&(*cx, cy))) else {
                continue;
            };
            taken.push((cx, cy));
            // Styles add up: the dots below would lend theirs.
            c.clear(Rect { x: cx, y: cy, width: 1, height: 1 });
            c.text(cx, cy, 1, &number(curve.column), style(c, curve.column));
        }
    }
}

/// The layers that any model was measured in, and a curve a model.
fn curves(s: &CompareState) -> (Vec<u32>, Vec<Curve>) {
    let measured: Vec<_> = (1..s.columns.len()).filter_map(|i| Some((i, s.measured(i)?))).collect();
    let mut layers: Vec<u32> =
        measured.iter().flat_map(|(_, m)| m.layers.iter().filter_map(|g| g.name.parse().ok())).collect();
    layers.sort_unstable();
    layers.dedup();
    let curve = |(column, m): &(usize, &crate::evaluate::Measured)| {
        let of = |layer: &u32| {
            let f = m.layers.iter().find(|g| g.name.parse() == Ok(*layer))?.figures;
            s.measure.height(&f)
        };
        Curve { column: *column, points: layers.iter().map(of).collect() }
    };
    let curves = measured.iter().map(curve).collect();
    (layers, curves)
}

fn heading(c: &mut Canvas<'_>, s: &CompareState, title: &str, curves: &[Curve], area: Rect) {
    let dim = c.theme().dim;
    let mut x = area.x + 1 + c.text(area.x + 1, area.y, area.width, title, dim) + 3;
    // Every curve is named, if need be by the end of its name.
    let each = usize::from(area.right().saturating_sub(x)) / curves.len().max(1);
    for curve in curves {
        let text =
            format!("{} {}", number(curve.column), short_label(s, curve.column, each.saturating_sub(5).clamp(6, 24)));
        let need = width(&text) as u16;
        if x + need + 2 > area.right() {
            c.text(x, area.y, 1, "…", dim);
            break;
        }
        x += c.text(x, area.y, need, &text, style(c, curve.column)) + 2;
    }
}

/// The dot of a layer, from the left: the curves keep two cells off both edges of the plot, where there is room.
fn dot_of(layer: usize, layers: usize, width: u16) -> f64 {
    let margin = if width > 20 { 4.0 } else { 0.0 };
    margin + layer as f64 / (layers - 1).max(1) as f64 * (f64::from(width) * 2.0 - 1.0 - 2.0 * margin)
}

fn axes(
    c: &mut Canvas<'_>,
    plot: Rect,
    (measure, step): (Measure, f64),
    (low, high): (f64, f64),
    lossless: bool,
    layers: &[u32],
) {
    let (dim, faint) = (c.theme().dim, c.theme().faint);
    let left = plot.x - 1;
    c.divide(left, plot.y, plot.height);
    let rows = f64::from(plot.height - 1).max(1.0);
    let steps = ((high - low) / step).round().max(1.0);
    // A number every step, or fewer where they would touch.
    let apart = (steps / rows).ceil().max(1.0) * step;
    let mut label = |y: u16, text: &str| {
        c.right(left - 1, y, AXIS - 2, text, dim);
        c.text(left, y, 1, "┤", faint);
    };
    let mut at = low;
    while at <= high {
        let row = (high - at) / (high - low) * rows;
        let y = plot.y + row.round() as u16;
        // Numbers that are as far apart as their values, or none.
        let exact = (row - row.round()).abs() <= MOST_OFF || apart / (high - low) * rows >= FAR;
        if exact && !(lossless && y == plot.y) {
            label(y, &measure.label(at));
        }
        at += apart;
    }
    // No number reaches the top: it is for layers that lost nothing.
    if lossless {
        label(plot.y, "exact");
    }
    let last = layers.len() - 1;
    let step = (5 * last).div_ceil(usize::from(plot.width).max(1)).max(1);
    for (i, layer) in layers.iter().enumerate().step_by(step) {
        let at = plot.x + dot_of(i, layers.len(), plot.width).round() as u16 / 2;
        let text = layer.to_string();
        c.right((at + 1).max(plot.x + width(&text) as u16).min(plot.right()), plot.bottom(), 4, &text, dim);
    }
}
