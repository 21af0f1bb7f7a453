//! The plot of size against error: every file type a point, the mixes a curve above them, the choice marked.

use crate::plan::Forecasted;
use crate::tui::core::{State, units};
use crate::tui::tabs::recipe::{Budget, presets};
use crate::tui::view::braille::Braille;
use crate::tui::view::canvas::{Canvas, fit, width};
use ratatui::layout::Rect;

/// Rows of the largest plot.
pub(super) const MAX_HEIGHT: u16 = 20;
/// Minimum rows of the plot, where there is little space: half a screen of 80 by 24.
pub(super) const MIN_HEIGHT: u16 = 7;
/// Rows that it should have.
pub(super) const GOOD_HEIGHT: u16 = 9;
/// Minimum rows and columns of the plot.
const MIN_SIZE: (u16, u16) = (MIN_HEIGHT, 34);
/// Columns from which a plot and what belongs to it have space side by side.
pub(super) const SIDE_BY_SIDE: u16 = 72;
/// Columns of the axis at the left.
const AXIS: u16 = 6;
/// Rows of title, axis, numbers and legend.
const AROUND: u16 = 4;
/// Types of this many bits and more lose too little for the scale of the others.
const BITS: f64 = 16.0;

/// A point in bytes and dB.
type Point = (f64, f64);

/// What the recipe makes: a type, or a mix for a budget.
struct Chosen {
    name: String,
    point: Point,
    glyph: &'static str,
}

/// The area of the points, and the values at its edges.
struct Frame {
    area: Rect,
    x: (f64, f64),
    y: (f64, f64),
    /// dB between two numbers of the axis.
    step: f64,
}

impl Frame {
    /// Column and row, in parts of a cell, from the top left.
    fn place(&self, (bytes, db): Point, across: f64, down: f64) -> (f64, f64) {
        let part = |v: f64, (low, high): (f64, f64)| ((v - low) / (high - low)).clamp(0.0, 1.0);
        let columns = f64::from(self.area.width) * across - 1.0;
        let rows = f64::from(self.area.height) * down - 1.0;
        (part(bytes, self.x) * columns, (1.0 - part(db, self.y)) * rows)
    }

    fn cell(&self, point: Point) -> (u16, u16) {
        let (x, y) = self.place(point, 1.0, 1.0);
        (self.area.x + x.round() as u16, self.area.y + y.round() as u16)
    }
}

/// A point, when it is of those that can be compared. A divergence has its decibels too, so that both figures share the frame.
fn point(f: &Forecasted, in_nats: bool) -> Option<Point> {
    let quality = if in_nats { decibels(f.kld?)? } else { f.output_sqnr_db? };
    (f.bits_per_weight < BITS).then_some((f.bytes as f64, quality))
}

/// Up for less divergence, ten for each power of ten.
fn decibels(kld: f64) -> Option<f64> {
    (kld > 0.0).then(|| -10.0 * kld.log10())
}

/// The divergence at a number of the axis, of at most four columns: `3e-3`.
fn axis_nats(db: f64) -> String {
    format!("{:.0e}", 10f64.powf(-db / 10.0))
}

/// Draws the plot if there is data and space for it; returns the rows used.
pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let forecast_state = &state.recipe.forecast_state;
    let Some(forecast) = forecast_state.forecast().filter(|_| area.height >= MIN_SIZE.0 && area.width >= MIN_SIZE.1)
    else {
        return 0;
    };
    let in_nats = state.recipe.shows_kld();
    let point = |f: &Forecasted| point(f, in_nats);
    let types: Vec<(&str, Point)> = forecast.types.iter().filter_map(|t| Some((t.name.as_str(), point(t)?))).collect();
    let mut mixes: Vec<Point> = forecast.mixes.iter().filter_map(point).collect();
    mixes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let targets = state.recipe.document.recipe.targets.iter().enumerate();
    let mut chosen: Vec<Chosen> = targets
        .filter_map(|(i, target)| {
            let f = state.recipe.estimate(i)?;
            let mixed = Budget::of(target).is_some();
            let name = if mixed { format!("{} mix", f.name) } else { f.name.clone() };
            Some(Chosen { name, point: point(f)?, glyph: if mixed { "★" } else { "◆" } })
        })
        .collect();
    if let Some(mix) = state.recipe.slider_mix() {
        let quality = if in_nats { mix.kld.and_then(decibels) } else { mix.output_sqnr_db };
        chosen.clear();
        chosen.extend(quality.map(|q| Chosen {
            name: units::bytes(mix.bytes),
            point: (mix.bytes as f64, q),
            glyph: "★",
        }));
    }
    // The same point twice would only write its name over itself.
    chosen.dedup_by(|a, b| a.name == b.name);
    let all = || types.iter().map(|t| t.1).chain(mixes.iter().copied()).chain(chosen.iter().map(|t| t.point));
    let Some(frame) = frame(all(), area).filter(|_| types.len() > 1) else { return 0 };
    axes(c, &frame, area, in_nats);
    curve(c, &frame, &mixes);
    points(c, &frame, &types, &chosen);
    let fits = fits(c, state, &frame);
    legend(c, area, &chosen, fits.as_deref());
    area.height
}

fn frame(all: impl Iterator<Item = Point> + Clone, area: Rect) -> Option<Frame> {
    let span = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let x = span(&mut all.clone().map(|p| p.0));
    let y = span(&mut all.map(|p| p.1));
    let (height, y, step) = scale(y, area.height.saturating_sub(AROUND))?;
    let inner = Rect { x: area.x + AXIS + 1, y: area.y + 1, width: area.width.saturating_sub(AXIS + 2), height };
    (x.0 < x.1).then_some(Frame { area: inner, x, y, step })
}

/// The rows of the plot, at most so many, the values at its edges, and the dB between two numbers of its axis: all numbers are the same
/// number of rows apart, at least two.
fn scale((low, high): (f64, f64), rows: u16) -> Option<(u16, (f64, f64), f64)> {
    if !(low <= high && rows >= 2) {
        return None;
    }
    const STEPS: [f64; 6] = [5.0, 10.0, 20.0, 25.0, 50.0, 100.0];
    let fits = |rows: u16, parts: u16, step: f64| {
        let from = (low / step).floor() * step;
        let to = from + step * f64::from(parts);
        (to >= high).then_some((rows, (from, to), step))
    };
    // Of two plots the one whose numbers cover less is better, then the larger one, then the one with more numbers.
    let heights = [rows, rows.saturating_sub(1)].into_iter().filter(|rows| *rows >= 3);
    let even = heights.flat_map(|rows| {
        let parts = (1..=(rows - 1) / 2).filter(move |parts| (rows - 1) % parts == 0);
        parts.flat_map(move |parts| STEPS.map(|step| (rows, parts, step)))
    });
    let found = even.filter_map(|(rows, parts, step)| fits(rows, parts, step));
    // Values on both sides of zero in few rows: a number at each end.
    let (from, to) = ((low / 10.0).floor() * 10.0, ((high / 10.0).floor() + 1.0) * 10.0);
    let ends = (rows, (from, to), to - from);
    let best = found.min_by(|a, b| {
        let covered = |f: &(u16, (f64, f64), f64)| f.1.1 - f.1.0;
        covered(a).total_cmp(&covered(b)).then(b.0.cmp(&a.0)).then(a.2.total_cmp(&b.2))
    });
    Some(best.unwrap_or(ends))
}

/// A line at the size of the largest file that fits the GPU, below the points; gives the words for the legend.
fn fits(c: &mut Canvas<'_>, state: &State, frame: &Frame) -> Option<String> {
    let found = state.recipe.gpu.as_ref().map(|(_, memory)| *memory);
    let memory = state.settings.gpu_memory.or(found)?;
    let gpu = format!("a GPU of {}", units::bytes(memory));
    let Some(largest) = state.recipe.runtime()?.largest_file(memory) else { return Some(format!("none fits {gpu}")) };
    let bytes = largest as f64;
    if bytes < frame.x.0 {
        return Some(format!("none fits {gpu}"));
    }
    if bytes > frame.x.1 {
        return Some(format!("all fit {gpu}"));
    }
    let (x, _) = frame.cell((bytes, frame.y.0));
    let warn = c.theme().warn;
    for y in frame.area.y..frame.area.bottom() {
        if c.buf[(x, y)].symbol() == " " {
            c.text(x, y, 1, "┊", warn);
        }
    }
    Some(format!("fits {gpu}"))
}

fn axes(c: &mut Canvas<'_>, frame: &Frame, area: Rect, in_nats: bool) {
    let (dim, faint) = (c.theme().dim, c.theme().faint);
    let (long, short) = match in_nats {
        true => (
            "KL divergence from the source in nats (KLD), logarithmic, up is better",
            "KL divergence in nats, up is better",
        ),
        false => (
            "signal-to-noise ratio of the model's output in dB, up is better",
            "signal-to-noise ratio in dB, up is better",
        ),
    };
    let shortest = if in_nats { "KLD in nats, up is better" } else { "dB of the output, up is better" };
    let fits = |title: &&str| width(title) < area.width.into();
    let title = [long, short].into_iter().find(fits).unwrap_or(shortest);
    c.text(area.x + 1, area.y, area.width, title, dim);
    let left = frame.area.x - 1;
    c.divide(left, frame.area.y, frame.area.height);
    let mut db = frame.y.0;
    while db <= frame.y.1 {
        let (_, y) = frame.cell((frame.x.0, db));
        let label = if in_nats { axis_nats(db) } else { format!("{db:.0}") };
        c.right(left - 1, y, AXIS - 2, &label, dim);
        c.text(left, y, 1, "┤", faint);
        db += frame.step;
    }
    let bottom = frame.area.bottom();
    c.text(left, bottom, 1, "└", faint);
    c.rule(left + 1, bottom, frame.area.width);
    let (unit, scale) = unit(frame.x.1);
    let step = round_step(frame.x, frame.area.width);
    let digits = usize::from(step / scale < 1.0) + usize::from(step / scale < 0.1);
    let end = area.right();
    c.right(end, bottom + 1, 3, unit, dim);
    let mut bytes = (frame.x.0 / step).ceil() * step;
    while bytes <= frame.x.1 {
        let (x, _) = frame.cell((bytes, frame.y.0));
        c.text(x, bottom, 1, "┬", faint);
        let label = format!("{:.digits$}", bytes / scale);
        let half = width(&label) as u16 / 2;
        if x + half + 4 < end {
            c.text(x.saturating_sub(half), bottom + 1, 8, &label, dim);
        }
        bytes += step;
    }
}

/// Unit of an axis that ends at `most` bytes, and its bytes.
fn unit(most: f64) -> (&'static str, f64) {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    units.into_iter().find(|(_, scale)| most >= *scale).unwrap_or(("B", 1.0))
}

/// Bytes between two numbers of the axis: 1, 2 or 5 times a power of ten, so that about one fits every twelve columns.
fn round_step((low, high): (f64, f64), columns: u16) -> f64 {
    let rough = (high - low) / (f64::from(columns) / 12.0).max(1.0);
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(rough)
}

/// The curve through the mixes.
fn curve(c: &mut Canvas<'_>, frame: &Frame, mixes: &[Point]) {
    let points: Vec<(f64, f64)> = mixes.iter().map(|p| frame.place(*p, 2.0, 4.0)).collect();
    let mut lines = Braille::new(frame.area);
    lines.line(&points, c.theme().bar);
    lines.draw(c);
}

/// File types, their names where there is space, and the choice on top.
fn points(c: &mut Canvas<'_>, frame: &Frame, types: &[(&str, Point)], chosen: &[Chosen]) {
    let (dim, accent) = (c.theme().dim, c.theme().accent);
    // Styles add up: what the choice covers is not drawn below it.
    let taken: Vec<(u16, u16)> = chosen.iter().map(|t| frame.cell(t.point)).collect();
    for (x, y) in types.iter().map(|(_, p)| frame.cell(*p)).filter(|cell| !taken.contains(cell)) {
        c.text(x, y, 1, "•", dim);
    }
    for t in chosen {
        let (x, y) = frame.cell(t.point);
        c.text(x, y, 1, t.glyph, accent);
    }
    for t in chosen {
        label(c, frame, t.point, &t.name, true);
    }
    let known = presets().iter().filter_map(|p| types.iter().find(|(name, _)| Some(*name) == p.file_type()));
    for (name, p) in known.filter(|(name, _)| chosen.iter().all(|t| t.name != *name)) {
        label(c, frame, *p, name, false);
    }
}

/// Writes a name at its point, in free space. Above and left of a point is above the curve. Names of types may be left
/// out, that of the choice is not.
fn label(c: &mut Canvas<'_>, frame: &Frame, p: Point, name: &str, chosen: bool) {
    let style = if chosen { c.theme().accent } else { c.theme().dim };
    let name = fit(name, 20);
    let (x, y) = frame.cell(p);
    let w = width(&name) as u16;
    let area = frame.area;
    let right = (x + 2 + w <= area.right()).then_some((x + 2, y));
    let left = (x >= area.x + w + 2).then(|| (x - 1 - w, y));
    let above = |rows: u16| (x + 1 >= area.x + w && y >= area.y + rows).then(|| (x + 1 - w, y - rows));
    // Only at the right edge, where no other point below could be meant.
    let edge = x + 1 >= area.right() && x >= area.x + w;
    let below = |rows: u16| (edge && y + rows < area.bottom()).then(|| (x + 1 - w, y + rows));
    // A name farther away would belong to another point.
    let beside = |row: u16| (x + 2 + w <= area.right() && row >= area.y && row < area.bottom()).then_some((x + 2, row));
    let places = if chosen {
        [right, left, above(1), beside(y + 1), beside(y.wrapping_sub(1)), above(2).or(below(1))]
    } else {
        [right, left, below(1), below(2), None, None]
    };
    // With a space on both sides, so that names do not touch.
    let free = |c: &Canvas<'_>, (at, row): (u16, u16)| {
        let (from, to) = (at.saturating_sub(1).max(area.x), (at + w + 1).min(area.right()));
        (from..to).filter(|cx| (*cx, row) != (x, y)).all(|cx| c.buf[(cx, row)].symbol() == " ")
    };
    let mut places = places.into_iter().flatten();
    if let Some((at, row)) = places.clone().find(|p| free(c, *p)).or_else(|| places.find(|_| chosen)) {
        c.text(at, row, w, &name, style);
    }
}

fn legend(c: &mut Canvas<'_>, area: Rect, chosen: &[Chosen], fits: Option<&str>) {
    let (dim, bar, accent, warn) = (c.theme().dim, c.theme().bar, c.theme().accent, c.theme().warn);
    // Where there is little space, what is chosen and what fits are worth more than words.
    let gap = if area.width >= 44 { "   " } else { " " };
    let (types, mixes) = (format!(" file types{gap}"), format!(" best mixes{gap}"));
    let mut parts = vec![("•", dim), (types.as_str(), dim), ("⠒⠒", bar), (mixes.as_str(), dim)];
    for (glyph, word) in [("◆", " chosen  "), ("★", " budget")] {
        if chosen.iter().any(|t| t.glyph == glyph) {
            parts.extend([(glyph, accent), (word, dim)]);
        }
    }
    if let Some(words) = fits {
        let mark = if words.starts_with("fits") { "  ┊ " } else { "  " };
        parts.extend([(mark, warn), (words, dim)]);
    }
    c.spans(area.x + AXIS + 1, area.bottom() - 1, area.width.saturating_sub(AXIS + 1), &parts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_axis_are_round_and_apart() {
        let cases = [((1e6, 4.6e6), 70, 1e6), ((3.9e8, 1.32e9), 70, 2e8), ((0.0, 9e9), 40, 5e9), ((5.0, 6.0), 12, 1.0)];
        for (range, columns, expected) in cases {
            let s = round_step(range, columns);
            assert!((s / expected - 1.0).abs() < 1e-9, "{range:?}: {s}");
        }
        assert_eq!((unit(4.6e6).0, unit(1.32e9).0, unit(12.0).0), ("MB", "GB", "B"));
    }

    #[test]
    fn numbers_of_the_axis_are_equally_far_apart() {
        for rows in 3..20u16 {
            for range in [(6.2, 44.0), (9.9, 47.1), (20.0, 20.5), (-3.0, 61.0)] {
                let (height, (low, high), step) = scale(range, rows).unwrap();
                assert!(low <= range.0 && high >= range.1 && height <= rows, "{range:?} in {rows} rows");
                let parts = ((high - low) / step).round() as u16;
                assert_eq!((height - 1) % parts, 0, "{range:?} in {rows} rows: {parts} parts of {height}");
            }
        }
        assert_eq!(scale((6.2, 44.0), 5), Some((5, (0.0, 50.0), 25.0)));
    }

    #[test]
    fn divergences_have_powers_of_ten_on_the_axis() {
        assert_eq!(decibels(0.001).map(f64::round), Some(30.0));
        assert_eq!([0.0, 20.0, 25.0, 30.0].map(axis_nats), ["1e0", "1e-2", "3e-3", "1e-3"]);
        assert_eq!(decibels(0.0), None);
    }

    #[test]
    fn better_is_higher_and_larger_is_further_right() {
        let frame = Frame { area: Rect::new(10, 5, 40, 10), x: (0.0, 100.0), y: (0.0, 50.0), step: 10.0 };
        assert_eq!(frame.cell((0.0, 50.0)), (10, 5));
        assert_eq!(frame.cell((100.0, 0.0)), (49, 14));
        assert_eq!(frame.cell((1e9, -3.0)), (49, 14), "what lies outside is kept at the edge");
    }
}
