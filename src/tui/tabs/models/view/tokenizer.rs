//! The tokenizer of a model: facts, and what becomes of a text.

use super::parts::{error_card, pairs};
use crate::arch::vocab::Encoded;
use crate::tui::core::{Focus, State, units};
use crate::tui::tabs::models::{ModelInfo, TokenizerTrial};
use crate::tui::view::canvas::{Canvas, fit, width};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let m = &state.models;
    if info.tokenizer.is_empty() {
        pairs(c, state, &info.tokenizer, "no tokenizer found for these tensors", area);
        return;
    }
    let tried = m.inspect.tried(&info.path);
    let facts = match tried {
        Some(Ok(tried)) => &tried.facts,
        _ => &info.tokenizer,
    };
    // The trial has the lower part, whatever the number of facts.
    let most = area.height.saturating_sub(if m.focus == Focus::Details { 7 } else { 0 });
    let shown = (facts.len() as u16).min(most);
    pairs(c, state, facts, "", Rect { height: shown, ..area });
    if m.focus != Focus::Details || area.height < 6 {
        return;
    }
    let below = Rect { y: area.y + shown, height: area.height - shown, ..area };
    c.rule(area.x, below.y, area.width);
    field(c, state, Rect { y: below.y + 1, height: 1, ..area });
    let list = Rect { x: area.x + 1, y: below.y + 3, width: area.width - 2, height: below.height.saturating_sub(3) };
    let dim = c.theme().dim;
    match tried {
        None => {
            c.text(list.x, list.y, list.width, "reading the vocabulary…", dim);
        }
        Some(Err(card)) => error_card(c, state, card, list),
        Some(Ok(tried)) => trial(c, state, tried, below.y + 2, list),
    }
}

/// The line with the text.
fn field(c: &mut Canvas<'_>, state: &State, line: Rect) {
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let m = &state.models;
    let used = c.text(line.x + 1, line.y, 6, "text ", if m.editing.is_some() { accent } else { dim });
    let (x, available) = (line.x + 1 + used, line.width.saturating_sub(used + 2));
    match &m.editing {
        Some(edit) => {
            c.edit(x, line.y, available, edit, text);
        }
        None if m.inspect.text.is_empty() => {
            c.text(x, line.y, available, "press t and type a text to see its tokens", dim);
        }
        None => {
            c.text(x, line.y, available, &m.inspect.text, text);
        }
    }
}

fn trial(c: &mut Canvas<'_>, state: &State, tried: &TokenizerTrial, head: u16, list: Rect) {
    let (dim, good, warn) = (c.theme().dim, c.theme().good, c.theme().warn);
    let encoded = match &tried.encoded {
        Err(card) => return error_card(c, state, card, list),
        Ok(encoded) => encoded,
    };
    if state.models.inspect.text.is_empty() && state.models.editing.is_none() {
        notes(c, tried, list);
        return;
    }
    let count = units::plural(encoded.pieces.len(), "token", "tokens");
    let count = if state.models.inspect.tried_now() { count } else { format!("{count}  …") };
    let (mark, word, style) = match tried.round_trip {
        Some(true) => ("  ✓", " round trip", good),
        Some(false) => ("  !", " decodes differently", warn),
        None => ("", "", dim),
    };
    c.spans(list.x, head, list.width, &[(&count, dim), (mark, style), (word, dim)]);
    let mut y = cells(c, encoded, list) + 1;
    if tried.round_trip == Some(false) && y < list.bottom() {
        let back = format!("decodes to “{}”", visible(&encoded.decoded));
        y += c.wrapped(list.x, y, list.width, list.bottom() - y, &back, dim);
    }
    if y < list.bottom() {
        notes(c, tried, Rect { y, height: list.bottom() - y, ..list });
    }
}

fn notes(c: &mut Canvas<'_>, tried: &TokenizerTrial, area: Rect) {
    let (dim, warn) = (c.theme().dim, c.theme().warn);
    let mut y = area.y;
    for note in &tried.notes {
        if y >= area.bottom() {
            return;
        }
        c.text(area.x, y, 1, "!", warn);
        y += c.wrapped(area.x + 2, y, area.width.saturating_sub(2), area.bottom() - y, note, dim);
    }
}

/// Blanks and line ends as something to see.
fn visible(text: &str) -> String {
    let shown_char = |c| match c {
        ' ' => '·',
        '\n' => '⏎',
        c if crate::units::is_hidden(c) => '�',
        c => c,
    };
    text.chars().map(shown_char).collect()
}

/// Tokens as cells, the text above its id, every other one shaded; gives the row below.
fn cells(c: &mut Canvas<'_>, encoded: &Encoded, area: Rect) -> u16 {
    let (dim, text, faint) = (c.theme().dim, c.theme().text, c.theme().faint);
    let shade = c.theme().select_idle;
    let (mut x, mut y) = (area.x, area.y);
    for (i, piece) in encoded.pieces.iter().enumerate() {
        let piece_text = fit(&visible(&piece.text), usize::from(area.width).saturating_sub(2));
        let id = piece.id.to_string();
        let w = (width(&piece_text).max(width(&id)) + 1) as u16;
        if x > area.x && x + w > area.right() {
            (x, y) = (area.x, y + 2);
        }
        if y + 1 >= area.bottom() {
            let more = format!("… {} more", encoded.pieces.len() - i);
            c.right(area.right(), y.min(area.bottom()) - 1, area.width, &more, faint);
            return y;
        }
        if i % 2 == 1 {
            c.paint(Rect { x, y, width: w, height: 2 }, shade);
        }
        let style = if piece.added { dim.add_modifier(Modifier::ITALIC) } else { text };
        c.text(x, y, w, &piece_text, style);
        c.text(x, y + 1, w, &id, dim);
        x += w;
    }
    y + 2
}
