//! The values of the selected tensor: moments, extremes, a histogram, and the error of usual types.

use crate::forecast::values::{GLANCE, TYPES, Values};
use crate::tui::core::{State, units};
use crate::tui::tabs::models::MiniHistogram;
use crate::tui::view::canvas::{Canvas, width};
use crate::tui::view::tensor_name::fit_tensor;
use ratatui::layout::Rect;

/// Rows of the digest with its rule.
pub(super) const ROWS: u16 = 4;
/// Columns of the small histogram of a row, with a gap before it.
pub(super) const MINI_HISTOGRAM_COLUMNS: u16 = GLANCE as u16 + 2;

/// The small histogram of a row.
pub(super) fn mini_histogram(c: &mut Canvas<'_>, mini_histogram: Option<&MiniHistogram>, x: u16, y: u16) {
    let style = c.theme().dim;
    match mini_histogram {
        Some(Some(shares)) => {
            let shares: Vec<f64> = shares.iter().map(|s| f64::from(*s)).collect();
            c.spark(x, y, GLANCE as u16, &shares, style);
        }
        Some(None) => {
            c.text(x, y, GLANCE as u16, "–", style);
        }
        None => {}
    }
}

/// The digest of a tensor, below the table.
pub(super) fn digest(c: &mut Canvas<'_>, state: &State, name: &str, tensor: usize, area: Rect) {
    let (dim, text, bad) = (c.theme().dim, c.theme().text, c.theme().bad);
    c.rule(area.x, area.y, area.width);
    let Some(path) = state.models.selected.as_deref() else { return };
    let y = area.y + 1;
    let values = match state.models.inspect.values(path, tensor) {
        None => {
            c.text(area.x + 1, y, area.width, "reading values…", dim);
            return;
        }
        Some(Err(card)) => {
            c.spans(area.x + 1, y, area.width, &[("✗ ", bad), (&card.message, text)]);
            return;
        }
        Some(Ok(values)) => values,
    };
    let count = if values.sampled() {
        format!("sample of {} of {}", units::params(values.seen), units::params(values.elems))
    } else {
        format!("all {} values", units::count(values.seen))
    };
    let available = area.width.saturating_sub(width(&count) as u16 + 4);
    c.text(area.x + 1, y, available, &fit_tensor(name.trim_end_matches(".weight"), available.into()), text);
    c.right(area.right() - 1, y, area.width, &count, dim);
    let bars = (area.width / 4).clamp(12, 32);
    histogram(c, values, area.x + 1, y + 1, bars);
    let x = area.x + bars + 4;
    let available = area.right().saturating_sub(x + 1);
    let numbers = [
        ("mean", number(values.mean)),
        ("std", number(values.std)),
        ("min", number(values.min)),
        ("max", number(values.max)),
    ];
    facts(c, &numbers.map(|(l, v)| (l.to_owned(), v, false)), x, y + 1, available);
    let share = |n: u64| {
        if n == 0 { "0".to_owned() } else { format!("{:.2} %", n as f64 / values.seen.max(1) as f64 * 100.0) }
    };
    let mut second = Vec::new();
    for (ty, db) in TYPES.iter().zip(values.loss_db) {
        // What is stored in the type already loses nothing more.
        if let Some(db) = db {
            second.push((ty.name().to_lowercase(), format!("{db:.1} dB"), false));
        }
    }
    second.push(("> 6σ".to_owned(), share(values.outliers), false));
    second.push(("zeros".to_owned(), share(values.zeros), false));
    let odd = values.nan + values.infinite;
    if odd > 0 || area.width > 70 {
        let at = if odd > 0 { 0 } else { second.len() };
        second.insert(at, ("NaN/Inf".to_owned(), format!("{}/{}", values.nan, values.infinite), odd > 0));
    }
    facts(c, &second, x, y + 2, available);
}

/// Labels and values on one line, as many as fit.
fn facts(c: &mut Canvas<'_>, all: &[(String, String, bool)], x: u16, y: u16, available: u16) {
    let (dim, text, bad) = (c.theme().dim, c.theme().text, c.theme().bad);
    let mut used = 0;
    for (label, value, wrong) in all {
        let need = (width(label) + 1 + width(value)) as u16;
        if used + need > available {
            return;
        }
        used += c.spans(x + used, y, need, &[(label, dim), (" ", dim), (value, if *wrong { bad } else { text })]) + 2;
    }
}

/// A number of a tensor: four digits, small ones with an exponent.
fn number(v: f64) -> String {
    let text = match v.abs() {
        0.0 => "0".to_owned(),
        a if !a.is_finite() => "–".to_owned(),
        a if (0.001..10_000.0).contains(&a) => {
            let digits = (3.0 - a.log10().floor()).clamp(0.0, 6.0) as usize;
            format!("{v:.digits$}")
        }
        _ => format!("{v:.2e}"),
    };
    text.replace('-', "−")
}

/// Two rows of bars: sixteen steps of height.
fn histogram(c: &mut Canvas<'_>, values: &Values, x: u16, y: u16, bars: u16) {
    let mut counts = vec![0u64; bars.into()];
    for (i, n) in values.histogram.iter().enumerate() {
        counts[i * usize::from(bars) / values.histogram.len()] += n;
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let style = c.theme().accent;
    const STEPS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    for (i, n) in counts.iter().enumerate() {
        // The least bar that is not empty can be seen.
        let height = if *n == 0 { 0 } else { (*n as f64 / most * 16.0).round().max(1.0) as usize };
        let at = x + i as u16;
        c.text(at, y, 1, STEPS[height.saturating_sub(8)], style);
        c.text(at, y + 1, 1, STEPS[height.min(8)], style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        let all = [0.0, 1.0, -0.0213, 512.25, 0.00002, -123456.0, f64::NAN].map(number);
        assert_eq!(all, ["0", "1.000", "−0.02130", "512.2", "2.00e−5", "−1.23e5", "–"]);
    }
}
