//! Moving in the tree and in the details: by keys, by the wheel, by a click, from hit to hit.

use super::reader::last_top;
use super::{close, set_section, want_details};
use crate::tui::core::{Effect, Focus, Hit, State, moved, search};
use crate::tui::tabs::models::{Row, Section};

/// Moves the cursor of the focused list.
pub(in crate::tui::tabs::models) fn scroll(state: &mut State, lines: isize) -> Vec<Effect> {
    if state.models.focus == Focus::List {
        let m = &mut state.models;
        m.select(moved(m.cursor(), lines, m.rows().len()));
        return want_details(state);
    }
    let end = last_top(state);
    let m = &mut state.models;
    if let Some(reading) = &mut m.inspect.reading {
        reading.scroll = moved(reading.scroll.min(end), lines, end + 1);
    } else {
        m.details.row = moved(m.details.row, lines, m.section_len());
    }
    Vec::new()
}

/// A click on a line or on the title of a section.
pub(in crate::tui::tabs::models) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    match hit {
        Hit::List(at) => {
            state.models.focus = Focus::List;
            state.models.select(at);
            return want_details(state);
        }
        Hit::Detail(at) => {
            state.models.focus = Focus::Details;
            state.models.details.row = moved(at, 0, state.models.section_len());
        }
        Hit::Section(at) => set_section(state, at),
        _ => {}
    }
    Vec::new()
}

/// A second click closes a folder that is open; elsewhere it does what enter does.
pub(in crate::tui::tabs::models) fn double_click(state: &mut State, hit: Hit) -> Option<Vec<Effect>> {
    let folder = state.models.node().is_some_and(|n| n.model.is_none());
    let open = state.models.selected.as_ref().is_some_and(|p| state.models.is_open(p));
    (matches!(hit, Hit::List(_)) && folder && open).then(|| close(state))
}

fn is_model(state: &State, row: &Row) -> bool {
    state.models.node_at(&row.path).is_some_and(|n| n.model.is_some())
}

/// True if the focused list is filtered and has a line to go to. Folders of the tree are only kept for what is in them.
pub(in crate::tui::tabs::models) fn has_hits(state: &State) -> bool {
    let m = &state.models;
    if m.focus == Focus::List {
        return !m.filter.is_empty() && m.rows().iter().any(|r| is_model(state, r));
    }
    let filters = matches!(m.details.section, Section::Tensors | Section::Metadata);
    filters && !m.details.filter.is_empty() && m.section_len() > 0
}

/// Goes to the next hit, or to the one before.
pub(in crate::tui::tabs::models) fn next_hit(state: &mut State, forward: bool) -> Vec<Effect> {
    if state.models.focus == Focus::Details {
        let m = &mut state.models;
        m.details.row = search::turn(m.details.row, m.section_len(), forward);
        return Vec::new();
    }
    let rows = state.models.rows().iter().enumerate();
    let hits: Vec<usize> = rows.filter(|(_, r)| is_model(state, r)).map(|(i, _)| i).collect();
    let Some(to) = search::next(&hits, state.models.cursor(), forward) else { return Vec::new() };
    state.models.select(to);
    want_details(state)
}
