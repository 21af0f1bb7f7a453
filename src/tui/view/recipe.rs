//! The Recipe tab: presets and options on the left, what the plan says on the right.

use super::canvas::{Canvas, fit_end, width};
use super::details::{Columns, error_card};
use crate::plan::{Plan, PlannedOutput};
use crate::tui::core::{Field, Hit, PRESETS, RecipePane, State, units};
use indexmap::IndexMap;
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let Some(source) = &state.recipe.source else {
        let dim = c.theme().dim;
        c.text(body.x + 2, body.y + 1, body.width.saturating_sub(3), "no model chosen", dim);
        c.wrapped(
            body.x + 2,
            body.y + 3,
            body.width.saturating_sub(4).min(60),
            3,
            "Choose one in Models (1) and press c there.",
            dim,
        );
        return;
    };
    let (title, dim) = (c.theme().title, c.theme().dim);
    let wide = body.width >= 64;
    let w = if wide { (body.width / 2).clamp(40, 66) } else { body.width };
    let used = c.text(body.x + 1, body.y, 10, "convert  ", dim);
    let room = w.saturating_sub(used + 2);
    c.text(body.x + 1 + used, body.y, room, &fit_end(&state.short_path(source), room.into()), title);
    c.rule(body.x + 1, body.y + 1, w - 2);
    let left = Rect { width: w, y: body.y + 2, height: body.height.saturating_sub(2), ..body };
    let options = Field::ALL.len() as u16 + 2;
    let height = (PRESETS.len() as u16 + 1).min(left.height.saturating_sub(options));
    presets(c, state, Rect { height, ..left });
    form(c, state, Rect { y: left.y + height + 1, height: left.height.saturating_sub(height + 1), ..left });
    if wide {
        c.divide(body.x + w, body.y, body.height);
        let right = Rect { x: body.x + w + 2, width: body.width - w - 3, ..body };
        forecast(c, state, right);
    }
}

fn presets(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let r = &state.recipe;
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let focused = r.pane == RecipePane::Presets;
    let end = area.right() - 1;
    c.text(area.x + 4, area.y, area.width, "make", dim);
    c.right(end - 6, area.y, 10, "size", dim);
    c.right(end, area.y, 6, "bpw", dim);
    let top = c.offset("presets", r.preset, PRESETS.len(), area.height - 1);
    for (i, p) in PRESETS.iter().enumerate().skip(top).take(usize::from(area.height) - 1) {
        let line = Rect { y: area.y + 1 + (i - top) as u16, height: 1, ..area };
        let chosen = r.chosen().contains(&i);
        let glyph = if chosen { "●" } else { "○" };
        c.text(line.x + 2, line.y, 1, glyph, if chosen { accent } else { dim });
        let name = format!("{:<11} {:<9}", p.format, p.title);
        let used = c.text(line.x + 4, line.y, 22, &name, text);
        match r.forecasts.get(i).and_then(Option::as_ref) {
            Some(Ok((bytes, bpw))) => {
                c.right(end - 6, line.y, 10, &units::bytes(*bytes), text);
                c.right(end, line.y, 6, &format!("{bpw:.2}"), dim);
            }
            Some(Err(_)) => {
                c.right(end - 6, line.y, 10, "–", dim);
            }
            None => {
                c.right(end - 6, line.y, 10, "…", dim);
            }
        }
        let room = line.width.saturating_sub(used + 5 + 17);
        if usize::from(room) >= width(p.about) {
            c.text(line.x + 5 + used, line.y, room, p.about, dim);
        }
        if i == r.preset {
            c.select(line, focused);
        }
        c.hit(line, Hit::List(i));
    }
}

fn form(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let r = &state.recipe;
    let (dim, text, accent, bad) = (c.theme().dim, c.theme().text, c.theme().accent, c.theme().bad);
    let focused = r.pane == RecipePane::Options;
    c.rule(area.x + 1, area.y - 1, area.width - 2);
    for (i, field) in Field::ALL.into_iter().enumerate().take(area.height.into()) {
        let line = Rect { y: area.y + i as u16, height: 1, ..area };
        let here = focused && i == r.field;
        c.text(line.x + 2, line.y, 16, field.label(), dim);
        let x = line.x + 18;
        let room = line.right().saturating_sub(x + 1);
        let value = r.value(field);
        if here && let Some(edit) = &r.editing {
            c.edit(x, line.y, room, edit, text);
            c.select(line, true);
            continue;
        }
        let typed = field.is_text() && !value.is_empty();
        if typed {
            c.text(x, line.y, room, &fit_end(value, room.into()), text);
        } else if field.is_text() {
            let default = default_text(state, field);
            let default = if field == Field::Output { fit_end(&default, room.into()) } else { default };
            c.text(x, line.y, room, &default, dim);
        } else if here {
            c.spans(x, line.y, room, &[("‹ ", accent), (value, text), (" ›", accent)]);
        } else {
            c.text(x, line.y, room, value, text);
        }
        if here {
            c.select(line, true);
        }
        if let Some(error) = r.field_error(field) {
            c.right(line.right() - 1, line.y, room.saturating_sub(width(value) as u16 + 1), error, bad);
        }
        c.hit(line, Hit::Detail(i));
    }
}

/// What an empty option will become.
fn default_text(state: &State, field: Field) -> String {
    let r = &state.recipe;
    match field {
        Field::Output => match r.ready() {
            Some(plan) if plan.outputs.len() == 1 => state.short_path(&plan.outputs[0].path),
            _ => "named after the source".to_owned(),
        },
        _ => {
            let info = r.source.as_ref().and_then(|s| state.models.info(s)?.as_ref().ok());
            let context = info.and_then(|i| i.highlights.iter().find(|(l, _)| l == "context"));
            context.map_or_else(|| "as the config says".to_owned(), |(_, v)| format!("{v} (config)"))
        }
    }
}

fn forecast(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let r = &state.recipe;
    let (title, dim, warn) = (c.theme().title, c.theme().dim, c.theme().warn);
    c.text(area.x, area.y, area.width, "Forecast", title);
    c.rule(area.x, area.y + 1, area.width);
    let inner = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    match &r.plan {
        None if Field::ALL.iter().any(|f| r.field_error(*f).is_some()) => {
            c.text(inner.x, inner.y, inner.width, "! an option is not right", warn);
        }
        None => {
            c.text(inner.x, inner.y, inner.width, "planning…", dim);
        }
        Some(Err(card)) => error_card(c, card, inner),
        Some(Ok(plan)) => plan_view(c, state, plan, inner),
    }
}

fn plan_view(c: &mut Canvas<'_>, state: &State, plan: &Plan, area: Rect) {
    let (dim, text, good, warn) = (c.theme().dim, c.theme().text, c.theme().good, c.theme().warn);
    let columns = Columns::new(area, &[8, 7, 11]);
    columns.head(c, area.y, "output", &["of src", "bpw", "size"], dim);
    let mut y = area.y + 1;
    for o in plan.outputs.iter().take(4) {
        let part = format!("{:.0} %", o.bytes as f64 / plan.source_bytes.max(1) as f64 * 100.0);
        columns.row(c, y, &[&part, &format!("{:.2}", o.bits_per_weight), &units::bytes(o.bytes)], text);
        let room = columns.first();
        let name = format!("{} {}", o.format, o.quantization);
        c.text(area.x + 1, y, room, &name, text);
        y += 1;
        let path = fit_end(&state.short_path(&o.path), usize::from(area.width).saturating_sub(2));
        c.text(area.x + 1, y, area.width, &path, dim);
        y += 1;
    }
    y += 1;
    let pairs = [
        ("source", format!("{}  {}", units::bytes(plan.source_bytes), plan.source_format)),
        ("memory", format!("≤ {}", units::bytes(plan.memory_bytes))),
        ("disk", units::bytes(plan.disk_bytes)),
    ];
    for (label, value) in &pairs {
        c.text(area.x + 1, y, 10, label, dim);
        c.text(area.x + 11, y, area.width.saturating_sub(11), value, text);
        y += 1;
    }
    if let Some(o) = plan.outputs.first() {
        y = types(c, o, Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area });
    }
    y += 1;
    let fallbacks: Vec<String> = plan
        .outputs
        .iter()
        .flat_map(|o| &o.tensors)
        .filter_map(|t| Some(format!("{}: {} instead of {}", t.name, t.to, t.fallback_from.as_ref()?)))
        .collect();
    let left = |y: u16| area.bottom().saturating_sub(y + 1);
    if left(y) >= 1 {
        let (n, style) = if fallbacks.is_empty() {
            ("none".to_owned(), text)
        } else {
            (units::plural(fallbacks.len(), "tensor", "tensors"), warn)
        };
        c.spans(area.x + 1, y, area.width, &[("fall back  ", dim), (&n, style)]);
        y += 1;
    }
    for f in fallbacks.iter().take(3) {
        if left(y) <= 1 {
            break;
        }
        c.text(area.x + 3, y, area.width.saturating_sub(4), f, dim);
        y += 1;
    }
    for w in &plan.warnings {
        if left(y) < 1 {
            break;
        }
        c.text(area.x + 1, y, 1, "!", warn);
        y += c.wrapped(area.x + 3, y, area.width.saturating_sub(4), left(y).max(1), &w.text, text);
    }
    let y = area.bottom() - 1;
    let total: u64 = plan.outputs.iter().map(|o| o.bytes).sum();
    let what = units::plural(plan.outputs.len(), "output", "outputs");
    let warnings = units::plural(plan.warnings.len(), "warning", "warnings");
    let mut line = format!("{what}, {}", units::bytes(total));
    if width(&line) + width(&warnings) + 12 <= area.width.into() {
        line += &format!(", {warnings}");
    }
    if state.recipe.starting {
        c.spans(area.x, y, area.width, &[("● ", good), ("starting…", text)]);
    } else {
        c.spans(area.x, y, area.width, &[("✓ ready: ", good), (&line, text)]);
    }
}

/// Bytes by type of one output as bars; gives the row below.
fn types(c: &mut Canvas<'_>, output: &PlannedOutput, area: Rect) -> u16 {
    let (dim, text, bar) = (c.theme().dim, c.theme().text, c.theme().bar);
    let mut by: IndexMap<&str, (u64, usize)> = IndexMap::new();
    for t in &output.tensors {
        let e = by.entry(t.to.as_str()).or_default();
        *e = (e.0 + t.bytes, e.1 + 1);
    }
    by.sort_by(|_, a, _, b| b.0.cmp(&a.0));
    let total = by.values().map(|v| v.0).sum::<u64>().max(1) as f64;
    let counts = area.width >= 52;
    let room = area.width.saturating_sub(if counts { 11 + 24 } else { 11 + 11 });
    let mut y = area.y;
    for (name, (bytes, n)) in by.iter().take(5) {
        if y + 4 > area.bottom() {
            break;
        }
        c.text(area.x + 1, y, 9, name, dim);
        c.bar(area.x + 11, y, room, *bytes as f64 / total, bar, true);
        let end = if counts { area.right() - 13 } else { area.right() };
        c.right(end, y, 10, &units::bytes(*bytes), text);
        if counts {
            c.right(area.right(), y, 12, &units::plural(*n, "tensor", "tensors"), dim);
        }
        y += 1;
    }
    y
}
