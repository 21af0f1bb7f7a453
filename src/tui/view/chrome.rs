//! What surrounds every tab: titles above, keys below.

use super::canvas::{Canvas, width};
use crate::job::JobState;
use crate::tui::core::{Cmd, Hint, Hit, Layer, MIN_SIZE, State, Tab, units};
use crate::tui::{core, tabs};
use ratatui::layout::Rect;

pub(in crate::tui) fn tabs(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let (dim, accent, title) = (c.theme().dim, c.theme().accent, c.theme().title);
    let narrow = area.width < 76;
    let mut x = area.x + 1;
    if state.read_only {
        let warn = c.theme().warn;
        x += c.text(x, area.y, 9, "read-only", warn) + 2;
    } else if area.width >= 66 {
        x += c.text(x, area.y, 8, "remold", title) + 2;
    }
    for (i, tab) in Tab::ALL.into_iter().enumerate() {
        let mut text = format!("{} {}", i + 1, tab.title());
        if let Some(badge) = tabs::of(tab).badge(state) {
            text += &format!(" {badge}");
        }
        if narrow && tab != state.tab {
            text = (i + 1).to_string();
        }
        let style = if tab == state.tab { accent.add_modifier(ratatui::style::Modifier::BOLD) } else { dim };
        let used = c.text(x, area.y, area.right().saturating_sub(x), &text, style);
        c.hit(Rect { x, y: area.y, width: used, height: 1 }, Hit::Tab(tab));
        x += used + if narrow { 1 } else { 2 };
    }
    let available = area.right().saturating_sub(x + 2);
    if available > 12 {
        let right = match running_line(state).into_iter().chain(machine(state)).fold(String::new(), |line, part| {
            let gap = if line.is_empty() { "" } else { "   " };
            let longer = format!("{line}{gap}{part}");
            if width(&longer) < available.into() { longer } else { line }
        }) {
            line if line.is_empty() => super::fit_path(&state.home_path(&state.base), available.into()),
            line => line,
        };
        c.right(area.right() - 1, area.y, available, &right, dim);
    }
}

/// Figures of the machine while a job runs, the most telling first.
fn machine(state: &State) -> Vec<String> {
    if !state.watches_machine() || state.machine.cpu.0.is_empty() {
        return Vec::new();
    }
    let host = Some(state.machine.now.host.clone()).filter(|h| !h.is_empty() && width(h) <= 16);
    host.into_iter().chain(state.machine.parts()).collect()
}

/// The job that runs, when its tab is not the one shown.
fn running_line(state: &State) -> Option<String> {
    let job = state.jobs.list.iter().find(|j| j.state == JobState::Running)?;
    (state.tab != Tab::Jobs).then(|| format!("{}  {}", job.title, units::percent(state.jobs.progress(job).0)))
}

/// A hint without a command.
fn plain_hint(key: &str, word: &'static str) -> (String, &'static str, Option<Cmd>) {
    (key.to_owned(), word, None)
}

/// A hint that runs its command on a click.
fn command_hint(h: Hint) -> (String, &'static str, Option<Cmd>) {
    (h.key, h.word, Some(h.cmd))
}

pub(in crate::tui) fn hints(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let (dim, accent) = (c.theme().dim, c.theme().accent);
    let own: Vec<(String, &str, Option<Cmd>)> = match (&state.layer, state.pending) {
        (Some(Layer::Help(h)), _) => {
            let other = if h.glossary { "keys" } else { "glossary" };
            vec![
                plain_hint("type", "to filter"),
                plain_hint("↑ ↓", "scroll"),
                plain_hint("tab", other),
                plain_hint("esc", "close"),
            ]
        }
        (Some(Layer::Picker(_)), _) => {
            vec![
                plain_hint("type", "to search"),
                plain_hint("↑ ↓", "choose"),
                plain_hint("⏎", "take"),
                plain_hint("esc", "close"),
            ]
        }
        (Some(Layer::Confirm(q)), _) if q.destroys => vec![plain_hint("y", q.yes), plain_hint("⏎ esc", "back")],
        (Some(Layer::Confirm(q)), _) => vec![plain_hint("⏎", q.yes), plain_hint("esc", "back")],
        (Some(Layer::Unsaved), _) => {
            vec![
                plain_hint("s", "save"),
                plain_hint("l", "leave, keep the draft"),
                plain_hint("d", "discard"),
                plain_hint("esc", "stay"),
            ]
        }
        (Some(Layer::Leave), _) => {
            let stop = core::running(state)
                .next()
                .filter(|_| !state.read_only)
                .map(|_| plain_hint("s", "stop the jobs and leave"));
            [plain_hint("⏎", "leave")].into_iter().chain(stop).chain([plain_hint("esc", "stay")]).collect()
        }
        (None, _) if state.dead.is_some() => vec![plain_hint("⏎ esc", "close")],
        (None, _) if core::edited_line(state).is_some_and(|line| line.selected) => {
            vec![
                plain_hint("type", "to replace"),
                plain_hint("←", "to edit it"),
                plain_hint("⏎", "accept"),
                plain_hint("esc", "cancel"),
            ]
        }
        (None, _) if core::edited_line(state).is_some() => {
            vec![plain_hint("⏎", "accept"), plain_hint("esc", "cancel"), plain_hint("ctrl-u", "clear")]
        }
        (None, Some(first)) => {
            let next = core::continuations(state, first).into_iter().map(|h| (h.key, h.word, None));
            next.chain([plain_hint("esc", "cancel")]).collect()
        }
        (None, None) => core::hints(state).into_iter().map(command_hint).collect(),
    };
    let own: Vec<_> = own.into_iter().map(|(key, word, cmd)| (c.key(&key), word, cmd)).collect();
    let tail =
        if state.layer.is_some() || core::edited_line(state).is_some() { Vec::new() } else { core::tail_hints(state) };
    let tail_width: usize = tail.iter().map(|h| width(&h.key) + width(h.word) + 3).sum();
    let show_tail = tail_width + 20 < area.width.into();
    let mut end = area.right().saturating_sub(1);
    for hint in tail.into_iter().filter(|h| show_tail || h.cmd == Cmd::Help).rev() {
        let used = (width(&hint.key) + width(hint.word) + 1) as u16;
        end = end.saturating_sub(used);
        c.spans(end, area.y, used, &[(&hint.key, accent), (" ", dim), (hint.word, dim)]);
        c.hit(Rect { x: end, width: used, ..area }, Hit::Hint(hint.cmd));
        end = end.saturating_sub(2);
    }
    let mut x = area.x + 1;
    for (key, word, cmd) in own {
        let need = (width(&key) + 1 + width(word)) as u16;
        if x + need > end {
            continue;
        }
        c.spans(x, area.y, need, &[(&key, accent), (" ", dim), (word, dim)]);
        if let Some(cmd) = cmd {
            c.hit(Rect { x, width: need, ..area }, Hit::Hint(cmd));
        }
        x += need + 2;
    }
}

pub(in crate::tui) fn too_small(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let (text, dim) = (c.theme().text, c.theme().dim);
    // A quit key that was taken away leaves ctrl-c.
    let quit = core::tail_hints(state).into_iter().find(|h| h.cmd == Cmd::Quit).map_or("ctrl-c".into(), |h| h.key);
    let lines = [
        format!("{} × {} is too small", area.width, area.height),
        format!("remold needs {} × {}", MIN_SIZE.0, MIN_SIZE.1),
        format!("{quit} quits; jobs keep running"),
    ];
    let top = area.y + area.height.saturating_sub(3) / 2;
    for (i, line) in lines.iter().enumerate() {
        let x = area.x + area.width.saturating_sub(width(line) as u16) / 2;
        c.text(x, top + i as u16, area.width, line, if i == 0 { text } else { dim });
    }
}
