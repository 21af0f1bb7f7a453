//! Loss against size: one point a model, with error bars, and a line through those that are worth their size.

use super::markup::{element, escape};
use super::plot::{Frame, label, line, mark, polyline};
use super::scale::{self, Scale};
use super::series;
use crate::evaluate::{Comparison, Variant, on_front};
use crate::units::bytes;

const FRAME: Frame = Frame { height: 400.0 };
/// Loss below which a point is drawn at the lower end of the axis: the rounding of the divergence.
const FLOOR: f64 = 1e-6;
/// Columns of a character of a label, about.
const CHAR: f64 = 6.6;
const LINE: f64 = 14.0;

/// What is drawn of a model.
struct Point<'a> {
    series: usize,
    name: &'a str,
    bytes: u64,
    /// Up is a larger value.
    value: f64,
    uncertainty: Option<f64>,
    /// Less is better.
    loss: f64,
}

/// What the vertical axis has.
struct Axis {
    title: &'static str,
    log: bool,
}

/// The plot with its heading and the sentences about it; empty if no model was measured.
pub(super) fn section(c: &Comparison) -> String {
    let (axis, points, equal) = points(c);
    if points.is_empty() && equal.is_empty() {
        return String::new();
    }
    let title = if c.evaluated.is_some() { "Divergence and size" } else { "Error of the weights and size" };
    let mut out = element("h2", "", title);
    let front = on_front(&points.iter().map(|p| (p.bytes as f64, p.loss)).collect::<Vec<_>>());
    if !points.is_empty() {
        out.push_str(&plot(&axis, &points, &front));
    }
    let base = &c.variants[c.baseline.at];
    let mut words = format!("The baseline, {}, has {}. ", escape(&base.label), bytes(base.bytes));
    if c.evaluated.is_some() {
        words.push_str("Lower is better; bars are one standard error. ");
    } else {
        words.push_str("Higher is better. It is an estimate from the weights alone: with a text (--data), the plot shows the measured divergence. ");
    }
    if points.len() > 1 {
        words.push_str("The line connects the models that no other one beats in both size and loss. ");
        for (p, _) in points.iter().zip(&front).filter(|(_, on)| !**on) {
            let beats =
                |q: &&Point<'_>| q.bytes <= p.bytes && q.loss <= p.loss && (q.bytes < p.bytes || q.loss < p.loss);
            if let Some(q) = points.iter().filter(beats).min_by(|a, b| a.loss.total_cmp(&b.loss)) {
                words.push_str(&format!(
                    "{} is not on it: {} is no larger and loses less. ",
                    escape(p.name),
                    escape(q.name)
                ));
            }
        }
    }
    for v in equal {
        words.push_str(&format!("{} ({}) lost nothing and has no point. ", escape(&v.label), bytes(v.bytes)));
    }
    out + &element("p", "", words.trim_end()) + "\n"
}

/// The points, and the models without a loss where an axis cannot show that.
fn points(c: &Comparison) -> (Axis, Vec<Point<'_>>, Vec<&Variant>) {
    let leading = c.evaluated.as_ref().and_then(|e| e.leading());
    let embeddings = c.evaluated.as_ref().is_some_and(|e| e.of_embeddings());
    let axis = match (leading, embeddings) {
        (Some(_), false) => Axis { title: "mean KL divergence, nats", log: true },
        (Some(_), true) => Axis { title: "1 − mean cosine", log: true },
        (None, _) => Axis { title: "output dB, estimated", log: false },
    };
    let (mut points, mut equal) = (Vec::new(), Vec::new());
    for (series, (i, v)) in series(c).enumerate() {
        let mut push = |value: f64, uncertainty: Option<f64>, loss: f64| {
            points.push(Point { series, name: &v.label, bytes: v.bytes, value, uncertainty, loss });
        };
        match (leading, &c.evaluated, &v.measured) {
            (Some(metric), Some(e), _) => {
                if let Some(f) = e.figure(i, metric.name) {
                    let value = if embeddings { 1.0 - f.value } else { f.value };
                    push(value, f.uncertainty, value);
                }
            }
            (_, _, Some(m)) if m.all.lossless() => equal.push(v),
            (_, _, Some(m)) => {
                if let Some(db) = m.output_sqnr_db.filter(|_| !m.all.broken()) {
                    push(db, None, -db);
                }
            }
            _ => {}
        }
    }
    points.retain(|p| p.value.is_finite());
    (axis, points, equal)
}

fn plot(axis: &Axis, points: &[Point<'_>], front: &[bool]) -> String {
    let x = Scale::over(points.iter().map(|p| p.bytes as f64), false, FRAME.x());
    let floor = |v: f64| if axis.log { v.max(FLOOR) } else { v };
    let ends = |p: &Point<'_>| {
        let u = p.uncertainty.unwrap_or(0.0);
        // An error bar to zero and below would stretch a logarithmic axis without end.
        let low = if axis.log { (p.value - u).max(p.value / 3.0) } else { p.value - u };
        [floor(low), floor(p.value), floor(p.value + u)]
    };
    let y = Scale::over(points.iter().flat_map(ends), axis.log, FRAME.y());
    // Without the zeros that `bytes` has at the end: ticks are round.
    let size = |v: f64| {
        let text = bytes(v.max(0.0).round() as u64);
        let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
        let short = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
        format!("{short} {unit}")
    };
    let titles = ("size of the file", axis.title);
    let mut out = FRAME.axes((&x, &size), (&y, &scale::label), titles);
    let place = |p: &Point<'_>| (x.at(p.bytes as f64), y.at(floor(p.value)));
    let mut line_points: Vec<_> = points.iter().zip(front).filter(|(_, on)| **on).map(|(p, _)| place(p)).collect();
    line_points.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.push_str(&polyline("front", line_points.into_iter().map(Some)));
    let mut taken: Vec<Area> = points.iter().map(|p| Area::around(place(p))).collect();
    for (p, on) in points.iter().zip(front) {
        let (px, py) = place(p);
        let mut drawn = String::new();
        if let Some(u) = p.uncertainty.filter(|u| *u > 0.0) {
            let (low, high) = (y.at(floor(p.value - u)), y.at(floor(p.value + u)));
            let class = format!("bar s{}", p.series);
            drawn.push_str(&line(&class, (px, low), (px, high)));
            for end in [low, high] {
                drawn.push_str(&line(&class, (px - 4.0, end), (px + 4.0, end)));
            }
        }
        drawn.push_str(&mark(p.series, (px, py), 5.5));
        drawn.push_str(&named(p.name, (px, py), &mut taken));
        let uncertainty = p.uncertainty.map(|u| format!(" ± {u:.6}")).unwrap_or_default();
        let tip = format!("{}: {}, {} {:.6}{uncertainty}", p.name, bytes(p.bytes), axis.title, p.value);
        let class = if *on { "class=\"point\"" } else { "class=\"point beaten\"" };
        out.push_str(&element("g", class, element("title", "", escape(&tip)) + &drawn));
    }
    let names: Vec<&str> = points.iter().map(|p| p.name).collect();
    FRAME.svg(&format!("{} against size of {}", axis.title, names.join(", ")), &out)
}

/// A part of the plot that has something in it.
#[derive(Clone, Copy)]
struct Area {
    x: (f64, f64),
    y: (f64, f64),
}

impl Area {
    fn around((x, y): (f64, f64)) -> Self {
        Self { x: (x - 7.0, x + 7.0), y: (y - 7.0, y + 7.0) }
    }

    fn meets(&self, other: &Self) -> bool {
        self.x.0 < other.x.1 && other.x.0 < self.x.1 && self.y.0 < other.y.1 && other.y.0 < self.y.1
    }
}

/// The name of a point, where it covers no other as far as that is possible.
fn named(name: &str, (x, y): (f64, f64), taken: &mut Vec<Area>) -> String {
    const MOST: usize = 40;
    let chars: Vec<char> = name.chars().collect();
    let name: String = match chars.len() {
        n if n > MOST => format!("…{}", chars[n - MOST + 1..].iter().collect::<String>()),
        _ => name.to_owned(),
    };
    let width = name.chars().count() as f64 * CHAR;
    // The line falls to the right, so above right is mostly free.
    let places = [
        ("start", x + 8.0, y - 6.0),
        ("start", x + 10.0, y + 4.0),
        ("end", x - 10.0, y + 4.0),
        ("middle", x, y - 12.0),
        ("middle", x, y + 21.0),
        ("start", x + 10.0, y - 10.0),
        ("start", x + 10.0, y + 18.0),
        ("end", x - 10.0, y - 10.0),
        ("end", x - 10.0, y + 18.0),
    ];
    let area = |(anchor, x, y): (&str, f64, f64)| {
        let left = match anchor {
            "start" => x,
            "end" => x - width,
            _ => x - width / 2.0,
        };
        Area { x: (left, left + width), y: (y - LINE + 3.0, y + 3.0) }
    };
    let ((left, right), (bottom, top)) = (FRAME.x(), FRAME.y());
    let inside = |a: &Area| a.x.0 >= left && a.x.1 <= right && a.y.0 >= top && a.y.1 <= bottom;
    let free = |place: &&(&str, f64, f64)| {
        let a = area(**place);
        inside(&a) && !taken.iter().any(|t| t.meets(&a))
    };
    let within = |place: &&(&str, f64, f64)| inside(&area(**place));
    let (anchor, x, y) = *places.iter().find(free).or_else(|| places.iter().find(within)).unwrap_or(&places[0]);
    taken.push(area((anchor, x, y)));
    label((x, y), anchor, &name)
}
