//! Dispatches a key: to an overlay, a line being edited, or a command.

use super::commands::run;
use super::lines::LineKey;
use super::{layers, leave, lines};
use crate::tui::core::commands::{Meaning, lookup};
use crate::tui::core::{Code, Effect, Key, State, Toast, dead};

/// Handles a key: the overlay first, then a line being edited, then the registry.
pub(crate) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    let quit = Key::parse("ctrl-c") == Some(key);
    if quit {
        return leave::interrupt(state);
    }
    if state.is_too_small() {
        // What is not visible must not change.
        let leaves = key == Key::plain(Code::Char('q')) && state.layer.is_none();
        return if leaves { leave::ask(state) } else { Vec::new() };
    }
    if let Some(layer) = state.layer.take() {
        return state.outdating_toasts(|state| layers::key(state, layer, key));
    }
    if state.dead.is_some() {
        dead::key(state, key);
        return Vec::new();
    }
    match lines::key(state, key) {
        LineKey::NoLine => {}
        LineKey::Taken(effects) => return effects,
        // The line was left with what was typed; the key is handled as usual.
        LineKey::Left(effects) => return effects.into_iter().chain(self::key(state, key)).collect(),
    }
    let before = state.pending.take();
    if key == Key::plain(Code::Esc) && before.is_none() && state.toasts.iter().any(Toast::stays) {
        // The overlay comes first.
        state.toasts.clear();
        return Vec::new();
    }
    match lookup(state, before, key) {
        Some(Meaning::Run(command)) => state.outdating_toasts(|state| run(state, command.cmd)),
        Some(Meaning::Prefix) => {
            state.pending = Some(key);
            Vec::new()
        }
        // The key after an abandoned prefix is handled as usual; esc only abandons it.
        None if before.is_some() && key.code != Code::Esc => self::key(state, key),
        None => dead::refuse(state, before, key),
    }
}
