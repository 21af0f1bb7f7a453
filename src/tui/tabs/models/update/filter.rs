//! The filters of the tree and of the details.

use super::{files, want_details};
use crate::tui::core::{Completion, Effect, Focus, LineEdit, State};
use crate::tui::tabs::models::{Prompt, Section};

/// Starts to edit the filter of the focused pane.
pub(super) fn start(state: &mut State) {
    let m = &mut state.models;
    let text = if m.focus == Focus::List { &m.filter } else { &m.details.filter };
    m.editing = Some(LineEdit::offering(text));
}

/// Clears the filter of the focused pane.
pub(super) fn clear(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    if m.focus == Focus::List {
        m.filter.clear();
        m.refresh();
    } else {
        m.details.filter.clear();
    }
    want_details(state)
}

/// True while the filter of the focused pane hides something. What is being read is closed before the filter is cleared.
pub(in crate::tui::tabs::models) fn is_on(state: &State) -> bool {
    let m = &state.models;
    match m.focus {
        Focus::List => !m.filter.is_empty(),
        Focus::Details => m.inspect.reading.is_none() && !m.details.filter.is_empty(),
    }
}

/// Carries on after a key in the line: a filter, or the text that the tokenizer is tried on.
pub(in crate::tui::tabs::models) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    if state.models.prompt != Prompt::Filter {
        return files::edited(state, what);
    }
    let m = &mut state.models;
    let Some(line) = &m.editing else { return Vec::new() };
    if m.focus == Focus::Details && m.details.section == Section::Tokenizer {
        m.inspect.text.clone_from(&line.text);
        if what != Completion::Editing {
            m.editing = None;
        }
        return Vec::new();
    }
    let text = if what == Completion::Dropped { String::new() } else { line.text.clone() };
    if what != Completion::Editing {
        m.editing = None;
    }
    if m.focus == Focus::List {
        let typed = m.filter != text;
        m.filter = text;
        m.refresh();
        if typed {
            m.select_best();
        }
        want_details(state)
    } else {
        m.details.filter = text;
        m.details.row = 0;
        Vec::new()
    }
}
