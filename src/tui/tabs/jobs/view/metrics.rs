//! The figures of a job over its time, and those of the machine while it runs.

use crate::job::{JobState, JobSummary};
use crate::tui::core::{State, units};
use crate::tui::tabs::jobs::JobView;
use crate::tui::view::canvas::{Canvas, width};
use ratatui::layout::Rect;
use std::collections::VecDeque;

/// A line: its word, its values, what it says now, what it may reach.
struct Figure<'a> {
    word: String,
    values: &'a VecDeque<f64>,
    now: String,
    most: String,
}

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, job: &JobSummary, view: &JobView, area: Rect) {
    let dim = c.theme().dim;
    if view.rate.0.is_empty() {
        let word = match job.state {
            JobState::Queued => "waiting in the queue",
            JobState::Running => "updated once per second",
            _ => "this job has no metrics",
        };
        c.text(area.x, area.y, area.width, word, dim);
        return;
    }
    let live = view.history.ended().is_none() && job.state == JobState::Running;
    let title = if live { "this job" } else { "this job, recorded" };
    let mut y = block(c, title, &of_job(view, live), area);
    // The machine now says nothing of a job that has ended.
    if live && !state.machine.cpu.0.is_empty() && y + 2 < area.bottom() {
        y += 1;
        let rest = Rect { y, height: area.bottom() - y, ..area };
        y = block(c, &format!("this machine  {}", state.machine.now.host), &of_machine(state), rest);
        if let Some(free) = state.machine.disk_free.filter(|_| y < area.bottom()) {
            let text = c.theme().text;
            let fact = format!("{} free where it writes", units::bytes(free));
            c.spans(area.x, y, area.width, &[("disk    ", dim), (&fact, text)]);
        }
    }
}

fn of_job(view: &JobView, live: bool) -> Vec<Figure<'_>> {
    let mean = |v: &VecDeque<f64>| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let shown = |v: &VecDeque<f64>| if live { v.back().copied().unwrap_or(0.0) } else { mean(v) };
    let figure = |word: &str, values, now: String, most: String| Figure { word: word.to_owned(), values, now, most };
    let budget = view.plan.as_ref().map(|p| p.memory_bytes).filter(|m| *m > 0);
    let peak = view.history.peak_rss.map_or_else(|| view.rss.0.iter().copied().fold(0.0, f64::max), |p| p as f64);
    let memory = if live { view.rss.last() } else { peak };
    let cpu = cores(shown(&view.cpu.0), view.history.threads);
    vec![
        figure("read", &view.rate.0, units::rate(shown(&view.rate.0)), String::new()),
        figure("write", &view.write_rate.0, units::rate(shown(&view.write_rate.0)), String::new()),
        figure(
            "memory",
            &view.rss.0,
            units::bytes(memory as u64),
            budget.map(|b| format!("of {}", units::bytes(b))).unwrap_or_default(),
        ),
        figure("cpu", &view.cpu.0, cpu.0, cpu.1),
    ]
}

/// Cores in use, and of how many.
pub(super) fn cores(used: f64, threads: usize) -> (String, String) {
    let of = if threads > 0 { format!("of {}", units::plural(threads, "core", "cores")) } else { "cores".to_owned() };
    (format!("{used:.1}"), of)
}

fn of_machine(state: &State) -> Vec<Figure<'_>> {
    let m = &state.machine;
    let mut figures = vec![
        Figure { word: "cpu".into(), values: &m.cpu.0, now: units::percent(m.now.cpu), most: String::new() },
        Figure {
            word: "memory".into(),
            values: &m.memory.0,
            now: units::bytes(m.now.memory_used),
            most: format!("of {}", units::bytes(m.now.memory_total)),
        },
    ];
    for gpu in &m.now.gpus {
        let Some(values) = m.gpus.get(gpu.index as usize) else { continue };
        let memory = gpu.memory.map(|m| format!("{} of {}", units::bytes(m.used), units::bytes(m.total)));
        figures.push(Figure {
            word: format!("gpu{}", gpu.index),
            values: &values.0,
            now: gpu.load.map_or_else(|| "unknown".to_owned(), units::percent),
            most: memory.unwrap_or_else(|| "memory unknown".to_owned()),
        });
    }
    figures
}

/// A title and its figures; gives the row below.
fn block(c: &mut Canvas<'_>, title: &str, figures: &[Figure<'_>], area: Rect) -> u16 {
    const WORD: u16 = 8;
    const NOW: u16 = 11;
    let (dim, text, strong, bar) = (c.theme().dim, c.theme().text, c.theme().title, c.theme().bar);
    let most = figures.iter().map(|f| width(&f.most) as u16).max().unwrap_or(0);
    let w = area.width.saturating_sub(WORD + NOW + most + 2);
    // An empty row between two lines where all fit.
    let apart = if usize::from(area.height) > 2 * figures.len() { 2 } else { 1 };
    c.text(area.x, area.y, area.width, title, strong);
    let mut y = area.y + 1;
    for f in figures {
        if y >= area.bottom() {
            break;
        }
        c.text(area.x, y, WORD - 1, &f.word, dim);
        let values: Vec<f64> = f.values.iter().copied().collect();
        c.low_spark(area.x + WORD, y, w, &stretched(&values, w.into()), bar);
        let end = area.x + WORD + w + NOW;
        c.right(end, y, NOW, &f.now, text);
        c.text(end + 1, y, most, &f.most, dim);
        y += apart;
    }
    y.min(area.bottom())
}

/// Values over so many columns: the newest ones, or all of them, each repeated evenly.
fn stretched(values: &[f64], columns: usize) -> Vec<f64> {
    match values.len() {
        0 => Vec::new(),
        n if n >= columns => values[n - columns..].to_vec(),
        n => (0..columns).map(|i| values[i * n / columns]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_stretched_over_all_columns() {
        assert_eq!(stretched(&[1.0, 2.0], 5), [1.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(stretched(&[1.0, 2.0, 3.0], 2), [2.0, 3.0]);
        assert!(stretched(&[], 4).is_empty());
        assert_eq!(cores(0.62, 2), ("0.6".to_owned(), "of 2 cores".to_owned()));
    }
}
