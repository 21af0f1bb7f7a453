//! The report of a job: how it ended, what stands where, the largest errors.

use super::canvas::Canvas;
use super::details::Columns;
use super::jobs::badge;
use crate::job::JobSummary;
use crate::tui::core::{JobView, State, units};
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, job: &JobSummary, view: &JobView, area: Rect) {
    let (dim, text, bad, good, warn) = (c.theme().dim, c.theme().text, c.theme().bad, c.theme().good, c.theme().warn);
    let how = view.ended.unwrap_or(job.state);
    let (glyph, word, style) = badge(c, how);
    let mut facts = Vec::new();
    if let Some(s) = view.seconds {
        facts.push(format!("in {}", units::took(s)));
    }
    if let Some(p) = view.peak_rss {
        facts.push(format!("peak memory {}", units::bytes(p)));
    }
    if view.threads > 0 {
        facts.push(units::plural(view.threads, "thread", "threads"));
    }
    c.spans(
        area.x,
        area.y,
        area.width,
        &[(glyph, style), (" ", dim), (word, style), ("  ", dim), (&facts.join(" · "), text)],
    );
    let mut y = area.y + 2;
    if view.ended.is_none() {
        c.text(area.x, y, area.width, "The report is whole when the job has ended; so far:", dim);
        y += 2;
    }
    if let Some(failure) = &view.failure {
        y += c.wrapped(area.x, y, area.width, 4, &failure.message, bad);
        if let Some(hint) = &failure.hint {
            y += c.wrapped(area.x, y, area.width, 3, hint, text);
        }
        y += 1;
    }
    for o in &view.outputs {
        if y + 1 >= area.bottom() {
            return;
        }
        let (glyph, style) = if o.published { ("✓", good) } else { ("○", dim) };
        c.text(area.x, y, 1, glyph, style);
        let size = o.bytes.map(units::bytes).unwrap_or_default();
        let used = c.right(area.right(), y, 12, &size, text);
        let path = state.short_path(std::path::Path::new(&o.path));
        let room = area.width.saturating_sub(used + 4);
        c.text(area.x + 2, y, room, &super::fit_end(&path, room.into()), text);
        let standing = match (o.published, o.verified.is_empty()) {
            (_, false) => format!("read back and equal: {}", o.verified.join(", ")),
            (true, true) => "published".to_owned(),
            _ if o.written => "all bytes in place, not yet published".to_owned(),
            _ => "not written yet".to_owned(),
        };
        c.text(area.x + 2, y + 1, area.width.saturating_sub(2), &standing, dim);
        y += 3;
    }
    for w in &view.warnings {
        if y >= area.bottom() {
            return;
        }
        c.text(area.x, y, 1, "!", warn);
        y += c.wrapped(area.x + 2, y, area.width.saturating_sub(2), area.bottom() - y, &w.text, text);
    }
    let room = usize::from(area.bottom().saturating_sub(y + 2));
    let worst = view.worst(room.min(12));
    if worst.is_empty() || room < 2 {
        return;
    }
    y += u16::from(!view.warnings.is_empty());
    let columns = Columns::new(area, &[8, 9, 11, 11]);
    columns.head(c, y, "largest errors", &["type", "SQNR dB", "rmse", "cosine"], dim);
    for (t, db) in worst {
        y += 1;
        if y >= area.bottom() {
            break;
        }
        let rmse = t.rmse.map(|r| format!("{r:.2e}")).unwrap_or_default();
        let cosine = t.cosine.map(|v| format!("{v:.6}")).unwrap_or_default();
        columns.row(c, y, &[&t.to, &format!("{db:.1}"), &rmse, &cosine], text);
        c.text(area.x + 1, y, columns.first(), t.name.trim_end_matches(".weight"), text);
    }
}
