//! The Jobs tab: the list on the left, the selected job on the right.

mod cell;
mod grid;
mod job;
mod measure;
mod metrics;
mod page;

use super::state::JobsState;
use crate::job::{JobState, JobSummary};
use crate::tui::core::{Cmd, Focus, Hit, State, hints, units};
use crate::tui::view::canvas::{Canvas, fit, fit_end, width};
use crate::tui::view::panes::split;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let j = &state.jobs;
    if j.list.is_empty() {
        let dim = c.theme().dim;
        c.text(body.x + 2, body.y + 1, body.width.saturating_sub(3), "no jobs yet", dim);
        let how = "Choose a model (1), press c, choose what to write, press r. A job runs in its own process and continues when this screen is closed.";
        c.wrapped(body.x + 2, body.y + 3, body.width.saturating_sub(4).min(60), 4, how, dim);
        return;
    }
    let (left, right) = split(c, state, body);
    if let Some(area) = left {
        list(c, state, area, right.is_none());
        c.pane(area, Hit::List(0));
    }
    if let Some(area) = right {
        job::draw(c, state, area);
        c.pane(area, Hit::Detail(0));
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
        JobState::Interrupted => ("!", "interrupted", t.warn),
        JobState::Lost => ("?", "lost", t.warn),
    }
}

/// The same for a job of which some checks failed: it is done, and its outputs are there.
pub(super) fn checked_badge(c: &Canvas<'_>, state: JobState, failed: usize) -> (&'static str, &'static str, Style) {
    match state {
        JobState::Finished if failed > 0 => ("!", "check failed", c.theme().bad),
        _ => badge(c, state),
    }
}

fn list(c: &mut Canvas<'_>, state: &State, area: Rect, alone: bool) {
    let j = &state.jobs;
    let (dim, title) = (c.theme().dim, c.theme().title);
    let focused = j.focus == Focus::List;
    c.text(area.x + 1, area.y, area.width, "Jobs", if focused { title } else { dim });
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let cursor = j.cursor();
    let report = hints(state).into_iter().find(|h| h.cmd == Cmd::JobReport);
    let report = report.map(|h| format!("{} {}  ", h.key, h.word)).unwrap_or_default();
    let top = c.offset("jobs", cursor, j.list.len(), rows.height);
    for (i, item) in j.list.iter().enumerate().skip(top).take(rows.height.into()) {
        let line = Rect { y: rows.y + (i - top) as u16, height: 1, ..rows };
        // Where the report does not show beside the list, the row says how to see it.
        let untold = i == cursor && (alone || j.report_is_elsewhere());
        row(c, j, item, line, if untold { &report } else { "" });
        if i == cursor {
            c.select(line, focused);
        }
        c.hit(line, Hit::List(i));
    }
    let text = counts(j, area.width.saturating_sub(2).into());
    c.text(area.x + 1, area.bottom() - 1, area.width.saturating_sub(2), &text, dim);
}

/// `2 running · 1 queued · 38 done`: the states that occur, ended ones last.
fn counts(j: &JobsState, most: usize) -> String {
    let states = [
        (JobState::Running, "running"),
        (JobState::Paused, "paused"),
        (JobState::Queued, "queued"),
        (JobState::Finished, "done"),
        (JobState::Failed, "failed"),
        (JobState::Interrupted, "interrupted"),
        (JobState::Lost, "lost"),
        (JobState::Cancelled, "cancelled"),
    ];
    let mut line = String::new();
    for (state, word) in states {
        let n = j.count(state);
        let part = format!("{}{n} {word}", if line.is_empty() { "" } else { " · " });
        if n > 0 && width(&line) + width(&part) <= most {
            line += &part;
        }
    }
    line
}

/// The position of a queued job.
pub(super) fn place(job: &JobSummary) -> String {
    match job.place {
        Some(1) => "next".to_owned(),
        Some(n) => format!("number {n} in the queue"),
        None => String::new(),
    }
}

/// A job's number and title; numbers are short, other names are left out.
pub(super) fn titled(job: &JobSummary) -> String {
    if job.id.len() <= 6 { format!("#{}  {}", job.id, job.title) } else { job.title.clone() }
}

/// A title of the form `source → format type, …` shortened so that jobs stay distinguishable: the end of the source's name and
/// the types.
pub(super) fn fit_title(title: &str, most: usize) -> String {
    let Some((source, to)) = title.split_once(" → ").filter(|_| width(title) > most) else {
        return fit(title, most);
    };
    // The format goes first where a type names it already: `gguf Q4_K_M`.
    let short = |t: &str| t.trim().split_once(' ').map_or(t.trim(), |(_, ty)| ty).to_owned();
    let to: Vec<String> = to.split(',').map(short).collect();
    let all = to.join(", ");
    // Which model it is says more than the second type.
    let to = match to.as_slice() {
        [first, rest @ ..] if !rest.is_empty() && width(source) + 3 + width(&all) > most => {
            format!("{first} +{}", rest.len())
        }
        _ => all,
    };
    let to = fit(&to, most * 3 / 5);
    let available = most.saturating_sub(width(&to) + 3);
    let (number, name) = source.split_once("  ").map_or((String::new(), source), |(n, s)| (format!("{n}  "), s));
    let name = fit_end(name, available.saturating_sub(width(&number)));
    format!("{number}{name} → {to}")
}

fn row(c: &mut Canvas<'_>, jobs: &JobsState, job: &JobSummary, line: Rect, report: &str) {
    let (glyph, word, style) = checked_badge(c, job.state, job.failed_checks);
    let (text, dim) = (c.theme().text, c.theme().dim);
    c.text(line.x + 2, line.y, 1, glyph, style);
    let right = match (job.state, job.seconds) {
        (JobState::Running, _) => {
            let (fraction, eta) = jobs.progress(job);
            let eta = eta.map(|s| format!("  {}", units::duration(s)));
            format!("{}{}", units::percent(fraction), eta.unwrap_or_default())
        }
        (JobState::Queued, _) if job.place.is_some_and(|n| n > 1) => format!("queued ({})", job.place.unwrap_or(1)),
        (JobState::Finished, Some(s)) if job.failed_checks == 0 => units::took(s),
        _ => word.to_owned(),
    };
    let mut used = c.right(line.right() - 1, line.y, 13, &right, dim);
    let number = if job.id.len() <= 6 { job.id.as_str() } else { "" };
    let x =
        line.x + 4 + c.spans(line.x + 4, line.y, 7, &[(number, dim), (if number.is_empty() { "" } else { " " }, dim)]);
    let mut available = line.right().saturating_sub(x + used + 2);
    let named =
        job.owner.as_ref().filter(|owner| !owner.is_me()).map(|owner| format!("{}: {}", owner.shown(), job.title));
    let whole = named.as_ref().unwrap_or(&job.title);
    // The title goes before.
    if width(whole) + width(report) <= available.into() {
        used += c.right(line.right() - 1 - used, line.y, width(report) as u16, report, dim);
        available = line.right().saturating_sub(x + used + 2);
    }
    let title = fit_title(whole, available.into());
    c.text(x, line.y, available, &title, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_two_jobs_apart_is_left() {
        let title = "checkpoint-2000 → gguf Q4_K_M, onnx fp16";
        assert_eq!(fit_title(title, 40), title);
        assert_eq!(fit_title(title, 32), "checkpoint-2000 → Q4_K_M, fp16");
        assert_eq!(fit_title("checkpoint-2000 → gguf Q4_K_M", 20), "…point-2000 → Q4_K_M");
        assert_eq!(fit_title("#7  checkpoint-2000 → gguf Q4_K_M", 20), "#7  …t-2000 → Q4_K_M");
        assert_eq!(fit_title("no arrow in this one", 9), "no arrow…");
    }
}
