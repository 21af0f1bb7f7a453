//! The two panes of a tab, the border between them, and the titles of sections below one.

use super::canvas::{Canvas, width};
use crate::tui::core::{self, Hit, State, panes};
use ratatui::layout::Rect;

/// The panes of a tab that has two, those of them that are shown, and the border between them, which can be drawn with the mouse.
pub(in crate::tui) fn split(c: &mut Canvas<'_>, state: &State, body: Rect) -> (Option<Rect>, Option<Rect>) {
    let (left, right) = panes(state, body.width);
    if left > 0 && right > 0 {
        c.divide(body.x + left, body.y, body.height);
        c.hit(Rect { x: body.x + left, width: 1, ..body }, Hit::Border);
    }
    let shown = |x, width| (width > 0).then_some(Rect { x, width, ..body });
    (shown(body.x, left), shown(body.right() - right, right))
}

/// The line of section titles below a pane.
pub(in crate::tui) fn sections(c: &mut Canvas<'_>, state: &State, line: Rect, items: &[(String, bool)], focused: bool) {
    let (dim, accent, text) = (c.theme().dim, c.theme().accent, c.theme().text);
    let need: usize = items.iter().map(|(t, _)| width(t) + 2).sum();
    let gap = if need <= usize::from(line.width) + 2 { 2 } else { 1 };
    let tight = need + 1 > usize::from(line.width) + 2 + items.len();
    let mut x = line.x;
    for (i, (title, on)) in items.iter().enumerate() {
        // If space is short, only the name of the current section is shown.
        let short: String = title.chars().take(4).collect();
        let short = if title.ends_with('!') { format!("{short}!") } else { short };
        let title = if tight && !on { &short } else { title };
        let style = match (on, focused) {
            (true, true) => accent,
            (true, false) => text,
            _ => dim,
        };
        let style = if *on { style.add_modifier(ratatui::style::Modifier::UNDERLINED) } else { style };
        let used = c.text(x, line.y, line.right().saturating_sub(x), title, style);
        c.hit(Rect { x, y: line.y, width: used, height: 1 }, Hit::Section(i));
        x += used + gap;
    }
    // The hint line does not always have space for the key that switches them.
    if let Some(hint) =
        core::hint_of(state, core::Cmd::SectionNext).filter(|h| x + width(&h.key) as u16 <= line.right())
    {
        c.text(x, line.y, line.right() - x, &hint.key, accent);
    }
}
