//! The Log tab: everything that was said, newest below.

use super::state::LogEntry;
use crate::tui::core::{Hit, Level, State, units};
use crate::tui::view::canvas::{Canvas, width, wrap};
use crate::tui::view::event::{clock, level_style};
use crate::tui::view::search;
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let shown = state.log.shown();
    head(c, state, shown.len(), body);
    let list = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    c.pane(list, Hit::Detail(0));
    if shown.is_empty() {
        let dim = c.theme().dim;
        let word = if state.log.entries.is_empty() { "no messages yet" } else { "no lines match the filters" };
        c.text(list.x + 2, list.y + 1, list.width.saturating_sub(3), word, dim);
        return;
    }
    let cursor = shown.len() - 1 - state.log.up.min(shown.len() - 1);
    // The job's number has a column where any line has one.
    let job = shown.iter().filter_map(|e| e.job.as_ref()).map(|id| width(id) as u16 + 1).max().unwrap_or(0);
    let list = full_line(c, shown[cursor], job, list);
    let top = c.offset("log", cursor, shown.len(), list.height);
    for (i, e) in shown.iter().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        entry(c, e, &state.log.filter, job, line);
        // Nothing is chosen while the end is followed.
        if i == cursor && state.log.up > 0 {
            c.select(line, true);
        }
        c.hit(line, Hit::Detail(i));
    }
}

/// Columns before the text of a line, where numbers of jobs take this many.
fn before(job: u16) -> u16 {
    18 + if job > 0 { job + 2 } else { 0 }
}

/// The selected line in full below the list, where it would be cut; gives what is left for the list.
fn full_line(c: &mut Canvas<'_>, e: &LogEntry, job: u16, list: Rect) -> Rect {
    let most = list.height / 3;
    if width(&e.text) as u16 + before(job) < list.width || most < 2 {
        return list;
    }
    let available = list.width.saturating_sub(4);
    let lines = wrap(&e.text, available.into()).len().min(usize::from(most - 1)) as u16;
    let left = Rect { height: list.height - lines - 1, ..list };
    c.rule(list.x, left.bottom(), list.width);
    let text = c.theme().text;
    c.wrapped(list.x + 2, left.bottom() + 1, available, lines, &e.text, text);
    left
}

fn entry(c: &mut Canvas<'_>, e: &LogEntry, filter: &str, job: u16, line: Rect) {
    let (dim, text, accent) = (c.theme().dim, c.theme().text, c.theme().accent);
    let style = level_style(c, e.level).unwrap_or(text);
    c.text(line.x + 1, line.y, 8, &clock(e.t), dim);
    c.text(line.x + 11, line.y, 5, e.word(), style);
    if let Some(id) = &e.job {
        c.right(line.x + 18 + job, line.y, job, &format!("#{id}"), accent);
    }
    let x = line.x + before(job);
    let available = line.right().saturating_sub(x + 1);
    c.text(x, line.y, available, &e.text, style);
    for word in filter.split_whitespace() {
        search::mark(c, word, Rect { x, width: available, ..line });
    }
}

/// The title, the filters, the counts.
fn head(c: &mut Canvas<'_>, state: &State, shown: usize, body: Rect) {
    let (dim, text, title, accent) = (c.theme().dim, c.theme().text, c.theme().title, c.theme().accent);
    let log = &state.log;
    let (errors, warnings) = (log.count(Level::Error), log.count(Level::Warn));
    let mut counts = Vec::new();
    if errors > 0 {
        counts.push(units::plural(errors, "error", "errors"));
    }
    if warnings > 0 {
        counts.push(units::plural(warnings, "warning", "warnings"));
    }
    let all = log.entries.len();
    counts.push(if log.is_narrowed() {
        format!("{shown} of {all} lines")
    } else {
        units::plural(all, "line", "lines")
    });
    let place = if log.up == 0 { "following".to_owned() } else { format!("{} below", log.up) };
    let right = format!("{}   {place}", counts.join(" · "));
    let most = body.width.saturating_sub(8);
    let used = c.right(body.right() - 1, body.y, most, &right, dim);
    let end = body.right().saturating_sub(used + 3);
    let mut x = body.x + 1;
    x += c.text(x, body.y, 4, "Log", title) + 3;
    let level = match log.least {
        None | Some(Level::Info) => "",
        Some(Level::Warn) => "warnings and errors",
        Some(Level::Error) => "errors",
    };
    let job = log.job.as_ref().map(|id| format!("job {id}")).unwrap_or_default();
    for word in [level, &job] {
        if !word.is_empty() {
            x += c.text(x, body.y, end.saturating_sub(x), word, accent) + 2;
        }
    }
    let available = end.saturating_sub(x);
    match &log.editing {
        Some(edit) => {
            c.text(x, body.y, 2, "/ ", accent);
            c.edit(x + 2, body.y, available.saturating_sub(2), edit, text);
        }
        None if !log.filter.is_empty() => {
            c.spans(x, body.y, available, &[("/ ", accent), (&log.filter, text)]);
        }
        None => {}
    }
}
