//! The Log tab: everything that was said, newest below.

use super::canvas::Canvas;
use super::job::{clock, level_style};
use crate::tui::core::{Hit, Level, State};
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let (dim, text, title, accent) = (c.theme().dim, c.theme().text, c.theme().title, c.theme().accent);
    let shown = state.log.shown();
    let used = c.text(body.x + 1, body.y, 10, "Log", title) + 3;
    let x = body.x + used;
    match &state.log.editing {
        Some(edit) => {
            c.text(x, body.y, 2, "/ ", accent);
            c.edit(x + 2, body.y, body.width / 2, edit, text);
        }
        None if !state.log.filter.is_empty() => {
            c.spans(x, body.y, body.width / 2, &[("/ ", accent), (&state.log.filter, text)]);
        }
        None => {}
    }
    let place = if state.log.up == 0 { "following".to_owned() } else { format!("{} below", state.log.up) };
    let count = format!("{}/{}   {place}", shown.len(), state.log.entries.len());
    c.right(body.right() - 1, body.y, 40, &count, dim);
    let list = Rect { y: body.y + 1, height: body.height - 1, ..body };
    c.pane(list, Hit::Detail(0));
    let height = usize::from(list.height);
    let end = shown.len().saturating_sub(state.log.up.min(shown.len().saturating_sub(height)));
    let first = end.saturating_sub(height);
    for (i, e) in shown.iter().take(end).skip(first).enumerate() {
        let y = list.y + i as u16;
        let word = match e.level {
            Level::Info => "     ",
            Level::Warn => "warn ",
            Level::Error => "error",
        };
        let style = level_style(c, e.level).unwrap_or(text);
        c.spans(
            list.x + 1,
            y,
            list.width - 2,
            &[(&clock(e.t), dim), ("  ", dim), (word, style), ("  ", dim), (&e.text, style)],
        );
    }
}
