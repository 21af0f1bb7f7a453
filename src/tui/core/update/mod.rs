//! `update`: the one function that changes the state. It takes an action in and hands it to what it is for: the layer on top, the
//! line being edited, the tab (see [`crate::tui::tabs`]), or what all tabs share.

mod commands;
mod layers;
mod leave;
mod lines;
mod motion;
mod settings;

pub use leave::farewell;
pub(in crate::tui) use leave::running;
pub(in crate::tui) use lines::edited_line;

use super::action::{Action, Effect};
use super::commands::{Meaning, lookup};
use super::keys::{Code, Key};
use super::request::TabRequest;
use super::state::{State, Tab};
use super::toasts::Toast;
use super::{Level, panes, search};
use crate::tui::tabs;
use commands::run;

/// Takes one action in and says what should happen outside.
pub fn update(state: &mut State, action: Action) -> Vec<Effect> {
    let effects = take(state, action);
    let mut effects = deliver(state, effects);
    tabs::all().for_each(|t| t.settle(state));
    search::settle(state);
    effects.extend(tabs::shown(state).wants(state));
    effects
}

fn take(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(tab) = action.tab() {
        return tabs::of(tab).arrived(state, action);
    }
    match action {
        Action::Key(k) => return key(state, k),
        Action::Paste(text) => return lines::paste(state, &text),
        Action::Run(cmd) => return state.outdating_toasts(|state| run(state, cmd)),
        Action::Click(hit) => return state.outdating_toasts(|state| motion::click(state, hit)),
        Action::DoubleClick(hit) => return state.outdating_toasts(|state| motion::double_click(state, hit)),
        Action::Wheel(hit, lines) => return motion::wheel(state, hit, lines),
        Action::Border(column) => panes::put(state, column),
        Action::Resize(columns, rows) => state.size = (columns, rows),
        Action::Tick(now) => {
            state.now = now;
            state.age_toasts();
        }
        Action::Notice(Level::Info, text) => state.note(Level::Info, text),
        Action::Notice(level, text) => state.toast(level, text),
        Action::Machine(machine, free) => state.machine.take(machine, free),
        other => return settings::arrived(state, other),
    }
    Vec::new()
}

/// Hands what tabs ask of each other to the tabs that are asked; gives what is left to be done outside, in the same order.
fn deliver(state: &mut State, effects: Vec<Effect>) -> Vec<Effect> {
    let mut outside = Vec::new();
    for effect in effects {
        match effect {
            Effect::Tab(request) => {
                let more = match request {
                    TabRequest::Show(tab) => go(state, tab),
                    other => tabs::of(other.tab()).asked(state, other),
                };
                outside.extend(deliver(state, more));
            }
            other => outside.push(other),
        }
    }
    outside
}

/// Takes a key in: what lies on top first, then a line being edited, then the registry.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    let quit = Key::parse("ctrl-c") == Some(key);
    if quit {
        return leave::interrupt(state);
    }
    if state.is_too_small() {
        // What nobody sees must not change.
        let leaves = key == Key::plain(Code::Char('q')) && state.layer.is_none();
        return if leaves { leave::ask(state) } else { Vec::new() };
    }
    if let Some(layer) = state.layer.take() {
        return state.outdating_toasts(|state| layers::key(state, layer, key));
    }
    if let Some(effects) = lines::key(state, key) {
        return effects;
    }
    let before = state.pending.take();
    if key == Key::plain(Code::Esc) && before.is_none() && state.toasts.iter().any(Toast::stays) {
        // What lies on top goes first.
        state.toasts.clear();
        return Vec::new();
    }
    match lookup(state, before, key) {
        Some(Meaning::Run(command)) => state.outdating_toasts(|state| run(state, command.cmd)),
        Some(Meaning::Prefix) => {
            state.pending = Some(key);
            Vec::new()
        }
        // The key after an abandoned prefix counts by itself; esc only abandons it.
        None if before.is_some() && key.code != Code::Esc => self::key(state, key),
        None => Vec::new(),
    }
}

/// Shows a tab.
fn go(state: &mut State, tab: Tab) -> Vec<Effect> {
    let mut effects = if state.tab == tab { Vec::new() } else { tabs::shown(state).leave(state) };
    state.tab = tab;
    state.pending = None;
    effects.extend(tabs::of(tab).enter(state));
    effects
}
