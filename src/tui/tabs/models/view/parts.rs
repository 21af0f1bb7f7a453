//! What several sections of the details have: an error, and pairs of a label and a value.

use crate::tui::core::{ErrorCard, Focus, State};
use crate::tui::view::canvas::Canvas;
use ratatui::layout::Rect;

/// An error: the fact, then the remedy.
pub(super) fn error_card(c: &mut Canvas<'_>, state: &State, card: &ErrorCard, area: Rect) {
    let (glyph, style) = if card.wrong { ("✗", c.theme().bad) } else { ("–", c.theme().warn) };
    let (text, dim) = (c.theme().text, c.theme().dim);
    c.text(area.x, area.y, 1, glyph, style);
    let w = area.width.saturating_sub(2);
    let used = c.wrapped(area.x + 2, area.y, w, area.height, &state.with_short_paths(&card.message), text);
    if let Some(hint) = &card.hint {
        c.wrapped(area.x + 2, area.y + used + 1, w, area.height.saturating_sub(used + 1), hint, dim);
    }
}

/// Labels and values, a line each; `none` where there are none.
pub(super) fn pairs(c: &mut Canvas<'_>, state: &State, all: &[(String, String)], none: &str, area: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    if all.is_empty() {
        c.text(area.x + 1, area.y, area.width, none, dim);
    }
    let focused = state.models.focus == Focus::Details;
    for (i, (label, value)) in all.iter().enumerate().take(area.height.into()) {
        let line = Rect { y: area.y + i as u16, height: 1, ..area };
        c.text(line.x + 1, line.y, 20, label, dim);
        c.text(line.x + 21, line.y, line.width.saturating_sub(21), value, text);
        if focused && i == state.models.details.row {
            c.select(Rect { x: line.x - 1, width: line.width + 2, ..line }, true);
        }
    }
}
