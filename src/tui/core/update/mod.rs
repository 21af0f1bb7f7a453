//! `update`: the one function that changes the state. It takes an action in and hands it to what it is for: the layer on top, the
//! line being edited, the tab (see [`crate::tui::tabs`]), or what all tabs share.

mod commands;
mod keys;
mod layers;
mod leave;
mod lines;
mod mouse;
mod pickers;
mod route;
mod settings;

pub(crate) use keys::key;
pub use leave::farewell;
pub(in crate::tui) use leave::{paused, running};
pub(in crate::tui) use lines::edited_line;

use super::action::{Action, Effect};
use super::state::State;
use super::{Level, panes, search};
use crate::tui::tabs;
use commands::run;
use route::deliver;

/// Takes one action in and says what should happen outside.
pub fn update(state: &mut State, action: Action) -> Vec<Effect> {
    let effects = take(state, action);
    let mut effects = deliver(state, effects);
    if state.read_only && effects.iter().any(Effect::writes) {
        effects.retain(|e| !e.writes());
        state.recipe.starting = false;
        state.refuse_key(commands::READ_ONLY);
    }
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
        // Every tab may have a path being typed: it is completed where it is.
        Action::PathCompleted(..) => return tabs::shown(state).arrived(state, action),
        Action::Paste(text) => return lines::paste(state, &text),
        Action::Run(cmd) => return state.outdating_toasts(|state| run(state, cmd)),
        Action::Click(hit) => return state.outdating_toasts(|state| mouse::click(state, hit)),
        Action::DoubleClick(hit) => return state.outdating_toasts(|state| mouse::double_click(state, hit)),
        Action::Wheel(hit, lines) => return mouse::wheel(state, hit, lines),
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
