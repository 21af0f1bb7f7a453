//! The status line: messages, between the tab and the line of keys. They have rows of their own and cover nothing. A message that is
//! too long for one row takes up to three.

use super::canvas::Canvas;
use crate::tui::core::{DeadLine, Level, State};
use crate::tui::tabs;
use ratatui::layout::Rect;

/// Draws the message, or the word that can filter nothing.
pub(in crate::tui) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let text = c.theme().text;
    if let Some(dead) = &state.dead {
        let (accent, dim) = (c.theme().accent, c.theme().dim);
        let used = c.text(area.x + 1, area.y, 2, "/ ", accent);
        let x = area.x + 1 + used;
        let used = c.edit(x, area.y, area.width.saturating_sub(30), &dead.line, text);
        c.text(x + used + 2, area.y, area.right().saturating_sub(x + used + 2), DeadLine::WHY, dim);
        return;
    }
    if let Some((label, line)) = tabs::shown(state).prompt(state) {
        let above = Rect { height: area.height.saturating_sub(1), ..area };
        if state.complains_beside_prompt() {
            message(c, state, above);
        }
        let area = Rect { y: above.bottom(), height: 1, ..area };
        let accent = c.theme().accent;
        let dim = c.theme().dim;
        let used = c.text(area.x + 1, area.y, area.width, label, accent);
        let x = area.x + 1 + used;
        let x = x + 2 + c.edit(x, area.y, area.width.saturating_sub(used + 2), line, text);
        let names = tabs::shown(state).prompt_names(state).join("  ");
        c.text(x, area.y, (area.right() - 1).saturating_sub(x), &names, dim);
        return;
    }
    message(c, state, area);
}

/// Draws the message.
fn message(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let text = c.theme().text;
    let Some(message) = state.message() else { return };
    let (glyph, style) = match message.level {
        Level::Info => ("✓", c.theme().good),
        Level::Warn => ("!", c.theme().warn),
        Level::Error => ("✗", c.theme().bad),
    };
    c.text(area.x + 1, area.y, 1, glyph, style);
    for (row, y) in state.message_rows().iter().zip(area.y..area.bottom()) {
        c.text(area.x + 3, y, area.width.saturating_sub(4), row, text);
    }
}
