//! Moving in the list of jobs and in the sections of one: by keys, by the wheel, by a click.

use super::{select, set_section};
use crate::tui::core::{Effect, Focus, Hit, State, moved};
use crate::tui::tabs::jobs::state::section_len;
use crate::tui::tabs::jobs::{GridCursor, JobSection};

/// Moves the cursor of the focused list.
pub(in crate::tui::tabs::jobs) fn scroll(state: &mut State, lines: isize) -> Vec<Effect> {
    if state.jobs.focus == Focus::List {
        let to = moved(state.jobs.cursor(), lines, state.jobs.list.len());
        return select(state, to);
    }
    if state.jobs.section == JobSection::Layers {
        move_cell(state, lines, 0);
        return Vec::new();
    }
    state.jobs.stay();
    // The event log counts from its end, so that the end is followed.
    let lines = if state.jobs.section == JobSection::Events { -lines } else { lines };
    // A search may have gone further down than a page is moved: no key takes one back from there but those that go up.
    let len = section_len(state).max(state.jobs.row + 1);
    state.jobs.row = moved(state.jobs.row, lines, len);
    Vec::new()
}

/// Moves the cursor of the grid.
pub(super) fn move_cell(state: &mut State, rows: isize, layers: isize) {
    state.jobs.stay();
    let at = state.jobs.cell;
    state.jobs.cell = state.jobs.view.as_ref().map_or(at, |v| v.moved(at, rows, layers));
}

/// A click on a line or on the title of a section.
pub(in crate::tui::tabs::jobs) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    match hit {
        Hit::List(at) => {
            state.jobs.focus = Focus::List;
            return select(state, at);
        }
        Hit::Detail(at) => {
            state.jobs.focus = Focus::Details;
            click_job(state, at);
        }
        Hit::Section(at) => set_section(state, at),
        _ => {}
    }
    Vec::new()
}

/// A click on a line of the job; in the grid on a cell: its row times the most layers a row may have, and its layer.
fn click_job(state: &mut State, at: usize) {
    if state.jobs.section == JobSection::Layers {
        state.jobs.cell = GridCursor { row: at / GridCursor::MAX_LAYERS, layer: at % GridCursor::MAX_LAYERS };
        move_cell(state, 0, 0);
    } else {
        state.jobs.stay();
        state.jobs.row = moved(at, 0, section_len(state));
    }
}
