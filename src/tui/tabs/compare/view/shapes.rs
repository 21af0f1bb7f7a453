//! The values of one tensor: histograms of the baseline, of the model, and of what was lost.

use super::{number, short_label};
use crate::evaluate::{TensorShapes, ValueShape};
use crate::tui::core::{State, units};
use crate::tui::tabs::compare::state::CompareState;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::tensor_name::fit_tensor;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Rows of bars, at least and at most.
const ROWS: (u16, u16) = (1, 8);
/// Columns of the numbers at both ends of an axis.
const END: u16 = 11;
/// Columns of a histogram, at most.
const WIDE: u16 = 128;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let s = &state.compare;
    let (dim, title, text, bad) = (c.theme().dim, c.theme().title, c.theme().text, c.theme().bad);
    let column = s.subject();
    let tensor = s.tensor().and_then(|at| s.result.as_ref()?.comparison.tensors.get(at));
    let Some(t) = tensor else {
        c.text(
            body.x + 1,
            body.y,
            body.width.saturating_sub(2),
            "no tensor of this kind in this layer; esc goes back",
            dim,
        );
        return;
    };
    let shape: Vec<String> = t.shape.iter().map(u64::to_string).collect();
    let what = format!("{}   {}", fit_tensor(&t.name, 40), shape.join(" × "));
    c.spans(body.x + 1, body.y, body.width.saturating_sub(2), &[("Histograms   ", title), (&what, text)]);
    let rest = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    let answer =
        s.shapes.as_ref().filter(|shapes| s.shapes_wanted() == Some(shapes.of)).and_then(|s| s.answer.as_ref());
    match answer {
        _ if s.shapes_wanted().is_none() => {
            let why = "The model does not have this tensor, or nothing was compared; tab selects another model.";
            c.wrapped(rest.x + 1, rest.y + 1, rest.width.saturating_sub(2), 3, why, dim);
        }
        None => {
            c.text(rest.x + 1, rest.y + 1, rest.width, "reading values…", dim);
        }
        Some(Err(card)) => {
            c.text(rest.x + 1, rest.y + 1, 1, "✗", bad);
            c.wrapped(rest.x + 3, rest.y + 1, rest.width.saturating_sub(4), 4, &card.message, text);
        }
        Some(Ok(shapes)) => {
            let kind = |column: usize| {
                s.variant_at(column).and_then(|v| *t.types.get(v)?).map_or("", crate::quant::Encoding::name).to_owned()
            };
            all(c, s, shapes, (column, [kind(0), kind(column)]), rest);
            lost(c, s, t, shapes, Rect { y: rest.bottom().saturating_sub(2), height: 2, ..rest });
        }
    }
}

/// The three histograms, one below the other.
fn all(c: &mut Canvas<'_>, s: &CompareState, shapes: &TensorShapes, (column, types): (usize, [String; 2]), area: Rect) {
    let (text, warn) = (c.theme().text, c.theme().warn);
    let own = super::style(c, column);
    let here = format!("{} {}  {}", number(column), short_label(s, column, 30), types[1]);
    let parts: [(String, &ValueShape, (f64, f64), Style); 3] = [
        (format!("◆ {}  {}", short_label(s, 0, 30), types[0]), &shapes.base, shapes.range, text),
        (here, &shapes.here, shapes.range, own),
        (format!("{} − ◆: what was lost", number(column)), &shapes.error, shapes.error_range, warn),
    ];
    // Two lines around each, two at the end.
    let rows = (area.height.saturating_sub(2) / 3).saturating_sub(2).clamp(ROWS.0, ROWS.1);
    let mut y = area.y;
    for (name, shape, range, style) in parts {
        if y + rows + 2 > area.bottom().saturating_sub(2) {
            break;
        }
        histogram(c, &name, shape, (range, style), Rect { y, height: rows + 2, ..area });
        y += rows + 2;
    }
}

/// A name with the extremes, the bars, and the numbers of the axis.
fn histogram(c: &mut Canvas<'_>, name: &str, shape: &ValueShape, ((low, high), own): ((f64, f64), Style), area: Rect) {
    let dim = c.theme().dim;
    let w = area.width.saturating_sub(2).min(WIDE);
    let extremes = format!("min {}  max {}", digits(shape.min), digits(shape.max));
    let used = c.text(area.x + 1, area.y, w, name, own);
    c.text(area.x + 1 + used + 3, area.y, w.saturating_sub(used + 3), &extremes, dim);
    if shape.min == 0.0 && shape.max == 0.0 {
        c.text(area.x + 1, area.y + 1, w, "all of it is zero", dim);
        return;
    }
    let rows = area.height - 2;
    let counts = spread(&shape.bars, w);
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    const STEPS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    for (i, n) in counts.iter().enumerate() {
        let all = f64::from(rows) * 8.0;
        // The least bar that is not empty can be seen.
        let height = if *n == 0 { 0 } else { (*n as f64 / most as f64 * all).round().max(1.0) as u16 };
        for row in 0..rows {
            let part = height.saturating_sub((rows - 1 - row) * 8).min(8);
            c.text(area.x + 1 + i as u16, area.y + 1 + row, 1, STEPS[usize::from(part)], own);
        }
    }
    let y = area.bottom() - 1;
    let w = counts.len() as u16;
    c.text(area.x + 1, y, w / 3, &digits(low), dim);
    let zero = if low < 0.0 && high > 0.0 { (-low / (high - low) * f64::from(w)) as u16 } else { 0 };
    // Not where the ends have their numbers.
    if zero > END && zero + END < w {
        c.text(area.x + 1 + zero, y, 1, "0", dim);
    }
    c.right(area.x + 1 + w, y, w / 3, &digits(high), dim);
}

/// A value in three digits; very small ones with an exponent.
fn digits(v: f64) -> String {
    let text = match v.abs() {
        0.0 => "0".to_owned(),
        a if (1e-4..1e4).contains(&a) => format!("{v:.*}", (2.0 - a.log10().floor()).clamp(0.0, 7.0) as usize),
        _ => format!("{v:.2e}"),
    };
    text.replace('-', "−")
}

/// The counts of bars spread over so many columns: several bars a column, or several columns a bar.
fn spread(bars: &[u64], columns: u16) -> Vec<u64> {
    let columns = usize::from(columns);
    if columns >= bars.len() {
        let each = columns / bars.len().max(1);
        return bars.iter().flat_map(|n| std::iter::repeat_n(*n, each)).collect();
    }
    let mut counts = vec![0; columns];
    for (i, n) in bars.iter().enumerate() {
        if let Some(count) = counts.get_mut(i * columns / bars.len().max(1)) {
            *count += n;
        }
    }
    counts
}

/// The figures of the whole tensor, and of the sample.
fn lost(c: &mut Canvas<'_>, s: &CompareState, t: &crate::evaluate::TensorFigures, shapes: &TensorShapes, area: Rect) {
    let (dim, text, bad) = (c.theme().dim, c.theme().text, c.theme().bad);
    let w = area.width.saturating_sub(2);
    if let Some(f) = s.figures(t, s.subject()) {
        let n = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), digits);
        let zeroed = shapes.zeroed as f64 / shapes.seen.max(1) as f64 * 100.0;
        let line = format!(
            "weights dB {}   RMSE {}   largest error {}   {zeroed:.2} % became zero",
            f.quality().trim_end_matches(" dB"),
            n(f.rmse),
            n(f.max_abs)
        );
        c.text(area.x + 1, area.y, w, &line, text);
    }
    let seen = if shapes.seen < shapes.elems {
        format!("histograms: a sample of {} of {} values", units::params(shapes.seen), units::params(shapes.elems))
    } else {
        format!("histograms: all {} values", units::count(shapes.seen))
    };
    let used =
        c.text(area.x + 1, area.y + 1, w, &format!("{seen}; the bars at the ends include the values beyond"), dim);
    if shapes.not_finite > 0 {
        let text = format!("   {} not finite", units::count(shapes.not_finite));
        c.text(area.x + 1 + used, area.y + 1, w.saturating_sub(used), &text, bad);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits() {
        let all = [0.0, -0.4, 0.004_123_9, 12.345, 1234.0, 0.000_02, f64::NAN].map(digits);
        assert_eq!(all, ["0", "−0.400", "0.00412", "12.3", "1234", "2.00e−5", "NaN"]);
    }

    #[test]
    fn bars_keep_their_counts_in_any_width() {
        let bars: Vec<u64> = (0..64).collect();
        assert_eq!(spread(&bars, 64), bars);
        assert_eq!(spread(&bars, 130).len(), 128);
        for columns in [1, 7, 30, 63] {
            assert_eq!(spread(&bars, columns).iter().sum::<u64>(), bars.iter().sum::<u64>(), "{columns}");
        }
        assert!(spread(&bars, 0).is_empty());
    }
}
