//! Signal over error by kind of tensor, below the columns of the table: a number and a bar, longer is better.

use super::table::Columns;
use super::{number, style};
use crate::evaluate::Figures;
use crate::tui::tabs::compare::CompareState;
use crate::tui::view::canvas::Canvas;
use ratatui::layout::Rect;

/// Columns of a model's number and a figure; `2 not finite` is the longest.
const VALUE: u16 = 12;

pub(super) fn draw(c: &mut Canvas<'_>, s: &CompareState, area: Rect, columns: &Columns) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let groups = |column: usize| s.measured(column).map(|m| m.kinds.as_slice()).unwrap_or_default();
    let of = |column: usize, kind: &str| groups(column).iter().find(|g| g.name == kind).map(|g| g.figures);
    let kinds = s.kinds();
    let all = (1..s.columns.len()).flat_map(groups).filter_map(|g| g.figures.sqnr_db);
    let most = all.fold(1.0, f64::max);
    c.text(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        "weights dB by kind, largest error first; a longer bar is better",
        dim,
    );
    let available = usize::from(area.height.saturating_sub(1));
    // The last line counts the kinds that do not fit.
    let shown = if kinds.len() > available { available.saturating_sub(1) } else { kinds.len() };
    let top = s.kinds_scroll.min(kinds.len() - shown);
    // The baseline has no figures here: its column is free for the names.
    let first =
        columns.shown.iter().zip(&columns.at).find(|(column, _)| **column > 0).map_or(area.right(), |(_, at)| at.0);
    let label = first.saturating_sub(area.x + 2);
    for (i, kind) in kinds.iter().skip(top).take(shown).enumerate() {
        let y = area.y + 1 + i as u16;
        c.text(area.x + 1, y, label, kind, dim);
        for (column, (x, w)) in columns.shown.iter().zip(&columns.at).filter(|(column, _)| **column > 0) {
            let Some(f) = of(*column, kind) else { continue };
            let style = style(c, *column);
            // Which model it is, where colours do not tell and the table is out of view.
            c.text(*x, y, 1, &number(*column), style);
            c.right(x + VALUE, y, VALUE - 2, &f.quality(), text);
            c.bar(x + VALUE + 1, y, w.saturating_sub(VALUE + 2), length(&f, most), style, false);
        }
    }
    if kinds.len() > shown {
        let more = match (top, kinds.len() - shown - top) {
            (0, below) => format!("j ↓ {below} more kinds with smaller errors"),
            (above, 0) => format!("k ↑ {above} more kinds with larger errors"),
            (above, below) => format!("k ↑ {above} more kinds   j ↓ {below} more"),
        };
        c.text(area.x + 1, area.bottom() - 1, area.width.saturating_sub(2), &more, dim);
    }
}

/// Share of the longest bar.
fn length(f: &Figures, most: f64) -> f64 {
    match f.sqnr_db {
        Some(db) => db / most,
        None if f.lossless() => 1.0,
        None => 0.0,
    }
}
