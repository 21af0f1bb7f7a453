//! Shows tabs, and hands what they ask of each other to those that are asked.

use crate::tui::core::{Effect, State, Tab, TabRequest};
use crate::tui::tabs;

/// Hands what tabs ask of each other to the tabs that are asked; gives what is left to be done outside, in the same order.
pub(super) fn deliver(state: &mut State, effects: Vec<Effect>) -> Vec<Effect> {
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

/// Shows a tab.
pub(super) fn go(state: &mut State, tab: Tab) -> Vec<Effect> {
    let mut effects = if state.tab == tab { Vec::new() } else { tabs::shown(state).leave(state) };
    state.tab = tab;
    state.pending = None;
    effects.extend(tabs::of(tab).enter(state));
    effects
}
