//! One job: progress, and the section chosen.

use super::{cell, checked_badge, fit_title, grid, measure, metrics, page, place, titled};
use crate::job::{JobState, JobSummary, TensorState};
use crate::tui::core::{Focus, State, units};
use crate::tui::tabs::jobs::{JobSection, JobView};
use crate::tui::view::canvas::{Canvas, width};
use crate::tui::view::event::{clock, level_style};
use crate::tui::view::panes::sections;
use crate::tui::view::search;
use crate::tui::view::table::Columns;
use crate::tui::view::tensor_name::fit_tensor;
use crate::units::small;
use ratatui::layout::Rect;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let (Some(job), Some(view)) = (state.jobs.current(), state.jobs.view.as_ref()) else { return };
    header(c, state, job, view, inner);
    let content = Rect { y: inner.y + 3, height: inner.height.saturating_sub(4), ..inner };
    match state.jobs.section {
        JobSection::Layers if job.kind.measures() => measured(c, view, job, content),
        JobSection::Layers => layers(c, state, view, job, content),
        JobSection::Metrics => metrics::draw(c, state, job, view, content),
        JobSection::Tensors => tensors(c, state, view, content),
        JobSection::Events => events(c, state, view, content),
        JobSection::Plan | JobSection::Recipe | JobSection::Report => page::draw(c, state, content),
    }
    let titles: Vec<(String, bool)> =
        state.jobs.sections().iter().map(|s| (s.title().to_owned(), *s == state.jobs.section)).collect();
    let foot = Rect { y: inner.bottom() - 1, height: 1, ..inner };
    sections(c, state, foot, &titles, state.jobs.focus == Focus::Details);
}

fn header(c: &mut Canvas<'_>, state: &State, job: &JobSummary, view: &JobView, area: Rect) {
    let (dim, title, accent, text) = (c.theme().dim, c.theme().title, c.theme().accent, c.theme().text);
    let how = view.history.ended().unwrap_or(job.state);
    let failed = view.history.failed_checks().count().max(job.failed_checks);
    let (glyph, word, style) = checked_badge(c, how, failed);
    let title_text = titled(job);
    let (fraction, eta) = state.jobs.progress(job);
    let mut right = match (how, view.history.seconds.or(job.seconds)) {
        (JobState::Running | JobState::Paused, _) => units::percent(fraction),
        (JobState::Queued, _) => place(job),
        (_, Some(s)) => format!("in {}", units::took(s)),
        _ => String::new(),
    };
    if how == JobState::Running {
        if let Some(eta) = eta {
            right += &format!("   {} left", units::duration(eta));
        }
        if !job.kind.measures() {
            right += &format!("   {}", units::rate(view.rate.last()));
        }
    }
    let badge = format!("{glyph} {word}");
    let title_style = if state.jobs.focus == Focus::Details { accent } else { title };
    let shown = fit_title(&title_text, area.width.into());
    c.text(area.x, area.y, area.width, &shown, title_style);
    // The state is beside the title if both fit, else below it.
    let facts = (width(&badge) + width(&right) + 3) as u16;
    let mut y = area.y;
    if width(&shown) as u16 + facts > area.width {
        y += 1;
        c.spans(area.x, y, area.width, &[(&badge, style), ("   ", dim), (&right, text)]);
    } else {
        let used = c.right(area.right(), y, area.width, &right, text);
        c.right(area.right() - used - if used > 0 { 2 } else { 0 }, y, 14, &badge, style);
    }
    y += 1;
    let count = if job.kind.measures() { String::new() } else { view.count() };
    let mut n = c.right(area.right(), y, 26, &count, dim);
    if !view.history.warnings.is_empty() && area.width >= 60 {
        let warn = c.theme().warn;
        let count = format!("! {}", units::plural(view.history.warnings.len(), "warning", "warnings"));
        n += 2 + c.right(area.right() - n - 2, y, 16, &count, warn);
    }
    let bar = c.theme().bar;
    c.bar(area.x, y, area.width.saturating_sub(n + 2), fraction, bar, true);
}

/// Where a measurement is, what it uses, and the newest events.
fn measured(c: &mut Canvas<'_>, view: &JobView, job: &JobSummary, area: Rect) {
    let live = view.history.ended().is_none() && job.state == JobState::Running;
    let below = if area.height > 12 { 4 } else { 1 };
    let mut y = measure::draw(c, job, view, Rect { height: area.height.saturating_sub(below), ..area });
    if y > area.y && y + 1 < area.bottom() {
        y += 1;
    }
    if live && y + 1 < area.bottom() {
        rates(c, view, (true, false), Rect { y, height: 1, ..area });
        y += 1;
    }
    newest(c, view, Rect { y, height: area.bottom().saturating_sub(y), ..area });
}

/// The newest events.
fn newest(c: &mut Canvas<'_>, view: &JobView, area: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let available = usize::from(area.height);
    for (i, line) in view.log.iter().skip(view.log.len().saturating_sub(available)).enumerate() {
        let style = level_style(c, line.level);
        let pieces = [(clock(line.t), dim), ("  ".to_owned(), dim), (line.text.clone(), style.unwrap_or(text))];
        let pieces: Vec<(&str, _)> = pieces.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        c.spans(area.x, area.y + i as u16, area.width, &pieces);
    }
}

/// The grid, the rates, and the newest events.
fn layers(c: &mut Canvas<'_>, state: &State, view: &JobView, job: &JobSummary, area: Rect) {
    let dim = c.theme().dim;
    let live = view.history.ended().is_none() && job.state == JobState::Running;
    if view.grid.is_empty() {
        let word = match job.state {
            JobState::Queued => "waiting in the queue",
            JobState::Running => "loading the plan…",
            _ => "this job has no tensor events",
        };
        c.text(area.x, area.y, area.width, word, dim);
        return;
    }
    let focused = state.jobs.focus == Focus::Details;
    let below = match area.height {
        20.. => 6,
        13.. => 4,
        _ => 1,
    };
    let available = Rect { height: area.height.saturating_sub(below), ..area };
    let mut y = grid::draw(c, view, state.jobs.cell, focused, available);
    // One row of space where there is some, else what is known of the cell would be cut.
    y += u16::from(area.bottom().saturating_sub(y) > cell::HEIGHT);
    if focused && y + 1 < area.bottom() {
        cell::draw(c, view, state.jobs.cell, Rect { y, height: cell::HEIGHT.min(area.bottom() - y), ..area });
        y += cell::HEIGHT;
    }
    if y + 1 < area.bottom() {
        let paused = view.history.ended().is_none() && job.state == JobState::Paused;
        rates(c, view, (live, paused), Rect { y, height: 1, ..area });
        y += 1;
    }
    newest(c, view, Rect { y, height: area.bottom().saturating_sub(y), ..area });
}

/// The figures of a job that works; of a paused one, which does nothing, and of an ended one, over its time.
fn rates(c: &mut Canvas<'_>, view: &JobView, (live, paused): (bool, bool), line: Rect) {
    let (dim, text, bar) = (c.theme().dim, c.theme().text, c.theme().bar);
    let peak = view.history.peak_rss.map_or_else(|| view.rss.0.iter().copied().fold(0.0, f64::max), |p| p as f64);
    let last = |live_value: f64, over: f64| match (live, paused) {
        (true, _) => live_value,
        (_, true) => 0.0,
        _ => over,
    };
    let budget = view.plan.as_ref().map(|p| p.memory_bytes).filter(|m| *m > 0);
    let budget = budget.map(|m| format!(" of {}", units::bytes(m))).unwrap_or_default();
    let mean = view.rate.0.iter().sum::<f64>() / view.rate.0.len().max(1) as f64;
    let cpu_mean = view.cpu.0.iter().sum::<f64>() / view.cpu.0.len().max(1) as f64;
    let cpu = metrics::cores(last(view.cpu.last(), cpu_mean), view.history.threads);
    let parts = [
        ("read", &view.rate, units::rate(last(view.rate.last(), mean))),
        (
            "ram",
            &view.rss,
            format!("{}{budget}", units::bytes(if live || paused { view.rss.last() } else { peak } as u64)),
        ),
        ("cpu", &view.cpu, format!("{} {}", cpu.0, cpu.1)),
    ];
    let w = if line.width >= 80 { 12 } else { 6 };
    let mut x = line.x;
    // A measurement reads what it needs from the cache of the system, and does not count it.
    let counted = view.rate.0.iter().any(|r| *r > 0.0);
    for (label, series, value) in parts.iter().skip(usize::from(!counted)) {
        if x + w + 8 > line.right() {
            break;
        }
        x += c.text(x, line.y, 6, label, dim) + 1;
        let values: Vec<f64> = series.0.iter().copied().collect();
        c.spark(x, line.y, w, &values, bar);
        x += w.min(values.len() as u16) + 1;
        x += c.text(x, line.y, line.right().saturating_sub(x), value, text) + 3;
    }
}

fn tensors(c: &mut Canvas<'_>, state: &State, view: &JobView, area: Rect) {
    let (dim, text, warn) = (c.theme().dim, c.theme().text, c.theme().warn);
    let columns = Columns::new(area, &[8, 8, 11, 11, 10]);
    columns.head(c, area.y, "tensor", &["from", "to", "bytes", "weights dB", "max error"], dim);
    let cursor = state.jobs.row.min(view.history.tensors.len().saturating_sub(1));
    // Why the selected tensor has its type is said in full below the list.
    let why = view.history.tensors.values().nth(cursor).and_then(|t| t.note.as_deref());
    let noted = view.history.tensors.values().any(|t| t.note.is_some());
    let foot = u16::from(noted && area.height > 6);
    if let Some(why) = why.filter(|_| foot > 0) {
        c.text(area.x, area.bottom() - 1, area.width, why, warn);
    }
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + foot), ..area };
    let top = c.offset("job-tensors", cursor, view.history.tensors.len(), list.height);
    for (i, t) in view.history.tensors.values().enumerate().skip(top).take(list.height.into()) {
        let line = Rect { y: list.y + (i - top) as u16, height: 1, ..list };
        let (glyph, db) = match t.state {
            TensorState::Waiting => ("·", String::new()),
            TensorState::Working(f) => ("░", units::percent(f)),
            TensorState::Done(Some(db)) => ("✓", format!("{db:.1}")),
            TensorState::Done(None) => ("✓", "exact".to_owned()),
        };
        let error = t.max_abs.map(small).unwrap_or_default();
        columns.row(c, line.y, &[t.from.name(), t.to.name(), &units::bytes(t.bytes), &db, &error], text);
        let available = columns.first().saturating_sub(2);
        let used = c.text(line.x + 1, line.y, 2, &format!("{glyph} "), dim);
        let name = fit_tensor(t.name.trim_end_matches(".weight"), available.into());
        let n = c.text(line.x + 1 + used, line.y, available, &name, text);
        // A few letters of it would say nothing.
        let free = usize::from(available.saturating_sub(n + 2));
        if let Some(note) = t.note.as_ref().filter(|note| width(note) <= free || free >= 24) {
            c.text(line.x + 3 + used + n, line.y, free as u16, note, warn);
        }
        if i == cursor {
            c.select(Rect { x: line.x - 1, width: line.width + 2, ..line }, state.jobs.focus == Focus::Details);
        }
    }
}

fn events(c: &mut Canvas<'_>, state: &State, view: &JobView, area: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let area = search::below(c, state, area);
    let height = usize::from(area.height);
    let end = view.log.len().saturating_sub(state.jobs.row.min(view.log.len().saturating_sub(height)));
    for (i, line) in view.log.iter().take(end).skip(end.saturating_sub(height)).enumerate() {
        let style = level_style(c, line.level).unwrap_or(text);
        c.spans(area.x, area.y + i as u16, area.width, &[(&clock(line.t), dim), ("  ", dim), (&line.text, style)]);
    }
    search::mark(c, &state.jobs.search.text, area);
}
