//! Places that are named but not furnished yet, and say so.

use super::canvas::Canvas;
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, body: Rect) {
    let (title, dim, text) = (c.theme().title, c.theme().dim, c.theme().text);
    let (head, what, until) = (
        "Watch",
        "Rules that export every finished checkpoint of a training run by themselves, and the trend of their quality.",
        "This is not in this version. Until then, convert a checkpoint from Models (1) with c.",
    );
    let w = body.width.saturating_sub(4).min(64);
    c.text(body.x + 2, body.y + 1, w, head, title);
    let used = c.wrapped(body.x + 2, body.y + 3, w, 5, what, text);
    c.wrapped(body.x + 2, body.y + 4 + used, w, 5, until, dim);
}
