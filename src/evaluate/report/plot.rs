//! The frame of a plot: axes with ticks, grid lines and titles, and the marks of series. Colours come from the page's classes `s0` to `s5`.

use super::markup::{at, element, escape};
use super::scale::Scale;

/// Width of a plot.
pub(super) const WIDTH: f64 = 760.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 50.0;

/// Where the axes are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Height of the plot.
    pub height: f64,
}

impl Frame {
    /// Coordinates of the ends of the horizontal axis.
    pub(super) fn x(self) -> (f64, f64) {
        (LEFT, WIDTH - RIGHT)
    }

    /// Coordinates of the ends of the vertical axis, the lower first.
    pub(super) fn y(self) -> (f64, f64) {
        (self.height - BOTTOM, TOP)
    }

    /// Axes, grid and titles.
    pub(super) fn axes(
        self,
        (x, x_label): (&Scale, &dyn Fn(f64) -> String),
        (y, y_label): (&Scale, &dyn Fn(f64) -> String),
        titles: (&str, &str),
    ) -> String {
        let ((left, right), (bottom, top)) = (self.x(), self.y());
        let mut out = String::new();
        for tick in y.ticks(5) {
            let v = y.at(tick);
            out.push_str(&line("grid", (left, v), (right, v)));
            out.push_str(&label((left - 8.0, v + 4.0), "end", &y_label(tick)));
        }
        for tick in x.ticks(7) {
            let h = x.at(tick);
            out.push_str(&line("axis", (h, bottom), (h, bottom + 5.0)));
            out.push_str(&label((h, bottom + 19.0), "middle", &x_label(tick)));
        }
        out.push_str(&line("axis", (left, bottom), (right, bottom)));
        out.push_str(&label(((left + right) / 2.0, self.height - 10.0), "middle", titles.0));
        let middle = (top + bottom) / 2.0;
        let turned = format!("x=\"16\" y=\"{0}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {0})\"", at(middle));
        out + &element("text", &turned, escape(titles.1))
    }

    /// The whole plot, with a description for those who do not see it.
    pub(super) fn svg(self, description: &str, content: &str) -> String {
        let size = format!("viewBox=\"0 0 {} {}\"", at(WIDTH), at(self.height));
        let attributes = format!("{size} role=\"img\" class=\"plot\" xmlns=\"http://www.w3.org/2000/svg\"");
        element("svg", &attributes, element("title", "", escape(description)) + content) + "\n"
    }
}

/// A straight line of a class.
pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    let (x1, y1, x2, y2) = (at(from.0), at(from.1), at(to.0), at(to.1));
    format!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>")
}

/// A text at a place; `anchor`: which part of it is there.
pub(super) fn label(place: (f64, f64), anchor: &str, text: &str) -> String {
    element("text", &format!("x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\"", at(place.0), at(place.1)), escape(text))
}

/// A line through points, in parts where a point is missing.
pub(super) fn polyline(class: &str, points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for point in points {
        match point {
            None => pen_down = false,
            Some((x, y)) => {
                path.push_str(&format!("{}{} {}", if pen_down { "L" } else { "M" }, at(x), at(y)));
                pen_down = true;
            }
        }
    }
    if path.is_empty() { path } else { format!("<path class=\"{class}\" d=\"{path}\"/>") }
}

/// The mark of a series: its shape tells it apart where colours do not.
pub(super) fn mark(series: usize, (x, y): (f64, f64), r: f64) -> String {
    let class = format!("mark s{series}");
    let corners = |points: &[(f64, f64)]| {
        let parts = points
            .iter()
            .enumerate()
            .map(|(i, (dx, dy))| format!("{}{} {}", if i == 0 { "M" } else { "L" }, at(x + dx * r), at(y + dy * r)));
        format!("<path class=\"{class}\" d=\"{}Z\"/>", parts.collect::<String>())
    };
    match series % 6 {
        0 => format!("<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>", at(x), at(y), at(r)),
        1 => corners(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        2 => corners(&[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)]),
        3 => corners(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        4 => corners(&[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)]),
        _ => corners(&[(-1.2, -0.4), (1.2, -0.4), (1.2, 0.4), (-1.2, 0.4)]),
    }
}

/// A series in a legend: its mark and its name.
pub(super) fn legend<'a>(series: impl Iterator<Item = (usize, &'a str)>) -> String {
    let item = |(i, name): (usize, &str)| {
        let stroke = line(&format!("curve s{i}"), (1.0, 7.0), (27.0, 7.0)) + &mark(i, (14.0, 7.0), 4.0);
        let swatch = element("svg", "viewBox=\"0 0 28 14\" class=\"swatch\" aria-hidden=\"true\"", stroke);
        element("li", "", swatch + &escape(name))
    };
    element("ul", "class=\"legend\"", series.map(item).collect::<String>()) + "\n"
}
