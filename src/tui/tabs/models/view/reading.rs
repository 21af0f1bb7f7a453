//! A long text over the details, line by line.

use crate::tui::core::search_current;
use crate::tui::core::{State, match_positions};
use crate::tui::tabs::models::{ReadLine, Reading, read_lines};
use crate::tui::view::canvas::{Canvas, width};
use crate::tui::view::search;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, reading: &Reading, area: Rect) {
    let (dim, text, title) = (c.theme().dim, c.theme().text, c.theme().title);
    let lines = read_lines(&reading.text, area.width.saturating_sub(2).into());
    let area = search::below(c, state, area);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let top = reading.scroll.min(lines.len().saturating_sub(list.height.into()));
    let bottom = (top + usize::from(list.height)).min(lines.len());
    let place = format!("{}–{bottom} of {}   esc closes", top + 1, lines.len());
    c.text(area.x + 1, area.y, area.width.saturating_sub(width(&place) as u16 + 3), &reading.title, title);
    c.right(area.right() - 1, area.y, area.width, &place, dim);
    let hits = match_positions(&reading.text, &reading.search.text);
    let letters = reading.search.text.chars().count();
    let current = search_current(state);
    for (i, y) in (top..bottom).zip(list.y..) {
        c.text(list.x + 1, y, list.width, &lines[i].text, text);
        mark(c, &lines[i], (&hits, letters, current == Some(i)), list.x + 1, y);
    }
}

/// Marks what of the hits (their positions, their length, whether this line was gone to) is on the line: one may be broken across two.
fn mark(c: &mut Canvas<'_>, line: &ReadLine, (hits, letters, current): (&[usize], usize, bool), x: u16, y: u16) {
    let mut x = x;
    for (i, ch) in line.text.chars().enumerate() {
        let at = line.start + i;
        // The last hit that begins here or before.
        let hit = hits.partition_point(|h| *h <= at).checked_sub(1).map(|i| hits[i]);
        let w = ch.width().unwrap_or(0) as u16;
        if hit.is_some_and(|h| at < h + letters) && w > 0 {
            search::paint(c, x, y, current);
        }
        x += w;
    }
}
