//! Errors in dB as colours and glyphs, with their legend: one scale for the grid of a job and for comparisons.

use super::canvas::{Canvas, width};
use ratatui::style::Style;

/// dB of signal over error from which a cell takes the next step. 8-bit blocks give about 45, 6-bit 35, 5-bit 30, 4-bit 24, 3-bit 18.
const STEPS: [f64; 5] = [15.0, 20.0, 25.0, 30.0, 40.0];

/// The step of what lost nothing.
const EXACT: usize = STEPS.len() + 1;

/// The larger the error the taller, so that steps differ without colour too; the last lost nothing.
const GLYPHS: [&str; EXACT + 1] = ["█", "▇", "▆", "▅", "▄", "▃", "▁"];
/// The same in ASCII, where several of these would become one.
const ASCII: [&str; EXACT + 1] = ["#", "*", "+", "=", "~", "-", "_"];

/// The step of an error: 0 the largest; `None` lost nothing.
fn step(db: Option<f64>) -> usize {
    match db {
        Some(db) if db.is_finite() => STEPS.iter().filter(|s| db >= **s).count(),
        _ => EXACT,
    }
}

/// Glyph and style of an error; `None` lost nothing.
pub(in crate::tui) fn heat(c: &Canvas<'_>, db: Option<f64>) -> (&'static str, Style) {
    of_step(c, step(db))
}

fn of_step(c: &Canvas<'_>, step: usize) -> (&'static str, Style) {
    let glyphs = if c.look.ascii { ASCII } else { GLYPHS };
    (glyphs[step], c.theme().heat(step))
}

/// The words of a step: the dB from which it is.
fn word(step: usize) -> String {
    match step {
        0 => format!("<{}", STEPS[0]),
        EXACT => "exact".to_owned(),
        n => STEPS[n - 1].to_string(),
    }
}

/// The scale with its numbers: `█<15 ▇15 ▆20 … ▁exact`, behind `title` where that fits too. Gives the columns used; none where there are too few.
pub(in crate::tui) fn legend(c: &mut Canvas<'_>, x: u16, y: u16, most: u16, title: &str) -> u16 {
    let dim = c.theme().dim;
    let words: Vec<String> = (0..=EXACT).map(word).collect();
    let need = words.iter().map(|w| width(w) + 2).sum::<usize>() - 1;
    if need > most.into() {
        return 0;
    }
    let mut at = x;
    if need + width(title) < most.into() && !title.is_empty() {
        at += c.text(at, y, most, title, dim) + 1;
    }
    for (step, word) in words.iter().enumerate() {
        let (glyph, style) = of_step(c, step);
        at += u16::from(step > 0);
        at += c.spans(at, y, most, &[(glyph, style), (word, dim)]);
    }
    at - x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_differ_by_a_bit_have_other_steps() {
        let of = |db: f64| step(Some(db));
        assert_eq!([of(12.0), of(18.0), of(22.3), of(29.3), of(34.9), of(45.3), step(None)], [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(step(Some(f64::INFINITY)), EXACT);
        assert_eq!((0..=EXACT).map(word).collect::<Vec<_>>().join(" "), "<15 15 20 25 30 40 exact");
    }
}
