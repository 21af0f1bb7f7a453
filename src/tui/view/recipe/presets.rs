//! The list of presets: what can be made, how large it gets, how much it loses.

use super::super::canvas::{Canvas, fit, width};
use super::decibel;
use crate::tui::core::{BUDGET, Budget, Hit, PRESETS, Preset, RecipePane, State, Types, units};
use ratatui::layout::Rect;

/// Columns before the name: the cursor's bar, the mark, blanks.
const MARGIN: u16 = 6;
const NAME: u16 = 19;
const SIZE: u16 = 9;
const BITS: u16 = 6;
const ERROR: u16 = 6;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    if area.height == 0 {
        return;
    }
    let r = &state.recipe;
    let (dim, faint, text, accent) = (c.theme().dim, c.theme().faint, c.theme().text, c.theme().accent);
    let focused = r.pane == RecipePane::Presets;
    let end = area.right() - 1;
    let longest = PRESETS.iter().map(|p| width(p.about)).max().unwrap_or(0) as u16;
    let left = area.width.saturating_sub(1 + MARGIN + NAME);
    let bits = left >= SIZE + BITS + ERROR + 2;
    let about = left > longest + SIZE + BITS + ERROR;
    let size_end = end - ERROR - if bits { BITS } else { 0 };
    let make = match r.marked.len() {
        0 => "make".to_owned(),
        n => format!("make the {n} marked"),
    };
    c.text(area.x + MARGIN, area.y, NAME, &make, dim);
    c.right(size_end, area.y, SIZE, "size", dim);
    if bits {
        c.right(end - ERROR, area.y, BITS, "bpw", dim);
    }
    c.right(end, area.y, ERROR, "dB", dim);
    let rows = usize::from(area.height) - 1;
    let top = c.offset("presets", r.preset, PRESETS.len(), area.height - 1);
    for (i, p) in PRESETS.iter().enumerate().skip(top).take(rows) {
        let line = Rect { y: area.y + 1 + (i - top) as u16, height: 1, ..area };
        // A mark is a box with a cross, never the cursor's bar.
        let (mark, style) = if r.marked.contains(&i) { ("[x]", accent) } else { ("[ ]", faint) };
        c.text(line.x + 2, line.y, 3, mark, style);
        c.text(line.x + MARGIN, line.y, NAME - 1, &name(state, p), text);
        if about {
            c.text(line.x + MARGIN + NAME, line.y, longest, p.about, dim);
        }
        match numbers(state, i) {
            Numbers::Words(words) => {
                c.right(end, line.y, end - line.x - MARGIN, words, dim);
            }
            Numbers::Known { size, error } => {
                let (bytes, bpw) = match size {
                    Some((bytes, bpw)) => (units::bytes(bytes), format!("{bpw:.2}")),
                    None => ("…".to_owned(), String::new()),
                };
                c.right(size_end, line.y, SIZE, &bytes, text);
                if bits {
                    c.right(end - ERROR, line.y, BITS - 1, &bpw, dim);
                }
                c.right(end, line.y, ERROR - 1, &error, text);
            }
        }
        if i == r.preset {
            c.select(line, focused);
        }
        c.hit(line, Hit::List(i));
    }
    // What is not in view is said on the rule below.
    let below = PRESETS.len().saturating_sub(top + rows);
    let more = match (top, below) {
        (0, 0) => return,
        (0, below) => format!(" ↓ {below} more "),
        (above, 0) => format!(" ↑ {above} more "),
        (above, below) => format!(" ↑ {above}  ↓ {below} more "),
    };
    c.right(end - 1, area.bottom(), 24, &more, dim);
}

/// The name; with a budget, the budget's.
fn name(state: &State, p: &Preset) -> String {
    let budget = match (p.types, state.recipe.budget()) {
        (Types::Budget, Some(Budget::Size(size))) => format!("gguf within {size}"),
        (Types::Budget, Some(Budget::BitsPerWeight(bits))) => format!("gguf at {bits} bpw"),
        _ => p.name(),
    };
    fit(&budget, usize::from(NAME) - 1)
}

enum Numbers {
    /// Why there are none.
    Words(&'static str),
    Known {
        size: Option<(u64, f64)>,
        error: String,
    },
}

fn numbers(state: &State, at: usize) -> Numbers {
    let r = &state.recipe;
    let p = &PRESETS[at];
    let estimate = r.estimate(at);
    if p.types == Types::Budget && r.budget().is_none() {
        return Numbers::Words("press b");
    }
    let size = match r.sizes.get(at).and_then(Option::as_ref) {
        Some(Ok(size)) => Some(*size),
        Some(Err(_)) if p.needs_imatrix && r.imatrix.is_empty() => return Numbers::Words("needs imatrix"),
        Some(Err(_)) => return Numbers::Words("–"),
        None => planned(state, at).or_else(|| estimate.map(|e| (e.bytes, e.bits_per_weight))),
    };
    if p.types == Types::Budget && size.is_none() && !r.outlook.waiting() {
        return Numbers::Words("–");
    }
    let has_error = p.types == Types::Budget || (p.file_type().is_some() && p.types != Types::Quantized("auto"));
    let error = match estimate {
        Some(e) => decibel(e.output_sqnr_db),
        None if has_error && r.outlook.waiting() => "…".to_owned(),
        None if has_error => "–".to_owned(),
        None => String::new(),
    };
    Numbers::Known { size, error }
}

/// What the plan of a budget says, which is there before the forecast.
fn planned(state: &State, at: usize) -> Option<(u64, f64)> {
    let place = state.recipe.chosen().iter().position(|p| *p == at && at == BUDGET)?;
    let output = state.recipe.ready()?.outputs.get(place)?;
    Some((output.bytes, output.bits_per_weight))
}
