//! A table in a pane.

use super::canvas::{Canvas, width};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A table of one wide column and several right-aligned narrow ones.
pub(in crate::tui) struct Columns {
    area: Rect,
    narrow: Vec<u16>,
}

impl Columns {
    /// Narrow columns of these widths at the right edge; those that leave too little room for the first are dropped from the left.
    pub(in crate::tui) fn new(area: Rect, narrow: &[u16]) -> Self {
        let mut narrow = narrow.to_vec();
        while narrow.len() > 1 && narrow.iter().sum::<u16>() + 16 > area.width {
            narrow.remove(0);
        }
        Self { area, narrow }
    }

    /// Width of the first column.
    pub(in crate::tui) fn first(&self) -> u16 {
        self.area.width.saturating_sub(self.narrow.iter().sum::<u16>() + 2)
    }

    /// Columns between the first column and what a row has in the next one, where that is shorter than the column.
    pub(in crate::tui) fn spare(&self, cells: &[&str]) -> u16 {
        let skip = cells.len().saturating_sub(self.narrow.len());
        let taken = cells.get(skip).map_or(0, |cell| width(cell) as u16 + 2);
        self.narrow.first().map_or(0, |w| w.saturating_sub(taken))
    }

    pub(in crate::tui) fn head(&self, c: &mut Canvas<'_>, y: u16, first: &str, rest: &[&str], style: Style) {
        c.text(self.area.x + 1, y, self.first(), first, style);
        self.row(c, y, rest, style);
    }

    /// Writes the narrow columns; `cells` has one for each given to [`Columns::new`].
    pub(in crate::tui) fn row(&self, c: &mut Canvas<'_>, y: u16, cells: &[&str], style: Style) {
        let skip = cells.len().saturating_sub(self.narrow.len());
        let mut end = self.area.right();
        for (cell, w) in cells.iter().skip(skip).zip(&self.narrow).rev() {
            c.right(end, y, w.saturating_sub(1), cell, style);
            end = end.saturating_sub(*w);
        }
    }
}
