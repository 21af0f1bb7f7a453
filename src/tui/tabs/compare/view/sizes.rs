//! Loss against size: the models as points with their error bars, the Pareto line through those that no other model beats.

use super::{number, short_label, style};
use crate::tui::tabs::compare::state::{CompareState, Measure, Offer, Scale};
use crate::tui::view::braille::Braille;
use crate::tui::view::canvas::{Canvas, width};
use ratatui::layout::Rect;

/// Columns of the axis at the left.
const AXIS: u16 = 8;
/// Minimum rows and columns of a plot.
const MIN_SIZE: (u16, u16) = (5, 30);
/// Losses below this are rounding: they are drawn as this.
const LEAST: f64 = 1e-7;

/// The area of the points, and the values at its edges.
struct Frame {
    area: Rect,
    x: (f64, f64),
    /// Bottom and top: powers of ten, or dB.
    y: (f64, f64),
    /// Distance between two numbers of the axis.
    step: f64,
    scale: Scale,
}

impl Frame {
    fn of(offers: &[Offer], scale: Scale, area: Rect) -> Self {
        let bytes = offers.iter().map(|o| o.bytes as f64);
        let (least, most) = bytes.fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
        let range = (most - least).max(most * 0.1).max(1.0);
        // The names stand to the right of their points.
        let x = ((least - range * 0.1).max(0.0), most + range * 0.25);
        let heights = || offers.iter().flat_map(|o| [height(scale, o.loss - o.error), height(scale, o.loss + o.error)]);
        let (low, high) = heights().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let step = if scale == Scale::Decibel { Measure::Decibel.step(high - low) } else { 1.0 };
        let low = (low / step).floor() * step;
        let high = ((high / step).ceil() * step).max(low + step);
        Self { area, x, y: (low, high), step, scale }
    }

    /// Column and row, in parts of a cell, from the top left.
    fn place(&self, bytes: f64, height: f64, across: f64, down: f64) -> (f64, f64) {
        let part = |v: f64, (low, high): (f64, f64)| ((v - low) / (high - low)).clamp(0.0, 1.0);
        let columns = f64::from(self.area.width) * across - 1.0;
        let rows = f64::from(self.area.height) * down - 1.0;
        (part(bytes, self.x) * columns, (1.0 - part(height, self.y)) * rows)
    }

    /// The cell that has the dot of these values: a number is on its line.
    fn cell_of(&self, bytes: f64, height: f64) -> (u16, u16) {
        let (x, y) = self.place(bytes, height, 2.0, 4.0);
        (self.area.x + x.round() as u16 / 2, self.area.y + y.round() as u16 / 4)
    }

    fn cell(&self, o: &Offer) -> (u16, u16) {
        self.cell_of(o.bytes as f64, height(self.scale, o.loss))
    }
}

/// Where a loss is on the axis: powers of ten, or dB.
fn height(scale: Scale, loss: f64) -> f64 {
    if scale == Scale::Decibel { -loss } else { loss.max(LEAST).log10() }
}

/// What the plot is of.
fn title(scale: Scale, wide: bool) -> &'static str {
    match (scale, wide) {
        (Scale::Kld, true) => "mean KLD by size, log scale; down and left is better; ± one standard error",
        (Scale::Kld, false) => "mean KLD by size, log scale; lower left is better",
        (Scale::Cosine, _) => "1 − mean cosine by size, log scale; lower left is better",
        (Scale::Decibel, true) => {
            "output dB by size, estimated from the weights; up and left is better; e measures KLD on a text"
        }
        (Scale::Decibel, false) => "output dB by size (no text: e); upper left is better",
    }
}

/// Draws the plot of what was measured.
pub(super) fn draw(c: &mut Canvas<'_>, s: &CompareState, area: Rect) {
    let dim = c.theme().dim;
    let (offers, scale) = (s.offers(), s.scale());
    let plot = Rect {
        x: area.x + AXIS,
        y: area.y + 1,
        width: area.width.saturating_sub(AXIS + 1),
        height: area.height.saturating_sub(3),
    };
    if offers.is_empty() {
        let text = "No model has a loss to plot: nothing was lost, or nothing is measured yet.";
        c.wrapped(area.x + 1, area.y, area.width.saturating_sub(2), area.height, text, dim);
        return;
    }
    if plot.height + 3 < MIN_SIZE.0 || plot.width < MIN_SIZE.1 {
        return;
    }
    c.text(area.x + 1, area.y, area.width.saturating_sub(2), title(scale, area.width >= 110), dim);
    let frame = Frame::of(&offers, scale, plot);
    axes(c, &frame);
    lines(c, &frame, &offers);
    for o in &offers {
        let (x, y) = frame.cell(o);
        let own = if o.dominated { c.theme().dim } else { style(c, o.column) };
        c.clear(Rect { x, y, width: 1, height: 1 });
        c.text(x, y, 1, &number(o.column), own);
    }
    // Names of what is on the line first: others may have to go without.
    for o in offers.iter().filter(|o| !o.dominated).chain(offers.iter().filter(|o| o.dominated)) {
        label(c, s, &frame, o);
    }
}

/// The Pareto line and the error bars.
fn lines(c: &mut Canvas<'_>, frame: &Frame, offers: &[Offer]) {
    let mut best: Vec<&Offer> = offers.iter().filter(|o| !o.dominated).collect();
    best.sort_by_key(|o| o.bytes);
    let place = |o: &Offer, loss: f64| frame.place(o.bytes as f64, height(frame.scale, loss), 2.0, 4.0);
    let mut dots = Braille::new(frame.area);
    let line: Vec<(f64, f64)> = best.iter().map(|o| place(o, o.loss)).collect();
    dots.line(&line, c.theme().bar);
    for o in offers.iter().filter(|o| o.error > 0.0) {
        let own = if o.dominated { c.theme().dim } else { style(c, o.column) };
        dots.line(&[place(o, o.loss - o.error), place(o, o.loss + o.error)], own);
    }
    dots.draw(c);
}

/// Writes a name at its point, in free space; in parentheses where another model is better.
fn label(c: &mut Canvas<'_>, s: &CompareState, frame: &Frame, o: &Offer) {
    let name = short_label(s, o.column, 24);
    let (name, own) = if o.dominated { (format!("({name})"), c.theme().dim) } else { (name, style(c, o.column)) };
    let (x, y) = frame.cell(o);
    let w = width(&name) as u16;
    let area = frame.area;
    let right = (x + 2 + w <= area.right()).then_some((x + 2, y));
    let left = (x >= area.x + w + 2).then(|| (x - 1 - w, y));
    let near = |row: u16| {
        let from = (x + 1).saturating_sub(w / 2).max(area.x).min(area.right().saturating_sub(w));
        (row >= area.y && row < area.bottom()).then_some((from, row))
    };
    let beside = |row: u16| (x + 2 + w <= area.right() && row >= area.y && row < area.bottom()).then_some((x + 2, row));
    let up = y.wrapping_sub(1);
    let places = [right, near(up), near(y + 1), left, beside(up), beside(y + 1), near(y.wrapping_sub(2)), near(y + 2)];
    // With a blank on both sides; the dots of lines may be written over where nothing else is free.
    let free = |c: &Canvas<'_>, (at, row): (u16, u16), dots: bool| {
        let (from, to) = (at.saturating_sub(1).max(area.x), (at + w + 1).min(area.right()));
        (from..to).filter(|cx| (*cx, row) != (x, y)).all(|cx| match c.buf[(cx, row)].symbol() {
            " " => true,
            sign => dots && sign.starts_with(|c: char| ('\u{2800}'..='\u{28ff}').contains(&c)),
        })
    };
    let place = |dots| places.into_iter().flatten().find(|p| free(c, *p, dots));
    if let Some((at, row)) = place(false).or_else(|| place(true)) {
        c.clear(Rect { x: at, y: row, width: w, height: 1 });
        c.text(at, row, w, &name, own);
    }
}

fn axes(c: &mut Canvas<'_>, frame: &Frame) {
    let (dim, faint) = (c.theme().dim, c.theme().faint);
    let area = frame.area;
    let left = area.x - 1;
    c.divide(left, area.y, area.height);
    let rows = f64::from(area.height.saturating_sub(1)).max(1.0);
    let steps = ((frame.y.1 - frame.y.0) / frame.step).round().max(1.0);
    let apart = (steps / rows).ceil().max(1.0) * frame.step;
    let mut at = frame.y.0;
    while at <= frame.y.1 + 1e-9 {
        let (_, y) = frame.cell_of(frame.x.0, at);
        let text = if frame.scale == Scale::Decibel { format!("{at:.0}") } else { power(at) };
        c.right(left, y, AXIS - 1, &text, dim);
        c.text(left, y, 1, "┤", faint);
        at += apart;
    }
    let bottom = area.bottom();
    c.text(left, bottom, 1, "└", faint);
    c.rule(left + 1, bottom, area.width);
    let (unit, scale) = unit(frame.x.1);
    let step = round_step(frame.x, area.width);
    let digits = usize::from(step / scale < 1.0) + usize::from(step / scale < 0.1);
    c.right(area.right(), bottom + 1, 3, unit, dim);
    let mut bytes = (frame.x.0 / step).ceil() * step;
    while bytes <= frame.x.1 {
        let (x, _) = frame.place(bytes, frame.y.0, 1.0, 1.0);
        let x = area.x + x.round() as u16;
        let text = format!("{:.digits$}", bytes / scale);
        let half = width(&text) as u16 / 2;
        if x + half + 4 < area.right() {
            c.text(x, bottom, 1, "┬", faint);
            c.text(x.saturating_sub(half), bottom + 1, 8, &text, dim);
        }
        bytes += step;
    }
}

/// A power of ten as people read it.
fn power(exponent: f64) -> String {
    match exponent.round() as i32 {
        e @ -3..=0 => format!("{:.*}", e.unsigned_abs() as usize, 10f64.powi(e)),
        e => format!("1e{e}").replace('-', "−"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(bytes: u64, loss: f64, error: f64) -> Offer {
        Offer { column: 1, bytes, loss, error, dominated: false }
    }

    #[test]
    fn smaller_is_further_left_and_less_loss_is_lower() {
        let offers = [offer(4_000_000, 0.002, 0.001), offer(2_000_000, 0.03, 0.0)];
        let frame = Frame::of(&offers, Scale::Kld, Rect::new(8, 2, 60, 10));
        assert_eq!(frame.y, (-3.0, -1.0));
        let (a, b) = (frame.cell(&offers[0]), frame.cell(&offers[1]));
        assert!(b.0 < a.0 && b.1 < a.1, "{a:?} {b:?}");
        for o in &offers {
            let (_, dot) = frame.place(o.bytes as f64, height(Scale::Kld, o.loss), 2.0, 4.0);
            assert_eq!(frame.cell(o).1, 2 + dot.round() as u16 / 4, "the number is where the line is");
        }
        let frame = Frame::of(&[offer(4, -22.0, 0.0), offer(2, -12.0, 0.0)], Scale::Decibel, Rect::new(8, 2, 60, 10));
        assert_eq!((frame.y, frame.step), ((12.0, 22.0), 2.0));
    }

    #[test]
    fn one_model_without_loss_has_a_frame_too() {
        let frame = Frame::of(&[offer(0, 0.0, 0.0)], Scale::Kld, Rect::new(8, 2, 60, 10));
        assert!(frame.y.0 < frame.y.1 && frame.x.0 < frame.x.1);
        assert_eq!([0.0, -1.0, -3.0, -4.0].map(power), ["1", "0.1", "0.001", "1e−4"]);
    }
}
