//! The question before leaving while jobs run: what becomes of them.

use super::canvas::{Canvas, centered, width};
use crate::job::{JobState, JobSummary};
use crate::tui::core::{State, running, units};
use ratatui::layout::Rect;

/// Jobs named; the others are counted.
const NAMED: usize = 4;

pub(in crate::tui) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let share = |j: &JobSummary| if j.state == JobState::Queued { "queued".into() } else { units::percent(j.fraction) };
    let jobs: Vec<(String, String)> = running(state).map(|j| (j.title.clone(), share(j))).collect();
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let keys: &[(&str, &str)] = match jobs.len() {
        // The last one has ended while the question stood.
        0 => &[("⏎", "leave"), ("esc", "stay")],
        1 => &[("⏎", "leave, keep it running"), ("s", "stop it and leave"), ("esc", "stay")],
        _ => &[("⏎", "leave, keep them running"), ("s", "stop all and leave"), ("esc", "stay")],
    };
    let question = match jobs.len() {
        0 => String::from("No jobs are running. Quit?"),
        n => format!("{} still running. Quit?", units::plural(n, "job is", "jobs are")),
    };
    let named = jobs.len().min(NAMED);
    let rows = named + usize::from(jobs.len() > NAMED);
    let longest = jobs.iter().take(NAMED).map(|(t, _)| width(t) + 8).max().unwrap_or(0).max(34);
    let area = centered(body, (longest as u16 + 4).min(76), (rows + keys.len()) as u16 + 3);
    let inner = c.card(area, &question);
    let mut y = inner.y;
    for (title, share) in jobs.iter().take(NAMED) {
        let used = c.right(inner.right(), y, 6, share, dim);
        c.text(inner.x, y, inner.width.saturating_sub(used + 1), title, text);
        y += 1;
    }
    if jobs.len() > NAMED {
        c.text(inner.x, y, inner.width, &format!("and {} more", jobs.len() - NAMED), dim);
        y += 1;
    }
    for ((key, what), y) in keys.iter().zip(y + 1..inner.bottom()) {
        c.text(inner.x, y, 4, key, accent);
        c.text(inner.x + 5, y, inner.width.saturating_sub(5), what, text);
    }
}
