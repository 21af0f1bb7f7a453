//! The line in which the user types: of a layer, of a search, or of the tab that is shown.

use crate::tui::core::filter::Filter;
use crate::tui::core::{Completion, Effect, Key, Layer, LineEdit, State, search};
use crate::tui::tabs;

/// The line being edited on the tab that is shown, if one is.
pub(in crate::tui) fn edited_line(state: &State) -> Option<&LineEdit> {
    if let Some(dead) = &state.dead {
        return Some(&dead.line);
    }
    search::edited_words(state).or_else(|| tabs::shown(state).line(state))
}

fn edited_line_mut(state: &mut State) -> Option<&mut LineEdit> {
    if search::edited_words(state).is_some() {
        return search::edited_words_mut(state);
    }
    tabs::shown(state).line_mut(state)
}

/// Takes pasted text in.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    match &mut state.layer {
        Some(Layer::Help(h)) => h.input.insert(text),
        Some(Layer::Picker(p)) => p.input.insert(text),
        Some(Layer::Confirm(_) | Layer::Unsaved | Layer::Leave) => {}
        None => {
            if let Some(dead) = &mut state.dead {
                dead.line.insert(text);
            } else if let Some(line) = edited_line_mut(state) {
                line.insert(text);
                return edited(state, Completion::Editing);
            }
        }
    }
    Vec::new()
}

/// What became of a key.
pub(super) enum LineKey {
    /// No line is being edited.
    NoLine,
    /// The line took it.
    Taken(Vec<Effect>),
    /// The line was accepted and left; the key is still to be taken.
    Left(Vec<Effect>),
}

/// Gives the key to the line being edited, if one is.
pub(super) fn key(state: &mut State, key: Key) -> LineKey {
    if edited_line(state).is_none() {
        return LineKey::NoLine;
    }
    let tab = tabs::shown(state);
    if let Some(effects) = tab.line_key(state, key) {
        return LineKey::Taken(effects);
    }
    let Some(line) = edited_line_mut(state) else { return LineKey::NoLine };
    let what = line.key(key);
    let broken = Filter::broken(&line.text).map(str::to_owned).filter(|_| matches!(what, Completion::Accepted));
    state.outdating_toasts(|_| ());
    let filters = broken.is_some() && tab.is_filtered(state);
    let taken = match what {
        Completion::Ignored if tab.keeps_line(state) => LineKey::Taken(Vec::new()),
        // Up and down leave a filter with what was typed, as one expects of a list.
        Completion::Ignored => LineKey::Left(edited(state, Completion::Accepted)),
        what => LineKey::Taken(edited(state, what)),
    };
    if let Some(word) = broken.filter(|_| filters) {
        state.refuse_key(format!("{word} is not a regular expression: it hides nothing"));
    }
    taken
}

/// Carries on after a key in the line.
fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    if search::edited_words(state).is_some() {
        search::edited(state, what);
        return Vec::new();
    }
    tabs::shown(state).edited(state, what)
}
