//! Updates of the Models tab.

pub(in crate::tui) mod inspect;

use super::state::Section;
use crate::tui::core::{Action, Completion, Effect, Focus, Level, LineEdit, State, Tab, search, units};

pub(in crate::tui) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::FoundSome(found) => {
            let dir = state.dir.clone();
            let before = state.models.selected.clone();
            state.models.add(&dir, found);
            if state.models.selected == before { Vec::new() } else { want_details(state) }
        }
        Action::Found(found) => {
            let dir = state.dir.clone();
            state.models.scanning = false;
            state.models.add(&dir, found);
            state.models.keep_marks();
            let n = units::plural(state.models.count(), "model", "models");
            state.note(Level::Info, format!("{n} in {}", dir.display()));
            want_details(state)
        }
        Action::Opened(path, info) => {
            if let Err(card) = &info {
                let hint = card.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
                state.note(if card.wrong { Level::Error } else { Level::Warn }, format!("{}.{hint}", card.message));
            }
            state.models.keep(path, info);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Asks for the details of the selected model, unless they are there.
pub(in crate::tui) fn want_details(state: &State) -> Vec<Effect> {
    let m = &state.models;
    match (&m.selected, m.node()) {
        (Some(path), Some(node)) if node.model.is_some() && m.info(path).is_none() => vec![Effect::Open(path.clone())],
        _ => Vec::new(),
    }
}

pub(in crate::tui) fn open(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let Some(path) = m.selected.clone() else { return Vec::new() };
    if m.node().is_some_and(|n| n.model.is_some()) {
        m.focus = Focus::Details;
    } else if m.is_open(&path) {
        let next = m.cursor() + 1;
        m.select(next);
    } else {
        m.set_open(&path, true);
    }
    want_details(state)
}

pub(in crate::tui) fn close(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let Some(path) = m.selected.clone() else { return Vec::new() };
    let folder = m.node().is_some_and(|n| n.model.is_none());
    if folder && m.is_open(&path) {
        m.set_open(&path, false);
    } else if let Some(parent) = path.parent().and_then(|p| m.rows().iter().position(|r| r.path == p)) {
        m.select(parent);
    }
    want_details(state)
}

pub(in crate::tui) fn set_section(state: &mut State, at: usize) {
    if let Some(section) = Section::ALL.get(at) {
        state.models.details.section = *section;
        state.models.details.row = 0;
        state.models.details.filter.clear();
        state.models.inspect.reading = None;
    }
}

pub(in crate::tui) fn turn_section(state: &mut State, by: isize) {
    let at = Section::ALL.iter().position(|s| *s == state.models.details.section).unwrap_or(0);
    match at.checked_add_signed(by) {
        Some(to) => set_section(state, to % Section::ALL.len()),
        // Left of the first section is the tree.
        None => state.models.focus = Focus::List,
    }
}

pub(in crate::tui) fn start_filter(state: &mut State) {
    match state.tab {
        Tab::Models => {
            let m = &mut state.models;
            let text = if m.focus == Focus::List { &m.filter } else { &m.details.filter };
            m.editing = Some(LineEdit::offering(text));
        }
        Tab::Compare => crate::tui::tabs::compare::update::start_filter(state),
        Tab::Log => state.log.editing = Some(LineEdit::offering(&state.log.filter)),
        _ => {}
    }
}

pub(in crate::tui) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
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
        m.filter = text;
        m.refresh();
        want_details(state)
    } else {
        m.details.filter = text;
        m.details.row = 0;
        Vec::new()
    }
}

pub(in crate::tui) fn clear_filter(state: &mut State) -> Vec<Effect> {
    match state.tab {
        _ if search::is_on(state) => search::clear(state),
        Tab::Models if state.models.focus == Focus::List => {
            state.models.filter.clear();
            state.models.refresh();
        }
        Tab::Models => state.models.details.filter.clear(),
        Tab::Log => state.log.widen(),
        Tab::Compare => state.compare.filter.clear(),
        _ => {}
    }
    want_details(state)
}
