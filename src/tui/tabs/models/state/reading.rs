//! A long text over the details, broken into the lines of its pane: what is in it may be code, so lines are broken wherever they are full.

use crate::tui::core::{State, panes};
use unicode_width::UnicodeWidthChar;

/// Columns and rows of the details around the text of what is read.
const AROUND: (u16, u16) = (4, 6);

/// A line of the screen: where in the text it begins, by characters, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadLine {
    /// Characters of the text before it.
    pub start: usize,
    /// The line.
    pub text: String,
}

/// Columns and rows the text of what is read has.
pub(in crate::tui::tabs::models) fn available(state: &State) -> (usize, usize) {
    let (_, width) = panes(state, state.size.0);
    (width.saturating_sub(AROUND.0).into(), state.size.1.saturating_sub(AROUND.1 + state.status_rows()).into())
}

/// The lines of a text of `most` columns.
pub(crate) fn read_lines(text: &str, most: usize) -> Vec<ReadLine> {
    let mut out = Vec::new();
    let mut at = 0;
    for line in text.split_terminator('\n') {
        let (mut part, mut used, mut start) = (String::new(), 0, at);
        for ch in line.chars() {
            let shown = if ch == '\t' { ' ' } else { ch };
            let w = shown.width().unwrap_or(0);
            if used + w > most.max(1) {
                out.push(ReadLine { start, text: std::mem::take(&mut part) });
                (used, start) = (0, at);
            }
            part.push(shown);
            used += w;
            at += 1;
        }
        out.push(ReadLine { start, text: part });
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_and_know_where_they_begin() {
        let lines = read_lines("ab\n  cdefg\n\nhä", 4);
        let pairs: Vec<(usize, &str)> = lines.iter().map(|l| (l.start, l.text.as_str())).collect();
        assert_eq!(pairs, [(0, "ab"), (3, "  cd"), (7, "efg"), (11, ""), (12, "hä")]);
    }
}
