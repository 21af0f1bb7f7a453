//! The tensors of the comparison: types and errors in each model, and everything about the selected one.

use super::{BY_LETTER, beyond, number, short_label, style};
use crate::evaluate::{Figures, TensorFigures};
use crate::quant::Encoding;
use crate::tui::core::{Hit, State};
use crate::tui::tabs::compare::{CompareState, Prompt as ComparePrompt, TensorOrder};
use crate::tui::view::canvas::{Canvas, width};
use crate::tui::view::heat::{self, heat};
use crate::tui::view::tensor_name::fit_tensor;
use crate::units::small;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns of the baseline's type.
const BASE: u16 = 8;
/// Columns of a model: type, number, blank.
const EACH: u16 = 19;
/// Rows that the list should have before every model gets a line below it.
const MIN_LIST: u16 = 8;
/// Columns that a name must have.
const MIN_NAME: u16 = 26;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let s = &state.compare;
    let (dim, title) = (c.theme().dim, c.theme().title);
    let rows = s.tensor_rows();
    let Some(result) = &s.result else { return };
    let tensors = &result.comparison.tensors;
    heading(c, s, Rect { height: 1, ..body }, rows.len(), tensors.len());
    let others = s.columns.len().saturating_sub(1);
    let fit = usize::from(body.width.saturating_sub(MIN_NAME + BASE + 2) / EACH).clamp(1, others.max(1));
    let from = 1 + s.selected.saturating_sub(fit).min(others.saturating_sub(fit));
    let shown: Vec<usize> = (from..=others).take(fit).collect();
    // As wide as the longest name, and no wider than what is left.
    let longest = rows.iter().map(|at| width(&tensors[*at].name) as u16).max().unwrap_or(0);
    let wanted = body.x + longest.max(MIN_NAME) + BASE + 4;
    // What names leave goes to the names of the models.
    let label = (1..=others).map(|i| width(&s.label(i)) + 5).max().unwrap_or(0).min(60) as u16;
    let free = (body.right() - 1).saturating_sub(wanted) / (shown.len() as u16).max(1);
    let each = free.min(label).max(EACH);
    let most = (body.right() - 1).saturating_sub(shown.len() as u16 * each);
    let first = most.min(wanted);
    let x = |i: usize| first + i as u16 * each;
    let y = body.y + 1;
    c.text(body.x + 2, y, 20, "tensor", dim);
    c.right(first.saturating_sub(1), y, BASE, "◆", dim);
    for (i, column) in shown.iter().enumerate() {
        let own = if *column == s.selected { title } else { style(c, *column) };
        let label = format!("{} {}", number(*column), short_label(s, *column, usize::from(each) - 4));
        c.text(x(i) + 2, y, each - 2, &label, own);
        c.hit(Rect { x: x(i), y, width: each, height: 1 }, Hit::List(*column));
    }
    // Below: a rule, the tensor, a line for each model where there is space, and the scale of the colours.
    let lines = if body.height > MIN_LIST + 4 + others as u16 { others.max(1) as u16 } else { 1 };
    let list = Rect { y: y + 1, height: body.height.saturating_sub(5 + lines), ..body };
    c.pane(list, Hit::Detail(0));
    if rows.is_empty() {
        c.text(list.x + 2, list.y, list.width, "nothing matches the filter; esc clears it", dim);
    }
    let cursor = s.row.min(rows.len().saturating_sub(1));
    let top = c.offset("compare", cursor, rows.len(), list.height);
    for (i, at) in rows.iter().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        let tensor = &tensors[*at];
        row(c, s, tensor, line, &shown, (first, each));
        if i == cursor {
            c.select(line, true);
        }
        c.hit(line, Hit::Detail(i));
    }
    let foot = Rect { y: body.bottom() - 1, height: 1, ..body };
    let right = others.saturating_sub(from + shown.len() - 1);
    let used = heat::legend(c, foot.x + 1, foot.y, foot.width.saturating_sub(24), "weights dB");
    beyond(c, (from - 1, right), BY_LETTER, Rect { x: foot.x + used, width: foot.width - used, ..foot });
    if let Some(tensor) = rows.get(cursor).map(|at| &tensors[*at]) {
        let area = Rect { y: list.bottom(), height: foot.y.saturating_sub(list.bottom()), ..body };
        tensor_details(c, s, tensor, area, lines > 1);
    }
}

fn heading(c: &mut Canvas<'_>, s: &CompareState, line: Rect, shown: usize, all: usize) {
    let (dim, title, text, accent) = (c.theme().dim, c.theme().title, c.theme().text, c.theme().accent);
    let mut x = line.x + 1 + c.text(line.x + 1, line.y, 9, "Tensors", title) + 3;
    match &s.line {
        Some((ComparePrompt::Filter, edit)) => {
            x += c.text(x, line.y, 2, "/ ", accent);
            c.edit(x, line.y, line.width / 3, edit, text);
        }
        _ if !s.filter.is_empty() => {
            c.spans(x, line.y, line.width / 3, &[("/ ", accent), (&s.filter, text)]);
        }
        _ => {}
    }
    let order = match s.tensor_order {
        TensorOrder::Error => format!("error of {}", short_label(s, s.subject(), 20)),
        other => other.title().to_owned(),
    };
    let summary = format!("{shown}/{all}   sort: {order}");
    c.right(line.right() - 1, line.y, line.width / 2, &summary, dim);
}

fn row(
    c: &mut Canvas<'_>,
    s: &CompareState,
    t: &TensorFigures,
    line: Rect,
    shown: &[usize],
    (first, each): (u16, u16),
) {
    let (text, dim) = (c.theme().text, c.theme().dim);
    let available = first.saturating_sub(line.x + BASE + 3);
    let name = fit_tensor(&t.name, available.into());
    c.text(line.x + 2, line.y, available, &name, text);
    c.right(first.saturating_sub(1), line.y, BASE, kind(s, t, 0), dim);
    for (i, column) in shown.iter().enumerate() {
        let x = first + i as u16 * each;
        c.text(x + 2, line.y, 7, kind(s, t, *column), dim);
        let summary = s.figures(t, *column).map_or_else(|| missing(s, t, *column).to_owned(), Figures::quality);
        let own = s.figures(t, *column).map_or(text, |f| if f.broken() { text } else { colour(c, f) });
        c.right(x + EACH, line.y, 10, &summary, own);
    }
}

/// The colour of an error.
fn colour(c: &Canvas<'_>, f: &Figures) -> Style {
    heat(c, f.sqnr_db.filter(|_| !f.lossless())).1
}

/// The type of a tensor in a column's model.
fn kind<'a>(s: &CompareState, t: &'a TensorFigures, column: usize) -> &'a str {
    s.variant_at(column).and_then(|v| *t.types.get(v)?).map_or("–", Encoding::name)
}

fn missing(s: &CompareState, t: &TensorFigures, column: usize) -> &'static str {
    if kind(s, t, column) == "–" { "missing" } else { "no matches" }
}

/// What it is, and every figure of the selected model, or of `all` of them.
pub(super) fn tensor_details(c: &mut Canvas<'_>, s: &CompareState, t: &TensorFigures, area: Rect, all: bool) {
    if area.height < 3 {
        return;
    }
    let text = c.theme().text;
    c.rule(area.x, area.y, area.width);
    let shape: Vec<String> = t.shape.iter().map(u64::to_string).collect();
    let what = format!("{}   {}   {}", t.name, shape.join(" × "), t.role);
    c.text(area.x + 1, area.y + 1, area.width.saturating_sub(2), &what, text);
    let columns = if all { 1..s.columns.len() } else { s.subject()..s.subject() + 1 };
    for (column, y) in columns.zip(area.y + 2..area.bottom()) {
        figures(c, s, t, column, Rect { y, height: 1, ..area });
    }
}

/// Columns of a type before the figures.
const TYPE: u16 = 8;

/// Every figure of a tensor in one model.
fn figures(c: &mut Canvas<'_>, s: &CompareState, t: &TensorFigures, at: usize, line: Rect) {
    let dim = c.theme().dim;
    let w = line.width.saturating_sub(2);
    let label = format!("{} {}", number(at), short_label(s, at, 20));
    let longest = (1..s.columns.len()).map(|i| width(&short_label(s, i, 20)) + 2).max().unwrap_or(0);
    let used = if s.columns.len() > 2 { longest } else { width(&label) } as u16 + 2;
    let available = usize::from(w.saturating_sub(used + TYPE));
    let summary = match s.figures(t, at) {
        None => "not compared: missing in the other model, or a different shape".to_owned(),
        Some(f) if f.lossless() => format!("{}: all values are equal", f.quality()),
        Some(f) => {
            let n = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), small);
            let cosine = f.cosine.map(|v| 1.0 - v);
            let (rmse, cosine, most) = (n(f.rmse), n(cosine), n(f.max_abs));
            let long = format!("{}  RMSE {rmse}  1 − cos {cosine}  largest {most}", f.quality());
            if width(&long) <= available {
                long
            } else {
                format!("{}  RMSE {rmse}  1−cos {cosine}  max {most}", f.quality())
            }
        }
    };
    let own = style(c, at);
    c.text(line.x + 1, line.y, w, &label, own);
    let kind = kind(s, t, at);
    c.text(line.x + 1 + used, line.y, w.saturating_sub(used), &format!("{kind:<8}{summary}"), dim);
}
