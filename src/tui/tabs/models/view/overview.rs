//! The overview of a model: its facts, what its bytes are spent on, and the kinds of its tensors.

use crate::model::Role;
use crate::tui::core::{Focus, Hit, Level, State, units};
use crate::tui::tabs::models::{ModelInfo, Share};
use crate::tui::view::canvas::{Canvas, width};
use crate::tui::view::table::Columns;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let mut y = flow(c, &info.highlights, area);
    if !info.highlights.is_empty() {
        y += 1;
    }
    let worst = info.health.iter().find(|f| f.level >= Level::Warn);
    if let Some(finding) = worst.filter(|_| y + 2 < area.bottom()) {
        let warn = c.theme().warn;
        c.text(area.x, y, 2, "!", warn);
        let more = info.summary.warnings.saturating_sub(1);
        let more = if more > 0 { format!(" (and {more} more in Health)") } else { String::new() };
        let said = format!("{}{more}", finding.text);
        let most = (area.bottom() - y).min(5);
        y += c.wrapped(area.x + 2, y, area.width.saturating_sub(2), most, &said, text) + 1;
    }
    let total = info.bytes.max(1) as f64;
    y = shares(c, "by role", &info.by_role, total, Rect { y, height: area.bottom().saturating_sub(y), ..area });
    y = shares(
        c,
        "by type",
        &info.by_dtype,
        total,
        Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area },
    );
    y += 1;
    if y + 2 >= area.bottom() || info.kinds.is_empty() {
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
        let style = c.theme().role(k.role);
        let share = format!("{:.1} %", k.bytes as f64 / total * 100.0);
        columns.row(c, line.y, &[&k.encoding, &units::bytes(k.bytes), &share], text);
        let available = columns.first();
        let shade = shade(c, info.by_role.iter().position(|s| s.role == Some(k.role)).unwrap_or(0));
        let used = c.spans(line.x + 1, line.y, available, &[(shade, style), (" ", text), (&k.kind, text)]);
        let shape = format!("{times}{}", k.shape);
        if usize::from(available) > usize::from(used) + width(&shape) + 2 {
            c.right(line.x + 1 + available, line.y, available, &shape, dim);
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

/// What the part of a bar with this number is drawn with: without colour, neighbours differ in their shade.
fn shade(c: &Canvas<'_>, part: usize) -> &'static str {
    const SHADES: [&str; 6] = ["█", "▓", "▒", "░", "▚", "▤"];
    if c.look.ascii || c.theme().name == "mono" { SHADES[part % SHADES.len()] } else { SHADES[0] }
}

/// One stacked bar with its legend below; gives the row below.
fn shares(c: &mut Canvas<'_>, label: &str, all: &[Share], total: f64, area: Rect) -> u16 {
    let (dim, text) = (c.theme().dim, c.theme().text);
    if area.height < 2 || all.is_empty() {
        return area.y;
    }
    let palette = [Role::Ffn, Role::Attention, Role::Embedding, Role::Output, Role::Norm, Role::Other];
    let style = |c: &Canvas<'_>, i: usize, s: &Share| -> Style { c.theme().role(s.role.unwrap_or(palette[i.min(5)])) };
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
