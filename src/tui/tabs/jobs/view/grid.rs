//! The heat grid of a job: kinds of tensor down, layers across. It fills with progress, then shows errors as height and colour.

use crate::job::TensorState;
use crate::model::OutputIndex;
use crate::tui::core::Hit;
use crate::tui::tabs::jobs::{GridCursor, GridRow, JobView, RowKey};
use crate::tui::view::canvas::{Canvas, fit_end, width};
use crate::tui::view::heat::{self, heat};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Last column of the dB in the table; `weights dB` is above them.
const DB: u16 = 18;

/// Glyph and style of a cell: state by glyph, error by height as well as colour.
fn cell(c: &Canvas<'_>, state: TensorState) -> (&'static str, Style) {
    match state {
        TensorState::Waiting => ("·", c.theme().faint),
        TensorState::Working(_) => ("░", c.theme().working),
        TensorState::Done(db) => heat(c, db),
    }
}

/// The state that speaks for several layers in one cell: work first, then waiting, then the largest error.
fn worst(cells: &[TensorState]) -> TensorState {
    let rank = |c: &TensorState| match c {
        TensorState::Working(_) => -2.0,
        TensorState::Waiting => -1.0,
        TensorState::Done(db) => db.unwrap_or(f64::MAX),
    };
    cells.iter().copied().min_by(|a, b| rank(a).total_cmp(&rank(b))).unwrap_or_default()
}

/// A line of the grid: the name of an output, where there are several, or a row and its place.
enum Line<'a> {
    Output(OutputIndex),
    Row(usize, &'a RowKey, &'a GridRow),
}

fn lines(view: &JobView) -> Vec<Line<'_>> {
    let several = view.history.outputs.len() > 1;
    let mut lines = Vec::new();
    let mut output = None;
    for (at, (key, row)) in view.rows().into_iter().enumerate() {
        if several && output.replace(key.0) != Some(key.0) {
            lines.push(Line::Output(key.0));
        }
        lines.push(Line::Row(at, key, row));
    }
    lines
}

/// The positions of the columns.
struct Columns {
    /// Of the cells.
    x: u16,
    /// Columns that a cell takes, and layers that it covers.
    columns: usize,
    per: usize,
    /// Of the table at the right.
    table: u16,
}

impl Columns {
    fn new(view: &JobView, area: Rect) -> Self {
        let label = view.grid.keys().map(|(_, kind)| width(kind)).max().unwrap_or(8).clamp(8, 20) as u16;
        let table = match area.width {
            72.. => 33,
            42.. => 25,
            _ => 18,
        };
        let layers = view.grid.values().map(|r| r.cells.len()).max().unwrap_or(1).max(1);
        let available = usize::from(area.width.saturating_sub(label + table + 2)).max(8);
        // Up to three columns a layer when they fit, else one, else several layers a column.
        let (columns, per) = match layers {
            n if n * 3 <= available => (3, 1),
            n if n * 2 <= available => (2, 1),
            n if n <= available => (1, 1),
            n => (1, n.div_ceil(available)),
        };
        Self { x: area.x + label + 1, columns, per, table }
    }
}

/// Draws the grid with its table and legend; gives the row below. The cursor is seen when the pane has the keys.
pub(super) fn draw(c: &mut Canvas<'_>, view: &JobView, at: GridCursor, focused: bool, area: Rect) -> u16 {
    let dim = c.theme().dim;
    let to = Columns::new(view, area);
    let right = area.right();
    head(c, view, &to, area.y);
    c.right(right - to.table + 7, area.y, 7, "done", dim);
    c.right(right - to.table + DB, area.y, 10, "weights dB", dim);
    c.right(right, area.y, to.table - DB, "worst", dim);
    let all = lines(view);
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let cursor = all.iter().position(|l| matches!(l, Line::Row(i, ..) if *i == at.row)).unwrap_or(0);
    let top = c.offset("grid", cursor, all.len(), rows.height);
    let mut y = rows.y;
    for item in all.iter().skip(top).take(rows.height.into()) {
        match item {
            Line::Output(o) => output(c, view, *o, Rect { y, height: 1, ..area }),
            Line::Row(i, key, row) => {
                let cursor = (focused && *i == at.row).then_some(at.layer);
                self::row(c, &to, (*i, key, row), cursor, Rect { y, height: 1, ..area });
            }
        }
        y += 1;
    }
    if y < area.bottom() {
        legend(c, area.x, y, right, all.len().saturating_sub(top + usize::from(rows.height)));
        y += 1;
    }
    y
}

fn output(c: &mut Canvas<'_>, view: &JobView, at: OutputIndex, line: Rect) {
    let (dim, title) = (c.theme().dim, c.theme().title);
    let path = view.history.outputs.get(at.0).map(|o| o.path.clone()).unwrap_or_default();
    let name = std::path::Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kind = view.plan.as_ref().and_then(|p| p.outputs.get(at.0)).map(|o| format!("{} {}", o.format, o.quantization));
    let number = format!("{}  ", at.0 + 1);
    c.spans(
        line.x,
        line.y,
        line.width,
        &[(&number, dim), (&name, title), ("  ", dim), (&kind.unwrap_or_default(), dim)],
    );
}

/// A row with its part of the table; a number for the cursor's layer.
fn row(
    c: &mut Canvas<'_>,
    to: &Columns,
    (at, key, row): (usize, &RowKey, &GridRow),
    cursor: Option<usize>,
    line: Rect,
) {
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let (x, y, right) = (to.x, line.y, line.right());
    let available = x - line.x - 1;
    let name = fit_end(&key.1, available.into());
    c.text(line.x, y, available, &name, if cursor.is_some() { accent } else { dim });
    if row.layered {
        for (i, cells) in row.cells.chunks(to.per).enumerate() {
            let (glyph, style) = cell(c, worst(cells));
            let here = cursor.is_some_and(|layer| layer / to.per == i);
            let style = if here { style.add_modifier(Modifier::REVERSED) } else { style };
            let cx = x + (i * to.columns) as u16;
            c.text(cx, y, to.columns as u16, &glyph.repeat(to.columns), style);
            let number = GridCursor { row: at, layer: i * to.per }.number();
            c.hit(Rect { x: cx, y, width: to.columns as u16, height: 1 }, Hit::Detail(number));
        }
    } else {
        let (glyph, style) = cell(c, worst(&row.cells));
        let style = if cursor.is_some() { style.add_modifier(Modifier::REVERSED) } else { style };
        c.text(x, y, 2, &glyph.repeat(2), style);
        c.text(x + 3, y, 10, row.to.name(), dim);
        let number = GridCursor { row: at, layer: 0 }.number();
        c.hit(Rect { x, y, width: 2, height: 1 }, Hit::Detail(number));
    }
    let (done, all) = row.progress();
    c.right(right - to.table + 7, y, 7, &format!("{done}/{all}"), text);
    if let Some((db, at, low)) = row.quality() {
        c.right(right - to.table + DB, y, 8, &format!("{db:.1}"), text);
        // The figure is worth more than its place, which the colours show.
        let place = if row.layered && to.table >= 33 { format!("blk.{at}") } else { String::new() };
        c.right(right, y, to.table - DB, &format!("{place} {low:>6.1}"), dim);
    } else if done > 0 {
        c.right(right - to.table + DB, y, 8, "exact", dim);
    }
}

fn head(c: &mut Canvas<'_>, view: &JobView, to: &Columns, y: u16) {
    let dim = c.theme().dim;
    let layers = view.grid.values().filter(|r| r.layered).map(|r| r.cells.len()).max().unwrap_or(0);
    // A number every so many columns that they do not touch.
    let every = (if layers > 100 { 5 } else { 4usize }).div_ceil(to.columns).max(2);
    for i in (0..layers.div_ceil(to.per)).step_by(every) {
        c.text(to.x + (i * to.columns) as u16, y, 4, &(i * to.per).to_string(), dim);
    }
}

/// The scale of the cells, and what cells without an error yet are if there is room.
fn legend(c: &mut Canvas<'_>, x: u16, y: u16, right: u16, below: usize) {
    let (dim, faint, working) = (c.theme().dim, c.theme().faint, c.theme().working);
    let more = format!("↓ {below} more");
    let right = if below > 0 { right - c.right(right, y, 12, &more, dim) - 1 } else { right };
    let mut at = x + heat::legend(c, x, y, right.saturating_sub(x), "weights dB");
    for (glyph, style, word) in [("·", faint, " waiting"), ("░", working, " working")] {
        let need = 3 + width(word) as u16;
        if at + need > right {
            break;
        }
        at += 2;
        at += c.spans(at, y, right - at, &[(glyph, style), (word, dim)]);
    }
}
