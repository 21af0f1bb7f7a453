//! What is wrong with a model, and what to do about it: what its headers say, and on demand what every value says.

use crate::tui::core::{Focus, Level, State, units};
use crate::tui::tabs::models::{Finding, ModelInfo};
use crate::tui::view::canvas::Canvas;
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) {
    let (dim, text, good) = (c.theme().dim, c.theme().text, c.theme().good);
    let y = check_line(c, state, info, area) + 1;
    let area = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    let check = state.models.inspect.check_of(&info.path);
    let values = check.map_or(&[][..], |c| &c.findings);
    if info.health.is_empty() && values.is_empty() && area.height > 0 {
        c.spans(area.x + 1, area.y, area.width, &[("✓ ", good), ("every tensor is inside its file", text)]);
        return;
    }
    let all: Vec<&Finding> = values.iter().chain(&info.health).collect();
    let mut y = area.y;
    let from = state.models.details.row.min(all.len().saturating_sub(1));
    for finding in &all[from..] {
        let (glyph, style) = match finding.level {
            Level::Info => ("·", dim),
            Level::Warn => ("!", c.theme().warn),
            Level::Error => ("✗", c.theme().bad),
        };
        if y >= area.bottom() {
            break;
        }
        c.text(area.x + 1, y, 1, glyph, style);
        let w = area.width.saturating_sub(3);
        y += c.wrapped(area.x + 3, y, w, area.bottom() - y, &finding.text, text);
        if !finding.remedy.is_empty() && y < area.bottom() {
            c.text(area.x + 3, y, 2, "→", dim);
            y += c.wrapped(area.x + 5, y, w.saturating_sub(2), area.bottom() - y, &finding.remedy, text);
        }
        if y < area.bottom() {
            c.text(area.x + 3, y, w, &finding.code, dim);
        }
        y += 2;
    }
}

/// Draws the progress of the check of every value; gives the row below.
fn check_line(c: &mut Canvas<'_>, state: &State, info: &ModelInfo, area: Rect) -> u16 {
    let (dim, text, accent, good, bad) =
        (c.theme().dim, c.theme().text, c.theme().accent, c.theme().good, c.theme().bad);
    let (x, y, w) = (area.x + 1, area.y, area.width.saturating_sub(2));
    let Some(check) = state.models.inspect.check_of(&info.path) else {
        // The key works where the focus is.
        let details = state.models.focus == Focus::Details;
        let (how, size) = if details { ("   n reads all ", units::bytes(info.bytes)) } else { ("", String::new()) };
        c.spans(x, y, w, &[("values: ", dim), ("not checked", text), (how, dim), (&size, dim)]);
        return y + 1;
    };
    match &check.ended {
        None => {
            let share = check.done as f64 / check.total.max(1) as f64;
            let used = c.spans(x, y, w, &[("checking values ", dim), (&units::percent(share), text), ("  ", dim)]);
            c.bar(x + used, y, w.saturating_sub(used + 10), share, accent, true);
            c.right(x + w, y, 8, "n stops", dim);
        }
        Some(Ok(())) => {
            let n = units::params(check.total);
            let broken = check.findings.iter().any(|f| f.level == Level::Error);
            let (glyph, word, style) =
                if broken { ("✗", "some are NaN or infinite", bad) } else { ("✓", "no NaN or infinity", good) };
            c.spans(x, y, w, &[(glyph, style), (" values: ", dim), (word, text), (" in ", dim), (&n, text)]);
        }
        Some(Err(card)) => {
            c.spans(x, y, w, &[("✗", bad), (" values: ", dim), (&card.message, text)]);
        }
    }
    y + 1
}
