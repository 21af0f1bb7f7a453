//! The selected source: its state in full, its exports, and what exports of its run come to over the steps.

use super::{sources, trend};
use crate::tui::core::{State, units};
use crate::tui::tabs::watch::{Export, ExportQuality, Source, SourceState, worst_metrics};
use crate::tui::view::canvas::Canvas;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Below this many rows the name goes: it is in the list.
const FEW: u16 = 4;
/// Rows of the error of a source: with what to do about it.
const FAILURE: u16 = 40;
/// Exports that are listed, the latest.
const EXPORTS: usize = 8;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(s) = state.watch.current_source() else { return };
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let trend = state.watch.trend();
    let rows = trend::rows(&trend, area);
    let end = area.bottom() - rows;
    let title = c.theme().title;
    let mut y = area.y;
    for (text, style, most) in lines(c, state, s, title).into_iter().skip(usize::from(area.height < FEW)) {
        if y >= end {
            // In the margin: there is more than fits.
            let dim = c.theme().dim;
            c.text(area.right(), end.saturating_sub(1), 1, "↓", dim);
            break;
        }
        y += c.wrapped(area.x, y, area.width, most.min(end - y), &text, style);
    }
    trend::draw(c, &trend, Rect { y: end, height: rows, ..area }, area);
}

/// Lines from the most to the least telling, each with the rows it may take.
fn lines(c: &Canvas<'_>, state: &State, s: &Source, title: Style) -> Vec<(String, Style, u16)> {
    let (text, dim, warn) = (c.theme().text, c.theme().dim, c.theme().warn);
    let (glyph, style) = sources::badge(c, s);
    let (style, most) = if s.state == SourceState::Failed { (style, FAILURE) } else { (text, 6) };
    let mut all = vec![(s.name.clone(), title, 1)];
    all.push((format!("{glyph} {}", sources::words(s)), style, most));
    let stopped = state.watch.current().is_some_and(|w| w.pid.is_none());
    match s.state {
        SourceState::Waiting if stopped => {
            all.push(("The watcher is stopped: its state may have changed.".to_owned(), warn, 2));
        }
        SourceState::Exporting if stopped => {
            all.push(("The watcher is stopped; its job continues (Jobs, 3).".to_owned(), warn, 2));
        }
        _ => {}
    }
    for e in s.exports.iter().rev().take(EXPORTS) {
        all.push((export(state, e), text, 3));
        if let Some(r) = &e.done.regression {
            let fell = format!(
                "! {} fell from {:.1} to {:.1} dB since the previous checkpoint",
                r.tensor, r.before_db, r.now_db
            );
            all.push((fell, warn, 3));
        }
        for change in &e.done.config_changes {
            all.push((format!("config.json {change}"), warn, 3));
        }
        for path in &e.done.outputs {
            all.push((format!("→ {}", state.short_path(path)), dim, 4));
        }
    }
    all.push((format!("in this state since {} UTC", s.since.strftime("%Y-%m-%d %H:%M:%S")), dim, 2));
    let family = if s.family.is_empty() { String::new() } else { format!(", as {} writes checkpoints", s.family) };
    all.push((format!("from {}{family}", state.short_path(&s.path)), dim, 4));
    all
}

/// An export on one line: how it ended, how long it took, its job, its size, what was measured.
fn export(state: &State, e: &Export) -> String {
    let how = if e.ok() { "✓" } else { "✗" };
    let job = match e.done.job.as_str() {
        "" => "no job".to_owned(),
        job if state.jobs.list.iter().any(|j| j.id == *job) => format!("job {job}"),
        job => format!("job {job} (removed)"),
    };
    if e.done.job.is_empty() && !e.ok() {
        return format!("{how} {}  {} before a job was made", e.t.strftime("%H:%M:%S"), e.done.status);
    }
    let mut parts = vec![format!("{how} {}  in {}", e.t.strftime("%H:%M:%S"), units::took(e.seconds())), job];
    if !e.ok() {
        parts.push(e.done.status.replace('_', " "));
    }
    if e.wrote() {
        parts.push(units::bytes(e.done.bytes));
        match state.watch.view.measured(&e.done.job) {
            Some(ExportQuality::Db(db)) => parts.push(format!("weights {db:.1} dB")),
            Some(ExportQuality::Lossless) => parts.push("no loss".to_owned()),
            Some(ExportQuality::NoReport) | None => {}
        }
        // Of several outputs the worst value is shown, as in the chart.
        parts.extend(worst_metrics(e).into_iter().map(|(m, value)| format!("{} {}", m.title, m.text(value, None))));
        if e.removed {
            parts.push("removed since".to_owned());
        }
    }
    parts.join("  ")
}
