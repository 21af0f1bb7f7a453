//! Messages in the corner: over the tab, above the line of keys, never over the line that has the cursor.
//!
//! They lie over the tab and take no room from it: nothing moves when one comes or goes, and over a slow line only the corner is sent.

use super::canvas::{Canvas, fit, width, wrap};
use crate::tui::core::{Level, State, Toast};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns of text at most; a longer line is hard to read in a corner.
const WIDEST: u16 = 56;
/// Lines of one message; the full text is in the log.
const MAX_LINES: usize = 3;
/// On the frame of a message that stays until it is closed.
const ESC: &str = " esc closes ";

/// Glyph on the first line of a message, style, text.
type MessageLine = (&'static str, Style, String);

/// The messages as lines, newest last; the oldest are dropped if there is no space.
fn message_lines(c: &Canvas<'_>, state: &State, available: usize, most: usize) -> Vec<MessageLine> {
    let mut lines: Vec<MessageLine> = Vec::new();
    for toast in state.toasts.iter().rev() {
        let (glyph, style) = match toast.level {
            Level::Info => ("✓", c.theme().good),
            Level::Warn => ("!", c.theme().warn),
            Level::Error => ("✗", c.theme().bad),
        };
        let mut text = wrap(&toast.text, available);
        if text.len() > MAX_LINES {
            text.truncate(MAX_LINES);
            text[MAX_LINES - 1].push_str(" …");
        }
        let own: Vec<MessageLine> = text
            .into_iter()
            .enumerate()
            .map(|(i, l)| (if i == 0 { glyph } else { " " }, style, fit(&l, available)))
            .collect();
        if !lines.is_empty() && lines.len() + own.len() > most {
            break;
        }
        lines.splice(0..0, own);
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some((.., last)) = lines.last_mut() {
            *last = fit(&format!("{last} …"), available);
        }
    }
    lines
}

/// Draws the messages over `body`, below on the right; above on the right where the cursor is below.
pub(in crate::tui) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let available = WIDEST.min(body.width.saturating_sub(8));
    // A third of the tab, the frame included, but two lines in any.
    let most = usize::from((body.height / 3).max(4)).saturating_sub(2);
    let lines = message_lines(c, state, available.into(), most);
    let Some(widest) = lines.iter().map(|(_, _, l)| width(l) as u16).max() else { return };
    let (w, h) = (widest.max(ESC.len() as u16) + 6, lines.len() as u16 + 2);
    let below = Rect { x: body.right().saturating_sub(w + 1), y: body.bottom() - h, width: w, height: h };
    let hides_cursor = c.ui.cursor.is_some_and(|row| row.intersects(below));
    let area = if hides_cursor { Rect { y: body.y, ..below } } else { below };
    let inner = c.card(area, "");
    let text = c.theme().text;
    for ((glyph, style, line), y) in lines.iter().zip(inner.y..) {
        c.text(inner.x, y, 1, glyph, *style);
        c.text(inner.x + 2, y, inner.width.saturating_sub(2), line, text);
    }
    if state.toasts.iter().any(Toast::stays) {
        let dim = c.theme().dim;
        c.right(area.right() - 2, area.bottom() - 1, area.width, ESC, dim);
    }
}
