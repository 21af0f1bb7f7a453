//! Runs a command: by the tab that is shown if it handles the command, else by the shared code.

use super::route::{deliver, go};
use super::{leave, pickers};
use crate::tui::core::commands::Cmd;
use crate::tui::core::{Effect, State, Tab, panes, search};
use crate::tui::tabs;

/// What is said of a key that would write.
pub(super) const READ_ONLY: &str =
    "read-only: start remold without --read-only for keys that write, delete, or start and stop work";

/// Runs a command.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    if state.read_only && cmd.writes() {
        state.refuse_key(READ_ONLY);
        return Vec::new();
    }
    let effects = tabs::shown(state).run(state, cmd).or_else(|| search::run(state, cmd));
    let effects = effects.unwrap_or_else(|| everywhere(state, cmd));
    // Requests to other tabs are handled immediately: messages go when the tab changes.
    deliver(state, effects)
}

/// What a command means wherever it is run.
fn everywhere(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    if let Some(tab) = shown_by(cmd) {
        return go(state, tab);
    }
    if let Some(lines) = lines(state, cmd) {
        return tabs::shown(state).scroll(state, lines);
    }
    match cmd {
        Cmd::BorderLeft => panes::step(state, false),
        Cmd::BorderRight => panes::step(state, true),
        Cmd::Palette | Cmd::Theme | Cmd::Help | Cmd::Glossary => pickers::open(state, cmd),
        Cmd::Doctor => {
            let mut effects = go(state, Tab::Log);
            state.log.widen();
            effects.push(Effect::Doctor);
            return effects;
        }
        Cmd::Redraw => return vec![Effect::Redraw],
        Cmd::Suspend => return vec![Effect::Suspend],
        Cmd::Quit => return leave::ask(state),
        // The others belong to a tab that is not shown.
        _ => {}
    }
    Vec::new()
}

/// The tab that a command shows.
fn shown_by(cmd: Cmd) -> Option<Tab> {
    match cmd {
        Cmd::Models => Some(Tab::Models),
        Cmd::Recipe => Some(Tab::Recipe),
        Cmd::Jobs => Some(Tab::Jobs),
        Cmd::Compare => Some(Tab::Compare),
        Cmd::Watch => Some(Tab::Watch),
        Cmd::Log => Some(Tab::Log),
        _ => None,
    }
}

/// By how many lines a command moves in a list.
fn lines(state: &State, cmd: Cmd) -> Option<isize> {
    let (page, half) = (state.page() as isize, (state.page() / 2).max(1) as isize);
    match cmd {
        Cmd::Down => Some(1),
        Cmd::Up => Some(-1),
        Cmd::HalfDown => Some(half),
        Cmd::HalfUp => Some(-half),
        Cmd::PageDown => Some(page),
        Cmd::PageUp => Some(-page),
        Cmd::Top => Some(isize::MIN / 2),
        Cmd::Bottom => Some(isize::MAX / 2),
        _ => None,
    }
}
