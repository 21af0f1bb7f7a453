//! A page of a job: what was planned, the recipe, the report.

use super::badge;
use crate::tui::core::State;
use crate::tui::tabs::jobs::{PageLine, page};
use crate::tui::view::canvas::{Canvas, fit_end, width};
use crate::tui::view::search;
use crate::tui::view::table::Columns;
use ratatui::layout::Rect;

/// Width of a narrow column of a table.
const NARROW: u16 = 11;
/// Width of the words before facts.
const WORD: u16 = 9;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let area = search::below(c, state, area);
    // The last column is for the sign that there is more below.
    let area = Rect { width: area.width.saturating_sub(1), ..area };
    let lines = page(state);
    // The last line may be at the top, so that a page with wrapped lines can be read to its end.
    let mut y = area.y;
    for line in lines.iter().skip(state.jobs.row) {
        if y >= area.bottom() {
            let dim = c.theme().dim;
            // In the margin, beside no number.
            c.right(area.right() + 2, area.bottom() - 1, 1, "↓", dim);
            break;
        }
        y += self::line(c, line, Rect { y, height: area.bottom() - y, ..area });
    }
    search::mark(c, &state.jobs.search.text, area);
}

/// Draws a line; gives the rows it took.
fn line(c: &mut Canvas<'_>, line: &PageLine, area: Rect) -> u16 {
    let (dim, text, title, warn, bad) = (c.theme().dim, c.theme().text, c.theme().title, c.theme().warn, c.theme().bad);
    let (x, y, w, most) = (area.x, area.y, area.width, area.height);
    match line {
        PageLine::Blank => 1,
        PageLine::Head(None, name) => {
            let name = fit_end(name, w.into());
            c.text(x, y, w, &name, title);
            1
        }
        PageLine::Head(Some(how), name) => {
            let (glyph, word, style) = badge(c, *how);
            // A path has its end, facts have their beginning.
            let used = c.spans(x, y, w, &[(glyph, style), (" ", dim), (word, style), ("  ", dim)]);
            let available = w.saturating_sub(used);
            if width(name) <= available.into() || most < 2 {
                let name = if name.contains('/') { fit_end(name, available.into()) } else { name.clone() };
                c.text(x + used, y, available, &name, title);
                return 1;
            }
            1 + c.wrapped(x + 2, y + 1, w.saturating_sub(2), most - 1, name, title)
        }
        PageLine::Fact(word, fact) => {
            c.text(x, y, WORD - 1, word, dim);
            c.wrapped(x + WORD, y, w.saturating_sub(WORD), most, fact, text).max(1)
        }
        PageLine::Text(line) => {
            // Verbatim, with spaces: indentation matters in a recipe.
            c.text(x, y, w, line, text);
            1
        }
        PageLine::Warn(line) => {
            c.text(x, y, 1, "!", warn);
            c.wrapped(x + 2, y, w.saturating_sub(2), most, line, text).max(1)
        }
        PageLine::Bad(line) => {
            c.text(x, y, 1, "✗", bad);
            c.wrapped(x + 2, y, w.saturating_sub(2), most, line, bad).max(1)
        }
        PageLine::Table(head, first, rest) => {
            let columns = Columns::new(area, &vec![NARROW; rest.len()]);
            let cells: Vec<&str> = rest.iter().map(String::as_str).collect();
            let style = if *head { dim } else { text };
            columns.row(c, y, &cells, style);
            let first = fit_end(first, columns.first().into());
            c.text(x + 1, y, columns.first(), &first, style);
            1
        }
    }
}
