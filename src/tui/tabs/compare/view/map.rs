//! The map: kinds of tensor down, layers across, a grid for each model on one scale. The cursor is the same in all of them.

use super::tensors::tensor_details;
use super::{BY_TAB, beyond, number, short_label, style};
use crate::tui::core::{Hit, State};
use crate::tui::tabs::compare::state::{CompareState, Grid};
use crate::tui::view::canvas::{Canvas, fit_end, width};
use crate::tui::view::heat::{self, heat};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Columns between two grids.
const GAP: usize = 2;
/// Columns that a grid has at least: its name is above it.
const LEAST: usize = 14;
/// Columns that a layer takes, at most.
const MOST_CELL: usize = 3;

/// How the grids are laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    /// Columns of a layer.
    cell: usize,
    /// Layers of a cell.
    per: usize,
    /// Columns of a grid.
    each: usize,
    /// Grids that are shown.
    shown: usize,
}

impl Layout {
    /// All models with wide cells if they fit, else with narrow ones, else as many models as fit.
    fn of(layers: usize, models: usize, available: usize) -> Self {
        let (layers, models) = (layers.max(1), models.max(1));
        let wide = |cell: usize| (layers * cell).max(LEAST);
        let fit = |cell: usize| (available + GAP) / (wide(cell) + GAP);
        let cell = (1..=MOST_CELL).rev().find(|cell| fit(*cell) >= models).or_else(|| (fit(1) >= 1).then_some(1));
        match cell {
            Some(cell) => Self { cell, per: 1, each: wide(cell), shown: fit(cell).min(models) },
            None => Self { cell: 1, per: layers.div_ceil(available.max(1)), each: available, shown: 1 },
        }
    }
}

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let s = &state.compare;
    let (dim, title) = (c.theme().dim, c.theme().title);
    let grid = s.grid();
    let others = s.columns.len().saturating_sub(1);
    let used = c.text(body.x + 1, body.y, 5, "Map", title) + 3;
    let available = body.width.saturating_sub(used + 2);
    let titles = [
        "errors of the weights by kind of tensor (down) and layer (across), the same scale for all models",
        "errors by kind (down) and layer (across), one scale for all models",
    ];
    let what = titles.into_iter().find(|t| width(t) <= available.into()).unwrap_or("errors by kind and layer");
    c.text(body.x + 1 + used, body.y, available, what, dim);
    let label = grid.kinds.iter().map(|k| width(&k.name)).max().unwrap_or(8).clamp(8, 18) as u16;
    let x = body.x + label + 2;
    let layout = Layout::of(grid.layers, others, usize::from(body.right().saturating_sub(x + 1)));
    let from = 1 + s.subject().saturating_sub(layout.shown).min(others.saturating_sub(layout.shown));
    let below = if body.height > 16 + others as u16 { 2 + others as u16 } else { 3 };
    let rows =
        Rect { y: body.y + 3, height: body.height.saturating_sub(4 + below).min(grid.kinds.len() as u16), ..body };
    let top = c.offset("map", s.cursor.kind, grid.kinds.len(), rows.height);
    for i in 0..layout.shown {
        let column = from + i;
        let at = x + (i * (layout.each + GAP)) as u16;
        head(c, s, column, Rect { x: at, y: body.y + 1, width: layout.each as u16, height: 2 }, (&grid, &layout));
        for (row, kind) in (top..grid.kinds.len()).take(rows.height.into()).enumerate() {
            cells(c, s, (column, kind), (at, rows.y + row as u16), (&grid, &layout));
        }
    }
    for (row, kind) in grid.kinds.iter().enumerate().skip(top).take(rows.height.into()) {
        let own = if row == s.cursor.kind { c.theme().accent } else { dim };
        let name = fit_end(&kind.name, label.into());
        c.text(body.x + 1, rows.y + (row - top) as u16, label, &name, own);
    }
    let y = rows.bottom();
    let used = heat::legend(c, body.x + 1, y, body.width.saturating_sub(2), "weights dB");
    let right = others.saturating_sub(from + layout.shown - 1);
    let foot = Rect { x: body.x + used, y: body.y + 1, width: body.width.saturating_sub(used), height: 1 };
    if right > 0 || from > 1 {
        beyond(c, (from - 1, right), BY_TAB, Rect { y, ..foot });
    }
    details(c, s, &grid, Rect { y: y + 1, height: body.bottom().saturating_sub(y + 1), ..body });
}

/// The name of the model, and the numbers of the layers.
fn head(c: &mut Canvas<'_>, s: &CompareState, column: usize, area: Rect, (grid, layout): (&Grid, &Layout)) {
    let (dim, select) = (c.theme().dim, c.theme().select);
    let most = usize::from(area.width).saturating_sub(2);
    let text = format!("{} {}", number(column), short_label(s, column, most));
    let own = style(c, column);
    c.text(area.x, area.y, area.width, &text, own);
    let place = Rect { height: 1, ..area };
    if column == s.subject() {
        c.paint(place, select);
    }
    c.hit(place, Hit::List(column));
    let every = 4usize.div_ceil(layout.cell).max(2);
    for i in (0..grid.layers.div_ceil(layout.per)).step_by(every) {
        let x = area.x + (i * layout.cell) as u16;
        c.text(x, area.y + 1, area.right().saturating_sub(x), &(i * layout.per).to_string(), dim);
    }
}

/// The cells of a kind in one model.
fn cells(
    c: &mut Canvas<'_>,
    s: &CompareState,
    (column, kind): (usize, usize),
    (x, y): (u16, u16),
    (grid, layout): (&Grid, &Layout),
) {
    let Some(row) = grid.kinds.get(kind) else { return };
    let layers = if row.layered { row.cells.len() } else { 1 };
    for (i, first) in (0..layers).step_by(layout.per).enumerate() {
        let tensors = || (first..(first + layout.per).min(layers)).flat_map(|layer| s.cell_tensors(grid, kind, layer));
        let (glyph, own) = cell(c, s, &tensors().copied().collect::<Vec<_>>(), column);
        let here = kind == s.cursor.kind && (!row.layered || s.cursor.layer / layout.per == i);
        let own = if here { own.add_modifier(Modifier::REVERSED) } else { own };
        let w = if row.layered { layout.cell } else { layout.cell.max(2) } as u16;
        let at = x + (i * layout.cell) as u16;
        c.text(at, y, w, &glyph.repeat(w.into()), own);
        c.hit(Rect { x: at, y, width: w, height: 1 }, Hit::Detail(kind * grid.layers.max(1) + first));
    }
}

/// Glyph and style of the largest error of some tensors.
fn cell(c: &Canvas<'_>, s: &CompareState, tensors: &[usize], column: usize) -> (&'static str, Style) {
    match s.worst_of(tensors, column) {
        Some((_, f)) if f.broken() => ("!", c.theme().bad),
        Some((_, f)) => heat(c, f.sqnr_db.filter(|_| !f.lossless())),
        None => ("·", c.theme().faint),
    }
}

/// The tensor of the cell under the cursor, in every model where there is space.
fn details(c: &mut Canvas<'_>, s: &CompareState, grid: &Grid, area: Rect) {
    let dim = c.theme().dim;
    let Some(result) = &s.result else { return };
    let Some(tensor) = s.tensor().and_then(|at| result.comparison.tensors.get(at)) else {
        c.text(area.x + 1, area.y + 1, area.width.saturating_sub(2), "no tensor of this kind in this layer", dim);
        return;
    };
    let others = s.columns.len().saturating_sub(1) as u16;
    tensor_details(c, s, tensor, area, area.height >= 2 + others);
    let more = s.cell_tensors(grid, s.cursor.kind, s.cursor.layer).len().saturating_sub(1);
    if more > 0 && area.height > 1 {
        let text = format!("the worst of {} tensors in this cell", more + 1);
        c.right(area.right() - 1, area.y + 1, area.width / 2, &text, dim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_models_are_shown_while_they_fit_and_one_at_least() {
        let of = |layers, models, available| {
            let l = Layout::of(layers, models, available);
            (l.cell, l.per, l.shown)
        };
        assert_eq!(of(16, 3, 150), (3, 1, 3));
        assert_eq!(of(16, 3, 66), (1, 1, 3));
        assert_eq!(of(32, 3, 66), (1, 1, 2), "a switch shows the others");
        assert_eq!(of(80, 2, 66), (1, 2, 1));
        assert_eq!(of(4, 3, 66), (3, 1, 3));
        assert_eq!(of(0, 0, 0).2, 1);
    }
}
