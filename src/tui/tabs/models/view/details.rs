//! The details of the selected model, in sections.

use super::{health, reading, tokenizer, values};
use crate::tui::core::{ErrorCard, Focus, Hit, Level, State, units};
use crate::tui::tabs::models::{ModelInfo, Node, Section, Share};
use crate::tui::view::canvas::{Canvas, fit_end, width};
use crate::tui::view::panes::sections;
use crate::tui::view::table::Columns;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let m = &state.models;
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let Some((path, node)) = m.selected.as_ref().zip(m.node()) else { return };
    let (dim, text) = (c.theme().dim, c.theme().text);
    header(c, state, node, inner);
    let foot = Rect { y: inner.bottom() - 1, height: 1, ..inner };
    let content = Rect { y: inner.y + 2, height: inner.height.saturating_sub(3), ..inner };
    if node.model.is_none() {
        let n = units::plural(node.models, "model", "models");
        c.text(content.x, content.y, content.width, &format!("{n}, {}", units::bytes(node.bytes)), text);
        return;
    }
    match m.info(path) {
        None => {
            c.text(content.x, content.y, content.width, "reading headers…", dim);
        }
        Some(Err(card)) => error_card(c, card, content),
        Some(Ok(info)) => {
            match m.details.section {
                _ if m.inspect.reading.is_some() => {
                    if let Some(reading) = &m.inspect.reading {
                        reading::draw(c, state, reading, content);
                    }
                }
                Section::Info => overview(c, state, info, content),
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
            let arch = s.architecture.clone().unwrap_or_else(|| model.format.clone());
            if s.params == 0 {
                format!("{arch} · no tensors · {}", units::bytes(model.bytes))
            } else {
                format!("{arch} · {} · {} · {}", units::params(s.params), s.dtype, units::bytes(model.bytes))
            }
        }
        (_, Some(model)) if model.format.is_empty() => units::bytes(model.bytes),
        (_, Some(model)) => format!("{} · {}", model.format, units::bytes(model.bytes)),
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

/// An error: the fact, then the remedy.
pub(super) fn error_card(c: &mut Canvas<'_>, card: &ErrorCard, area: Rect) {
    let (glyph, style) = if card.wrong { ("✗", c.theme().bad) } else { ("–", c.theme().warn) };
    let (text, dim) = (c.theme().text, c.theme().dim);
    c.text(area.x, area.y, 1, glyph, style);
    let w = area.width.saturating_sub(2);
    let used = c.wrapped(area.x + 2, area.y, w, area.height, &card.message, text);
    if let Some(hint) = &card.hint {
        c.wrapped(area.x + 2, area.y + used + 1, w, area.height.saturating_sub(used + 1), hint, dim);
    }
}

fn overview(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let mut y = flow(c, &info.highlights, area);
    if !info.highlights.is_empty() {
        y += 1;
    }
    let total = info.bytes.max(1) as f64;
    y = shares(c, "by role", &info.by_role, total, Rect { y, height: area.bottom().saturating_sub(y), ..area }, true);
    y = shares(
        c,
        "by type",
        &info.by_dtype,
        total,
        Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area },
        false,
    );
    y += 1;
    let worst = info.health.iter().find(|f| f.level >= Level::Warn);
    if let Some(finding) = worst.filter(|_| y + 2 < area.bottom()) {
        let warn = c.theme().warn;
        c.text(area.x, y, 2, "!", warn);
        let more = info.summary.warnings.saturating_sub(1);
        let more = if more > 0 { format!("  and {more} more in Health") } else { String::new() };
        c.text(area.x + 2, y, area.width.saturating_sub(2), &format!("{}{more}", finding.text), text);
        y += 2;
    }
    if y + 2 >= area.bottom() {
        return;
    }
    let list = Rect { y: y + 1, height: area.bottom() - y - 1, ..area };
    let columns = Columns::new(area, &[8, 12, 10]);
    columns.head(c, y, "kind", &["type", "bytes", "share"], dim);
    let focused = state.models.focus == Focus::Details;
    let row_at = state.models.details.row.min(info.kinds.len().saturating_sub(1));
    let top = c.offset("kinds", row_at, info.kinds.len(), list.height);
    for (i, k) in info.kinds.iter().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        let times = if k.count > 1 { format!("{} × ", k.count) } else { String::new() };
        let style = c.theme().role(&k.role);
        let share = format!("{:.1} %", k.bytes as f64 / total * 100.0);
        columns.row(c, line.y, &[&k.encoding, &units::bytes(k.bytes), &share], text);
        let room = columns.first();
        let shade = shade(c, info.by_role.iter().position(|s| s.name == k.role).unwrap_or(0));
        let used = c.spans(line.x + 1, line.y, room, &[(shade, style), (" ", text), (&k.kind, text)]);
        let shape = format!("{times}{}", k.shape);
        if usize::from(room) > usize::from(used) + width(&shape) + 2 {
            c.right(line.x + 1 + room, line.y, room, &shape, dim);
        }
        if focused && i == row_at {
            c.select(Rect { x: line.x - 1, width: line.width + 2, ..line }, true);
        }
        c.hit(line, Hit::Detail(i));
    }
}

/// Label–value pairs flowing over lines; gives the row below.
fn flow(c: &mut Canvas<'_>, pairs: &[(String, String)], area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let (mut x, mut y) = (area.x, area.y);
    for (label, value) in pairs {
        let need = (width(label) + 1 + width(value)) as u16;
        if x > area.x && x + need > area.right() {
            (x, y) = (area.x, y + 1);
        }
        if y >= area.bottom() {
            return y;
        }
        x += c.spans(x, y, area.right().saturating_sub(x), &[(label, dim), (" ", dim), (value, text)]) + 3;
    }
    if pairs.is_empty() { area.y } else { y + 1 }
}

/// What the part of a bar with this number is drawn with: without colour, neighbours are told apart by their shade.
fn shade(c: &Canvas<'_>, part: usize) -> &'static str {
    const SHADES: [&str; 6] = ["█", "▓", "▒", "░", "▚", "▤"];
    if c.look.ascii || c.theme().name == "mono" { SHADES[part % SHADES.len()] } else { SHADES[0] }
}

/// One stacked bar with its legend below; gives the row below.
fn shares(c: &mut Canvas<'_>, label: &str, all: &[Share], total: f64, area: Rect, roles: bool) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    if area.height < 2 || all.is_empty() {
        return area.y;
    }
    let palette = ["ffn", "attention", "embedding", "output", "norm", "other"];
    let style = |c: &Canvas<'_>, i: usize, s: &Share| -> Style {
        c.theme().role(if roles { &s.name } else { palette[i.min(5)] })
    };
    let x = area.x + 9;
    let w = area.width.saturating_sub(9);
    c.text(area.x, area.y, 8, label, dim);
    let mut done = 0.0;
    let mut column = 0u16;
    for (i, s) in all.iter().enumerate() {
        done += s.bytes as f64;
        let end = ((done / total * f64::from(w)).round() as u16).min(w);
        let n = end.saturating_sub(column);
        let st = style(c, i, s);
        let shade = shade(c, i);
        c.text(x + column, area.y, n, &shade.repeat(n.into()), st);
        column = end;
    }
    let (mut lx, mut ly) = (x, area.y + 1);
    for (i, s) in all.iter().enumerate() {
        let share = s.bytes as f64 / total * 100.0;
        let share = if share >= 0.95 || s.bytes == 0 { format!("{share:.0} %") } else { "<1 %".to_owned() };
        let need = (width(&s.name) + width(&share) + 3) as u16;
        if lx > x && lx + need > area.right() {
            (lx, ly) = (x, ly + 1);
        }
        if ly >= area.bottom() {
            break;
        }
        let st = style(c, i, s);
        let shade = shade(c, i);
        lx += c.spans(lx, ly, need, &[(shade, st), (" ", dim), (&s.name, dim), (" ", dim), (&share, text)]) + 2;
    }
    ly + 1
}

fn tensors(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let m = &state.models;
    let (dim, text) = (c.theme().dim, c.theme().text);
    let rows = m.tensor_rows(info);
    let arrow = if m.details.reverse { "↑" } else { "↓" };
    let right = format!("sort: {} {arrow}", m.details.sort.title());
    filter_line(c, state, &format!("{} of {}", units::count(rows.len() as u64), info.tensors.len()), &right, area);
    // A small histogram before the numbers, where there is room for it.
    let sparks = if area.width >= 90 { values::GLANCE_COLUMNS } else { 0 };
    let columns = Columns::new(area, &[18, 9, 11]);
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
    let top = c.offset("tensors", cursor, rows.len(), list.height);
    for (i, at) in rows.iter().enumerate().skip(top).take(list.height.into()) {
        let t = &info.tensors[*at];
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        columns.row(c, line.y, &[&t.shape, t.encoding, &units::bytes(t.bytes)], text);
        let style = c.theme().role(&t.role);
        let room = columns.first().saturating_sub(2 + sparks);
        if sparks > 0 {
            values::glance(c, m.inspect.glance(&info.path, *at), line.x + 1 + columns.first() - sparks, line.y);
        }
        let name = fit_end(t.name.trim_end_matches(".weight"), room.into());
        c.spans(line.x + 1, line.y, room + 2, &[("▏", style), (&name, text)]);
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
    let room = area.width.saturating_sub(used + 26);
    let x = area.x + used;
    match &m.editing {
        Some(edit) if m.focus == Focus::Details => {
            c.text(x, area.y, 2, "/ ", accent);
            c.edit(x + 2, area.y, room, edit, text);
        }
        _ if !m.details.filter.is_empty() => {
            c.spans(x, area.y, room, &[("/ ", accent), (&m.details.filter, text)]);
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

pub(super) fn pairs(c: &mut Canvas<'_>, state: &State, all: &[(String, String)], none: &str, area: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    if all.is_empty() {
        c.text(area.x + 1, area.y, area.width, none, dim);
    }
    let focused = state.models.focus == Focus::Details;
    for (i, (label, value)) in all.iter().enumerate().take(area.height.into()) {
        let line = Rect { y: area.y + i as u16, height: 1, ..area };
        c.text(line.x + 1, line.y, 20, label, dim);
        c.text(line.x + 21, line.y, line.width.saturating_sub(21), value, text);
        if focused && i == state.models.details.row {
            c.select(Rect { x: line.x - 1, width: line.width + 2, ..line }, true);
        }
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
    }
}
