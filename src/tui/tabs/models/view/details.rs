//! The details of the selected model, in sections.

use super::parts::error_card;
use super::{health, overview, reading, tokenizer, values};
use crate::tui::core::{Focus, FoundModel, Hit, State, units};
use crate::tui::tabs::models::{ModelInfo, Node, Prompt, Section, TensorRow};
use crate::tui::view::canvas::{Canvas, fit_end, width};
use crate::tui::view::panes::sections;
use crate::tui::view::table::Columns;
use crate::tui::view::tensor_name::fit_tensor;
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let m = &state.models;
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let Some((path, node)) = m.selected.as_ref().zip(m.node()) else { return };
    let (dim, text) = (c.theme().dim, c.theme().text);
    header(c, state, node, inner);
    let foot = Rect { y: inner.bottom() - 1, height: 1, ..inner };
    let content = Rect { y: inner.y + 2, height: inner.height.saturating_sub(3), ..inner };
    if let Some(reading) = &m.inspect.reading {
        reading::draw(c, state, reading, content);
        return;
    }
    if node.model.is_none() {
        let n = units::plural(node.models, "model", "models");
        c.text(content.x, content.y, content.width, &format!("{n}, {}", units::bytes(node.bytes)), text);
        return;
    }
    match m.info(path) {
        None => {
            c.text(content.x, content.y, content.width, "reading headers…", dim);
        }
        Some(Err(card)) => error_card(c, state, card, content),
        Some(Ok(info)) => {
            match m.details.section {
                Section::Info => overview::draw(c, state, info, content),
                Section::Tensors => tensors(c, state, info, content),
                Section::Metadata => metadata(c, state, info, content),
                Section::Tokenizer => tokenizer::draw(c, state, info, content),
                Section::Files => files(c, state, info, content),
                Section::Health => health::draw(c, state, info, content),
            }
            let items: Vec<(String, bool)> = Section::ALL
                .iter()
                .map(|s| {
                    let warn = *s == Section::Health && info.summary.warnings > 0;
                    let mark = if warn {
                        " !"
                    } else if *s == Section::Health {
                        " ✓"
                    } else {
                        ""
                    };
                    (format!("{}{mark}", s.title()), *s == m.details.section)
                })
                .collect();
            sections(c, state, foot, &items, m.focus == Focus::Details);
        }
    }
}

fn header(c: &mut Canvas<'_>, state: &State, node: &Node, area: Rect) {
    let m = &state.models;
    let (dim, title, accent) = (c.theme().dim, c.theme().title, c.theme().accent);
    let facts = match (&node.summary, &node.model) {
        (Some(Ok(s)), Some(model)) => {
            let arch = s.architecture.clone().or(model.format.map(|f| f.to_string())).unwrap_or_default();
            if s.params == 0 {
                format!("{arch} · no tensors · {}", units::bytes(model.bytes))
            } else {
                format!("{arch} · {} · {} · {}", units::params(s.params), s.dtype, units::bytes(model.bytes))
            }
        }
        (_, Some(FoundModel { format: Some(format), bytes, .. })) => format!("{format} · {}", units::bytes(*bytes)),
        (_, Some(model)) => units::bytes(model.bytes),
        _ => String::new(),
    };
    let path = m.selected.as_deref().map(|p| state.short_path(p)).unwrap_or_default();
    let style = if m.focus == Focus::Details { accent } else { title };
    // Both on one line when they fit, else the facts take the place of the rule.
    if width(&path) + width(&facts) + 2 <= area.width.into() {
        c.right(area.right(), area.y, area.width, &facts, dim);
        c.rule(area.x, area.y + 1, area.width);
    } else {
        c.text(area.x, area.y + 1, area.width, &facts, dim);
    }
    c.text(area.x, area.y, area.width, &fit_end(&path, area.width.into()), style);
}

fn tensors(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let m = &state.models;
    let (dim, text) = (c.theme().dim, c.theme().text);
    let rows = m.tensor_rows(info);
    let arrow = if m.details.reverse { "↑" } else { "↓" };
    let right = format!("sort: {} {arrow}", m.details.sort.title());
    filter_line(c, state, &format!("{} of {}", units::count(rows.len() as u64), info.tensors.len()), &right, area);
    // A small histogram before the numbers, if there is space.
    let sparks = if area.width >= 90 { values::MINI_HISTOGRAM_COLUMNS } else { 0 };
    // No wider than what is in them: names need the rest. The first rows stand for all of a large model.
    const MEASURED: usize = 2000;
    let widest = |of: &dyn Fn(&TensorRow) -> usize, least: usize, most: usize| {
        let all = rows.iter().take(MEASURED).filter_map(|at| info.tensors.get(*at));
        (all.map(of).max().unwrap_or(0).clamp(least, most) + 2) as u16
    };
    let columns = Columns::new(
        area,
        &[
            widest(&|t| width(&t.shape), 5, 16),
            widest(&|t| width(t.encoding), 4, 8),
            widest(&|t| width(&units::bytes(t.bytes)), 5, 10),
        ],
    );
    if sparks > 0 {
        c.text(area.x + 1 + columns.first() - sparks, area.y + 1, sparks, "values", dim);
    }
    columns.head(c, area.y + 1, "tensor", &["shape", "type", "bytes"], dim);
    let digest = if area.height >= 12 && !rows.is_empty() { values::ROWS } else { 0 };
    let list = Rect { y: area.y + 2, height: area.height.saturating_sub(2 + digest), ..area };
    let cursor = m.details.row.min(rows.len().saturating_sub(1));
    if digest > 0
        && let Some((at, t)) = rows.get(cursor).and_then(|at| Some((*at, info.tensors.get(*at)?)))
    {
        values::digest(c, state, &t.name, at, Rect { y: list.bottom(), height: digest, ..area });
    }
    if rows.is_empty() && !m.details.filter.is_empty() {
        c.text(list.x + 1, list.y, list.width, "nothing matches the filter", dim);
    }
    let top = c.offset("tensors", cursor, rows.len(), list.height);
    for (i, at) in rows.iter().enumerate().skip(top).take(list.height.into()) {
        let t = &info.tensors[*at];
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        let bytes = units::bytes(t.bytes);
        let cells = [t.shape.as_str(), t.encoding, bytes.as_str()];
        columns.row(c, line.y, &cells, text);
        let style = c.theme().role(t.role);
        let spare = if sparks > 0 { 0 } else { columns.spare(&cells) };
        let available = columns.first().saturating_sub(2 + sparks) + spare;
        if sparks > 0 {
            values::mini_histogram(
                c,
                m.inspect.mini_histogram(&info.path, *at),
                line.x + 1 + columns.first() - sparks,
                line.y,
            );
        }
        let name = fit_tensor(t.name.trim_end_matches(".weight"), available.into());
        c.spans(line.x + 1, line.y, available + 2, &[("▏", style), (&name, text)]);
        if i == cursor {
            c.select(Rect { x: line.x - 1, width: line.width + 2, ..line }, m.focus == Focus::Details);
        }
        c.hit(line, Hit::Detail(i));
    }
}

/// The line above a table: what is shown, the filter, the order.
fn filter_line(c: &mut Canvas<'_>, state: &State, left: &str, right: &str, area: Rect) {
    let m = &state.models;
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let used = c.text(area.x + 1, area.y, area.width, left, dim) + 3;
    c.right(area.right() - 1, area.y, 24, right, dim);
    let available = area.width.saturating_sub(used + 26);
    let x = area.x + used;
    match &m.editing {
        Some(edit) if m.focus == Focus::Details && m.prompt == Prompt::Filter => {
            c.text(x, area.y, 2, "/ ", accent);
            c.edit(x + 2, area.y, available, edit, text);
        }
        _ if !m.details.filter.is_empty() => {
            c.spans(x, area.y, available, &[("/ ", accent), (&m.details.filter, text)]);
        }
        _ => {}
    }
}

fn metadata(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let rows = state.models.metadata_rows(info);
    filter_line(c, state, &format!("{} of {}", rows.len(), info.metadata.len()), "", area);
    let longest = rows.iter().map(|i| width(&info.metadata[*i].0)).max().unwrap_or(0) as u16;
    let key = longest.min(area.width / 2).max(12);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let cursor = state.models.details.row.min(rows.len().saturating_sub(1));
    if rows.is_empty() && !state.models.details.filter.is_empty() {
        c.text(list.x + 1, list.y, list.width, "nothing matches the filter", dim);
    }
    let top = c.offset("metadata", cursor, rows.len(), list.height);
    let focused = state.models.focus == Focus::Details;
    for (i, at) in rows.iter().enumerate().skip(top).take(list.height.into()) {
        let (k, kind, v) = &info.metadata[*at];
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        c.text(line.x + 1, line.y, key, &fit_end(k, key.into()), dim);
        c.right(line.x + key + 10, line.y, 8, kind, dim);
        c.text(line.x + key + 11, line.y, line.width.saturating_sub(key + 11), v, text);
        if focused && i == cursor {
            c.select(Rect { x: line.x - 1, width: line.width + 2, ..line }, true);
        }
        c.hit(line, Hit::Detail(i));
    }
}

fn files(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let text = c.theme().text;
    let columns = Columns::new(area, &[12]);
    let cursor = state.models.details.row.min(info.files.len().saturating_sub(1));
    let top = c.offset("files", cursor, info.files.len(), area.height);
    let focused = state.models.focus == Focus::Details;
    for (i, (name, bytes)) in info.files.iter().enumerate().skip(top).take(area.height.into()) {
        let y = area.y + (i - top) as u16;
        c.text(area.x + 1, y, columns.first(), name, text);
        columns.row(c, y, &[&units::bytes(*bytes)], text);
        if focused && i == cursor {
            c.select(Rect { x: area.x - 1, y, width: area.width + 2, height: 1 }, true);
        }
        c.hit(Rect { y, height: 1, ..area }, Hit::Detail(i));
    }
}
