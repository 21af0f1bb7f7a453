//! A long text over the details, line by line.

use super::canvas::{Canvas, width};
use crate::tui::core::Reading;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar;

pub(super) fn draw(c: &mut Canvas<'_>, reading: &Reading, area: Rect) {
    let (dim, text, title) = (c.theme().dim, c.theme().text, c.theme().title);
    let lines = lines(&reading.text, area.width.saturating_sub(2).into());
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let top = reading.scroll.min(lines.len().saturating_sub(list.height.into()));
    let bottom = (top + usize::from(list.height)).min(lines.len());
    let place = format!("{}–{bottom} of {}   esc closes", top + 1, lines.len());
    c.text(area.x + 1, area.y, area.width.saturating_sub(width(&place) as u16 + 3), &reading.title, title);
    c.right(area.right() - 1, area.y, area.width, &place, dim);
    for (i, line) in lines[top..bottom].iter().enumerate() {
        c.text(list.x + 1, list.y + i as u16, list.width, line, text);
    }
}

/// The lines of a text, long ones broken wherever they are full: what is in them may be code.
fn lines(text: &str, most: usize) -> Vec<String> {
    let mut out = Vec::new();
    for line in text.lines() {
        let (mut part, mut used) = (String::new(), 0);
        for ch in line.chars() {
            let ch = if ch == '\t' { ' ' } else { ch };
            let w = ch.width().unwrap_or(0);
            if used + w > most.max(1) {
                out.push(std::mem::take(&mut part));
                used = 0;
            }
            part.push(ch);
            used += w;
        }
        out.push(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_and_indents_stay() {
        assert_eq!(lines("ab\n  cdefg\n\nh", 4), ["ab", "  cd", "efg", "", "h"]);
    }
}
