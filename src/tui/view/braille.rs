//! Lines in Braille dots, two by four a cell. Several lines share cells: their dots add up, the last line gives the style.

use super::canvas::Canvas;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Dots of a cell by column and row, as bits above U+2800.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Dots of an area.
pub(in crate::tui) struct Braille {
    area: Rect,
    cells: Vec<(u32, Style)>,
}

impl Braille {
    /// Nothing drawn yet.
    pub(in crate::tui) fn new(area: Rect) -> Self {
        let cells = usize::from(area.width) * usize::from(area.height);
        Self { area, cells: vec![(0, Style::default()); cells] }
    }

    /// A line through `points`, in dots from the top left.
    pub(in crate::tui) fn line(&mut self, points: &[(f64, f64)], style: Style) {
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().max(1.0);
            for i in 0..=steps as usize {
                let at = i as f64 / steps;
                self.dot(from.0 + (to.0 - from.0) * at, from.1 + (to.1 - from.1) * at, style);
            }
        }
    }

    fn dot(&mut self, x: f64, y: f64, style: Style) {
        let (x, y) = (x.round().max(0.0) as usize, y.round().max(0.0) as usize);
        let (w, h) = (usize::from(self.area.width), usize::from(self.area.height));
        if w == 0 || h == 0 {
            return;
        }
        let cell = &mut self.cells[(y / 4).min(h - 1) * w + (x / 2).min(w - 1)];
        *cell = (cell.0 | DOTS[x % 2][y % 4], style);
    }

    /// Writes what was drawn.
    pub(in crate::tui) fn draw(self, c: &mut Canvas<'_>) {
        let w = usize::from(self.area.width);
        for (i, (bits, style)) in self.cells.into_iter().enumerate().filter(|(_, (bits, _))| *bits != 0) {
            let dots = char::from_u32(0x2800 + bits).unwrap_or('·').to_string();
            c.text(self.area.x + (i % w) as u16, self.area.y + (i / w) as u16, 1, &dots, style);
        }
    }
}
