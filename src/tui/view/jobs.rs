//! The Jobs tab: the list on the left, the selected job on the right.

use super::canvas::Canvas;
use super::{job, models};
use crate::job::{JobState, JobSummary};
use crate::tui::core::{Focus, Hit, State, units};
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let j = &state.jobs;
    if j.list.is_empty() {
        let dim = c.theme().dim;
        c.text(body.x + 2, body.y + 1, body.width.saturating_sub(3), "no jobs yet", dim);
        let how = "Choose a model (1), press c, choose what to make of it, press r. A job runs in its own process: it goes on when this screen is gone.";
        c.wrapped(body.x + 2, body.y + 3, body.width.saturating_sub(4).min(60), 4, how, dim);
        return;
    }
    let (left, right) = models::split(body, j.focus, j.zoom, 38);
    if let Some(area) = left {
        list(c, state, area);
        c.pane(area, Hit::List(0));
    }
    if let Some(area) = right {
        job::draw(c, state, area);
        c.pane(area, Hit::Detail(0));
    }
    if let (Some(l), Some(_)) = (left, right) {
        c.divide(l.right(), body.y, body.height);
    }
}

/// Glyph, word and style of a job's state.
pub(super) fn badge(c: &Canvas<'_>, state: JobState) -> (&'static str, &'static str, Style) {
    let t = c.theme();
    match state {
        JobState::Queued => ("○", "queued", t.dim),
        JobState::Running => ("●", "running", t.accent),
        JobState::Paused => ("‖", "paused", t.warn),
        JobState::Finished => ("✓", "done", t.good),
        JobState::Failed => ("✗", "failed", t.bad),
        JobState::Cancelled => ("–", "cancelled", t.dim),
        JobState::Lost => ("?", "lost", t.warn),
    }
}

fn list(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let j = &state.jobs;
    let (dim, title) = (c.theme().dim, c.theme().title);
    let focused = j.focus == Focus::List;
    c.text(area.x + 1, area.y, area.width, "Jobs", if focused { title } else { dim });
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let cursor = j.cursor();
    let top = c.offset("jobs", cursor, j.list.len(), rows.height);
    for (i, item) in j.list.iter().enumerate().skip(top).take(rows.height.into()) {
        let line = Rect { y: rows.y + (i - top) as u16, height: 1, ..rows };
        row(c, item, line);
        if i == cursor {
            c.select(line, focused);
        }
        c.hit(line, Hit::List(i));
    }
    let text = format!(
        "{} running · {} queued · {} ended",
        j.count(JobState::Running),
        j.count(JobState::Queued),
        j.list.len() - j.count(JobState::Running) - j.count(JobState::Queued)
    );
    c.text(area.x + 1, area.bottom() - 1, area.width.saturating_sub(2), &text, dim);
}

fn row(c: &mut Canvas<'_>, job: &JobSummary, line: Rect) {
    let (glyph, word, style) = badge(c, job.state);
    let (text, dim) = (c.theme().text, c.theme().dim);
    c.text(line.x + 2, line.y, 1, glyph, style);
    let right = match (job.state, job.seconds) {
        (JobState::Running, _) => units::percent(job.fraction),
        (JobState::Finished, Some(s)) => units::took(s),
        _ => word.to_owned(),
    };
    let used = c.right(line.right() - 1, line.y, 9, &right, dim);
    let room = line.width.saturating_sub(used + 7);
    c.text(line.x + 4, line.y, room, &job.title, text);
}
