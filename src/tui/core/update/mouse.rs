//! The mouse: the wheel and clicks.

use super::keys::key;
use super::route::go;
use super::{commands, layers};
use crate::tui::core::{Code, Effect, Focus, Hit, Key, Layer, State, moved};
use crate::tui::tabs;

/// The wheel over a pane: it gets the focus only while it is turned.
pub(super) fn wheel(state: &mut State, hit: Hit, lines: i32) -> Vec<Effect> {
    match &mut state.layer {
        Some(Layer::Help(h)) => {
            h.scroll = h.scroll.saturating_add_signed(lines as isize);
            return Vec::new();
        }
        Some(Layer::Picker(p)) => {
            p.row = moved(p.row, lines as isize, p.matches().len());
            return Vec::new();
        }
        Some(Layer::Confirm(_) | Layer::Unsaved | Layer::Leave) => return Vec::new(),
        None => {}
    }
    let tab = tabs::shown(state);
    let before = tab.focus(state);
    tab.set_focus(state, if matches!(hit, Hit::List(_)) { Focus::List } else { Focus::Details });
    let effects = tab.scroll(state, lines as isize);
    tab.set_focus(state, before);
    effects
}

/// A click.
pub(super) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    if let Some(layer) = state.layer.take() {
        return layers::click(state, layer, hit);
    }
    match hit {
        Hit::Tab(tab) => go(state, tab),
        Hit::Hint(cmd) => commands::run(state, cmd),
        Hit::List(_) | Hit::Detail(_) | Hit::Section(_) => tabs::shown(state).click(state, hit),
        Hit::Layer(_) | Hit::Border => Vec::new(),
    }
}

/// A second click on the same line opens it, as enter does. The first one has selected it.
pub(super) fn double_click(state: &mut State, hit: Hit) -> Vec<Effect> {
    if state.layer.is_some() || !matches!(hit, Hit::List(_) | Hit::Detail(_)) {
        return click(state, hit);
    }
    let tab = tabs::shown(state);
    let mut effects = tab.click(state, hit);
    effects.extend(match tab.double_click(state, hit) {
        Some(more) => more,
        None => key(state, Key::plain(Code::Enter)),
    });
    effects
}
