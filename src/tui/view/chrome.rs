//! What surrounds every tab: titles above, keys below, messages in the corner.

use super::canvas::{Canvas, fit, width};
use crate::job::JobState;
use crate::tui::core;
use crate::tui::core::{Hit, Layer, Level, State, Tab, units};
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) fn tabs(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let (dim, accent, title) = (c.theme().dim, c.theme().accent, c.theme().title);
    let narrow = area.width < 76;
    let mut x = area.x + 1;
    if area.width >= 66 {
        x += c.text(x, area.y, 8, "remold", title) + 2;
    }
    let running = state.jobs.count(JobState::Running);
    for (i, tab) in Tab::ALL.into_iter().enumerate() {
        let mut text = format!("{} {}", i + 1, tab.title());
        if tab == Tab::Jobs && running > 0 {
            text += &format!(" ●{running}");
        }
        if narrow && tab != state.tab {
            text = (i + 1).to_string();
        }
        let style = if tab == state.tab { accent.add_modifier(ratatui::style::Modifier::BOLD) } else { dim };
        let used = c.text(x, area.y, area.right().saturating_sub(x), &text, style);
        c.hit(Rect { x, y: area.y, width: used, height: 1 }, Hit::Tab(tab));
        x += used + if narrow { 1 } else { 2 };
    }
    let room = area.right().saturating_sub(x + 2);
    if room > 12 {
        let right = match running_line(state) {
            Some(line) if width(&line) < room.into() => line,
            _ => super::fit_end(&state.home_path(&state.dir), room.into()),
        };
        c.right(area.right() - 1, area.y, room, &right, dim);
    }
}

/// The job that runs, when its tab is not the one shown.
fn running_line(state: &State) -> Option<String> {
    let job = state.jobs.list.iter().find(|j| j.state == JobState::Running)?;
    (state.tab != Tab::Jobs).then(|| format!("{}  {}", job.title, units::percent(job.fraction)))
}

pub(super) fn hints(c: &mut Canvas<'_>, state: &State, area: Rect) {
    let (dim, accent) = (c.theme().dim, c.theme().accent);
    let own: Vec<(String, &str)> = match &state.layer {
        Some(Layer::Help(_)) => vec![("type".into(), "to filter"), ("↑ ↓".into(), "scroll"), ("esc".into(), "close")],
        Some(Layer::Picker(_)) => vec![("type".into(), "to find"), ("⏎".into(), "take"), ("esc".into(), "close")],
        Some(Layer::Confirm(q)) => vec![("⏎".into(), q.yes), ("esc".into(), "back")],
        None if editing(state) => vec![("⏎".into(), "accept"), ("esc".into(), "drop")],
        None if state.pending.is_some() => vec![("g".into(), "to the top"), ("esc".into(), "never mind")],
        None => core::hints(state),
    };
    let tail: &[(&str, &str)] =
        if state.layer.is_some() || editing(state) { &[] } else { &[(":", "commands"), ("?", "help"), ("q", "quit")] };
    let tail_width: usize = tail.iter().map(|(k, w)| width(k) + width(w) + 3).sum();
    let mut end = area.right().saturating_sub(1);
    let show_tail = tail_width + 20 < area.width.into();
    let tail = if show_tail { tail } else { &tail[tail.len().min(1)..tail.len().min(2)] };
    for (key, word) in tail.iter().rev() {
        end = end.saturating_sub((width(key) + width(word) + 1) as u16);
        c.spans(end, area.y, 20, &[(key, accent), (" ", dim), (word, dim)]);
        end = end.saturating_sub(2);
    }
    let mut x = area.x + 1;
    for (key, word) in own {
        let need = (width(&key) + 1 + width(word)) as u16;
        if x + need > end {
            break;
        }
        x += c.spans(x, area.y, need, &[(&key, accent), (" ", dim), (word, dim)]) + 2;
    }
}

fn editing(state: &State) -> bool {
    match state.tab {
        Tab::Models => state.models.editing.is_some(),
        Tab::Recipe => state.recipe.editing.is_some(),
        Tab::Compare => state.compare.line.is_some(),
        Tab::Log => state.log.editing.is_some(),
        _ => false,
    }
}

/// Lines of messages: glyph on the first line of each, style, text.
type Said = (&'static str, Style, String);

/// The messages as lines, newest last, in at most a third of the screen; the oldest give way.
fn said(c: &Canvas<'_>, state: &State, area: Rect) -> Vec<Said> {
    let room = usize::from(area.width.saturating_sub(5));
    let most = usize::from(area.height / 3);
    let mut lines: Vec<Said> = Vec::new();
    for toast in state.toasts.iter().rev() {
        let (glyph, style) = match toast.level {
            Level::Info => ("✓", c.theme().good),
            Level::Warn => ("!", c.theme().warn),
            Level::Error => ("✗", c.theme().bad),
        };
        let wrapped = super::canvas::wrap(&toast.text, room).into_iter().take(3).map(|l| fit(&l, room));
        let own: Vec<Said> = wrapped.enumerate().map(|(i, l)| (if i == 0 { glyph } else { "" }, style, l)).collect();
        if lines.len() + own.len() > most {
            break;
        }
        lines.splice(0..0, own);
    }
    lines
}

/// Writes the messages above the line of keys and gives the area that is left to the tab: they cover nothing.
pub(super) fn toasts(c: &mut Canvas<'_>, state: &State, body: Rect) -> Rect {
    let lines = said(c, state, body);
    if lines.is_empty() {
        return body;
    }
    let text = c.theme().text;
    let left = Rect { height: body.height - lines.len() as u16 - 1, ..body };
    c.rule(body.x, left.bottom(), body.width);
    for ((glyph, style, line), y) in lines.iter().zip(left.bottom() + 1..) {
        c.text(body.x + 1, y, 1, glyph, *style);
        c.text(body.x + 3, y, body.width, line, text);
    }
    left
}

pub(super) fn too_small(c: &mut Canvas<'_>, area: Rect) {
    let (text, dim) = (c.theme().text, c.theme().dim);
    let lines = [
        format!("{} × {} is too small", area.width, area.height),
        format!("remold needs {} × {}", super::LEAST.0, super::LEAST.1),
        "q quits; jobs go on".to_owned(),
    ];
    let top = area.y + area.height.saturating_sub(3) / 2;
    for (i, line) in lines.iter().enumerate() {
        let x = area.x + area.width.saturating_sub(width(line) as u16) / 2;
        c.text(x, top + i as u16, area.width, line, if i == 0 { text } else { dim });
    }
}
