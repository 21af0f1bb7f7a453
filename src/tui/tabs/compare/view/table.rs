//! The table: metrics as rows, models as columns, the baseline first, differences with their sign.

use super::{BY_LETTER, beyond, number, short_label, style};
use crate::evaluate::{Cell, MetricRow, Rank, Tone};
use crate::tui::core::Hit;
use crate::tui::tabs::compare::CompareState;
use crate::tui::view::canvas::{Canvas, width};
use crate::tui::view::heat::heat;
use ratatui::layout::Rect;

/// Columns of the names of metrics, with a blank on both sides.
const NAMES: u16 = 17;
/// Columns of a value.
const VALUE: u16 = 9;
/// Columns that the baseline must have: a mark and a name. A longer name takes its share of what is left.
const BASE: u16 = 12;
/// Columns of a difference.
const CHANGE: u16 = 7;
/// Columns of a value, its difference and a blank before it: as many as must be, and as many as are of use.
const EACH: (u16, u16) = (VALUE + 1 + CHANGE, 26);

/// Columns of the baseline's name at most.
const MOST_NAME: u16 = 60;

/// Which models are shown, and where.
pub(super) struct Columns {
    /// Places of the models, the baseline's first.
    pub shown: Vec<usize>,
    /// (first column, columns) of each.
    pub at: Vec<(u16, u16)>,
    /// Models that do not fit, before and behind those shown.
    pub hidden: (usize, usize),
}

impl Columns {
    fn are_hidden(&self) -> bool {
        self.hidden != (0, 0)
    }
}

impl Columns {
    /// The baseline, and of the others as many as fit, the selected one among them.
    pub(super) fn of(s: &CompareState, area: Rect) -> Self {
        Self::beside(s, area, NAMES)
    }

    /// The same, with so many columns for the names of rows.
    pub(super) fn beside(s: &CompareState, area: Rect, names: u16) -> Self {
        let others = s.columns.len().saturating_sub(1);
        let available = area.width.saturating_sub(names + BASE);
        let fit = usize::from(available / EACH.0).min(others);
        if fit == 0 {
            // One model at a time.
            let w = area.width.saturating_sub(names).clamp(1, EACH.1);
            let hidden = (s.selected, others - s.selected.min(others));
            return Self { shown: vec![s.selected], at: vec![(area.x + names, w)], hidden };
        }
        let spare = (available - fit as u16 * EACH.0) / (fit as u16 + 1);
        let name = u16::try_from(width(&s.label(0))).unwrap_or(u16::MAX).saturating_add(3);
        let first = (area.x + names, BASE + spare.min(name.clamp(BASE, MOST_NAME) - BASE));
        // As wide as the longest name where there is room.
        let longest = (1..=others).map(|i| width(&s.label(i))).max().unwrap_or(0) + 4;
        let most = u16::try_from(longest).unwrap_or(u16::MAX).max(EACH.1);
        let w = ((area.width - names - first.1) / fit as u16).min(most);
        // A selected model further right pushes those before it out.
        let from = s.selected.saturating_sub(fit).min(others - fit);
        let hidden = (from, others - fit - from);
        let mut columns = Self { shown: vec![0], at: vec![first], hidden };
        for i in 0..fit {
            columns.shown.push(1 + from + i);
            columns.at.push((first.0 + first.1 + i as u16 * w, w));
        }
        columns
    }
}

/// Draws head and rows, at most `most` lines; gives the lines used.
pub(super) fn draw(c: &mut Canvas<'_>, s: &CompareState, area: Rect, most: u16, columns: &Columns) -> u16 {
    let area = Rect { height: area.height.min(most), ..area };
    let dim = c.theme().dim;
    head(c, s, area, columns);
    let mut y = area.y + 1;
    let rows = s.result.as_ref().map(|r| r.rows.as_slice()).unwrap_or_default();
    // Lines below: for the models that do not fit, the marks, and missing values.
    let marked = rows.iter().any(|r| r.cells.iter().any(|cell| cell.rank.is_some()));
    let below = usize::from(columns.are_hidden() || marked) + usize::from(absent(s, rows).is_some());
    let mut available = usize::from(area.height.saturating_sub(1)).saturating_sub(below);
    let cut = rows.len() > available;
    available -= usize::from(cut).min(available);
    for row in rows.iter().take(available) {
        c.text(area.x + 1, y, NAMES - 2, &row.name, dim);
        for (column, at) in columns.shown.iter().zip(&columns.at) {
            if let Some(cell) = s.variant_at(*column).and_then(|v| row.cells.get(v)) {
                value(c, cell, *at, y);
            }
        }
        y += 1;
    }
    if cut && y < area.bottom() {
        let more = format!("… {} more rows: enlarge the window or export the comparison", rows.len() - available);
        c.text(area.x + 1, y, area.width.saturating_sub(2), &more, dim);
        y += 1;
    }
    if let Some(why) = absent(s, rows)
        && y < area.bottom()
    {
        c.text(area.x + 1, y, area.width.saturating_sub(2), &why, dim);
        y += 1;
    }
    if (columns.are_hidden() || marked) && y < area.bottom() {
        if marked {
            c.text(area.x + 1, y, area.width / 2, "▲ best  ▼ worst of the row", dim);
        }
        let (left, right) = columns.hidden;
        beyond(c, (left, right), BY_LETTER, Rect { y, height: 1, ..area });
        y += 1;
    }
    y - area.y
}

/// Why cells of the selected column have no value: the metrics without one, and the reason of the first.
fn absent(s: &CompareState, rows: &[MetricRow]) -> Option<String> {
    let v = s.variant_at(s.selected)?;
    let empty: Vec<_> = rows.iter().filter_map(|r| Some((r.name.as_str(), r.cells.get(v)?.absent?))).collect();
    let (name, why) = *empty.first()?;
    let alike = empty.iter().filter(|(_, w)| *w == why).count();
    let more = if alike > 1 { format!(" and {} more", alike - 1) } else { String::new() };
    Some(format!("– {} {name}{more}: {why}", number(s.selected)))
}

pub(super) fn head(c: &mut Canvas<'_>, s: &CompareState, area: Rect, columns: &Columns) {
    let select = c.theme().select;
    for (column, (x, w)) in columns.shown.iter().zip(&columns.at) {
        let number = number(*column);
        let own = style(c, *column);
        let label = short_label(s, *column, usize::from(w.saturating_sub(3)));
        c.spans(*x, area.y, w - 1, &[(&number, own), (" ", own), (&label, own)]);
        let place = Rect { x: *x, y: area.y, width: w - 1, height: 1 };
        if *column == s.selected {
            c.paint(place, select);
        }
        c.hit(Rect { height: area.height, ..place }, Hit::List(*column));
    }
}

/// The value ends in the same column in every row; a difference follows it.
fn value(c: &mut Canvas<'_>, cell: &Cell, (x, w): (u16, u16), y: u16) {
    let (text, good, warn, faint) = (c.theme().text, c.theme().good, c.theme().warn, c.theme().faint);
    // Errors have the colours of the grid of a job.
    let text = cell.db.map_or(text, |db| heat(c, Some(db)).1);
    let end = x + VALUE;
    if cell.absent.is_some() {
        c.right(end, y, VALUE, "–", faint);
        return;
    }
    if width(&cell.text) > usize::from(VALUE) {
        c.text(x, y, w - 1, &cell.text, text);
        return;
    }
    c.right(end, y, VALUE, &cell.text, text);
    let mark = match cell.rank {
        Some(Rank::Best) => Some(("▲", good)),
        Some(Rank::Worst) => Some(("▼", warn)),
        None => None,
    };
    if let Some((mark, style)) = mark.filter(|_| width(&cell.text) < usize::from(VALUE)) {
        c.text(end - 1 - width(&cell.text) as u16, y, 1, mark, style);
    }
    if let Some(change) = &cell.change {
        let style = if change.tone == Tone::Better { good } else { warn };
        c.right(end + 1 + CHANGE, y, CHANGE, &change.text, style);
    }
}
