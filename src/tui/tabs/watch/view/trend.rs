//! What was measured of the exports of a run, and their size, over its training steps: a chart if there is space, else a line.

use crate::quality::{Better, MetricSpec};
use crate::tui::core::units;
use crate::tui::tabs::watch::{Trend, Value};
use crate::tui::view::braille::Braille;
use crate::tui::view::canvas::{Canvas, width};
use ratatui::layout::Rect;

/// Rows of a chart with its title and its steps.
const CHART: u16 = 9;
/// Rows that are left to the source itself.
const OTHERS: u16 = 10;
/// Columns of the axis at the left.
const AXIS: u16 = 10;

/// A figure over the steps.
struct Figure {
    kind: Kind,
    points: Vec<Value>,
}

/// What the values of a figure are.
#[derive(Clone, Copy)]
enum Kind {
    Metric(&'static MetricSpec),
    Db,
    Bytes,
}

impl Kind {
    fn title(self) -> String {
        match self {
            Self::Metric(m) => format!("{} by step", m.title),
            Self::Db => "weights dB by step".to_owned(),
            Self::Bytes => "size by step".to_owned(),
        }
    }

    /// A value in words.
    fn words(self, value: f64) -> String {
        match self {
            Self::Metric(m) => m.text(value, None),
            Self::Db => format!("{value:.2}"),
            Self::Bytes => units::bytes(value as u64),
        }
    }

    /// True if the lowest value is the one to look at, and not the highest: it is the worst one, or the largest file.
    fn lowest(self) -> bool {
        match self {
            Self::Metric(m) => m.better == Better::More,
            Self::Db => true,
            Self::Bytes => false,
        }
    }
}

impl Figure {
    fn range(&self) -> (f64, f64) {
        self.points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p.value), b.max(p.value)))
    }

    /// True if every step has the same value, as it is shown.
    fn is_flat(&self) -> bool {
        let (low, high) = self.range();
        self.kind.words(low) == self.kind.words(high)
    }

    /// On one line.
    fn line(&self) -> String {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return String::new() };
        let (title, words) = (self.kind.title(), |v| self.kind.words(v));
        if self.is_flat() {
            return format!("{title}:  {} at all {} steps", words(last.value), self.points.len());
        }
        let (low, high) = self.range();
        let (word, value) = if self.kind.lowest() { ("lowest", low) } else { ("largest", high) };
        let at = self.points.iter().rfind(|p| p.value == value).map_or(last.step, |p| p.step);
        let of = |p: &Value| format!("{} at {:.0}", words(p.value), p.step);
        let ends = format!("{title}:  {}, {}", of(first), of(last));
        // An end that is the extreme says so already.
        if at == first.step || at == last.step { ends } else { format!("{ends}; {word} {} at {at:.0}", words(value)) }
    }
}

fn figures(trend: &Trend) -> Vec<Figure> {
    let metric = |m: &'static MetricSpec| Figure { kind: Kind::Metric(m), points: trend.metric(m.name) };
    let db = Figure { kind: Kind::Db, points: trend.db() };
    let size = Figure { kind: Kind::Bytes, points: trend.bytes() };
    trend.metrics().map(metric).chain([db, size]).filter(|f| f.points.len() > 1).collect()
}

/// What must be known of the figures; true for a failure.
fn notes(trend: &Trend) -> Vec<(String, bool)> {
    let failed = match trend.failed() {
        0 => None,
        1 => Some("✗ 1 export failed a check of the recipe".to_owned()),
        n => Some(format!("✗ {n} exports failed a check of the recipe")),
    };
    let missing = trend.why_no_db().map(|why| format!("weights dB are missing for some: {why}"));
    failed.map(|note| (note, true)).into_iter().chain(missing.map(|note| (note, false))).collect()
}

/// Rows that the figures take of the area of a source.
pub(super) fn rows(trend: &Trend, area: Rect) -> u16 {
    let figures = figures(trend);
    let notes = if figures.is_empty() { 0 } else { notes(trend).len() as u16 };
    let wanted: u16 = charted(&figures, area).iter().map(|chart| if *chart { CHART } else { 1 }).sum::<u16>() + notes;
    // The source itself goes before.
    if wanted + 3 > area.height { 0 } else { wanted }
}

/// Which of the figures are charts: the first ones, as far as there is space for them.
fn charted(figures: &[Figure], area: Rect) -> Vec<bool> {
    let mut free = area.height.saturating_sub(OTHERS);
    let fits = |f: &Figure| {
        let chart = free >= CHART && area.width >= 40 && !f.is_flat();
        free -= if chart { CHART } else { 0 };
        chart
    };
    figures.iter().map(fits).collect()
}

/// Draws the figures into `place`, which is a part of the area of the source.
pub(super) fn draw(c: &mut Canvas<'_>, trend: &Trend, place: Rect, area: Rect) {
    if place.height == 0 {
        return;
    }
    let dim = c.theme().dim;
    let figures = figures(trend);
    let mut y = place.y;
    for (figure, is_chart) in figures.iter().zip(charted(&figures, area)) {
        if is_chart {
            chart(c, figure, Rect { y, height: CHART, ..place });
            y += CHART;
        } else {
            c.text(place.x, y, place.width, &figure.line(), dim);
            y += 1;
        }
    }
    for (note, failed) in notes(trend).into_iter().take(usize::from(place.bottom().saturating_sub(y))) {
        let style = if failed { c.theme().bad } else { dim };
        c.text(place.x, y, place.width, &note, style);
        y += 1;
    }
}

fn chart(c: &mut Canvas<'_>, figure: &Figure, area: Rect) {
    let (dim, faint, bar, accent) = (c.theme().dim, c.theme().faint, c.theme().bar, c.theme().accent);
    let bad = c.theme().bad;
    c.text(area.x, area.y, area.width, &figure.kind.title(), dim);
    let plot = Rect {
        x: area.x + AXIS + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(AXIS + 2),
        height: area.height.saturating_sub(3),
    };
    let (low, high) = figure.range();
    let (Some(first), Some(last)) = (figure.points.first(), figure.points.last()) else { return };
    let place = |p: &Value, across: f64, down: f64| {
        let x = (p.step - first.step) / (last.step - first.step).max(f64::MIN_POSITIVE);
        let y = (high - p.value) / (high - low).max(f64::MIN_POSITIVE);
        (x * (f64::from(plot.width) * across - 1.0), y * (f64::from(plot.height) * down - 1.0))
    };
    c.divide(plot.x - 1, plot.y, plot.height);
    for (y, value) in [(plot.y, high), (plot.bottom() - 1, low)] {
        c.right(plot.x - 2, y, AXIS - 1, &figure.kind.words(value), dim);
        c.text(plot.x - 1, y, 1, "┤", faint);
    }
    let mut lines = Braille::new(plot);
    lines.line(&figure.points.iter().map(|p| place(p, 2.0, 4.0)).collect::<Vec<_>>(), bar);
    lines.draw(c);
    for p in &figure.points {
        let (x, y) = place(p, 1.0, 1.0);
        let (x, y) = (plot.x + x.round() as u16, plot.y + y.round() as u16);
        // Styles add up: the dots below would lend theirs.
        c.clear(Rect { x, y, width: 1, height: 1 });
        let (mark, style) = if p.failed { ("✗", bad) } else { ("•", accent) };
        c.text(x, y, 1, mark, style);
    }
    let (from, to) = (format!("{:.0}", first.step), format!("{:.0}", last.step));
    c.text(plot.x - 1, plot.bottom(), 1, "└", faint);
    c.rule(plot.x, plot.bottom(), plot.width);
    let y = plot.bottom() + 1;
    c.text(plot.x, y, width(&from) as u16, &from, dim);
    c.right(plot.right(), y, width(&to) as u16, &to, dim);
}
