//! The Watch tab: watchers above, the sources of the selected one below, and beside or under them what is known of the selected source.

mod detail;
mod sources;
mod trend;

use crate::tui::core::{Focus, Hit, State, units};
use crate::tui::view::canvas::{Canvas, fit, fit_end, width};
use crate::watch::WatcherInfo;
use ratatui::layout::Rect;

/// From this many columns on, the detail is beside the sources.
const WIDE: u16 = 120;
/// Below this many rows there is no space for a note, and the detail shows only the state.
const SHORT: u16 = 16;

pub(super) fn draw(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let w = &state.watch;
    if w.list.is_empty() {
        return empty(c, state, body);
    }
    let short = body.height < SHORT;
    let most = match w.focus {
        Focus::Details if short => 1,
        _ if short => 2,
        _ => (body.height / 5).max(1),
    };
    let rows = most.min(w.list.len().try_into().unwrap_or(most));
    watchers(c, state, Rect { height: rows + 1, ..body });
    c.rule(body.x, body.y + rows + 1, body.width);
    let rest = below(body, rows + 2);
    let used = if short { 0 } else { about(c, state, rest) };
    let rest = below(rest, used);
    if w.view.is_empty() {
        let dim = c.theme().dim;
        let text = match w.current().and_then(|w| w.pid) {
            Some(_) => "no models or checkpoints in this folder yet",
            None => "it has found no models or checkpoints",
        };
        c.wrapped(rest.x + 2, rest.y + 1, rest.width.saturating_sub(4), 3, text, dim);
        return;
    }
    let (list, detail) = divided(c, rest, w.shown().count());
    sources::draw(c, state, list);
    detail::draw(c, state, detail);
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// The areas of the sources and of the detail.
fn divided(c: &mut Canvas<'_>, rest: Rect, sources: usize) -> (Rect, Rect) {
    if rest.width >= WIDE {
        let right = (rest.width * 2 / 5).clamp(48, 72);
        let left = rest.width - right - 1;
        c.divide(rest.x + left, rest.y, rest.height);
        return (Rect { width: left, ..rest }, Rect { x: rest.right() - right, width: right, ..rest });
    }
    // A short list leaves its rows to the detail.
    let listed = u16::try_from(sources).unwrap_or(u16::MAX).saturating_add(1).max(3);
    let rows = rest.height - (rest.height - rest.height / 2).min(listed);
    let list = Rect { height: rest.height - rows, ..rest };
    if rows > 0 {
        c.rule(rest.x, list.bottom(), rest.width);
    }
    (list, below(rest, list.height + 1))
}

fn empty(c: &mut Canvas<'_>, state: &State, body: Rect) {
    let (dim, text) = (c.theme().dim, c.theme().text);
    let w = body.width.saturating_sub(4).min(72);
    let first = if state.watch.looked { "no watchers yet" } else { "looking for watchers…" };
    c.text(body.x + 2, body.y + 1, w, first, dim);
    if !state.watch.looked {
        return;
    }
    let what = "A watcher exports each checkpoint of a training run as soon as it is complete. It runs in its own process and \
        continues when this screen is closed.";
    let used = c.wrapped(body.x + 2, body.y + 3, w, 4, what, text);
    let how = match state.read_only {
        true => "This workbench is read-only and starts none. In a shell:",
        false => {
            "Press w and type the run's folder, or choose it in Models (1) and press w there; Recipe (2) defines the outputs. Or \
             in a shell:"
        }
    };
    let used = used + 1 + c.wrapped(body.x + 2, body.y + 4 + used, w, 3, how, dim);
    c.text(body.x + 4, body.y + 4 + used, w, "remold watch DIR --to gguf:q4_k_m --detach", text);
}

fn watchers(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let w = &state.watch;
    let (dim, title) = (c.theme().dim, c.theme().title);
    let focused = w.focus == Focus::List;
    c.text(area.x + 1, area.y, area.width, "Watch", if focused { title } else { dim });
    let running = w.running();
    let stopped = w.list.len() - running;
    let counts = match (running, stopped) {
        (running, 0) => format!("{running} running"),
        (0, stopped) => format!("{stopped} stopped"),
        (running, stopped) => format!("{running} running · {stopped} stopped"),
    };
    c.right(area.right() - 1, area.y, area.width.saturating_sub(8), &counts, dim);
    let rows = below(area, 1);
    let cursor = w.cursor();
    let top = c.offset("watchers", cursor, w.list.len(), rows.height);
    for (i, one) in w.list.iter().enumerate().skip(top).take(rows.height.into()) {
        let line = Rect { y: rows.y + (i - top) as u16, height: 1, ..rows };
        watcher(c, state, one, line);
        if i == cursor {
            c.select(line, focused);
        }
        c.hit(line, Hit::List(i));
    }
    c.pane(area, Hit::List(0));
}

fn watcher(c: &mut Canvas<'_>, state: &State, w: &WatcherInfo, line: Rect) {
    let (text, dim, good) = (c.theme().text, c.theme().dim, c.theme().good);
    let (glyph, style) = match (w.pid, w.paused) {
        (Some(_), true) => ("‖", c.theme().warn),
        (Some(_), false) => ("●", good),
        (None, _) => ("○", dim),
    };
    c.text(line.x + 2, line.y, 1, glyph, style);
    let word = match w.pid {
        Some(_) if w.paused => "paused".to_owned(),
        Some(pid) if line.width >= 64 => format!("running, pid {pid}"),
        Some(_) => "running".to_owned(),
        None => "stopped".to_owned(),
    };
    let exported =
        if line.width >= 64 { format!("  {} exported", units::count(w.exported as u64)) } else { String::new() };
    // What the events say is known of the selected one only.
    let failed = match state.watch.current() {
        Some(current) if current.id == w.id => state.watch.view.failed(),
        _ => 0,
    };
    let bad = c.theme().bad;
    let failed = if failed > 0 { format!("  {} failed", units::count(failed as u64)) } else { String::new() };
    let mut used = c.right(line.right() - 1, line.y, line.width / 3, &failed, bad);
    used += c.right(line.right() - 1 - used, line.y, line.width / 2, &format!("{word}{exported}"), dim);
    let available = usize::from(line.right().saturating_sub(line.x + 4 + used + 3));
    let recipe = if line.width >= 64 { format!(" → {}", fit(&w.recipe, available / 2)) } else { String::new() };
    let root = fit_end(&state.short_path(&w.root), available.saturating_sub(width(&recipe)));
    c.spans(line.x + 4, line.y, available as u16, &[(&root, text), (&recipe, dim)]);
}

/// Where the exports of the selected watcher go, and what there is to know of it; gives the rows used.
fn about(c: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let w = &state.watch;
    let (dim, warn) = (c.theme().dim, c.theme().warn);
    let Some(watcher) = w.current() else { return 0 };
    let available = area.width.saturating_sub(2);
    let output = fit_end(&state.short_path(&watcher.output), usize::from(available).saturating_sub(9));
    c.spans(area.x + 1, area.y, available, &[("exports  ", dim), (&output, dim)]);
    let again = match (&watcher.start, &watcher.command) {
        (Some(_), _) if !state.read_only => "; s starts it again, D removes it",
        (_, Some(_)) => "; y copies the command that restarts it",
        (_, None) => "",
    };
    let warning = w.view.warnings.back();
    let (note, style) = match (watcher.pid, &w.view.note, warning) {
        (None, ..) => (format!("stopped; last known state below{again}"), dim),
        (_, Some(note), _) => (note.clone(), warn),
        (_, None, Some((t, text))) => (format!("{text} ({})", state.age(*t)), warn),
        (_, None, None) => return 1,
    };
    1 + c.wrapped(area.x + 1, area.y + 1, available, 2, &note, style)
}
