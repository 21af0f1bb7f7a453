//! Moving in lists: by keys, by the wheel, by a click.

use crate::tui::core::action::{Effect, Hit};
use crate::tui::core::keys::{Code, Key};
use crate::tui::core::state::{Layer, State, Tab};
use crate::tui::core::{Focus, commands, search};
use crate::tui::tabs::jobs::state::section_len;
use crate::tui::tabs::jobs::{GridCursor, JobSection, update as jobs};
use crate::tui::tabs::models::update as models;
use crate::tui::tabs::recipe::{RecipePane, update as recipe};

fn moved(at: usize, by: isize, len: usize) -> usize {
    at.saturating_add_signed(by).min(len.saturating_sub(1))
}

/// Moves the cursor of the focused list.
pub(in crate::tui) fn by(state: &mut State, lines: isize) -> Vec<Effect> {
    match state.tab {
        Tab::Models if state.models.focus == Focus::List => {
            let m = &mut state.models;
            let to = moved(m.cursor(), lines, m.rows().len());
            m.select(to);
            models::want_details(state)
        }
        Tab::Models => {
            let end = search::last_top(state);
            let m = &mut state.models;
            if let Some(reading) = &mut m.inspect.reading {
                reading.scroll = moved(reading.scroll.min(end), lines, end + 1);
            } else {
                m.details.row = moved(m.details.row, lines, m.section_len());
            }
            Vec::new()
        }
        Tab::Recipe if state.recipe.pane == RecipePane::List => {
            let to = moved(state.recipe.cursor, lines, state.recipe.rows().len());
            recipe::select_row(state, to)
        }
        Tab::Recipe => {
            let to = moved(state.recipe.field, lines, state.recipe.fields().len());
            recipe::select_field(state, to);
            Vec::new()
        }
        Tab::Jobs if state.jobs.focus == Focus::List => {
            let to = moved(state.jobs.cursor(), lines, state.jobs.list.len());
            jobs::select(state, to)
        }
        Tab::Jobs => {
            if state.jobs.section == JobSection::Layers {
                jobs::move_cell(state, lines, 0);
                return Vec::new();
            }
            state.jobs.stay();
            // The event log counts from its end, so that the end is followed.
            let lines = if commands::in_event_log(state) { -lines } else { lines };
            // A search may have gone further down than a page is moved: no key takes one back from there but those that go up.
            let len = section_len(state).max(state.jobs.row + 1);
            state.jobs.row = moved(state.jobs.row, lines, len);
            Vec::new()
        }
        Tab::Log => {
            let len = state.log.shown().len();
            state.log.up = moved(state.log.up, -lines, len);
            Vec::new()
        }
        Tab::Compare if state.compare.drilled => {
            let len = state.compare.tensor_rows().len();
            state.compare.row = moved(state.compare.row, lines, len);
            Vec::new()
        }
        Tab::Watch if state.watch.focus == Focus::List => {
            let w = &mut state.watch;
            w.select(moved(w.cursor(), lines, w.list.len()));
            Vec::new()
        }
        Tab::Watch => {
            let w = &mut state.watch;
            w.select_source(moved(w.source_cursor(), lines, w.view.len()));
            Vec::new()
        }
        Tab::Compare => Vec::new(),
    }
}

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
        Some(Layer::Confirm(_) | Layer::Leave) => return Vec::new(),
        None => {}
    }
    let before = (state.models.focus, state.jobs.focus, state.watch.focus, state.recipe.pane);
    let (focus, pane) = match hit {
        Hit::List(_) => (Focus::List, RecipePane::List),
        _ => (Focus::Details, RecipePane::Form),
    };
    (state.models.focus, state.jobs.focus, state.watch.focus, state.recipe.pane) = (focus, focus, focus, pane);
    let effects = by(state, lines as isize);
    (state.models.focus, state.jobs.focus, state.watch.focus, state.recipe.pane) = before;
    effects
}

/// A click on a line.
pub(super) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    match (state.tab, hit) {
        (Tab::Models, Hit::List(at)) => {
            state.models.focus = Focus::List;
            state.models.select(at);
            models::want_details(state)
        }
        (Tab::Models, Hit::Detail(at)) => {
            state.models.focus = Focus::Details;
            state.models.details.row = moved(at, 0, state.models.section_len());
            Vec::new()
        }
        (Tab::Recipe, Hit::List(at)) => {
            state.recipe.pane = RecipePane::List;
            recipe::select_row(state, at)
        }
        (Tab::Recipe, Hit::Detail(at)) => {
            state.recipe.pane = RecipePane::Form;
            recipe::select_field(state, at);
            Vec::new()
        }
        (Tab::Jobs, Hit::List(at)) => {
            state.jobs.focus = Focus::List;
            jobs::select(state, at)
        }
        (Tab::Jobs, Hit::Detail(at)) => {
            state.jobs.focus = Focus::Details;
            click_job(state, at);
            Vec::new()
        }
        (Tab::Watch, Hit::List(at)) => {
            state.watch.focus = Focus::List;
            state.watch.select(at);
            Vec::new()
        }
        (Tab::Watch, Hit::Detail(at)) => {
            state.watch.focus = Focus::Details;
            state.watch.select_source(at);
            Vec::new()
        }
        (Tab::Log, Hit::Detail(at)) => {
            state.log.up = state.log.shown().len().saturating_sub(at + 1);
            Vec::new()
        }
        (Tab::Compare, Hit::List(at)) => {
            state.compare.selected = at.min(state.compare.columns.len().saturating_sub(1));
            Vec::new()
        }
        (Tab::Compare, Hit::Detail(at)) => {
            state.compare.row = moved(at, 0, state.compare.tensor_rows().len());
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The second of two quick clicks on a line: what enter does there.
pub(super) fn double_click(state: &mut State, hit: Hit) -> Vec<Effect> {
    let mut effects = click(state, hit);
    let folder = state.models.node().is_some_and(|n| n.model.is_none());
    let open = state.models.selected.as_ref().is_some_and(|p| state.models.is_open(p));
    effects.extend(match (state.tab, hit) {
        (Tab::Models, Hit::List(_)) if folder && open => models::close(state),
        _ => super::key(state, Key::plain(Code::Enter)),
    });
    effects
}

/// A click on a line of the job; in the grid on a cell: its row times the most layers a row may have, and its layer.
fn click_job(state: &mut State, at: usize) {
    if state.jobs.section == JobSection::Layers {
        state.jobs.cell = GridCursor { row: at / GridCursor::MOST, layer: at % GridCursor::MOST };
        jobs::move_cell(state, 0, 0);
    } else {
        state.jobs.stay();
        state.jobs.row = moved(at, 0, section_len(state));
    }
}
