//! The options, one a line, below a rule.

use super::super::canvas::{Canvas, fit_end, width};
use crate::tui::core::{Field, Hit, RecipePane, State};
use ratatui::layout::Rect;

/// Draws the rule on the first line and the options below it.
pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    if area.height == 0 {
        return;
    }
    let r = &state.recipe;
    let (dim, text, accent, bad) = (c.theme().dim, c.theme().text, c.theme().accent, c.theme().bad);
    let focused = r.pane == RecipePane::Options;
    c.rule(area.x + 1, area.y, area.width - 2);
    let list = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let top = c.offset("options", if focused { r.field } else { 0 }, Field::ALL.len(), list.height);
    for (i, field) in Field::ALL.into_iter().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
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
        if let Some(error) = r.field_error(field) {
            let used = c.spans(x, line.y, room, &[("✗ ", bad), (value, text), ("  ", text)]);
            // In full where the plan would stand.
            if width(error) as u16 + used <= room {
                c.text(x + used, line.y, room, error, bad);
            }
        } else if typed {
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
        Field::Budget => "none: 760MB or 4.25".to_owned(),
        Field::Imatrix => "none".to_owned(),
        _ => {
            let info = r.source.as_ref().and_then(|s| state.models.info(s)?.as_ref().ok());
            let context = info.and_then(|i| i.highlights.iter().find(|(l, _)| l == "context"));
            context.map_or_else(|| "as the config says".to_owned(), |(_, v)| format!("{v} (config)"))
        }
    }
}
