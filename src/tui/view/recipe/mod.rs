//! The Recipe tab: presets and options on the left; on the right, or on the whole width, what the plan and the forecast say.

mod forecast;
mod form;
mod plan;
mod plot;
mod presets;

use super::canvas::{Canvas, fit_end};
use crate::tui::core::{Field, Hit, PRESETS, State};
use ratatui::layout::Rect;

/// Least width at which both halves are shown.
const BOTH: u16 = 64;

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
    if state.recipe.zoom {
        let area = Rect { x: body.x + 1, width: body.width - 2, ..body };
        c.pane(body, Hit::List(0));
        forecast::draw(c, state, area);
        return;
    }
    let (title, dim) = (c.theme().title, c.theme().dim);
    let both = body.width >= BOTH;
    let w = if both { (body.width / 2).clamp(40, 74) } else { body.width };
    let used = c.text(body.x + 1, body.y, 10, "convert  ", dim);
    let room = w.saturating_sub(used + 2);
    c.text(body.x + 1 + used, body.y, room, &fit_end(&state.short_path(source), room.into()), title);
    c.rule(body.x + 1, body.y + 1, w - 2);
    let left = Rect { width: w, y: body.y + 2, height: body.height.saturating_sub(2), ..body };
    let options = Field::ALL.len() as u16 + 1;
    // The options give way before the list has fewer than three lines.
    let height = (PRESETS.len() as u16 + 1).min(left.height.saturating_sub(options).max(4)).min(left.height);
    let list = Rect { height, ..left };
    let below = Rect { y: left.y + height, height: left.height - height, ..left };
    c.pane(list, Hit::List(0));
    c.pane(below, Hit::Detail(0));
    form::draw(c, state, below);
    presets::draw(c, state, list);
    if both {
        c.divide(body.x + w, body.y, body.height);
        let right = Rect { x: body.x + w + 2, width: body.width - w - 3, ..body };
        forecast::draw(c, state, right);
    }
}

/// An error in dB of signal over it.
fn decibel(db: Option<f64>) -> String {
    db.map_or_else(|| "exact".to_owned(), |db| format!("{db:.1}"))
}
