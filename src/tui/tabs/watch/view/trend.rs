//! Size and error of the exports of a run over its training steps: a chart if there is space, else a line.

use crate::tui::core::units;
use crate::tui::tabs::watch::Trend;
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
    title: &'static str,
    points: Vec<(f64, f64)>,
    words: fn(f64) -> String,
    /// True where the lowest value is the one to look at, and not the highest.
    lowest: bool,
}

impl Figure {
    fn range(&self) -> (f64, f64) {
        self.points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p.1), b.max(p.1)))
    }

    /// True if every step has the same value, as it is shown.
    fn is_flat(&self) -> bool {
        let (low, high) = self.range();
        (self.words)(low) == (self.words)(high)
    }

    /// On one line.
    fn line(&self) -> String {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return String::new() };
        let words = self.words;
        if self.is_flat() {
            return format!("{}:  {} at all {} steps", self.title, words(last.1), self.points.len());
        }
        let (low, high) = self.range();
        let (word, value) = if self.lowest { ("lowest", low) } else { ("largest", high) };
        let at = self.points.iter().rfind(|p| p.1 == value).map_or(last.0, |p| p.0);
        let ends = format!("{}:  {} at {:.0}, {} at {:.0}", self.title, words(first.1), first.0, words(last.1), last.0);
        // An end that is the extreme says so already.
        if at == first.0 || at == last.0 { ends } else { format!("{ends}; {word} {} at {at:.0}", words(value)) }
    }
}

fn figures(trend: &Trend) -> Vec<Figure> {
    let db = Figure { title: "weights dB by step", points: trend.db(), words: |v| format!("{v:.2}"), lowest: true };
    let size =
        Figure { title: "size by step", points: trend.bytes(), words: |v| units::bytes(v as u64), lowest: false };
    [db, size].into_iter().filter(|f| f.points.len() > 1).collect()
}

/// Rows that the figures take of the area of a source.
pub(super) fn rows(trend: &Trend, area: Rect) -> u16 {
    let figures = figures(trend);
    let notes = u16::from(!figures.is_empty() && trend.why_no_db().is_some());
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
    if let Some(why) = trend.why_no_db().filter(|_| y < place.bottom()) {
        c.text(place.x, y, place.width, &format!("weights dB are missing for some: {why}"), dim);
    }
}

fn chart(c: &mut Canvas<'_>, figure: &Figure, area: Rect) {
    let (dim, faint, bar, accent) = (c.theme().dim, c.theme().faint, c.theme().bar, c.theme().accent);
    c.text(area.x, area.y, area.width, figure.title, dim);
    let plot = Rect {
        x: area.x + AXIS + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(AXIS + 2),
        height: area.height.saturating_sub(3),
    };
    let (low, high) = figure.range();
    let (Some(first), Some(last)) = (figure.points.first(), figure.points.last()) else { return };
    let place = |p: &(f64, f64), across: f64, down: f64| {
        let x = (p.0 - first.0) / (last.0 - first.0).max(f64::MIN_POSITIVE);
        let y = (high - p.1) / (high - low).max(f64::MIN_POSITIVE);
        (x * (f64::from(plot.width) * across - 1.0), y * (f64::from(plot.height) * down - 1.0))
    };
    c.divide(plot.x - 1, plot.y, plot.height);
    for (y, value) in [(plot.y, high), (plot.bottom() - 1, low)] {
        c.right(plot.x - 2, y, AXIS - 1, &(figure.words)(value), dim);
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
        c.text(x, y, 1, "•", accent);
    }
    let (from, to) = (format!("{:.0}", first.0), format!("{:.0}", last.0));
    c.text(plot.x - 1, plot.bottom(), 1, "└", faint);
    c.rule(plot.x, plot.bottom(), plot.width);
    let y = plot.bottom() + 1;
    c.text(plot.x, y, width(&from) as u16, &from, dim);
    c.right(plot.right(), y, width(&to) as u16, &to, dim);
}
