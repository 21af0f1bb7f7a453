//! What is searched for in what is read, on the last line of its pane, and the marks on the hits.

use super::canvas::{Canvas, width};
use crate::tui::core::{Search, State, match_positions, search_position, searched};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

/// Draws the search below what is read, if there is one; gives what is left of the area.
pub(in crate::tui) fn below(c: &mut Canvas<'_>, state: &State, area: Rect) -> Rect {
    let Some(Search { text, editing, .. }) = searched(state) else { return area };
    if (text.is_empty() && editing.is_none()) || area.height < 2 {
        return area;
    }
    let (dim, plain, accent, warn) = (c.theme().dim, c.theme().text, c.theme().accent, c.theme().warn);
    let left = Rect { height: area.height - 1, ..area };
    let y = left.bottom();
    let (position, style) = match search_position(state) {
        _ if text.is_empty() => (String::new(), dim),
        (_, 0) => ("no matches".to_owned(), warn),
        (Some(at), all) => (format!("matching line {at} of {all}"), dim),
        (None, 1) => ("1 matching line".to_owned(), dim),
        (None, all) => (format!("{all} matching lines"), dim),
    };
    let used = c.right(area.right().saturating_sub(1), y, area.width, &position, style);
    c.text(area.x + 1, y, 2, "/ ", accent);
    let available = area.width.saturating_sub(used + 6);
    match editing {
        Some(line) => c.edit(area.x + 3, y, available, line, plain),
        None => c.text(area.x + 3, y, available, text, plain),
    };
    left
}

/// Marks every place of a text on an area that is drawn already.
pub(in crate::tui) fn mark(c: &mut Canvas<'_>, text: &str, area: Rect) {
    let letters = text.chars().count();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut columns = Vec::new();
        let mut x = area.x;
        while x < area.right() {
            let symbol = c.buf[(x, y)].symbol().to_owned();
            columns.extend(symbol.chars().map(|_| x));
            line.push_str(&symbol);
            x += width(&symbol).max(1) as u16;
        }
        for at in match_positions(&line, text) {
            columns[at..at + letters].iter().for_each(|x| paint(c, *x, y, false));
        }
    }
}

/// Marks a cell, of the hit gone to last or of another.
pub(in crate::tui) fn paint(c: &mut Canvas<'_>, x: u16, y: u16, current: bool) {
    let style = c.theme().accent.add_modifier(if current { Modifier::REVERSED } else { Modifier::UNDERLINED });
    c.paint(Rect { x, y, width: 1, height: 1 }, style);
}
