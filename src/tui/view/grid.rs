//! The heat grid of a job: kinds of tensor down, layers across. It fills with progress, then shows error as shade and colour.

use super::canvas::Canvas;
use crate::tui::core::{CellState, GridRow, JobView};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// dB of signal over error above which a cell takes the next heat step. 8-bit blocks give about 45, 6-bit 33, 4-bit 20.
const STEPS: [f64; 4] = [15.0, 22.0, 30.0, 40.0];

fn heat(db: Option<f64>) -> usize {
    db.map_or(4, |db| STEPS.iter().filter(|s| db >= **s).count())
}

/// Glyph and style of a cell: state by glyph, error by shade as well as colour.
fn cell(c: &Canvas<'_>, state: CellState) -> (&'static str, Style) {
    match state {
        CellState::Waiting => ("·", c.theme().faint),
        CellState::Working(_) => ("░", c.theme().working),
        CellState::Done(db) => {
            let step = heat(db);
            (["▒", "▒", "▓", "█", "█"][step], c.theme().heat(step))
        }
    }
}

/// The state that speaks for several layers in one cell: work first, then waiting, then the largest error.
fn worst(cells: &[CellState]) -> CellState {
    let rank = |c: &CellState| match c {
        CellState::Working(_) => -2.0,
        CellState::Waiting => -1.0,
        CellState::Done(db) => db.unwrap_or(f64::MAX),
    };
    cells.iter().copied().min_by(|a, b| rank(a).total_cmp(&rank(b))).unwrap_or_default()
}

/// Draws the grid with its table and legend; gives the row below.
pub(super) fn draw(c: &mut Canvas<'_>, view: &JobView, area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let outputs = view.outputs.len().max(1);
    let name = |(output, kind): &(usize, String)| match outputs {
        1 => kind.clone(),
        _ => format!("{} {kind}", output + 1),
    };
    let label = view.grid.keys().map(|k| super::width(&name(k))).max().unwrap_or(8).clamp(8, 18) as u16;
    let table = if area.width >= 72 { 30 } else { 22 };
    let layers = view.grid.values().map(|r| r.cells.len()).max().unwrap_or(1).max(1);
    let room = usize::from(area.width.saturating_sub(label + table + 2)).max(8);
    // Up to three columns a layer when they fit, else one, else several layers a column.
    let (columns, per) = match layers {
        n if n * 3 <= room => (3, 1),
        n if n * 2 <= room => (2, 1),
        n if n <= room => (1, 1),
        n => (1, n.div_ceil(room)),
    };
    let x = area.x + label + 1;
    let right = area.right();
    head(c, x, area.y, layers, columns, per);
    c.right(right - table + 7, area.y, 7, "done", dim);
    c.right(right - table + 16, area.y, 8, "SQNR dB", dim);
    c.right(right, area.y, table - 16, "worst", dim);
    let rows: Vec<(&(usize, String), &GridRow)> = shown(view, usize::from(area.height.saturating_sub(2)));
    let mut y = area.y + 1;
    for (key, row) in &rows {
        c.text(area.x, y, label, &super::fit_end(&name(key), label.into()), dim);
        if row.layered {
            for (i, cells) in row.cells.chunks(per).enumerate() {
                let (glyph, style) = cell(c, worst(cells));
                c.text(x + (i * columns) as u16, y, columns as u16, &glyph.repeat(columns), style);
            }
        } else {
            let (glyph, style) = cell(c, worst(&row.cells));
            c.text(x, y, 2, &glyph.repeat(2), style);
            let to = row.to.clone();
            c.text(x + 3, y, 10, &to, dim);
        }
        let (done, all) = row.progress();
        c.right(right - table + 7, y, 7, &format!("{done}/{all}"), text);
        if let Some((mean, at, low)) = row.quality() {
            c.right(right - table + 16, y, 8, &format!("{mean:.1}"), text);
            let place = if row.layered { format!("blk.{at}") } else { String::new() };
            let place = if table >= 30 { format!("{place} {low:>6.1}") } else { place };
            c.right(right, y, table - 16, &place, dim);
        } else if done > 0 {
            c.right(right - table + 16, y, 8, "exact", dim);
        }
        y += 1;
    }
    if y < area.bottom() {
        legend(c, x, y, right);
        y += 1;
    }
    y
}

/// Kinds in the order in which data passes them; a kind not named here comes after, in the order of the plan.
const ORDER: [&str; 22] = [
    "token_embd",
    "position_embd",
    "attn_norm",
    "attn_qkv",
    "attn_q",
    "attn_q_norm",
    "attn_k",
    "attn_k_norm",
    "attn_v",
    "attn_output",
    "post_attention_norm",
    "ffn_norm",
    "ffn_gate_inp",
    "ffn_gate",
    "ffn_gate_exps",
    "ffn_up",
    "ffn_up_exps",
    "ffn_down",
    "ffn_down_exps",
    "post_ffw_norm",
    "output_norm",
    "output",
];

pub(super) fn place(kind: &str) -> usize {
    ORDER.iter().position(|k| *k == kind).unwrap_or(ORDER.len())
}

/// The rows that fit: norms and biases go first when there is no room.
fn shown(view: &JobView, most: usize) -> Vec<(&(usize, String), &GridRow)> {
    let mut rows: Vec<_> = view.grid.iter().collect();
    for small in ["norm", "other"] {
        if rows.len() > most {
            rows.retain(|(_, r)| r.role != small);
        }
    }
    rows.sort_by_key(|(k, r)| (k.0, !r.layered, place(&k.1)));
    rows.truncate(most);
    rows
}

fn head(c: &mut Canvas<'_>, x: u16, y: u16, layers: usize, columns: usize, per: usize) {
    let dim = c.theme().dim;
    // A number every so many columns that they do not touch.
    let every = (if layers > 100 { 5 } else { 4usize }).div_ceil(columns).max(2);
    let last = layers.div_ceil(per);
    for i in (0..last).step_by(every) {
        c.text(x + (i * columns) as u16, y, 4, &(i * per).to_string(), dim);
    }
}

fn legend(c: &mut Canvas<'_>, x: u16, y: u16, right: u16) {
    let (dim, faint, working) = (c.theme().dim, c.theme().faint, c.theme().working);
    let heat: Vec<Style> = [0, 2, 3].iter().map(|s| c.theme().heat(*s)).collect();
    let parts = [
        ("·", faint, " waiting  "),
        ("░", working, " working  "),
        ("▒", heat[0], " < 22 dB  "),
        ("▓", heat[1], " < 30  "),
        ("█", heat[2], " better"),
    ];
    let mut at = x;
    for (glyph, style, word) in parts {
        if at + 1 + super::width(word) as u16 > right {
            break;
        }
        at += c.spans(at, y, right.saturating_sub(at), &[(glyph, style), (word, dim)]);
    }
}
