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

/// The line of section titles below a pane. Where it is too short for all, those around the current one are shown, and signs at the ends
/// say that there are more.
pub(in crate::tui) fn sections(c: &mut Canvas<'_>, state: &State, line: Rect, items: &[(String, bool)], focused: bool) {
    let (dim, accent, text) = (c.theme().dim, c.theme().accent, c.theme().text);
    let (first, last) = window(items, line.width.into());
    let mut x = line.x;
    if first > 0 {
        c.text(x, line.y, 1, "‹", accent);
        c.hit(Rect { x, y: line.y, width: 1, height: 1 }, Hit::Section(first - 1));
        x += 2;
    }
    for (i, (title, on)) in items.iter().enumerate().take(last).skip(first) {
        let style = match (on, focused) {
            (true, true) => accent,
            (true, false) => text,
            _ => dim,
        };
        let style = if *on { style.add_modifier(ratatui::style::Modifier::UNDERLINED) } else { style };
        let used = c.text(x, line.y, line.right().saturating_sub(x), title, style);
        c.hit(Rect { x, y: line.y, width: used, height: 1 }, Hit::Section(i));
        x += used + 2;
    }
    if last < items.len() {
        c.text(x - 1, line.y, 1, "›", accent);
        c.hit(Rect { x: x - 1, y: line.y, width: 1, height: 1 }, Hit::Section(last));
        return;
    }
    // The hint line does not always have space for the key that switches them.
    if let Some(hint) =
        core::hint_of(state, core::Cmd::SectionNext).filter(|h| x + width(&h.key) as u16 <= line.right())
    {
        c.text(x, line.y, line.right() - x, &hint.key, accent);
    }
}

/// The titles that fit into so many columns: the current one, then its neighbours by turns.
fn window(items: &[(String, bool)], columns: usize) -> (usize, usize) {
    let need = |from: usize, to: usize| {
        let titles: usize = items[from..to].iter().map(|(t, _)| width(t) + 2).sum();
        titles.saturating_sub(2) + if from > 0 { 2 } else { 0 } + if to < items.len() { 2 } else { 0 }
    };
    let at = items.iter().position(|(_, on)| *on).unwrap_or(0);
    let (mut from, mut to) = (at, (at + 1).min(items.len()));
    loop {
        let before = (from, to);
        if to < items.len() && need(from, to + 1) <= columns {
            to += 1;
        }
        if from > 0 && need(from - 1, to) <= columns {
            from -= 1;
        }
        if before == (from, to) {
            return before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_whole_and_the_current_one_is_among_them() {
        let titles = ["Info", "Tensors", "Metadata", "Tokenizer", "Files", "Health ✓"];
        let of = |on: usize, columns| window(&titles.map(|t| (t.to_owned(), t == titles[on])), columns);
        assert_eq!(of(0, 80), (0, 6));
        assert_eq!(of(0, 30), (0, 3));
        assert_eq!(of(3, 30), (2, 5));
        assert_eq!(of(5, 30), (3, 6));
        for on in 0..6 {
            let (from, to) = of(on, 4);
            assert!((from..to).contains(&on));
        }
    }
}
