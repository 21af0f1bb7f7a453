//! The Models tab: the tree on the left, the details on the right.

mod details;
mod health;
mod names;
mod overview;
mod parts;
mod reading;
mod tokenizer;
mod values;

use super::state::files::Prompt;
use super::state::{ModelOrder, Node, Row};
use crate::formats;
use crate::model::{Defect, FormatId};
use crate::tui::core::{Focus, Hit, State, units};
use crate::tui::view::canvas::{Canvas, fit, fit_path, width};
use crate::tui::view::panes::split;
use names::apart;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Columns from which a cut reason why a model cannot be opened is shown behind its name: a few letters of it would say nothing.
const REASON: usize = 24;

/// Beside a model that is marked; the cursor is in the column before it.
const MARK: &str = "●";

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let (left, right) = split(c, state, body);
    if let Some(area) = left {
        tree(c, state, area);
        c.pane(area, Hit::List(0));
    }
    if let Some(area) = right {
        details::draw(c, state, area);
        c.pane(area, Hit::Detail(0));
    }
}

fn tree(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let m = &state.models;
    let focused = m.focus == Focus::List;
    let (dim, title) = (c.theme().dim, c.theme().title);
    let w = area.width.saturating_sub(2);
    let order = if m.order == ModelOrder::Name { String::new() } else { format!("by {} ↓", m.order.title()) };
    let used = c.right(area.right() - 1, area.y, w, &order, dim);
    let head = fit_path(&state.home_path(&state.base), usize::from(w.saturating_sub(used + 2)));
    c.text(area.x + 1, area.y, w, &head, if focused { title } else { dim });
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let rows = m.rows();
    let cursor = m.cursor();
    if rows.is_empty() {
        empty(c, state, list);
    }
    let top = c.offset("tree", cursor, rows.len(), list.height);
    for (i, row) in rows.iter().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        if let Some(node) = m.node_at(&row.path) {
            tree_row(c, node, row, &beside(rows, i), line);
            if m.marked.contains(&row.path) {
                let accent = c.theme().accent;
                c.text(line.x + 1, line.y, 1, MARK, accent);
            }
        }
        if i == cursor {
            c.select(line, focused);
        }
        c.hit(line, Hit::List(i));
    }
    foot(c, state, Rect { y: area.bottom() - 1, height: 1, ..area });
}

fn empty(c: &mut Canvas<'_>, state: &State, list: Rect) {
    let dim = c.theme().dim;
    let (first, second) = if state.models.scanning {
        ("looking for models…", "")
    } else if state.models.filter.is_empty() {
        ("no models here", "Start remold with a folder of model files, or press r to scan again.")
    } else {
        ("nothing matches the filter", "")
    };
    c.text(list.x + 2, list.y + 1, list.width.saturating_sub(3), first, dim);
    c.wrapped(list.x + 2, list.y + 3, list.width.saturating_sub(4), 4, second, dim);
}

/// A few letters that identify a format in a narrow column.
pub(super) fn badge(format: FormatId) -> &'static str {
    formats::spec(format).map_or(format.name(), |f| f.badge)
}

/// The names above and below a row, of those in the same folder.
fn beside(rows: &[Row], at: usize) -> Vec<&str> {
    let parent = rows.get(at).and_then(|r| r.path.parent());
    let around = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten().filter_map(|i| rows.get(i));
    around.filter(|r| r.path.parent() == parent).filter_map(|r| r.path.file_name()?.to_str()).collect()
}

fn tree_row(c: &mut Canvas<'_>, node: &Node, row: &Row, beside: &[&str], line: Rect) {
    let (text, dim, faint) = (c.theme().text, c.theme().dim, c.theme().faint);
    let indent = (node.depth as u16 * 2).min(line.width / 3);
    let x = line.x + 2 + indent;
    let end = line.right() - 1;
    let size = units::bytes_short(node.bytes);
    let mut edge = end - c.right(end, line.y, 7, &size, if node.model.is_some() { text } else { dim });
    let Some(model) = &node.model else {
        let glyph = if row.open { "▾" } else { "▸" };
        c.text(x, line.y, 1, glyph, faint);
        let available = edge.saturating_sub(x + 3);
        let used = c.text(x + 2, line.y, available, &node.name, dim);
        matched(c, &node.name, &fit(&node.name, available.into()), &row.hits, x + 2, line.y);
        if !row.open {
            let n = format!("  {}", node.models);
            c.text(x + 2 + used, line.y, available.saturating_sub(used), &n, faint);
        }
        return;
    };
    edge = edge.min(end - 7);
    let wide = line.width >= 40;
    // Where both do not fit beside the name, the word for what is wrong is worth more than the format.
    let word = model.defect.map(Defect::word).unwrap_or_default();
    let room = usize::from(edge.saturating_sub(x + 2 + if wide { 12 } else { 6 }));
    let crowded = !word.is_empty() && width(&node.name) + width(word) + 1 > room;
    if wide {
        let params = match &node.summary {
            Some(Ok(s)) => units::params_short(s.params),
            _ => String::new(),
        };
        c.right(edge, line.y, 6, &params, dim);
        edge -= 7;
    }
    if !crowded {
        c.right(edge, line.y, 5, model.format.map_or("", badge), dim);
        edge -= if wide { 5 } else { 6 };
    }
    let (glyph, style) = mark(c, node);
    c.text(edge.saturating_sub(1), line.y, 1, glyph, style);
    let mut available = edge.saturating_sub(x + 2);
    // The word for what is wrong has its place before the name.
    if !word.is_empty() && available > width(word) as u16 + 5 {
        let style = if model.defect == Some(Defect::Growing) { c.theme().warn } else { c.theme().bad };
        c.right(edge - 2, line.y, available, word, style);
        available = available.saturating_sub(width(word) as u16 + 1);
    }
    let name = apart(&node.name, beside, available.into());
    let used = c.text(x, line.y, available, &name, text);
    // Why a model cannot be opened, if there is space for it or for a part that says something; the details have the full text.
    let free = usize::from(available.saturating_sub(used + 2));
    if let Some(Err(card)) = &node.summary
        && (width(&card.fact) <= free || free >= REASON)
    {
        c.text(x + used + 2, line.y, free as u16, &card.fact, faint);
    }
    matched(c, &node.name, &name, &row.hits, x, line.y);
}

/// Marks the characters that the filter matched, as far as the name was not cut.
fn matched(c: &mut Canvas<'_>, name: &str, drawn: &str, hits: &[usize], x: u16, y: u16) {
    let style = c.theme().accent.add_modifier(Modifier::UNDERLINED);
    let mut column = 0;
    for (i, (own, shown)) in name.chars().zip(drawn.chars()).enumerate() {
        if own != shown {
            return;
        }
        let cell = own.to_string();
        let w = width(&cell) as u16;
        if hits.contains(&i) {
            c.paint(Rect { x: x + column, y, width: w, height: 1 }, style);
        }
        column += w;
    }
}

/// The sign of a model: none before it was looked at, unless the scan has found something.
fn mark(c: &Canvas<'_>, node: &Node) -> (&'static str, Style) {
    let defect = node.model.as_ref().and_then(|m| m.defect);
    match &node.summary {
        // Before and after it was looked at, whether or not it can be read.
        _ if defect == Some(Defect::Unsafe) => ("!", c.theme().bad),
        Some(Err(card)) if card.wrong => ("✗", c.theme().bad),
        Some(Err(_)) => ("–", c.theme().dim),
        Some(Ok(s)) if s.warnings > 0 => ("!", c.theme().warn),
        Some(Ok(_)) if node.inspected => ("✓", c.theme().good),
        _ => (" ", c.theme().dim),
    }
}

fn foot(c: &mut Canvas<'_>, state: &State, line: Rect) {
    let m = &state.models;
    let (dim, accent, text) = (c.theme().dim, c.theme().accent, c.theme().text);
    let w = line.width.saturating_sub(2);
    let shown = m.rows().iter().filter(|r| m.node_at(&r.path).is_some_and(|n| n.model.is_some())).count();
    // What is marked counts for `c` and `v`, shown or not.
    let marked = match (m.marked.len(), m.hidden_marks()) {
        (0, _) => Vec::new(),
        (n, 0) => vec![format!("{n} marked"), format!("{MARK}{n}")],
        (n, hidden) => vec![format!("{n} marked, {hidden} hidden"), format!("{n} marked"), format!("{MARK}{n}")],
    };
    let edited = m.editing.as_ref().filter(|_| m.focus == Focus::List && m.prompt == Prompt::Filter);
    if edited.is_none() && m.filter.is_empty() {
        let count = units::plural(m.count(), "model", "models");
        let more = if m.scanning { "  scanning…" } else { "" };
        let marked = if m.marked.is_empty() { String::new() } else { format!(" · {} marked", m.marked.len()) };
        c.spans(line.x + 1, line.y, w, &[(&count, dim), (&marked, accent), (more, dim)]);
        return;
    }
    let mut end = line.right() - 1;
    end = end.saturating_sub(c.right(end, line.y, 12, &format!("{shown}/{}", m.count()), dim) + 2);
    // The shortest form is shown whatever the filter is.
    let left = usize::from(end.saturating_sub(line.x + 4)).saturating_sub(width(&m.filter) + 2);
    if let Some(text) = marked.iter().find(|t| width(t) <= left).or(marked.last()) {
        end = end.saturating_sub(c.right(end, line.y, w, text, accent) + 2);
    }
    let available = end.saturating_sub(line.x + 1);
    match edited {
        Some(edit) => {
            let used = c.text(line.x + 1, line.y, 2, "/ ", accent);
            c.edit(line.x + 1 + used, line.y, available.saturating_sub(used), edit, text);
        }
        None => {
            c.spans(line.x + 1, line.y, available, &[("/ ", accent), (&m.filter, text)]);
        }
    }
}
