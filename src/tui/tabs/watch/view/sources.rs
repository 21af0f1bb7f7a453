//! The sources of a watcher, newest first.

use crate::tui::core::{Focus, Hit, State, units};
use crate::tui::tabs::watch::{Source, SourceState};
use crate::tui::view::canvas::{Canvas, fit_end, width};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns of the age.
const AGE: u16 = 7;
/// Columns of a size.
const SIZE: u16 = 9;

/// Where the columns of a table of some width are.
struct Columns {
    step: u16,
    name: u16,
    state: u16,
    size: bool,
    output: u16,
}

impl Columns {
    fn new(width: u16, sources: &mut dyn Iterator<Item = &Source>) -> Self {
        let (mut step, mut name) = (0, 6);
        for s in sources {
            step = step.max(s.step.map_or(0, |n| n.to_string().len() as u16));
            name = name.max(self::width(&s.name) as u16);
        }
        let step = if step > 0 { step.max(4) + 2 } else { 0 };
        let size = width >= 64;
        let fixed = 4 + step + AGE + if size { SIZE } else { 0 };
        let free = width.saturating_sub(fixed);
        // In little space, the step alone identifies a checkpoint.
        let name = match width {
            ..64 if step > 0 => 0,
            _ => name.min(free * 2 / 5) + 2,
        };
        let output = if width >= 110 { (free - name) / 3 } else { 0 };
        Self { step, name, state: free.saturating_sub(name + output), size, output }
    }
}

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let w = &state.watch;
    let focused = w.focus == Focus::Details;
    let (dim, title) = (c.theme().dim, c.theme().title);
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let cursor = w.source_cursor();
    let top = c.offset("sources", cursor, w.shown().count(), rows.height);
    let shown = || w.shown().skip(top).take(rows.height.into());
    let columns = Columns::new(area.width, &mut shown());
    head(c, &columns, area, if focused { title } else { dim });
    if shown().next().is_none() && !w.filter.is_empty() {
        c.text(rows.x + 2, rows.y, rows.width, "nothing matches the filter", dim);
    }
    filter(c, state, area);
    for (i, s) in shown().enumerate() {
        let line = Rect { y: rows.y + i as u16, height: 1, ..rows };
        row(c, state, s, &columns, line);
        if top + i == cursor {
            c.select(line, focused);
        }
        c.hit(line, Hit::Detail(top + i));
    }
    c.pane(area, Hit::Detail(0));
}

fn head(c: &mut Canvas<'_>, columns: &Columns, area: Rect, style: Style) {
    let y = area.y;
    let mut x = area.x + 4;
    if columns.step > 0 {
        c.right(x + columns.step - 2, y, columns.step, "step", style);
        x += columns.step;
    }
    if columns.name > 0 {
        c.text(x, y, columns.name, "source", style);
        x += columns.name;
    }
    c.text(x, y, columns.state, "state", style);
    x += columns.state;
    c.right(x + AGE - 1, y, AGE, "since", style);
    x += AGE;
    if columns.size {
        c.right(x + SIZE - 1, y, SIZE, "size", style);
        x += SIZE;
    }
    if columns.output > 0 {
        c.text(x + 1, y, columns.output, "export", style);
    }
}

/// Glyph and style of the state of a source. An export with a tensor that is worse than before is one to look at.
pub(super) fn badge(c: &Canvas<'_>, s: &Source) -> (&'static str, Style) {
    let t = c.theme();
    match s.state {
        SourceState::Exported if s.exported().is_some_and(|e| e.done.regression.is_some() && !e.removed) => {
            ("!", t.warn)
        }
        SourceState::Waiting => ("○", t.warn),
        SourceState::Exporting => ("●", t.accent),
        SourceState::Exported => ("✓", t.good),
        SourceState::Skipped => ("–", t.dim),
        SourceState::Failed => ("✗", t.bad),
    }
}

/// The state in words.
pub(super) fn words(s: &Source) -> String {
    let Some(export) = s.exported().filter(|_| s.state == SourceState::Exported) else { return s.text.clone() };
    if export.removed {
        return "exported, then removed; newer ones are kept".to_owned();
    }
    let version = match s.exports.iter().filter(|e| e.ok()).count() {
        0 | 1 => String::new(),
        n => format!(", version {n}"),
    };
    // What is worth a look comes first: the end may be cut.
    let fell = export.done.regression.as_ref().map(|r| format!("worse: {}; ", r.tensor.trim_end_matches(".weight")));
    let gone = if s.gone { "; source since removed" } else { "" };
    format!("{}exported in {}{version}{gone}", fell.unwrap_or_default(), units::took(export.seconds()))
}

fn row(c: &mut Canvas<'_>, state: &State, s: &Source, columns: &Columns, line: Rect) {
    let (text, dim) = (c.theme().text, c.theme().dim);
    let (glyph, style) = badge(c, s);
    let y = line.y;
    c.text(line.x + 2, y, 1, glyph, style);
    let mut x = line.x + 4;
    if columns.step > 0 {
        let step = s.step.map(|n| n.to_string()).unwrap_or_default();
        c.right(x + columns.step - 2, y, columns.step, &step, text);
        x += columns.step;
    }
    if columns.name > 0 {
        let name = fit_end(&s.name, usize::from(columns.name.saturating_sub(2)));
        c.text(x, y, columns.name, &name, text);
        x += columns.name;
    }
    // Where the name has no column, it says what has no step.
    let words = if columns.name == 0 && s.step.is_none() { format!("{}: {}", s.name, words(s)) } else { words(s) };
    let failed = s.state == SourceState::Failed;
    c.text(x, y, columns.state.saturating_sub(1), &words, if failed { style } else { dim });
    x += columns.state;
    c.right(x + AGE - 1, y, AGE, &state.age(s.since), dim);
    x += AGE;
    let Some(export) = s.exported().filter(|e| !e.removed) else { return };
    if columns.size {
        c.right(x + SIZE - 1, y, SIZE, &units::bytes(export.done.bytes), text);
        x += SIZE;
    }
    if let (1.., Some(path)) = (columns.output, export.done.outputs.first()) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let more = match export.done.outputs.len() {
            0 | 1 => String::new(),
            n => format!(" +{}", n - 1),
        };
        let available = usize::from(columns.output).saturating_sub(2 + width(&more));
        let name = fit_end(&name, available);
        c.spans(x + 1, y, columns.output, &[(&name, dim), (&more, dim)]);
    }
}

/// The filter, in place of the heads of the columns.
fn filter(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let w = &state.watch;
    let (text, accent) = (c.theme().text, c.theme().accent);
    let editing = w.editing.as_ref().filter(|_| !w.asking);
    if editing.is_none() && w.filter.is_empty() {
        return;
    }
    c.clear(Rect { height: 1, ..area });
    let x = area.x + 2 + c.text(area.x + 2, area.y, 2, "/ ", accent);
    match editing {
        Some(line) => c.edit(x, area.y, area.width.saturating_sub(6), line, text),
        None => c.text(x, area.y, area.width.saturating_sub(6), &w.filter, text),
    };
}
