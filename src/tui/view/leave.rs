//! The questions before leaving: what becomes of the jobs that run, and of a recipe that is not saved.

use super::canvas::{Canvas, centered, width, wrap};
use crate::job::{JobState, JobSummary};
use crate::tui::core::{State, paused, running, units};
use ratatui::layout::Rect;

/// Jobs named; the others are counted.
const NAMED: usize = 4;

pub(in crate::tui) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let share = |j: &JobSummary| match j.state {
        JobState::Queued => "queued".to_owned(),
        _ => units::percent(state.jobs.progress(j).0),
    };
    let at_work = running(state).count();
    let still: Vec<&JobSummary> = paused(state).collect();
    let paused = still.iter().map(|j| (j.title.clone(), "paused".to_owned()));
    let jobs: Vec<(String, String)> = running(state).map(|j| (j.title.clone(), share(j))).chain(paused).collect();
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let keys: &[(&str, &str)] = match at_work {
        // The last one has ended while the question stood.
        0 => &[("⏎", "leave"), ("esc", "stay")],
        _ if state.read_only => &[("⏎", "leave; work continues"), ("esc", "stay")],
        1 => &[("⏎", "leave, keep it running"), ("s", "stop it and leave"), ("esc", "stay")],
        _ => &[("⏎", "leave, keep them running"), ("s", "stop all and leave"), ("esc", "stay")],
    };
    let question = match (at_work, still.as_slice()) {
        (0, [one]) => format!("Job {} stays paused. Quit?", one.id),
        (0, [_, _, ..]) => format!("{} paused. Quit?", units::plural(still.len(), "job stays", "jobs stay")),
        (0, []) => String::from("No jobs are running. Quit?"),
        (n, _) => format!("{} still running. Quit?", units::plural(n, "job is", "jobs are")),
    };
    let named = jobs.len().min(NAMED);
    let rows = named + usize::from(jobs.len() > NAMED);
    let longest = jobs.iter().take(NAMED).map(|(t, _)| width(t) + 8).max().unwrap_or(0).max(34);
    let area = centered(body, (longest as u16 + 4).min(body.width), (rows + keys.len()) as u16 + 3);
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
        let key = c.key(key);
        c.text(inner.x, y, 7, &key, accent);
        c.text(inner.x + 8, y, inner.width.saturating_sub(8), what, text);
    }
}

/// The question before leaving an unsaved recipe: what becomes of it.
pub(in crate::tui) fn unsaved(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let draft = state.session_file.as_ref().filter(|_| state.keeps_draft()).map(|f| state.home_path(f));
    let mut keys =
        vec![("s", "save it, and stay"), ("l", "leave, keep the draft"), ("d", "discard it and leave"), ("⏎", "stay")];
    let kept = match &draft {
        Some(file) => {
            keys[1].0 = "⏎ l";
            keys[3].0 = "esc";
            format!("The draft comes back at the next start in this folder; it is kept in {file}")
        }
        None => {
            keys.remove(1);
            "No draft is kept: restore is off.".to_owned()
        }
    };
    let lines = wrap(&kept, usize::from(body.width.saturating_sub(8)).min(72));
    let area = centered(body, 78, (lines.len() + keys.len()) as u16 + 3);
    let inner = c.card(area, "The recipe has changes that are not saved. Quit?");
    let mut y = inner.y;
    for line in &lines {
        c.text(inner.x, y, inner.width, line, dim);
        y += 1;
    }
    for ((key, what), y) in keys.iter().zip(y + 1..inner.bottom()) {
        let key = c.key(key);
        c.text(inner.x, y, 7, &key, accent);
        c.text(inner.x + 8, y, inner.width.saturating_sub(8), what, text);
    }
}
