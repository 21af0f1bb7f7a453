//! Moving in lists: by keys, by the wheel, by a click.

use super::{jobs, models, recipe};
use crate::tui::core::action::{Effect, Hit};
use crate::tui::core::commands;
use crate::tui::core::models::Focus;
use crate::tui::core::recipe::{Field, PRESETS, RecipePane};
use crate::tui::core::state::{Layer, State, Tab};

fn moved(at: usize, by: isize, len: usize) -> usize {
    at.saturating_add_signed(by).min(len.saturating_sub(1))
}

/// Moves the cursor of the focused list.
pub(super) fn by(state: &mut State, lines: isize) -> Vec<Effect> {
    match state.tab {
        Tab::Models if state.models.focus == Focus::List => {
            let m = &mut state.models;
            let to = moved(m.cursor(), lines, m.rows().len());
            m.select(to);
            models::want_details(state)
        }
        Tab::Models => {
            let m = &mut state.models;
            if let Some(reading) = &mut m.inspect.reading {
                // A long line is several on the screen; the view stops at the last.
                let most = reading.text.len() / 20 + reading.text.lines().count();
                reading.scroll = moved(reading.scroll, lines, most);
            } else {
                m.details.row = moved(m.details.row, lines, m.section_len());
            }
            Vec::new()
        }
        Tab::Recipe if state.recipe.pane == RecipePane::Presets => {
            let to = moved(state.recipe.preset, lines, PRESETS.len());
            recipe::select_preset(state, to)
        }
        Tab::Recipe => {
            state.recipe.field = moved(state.recipe.field, lines, Field::ALL.len());
            Vec::new()
        }
        Tab::Jobs if state.jobs.focus == Focus::List => {
            let to = moved(state.jobs.cursor(), lines, state.jobs.list.len());
            jobs::select(state, to)
        }
        Tab::Jobs => {
            // The event log counts from its end, so that the end is followed.
            let lines = if commands::in_event_log(state) { -lines } else { lines };
            state.jobs.row = moved(state.jobs.row, lines, state.jobs.section_len());
            Vec::new()
        }
        Tab::Log => {
            let len = state.log.shown().len();
            state.log.up = moved(state.log.up, -lines, len);
            Vec::new()
        }
        Tab::Compare | Tab::Watch => Vec::new(),
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
        Some(Layer::Confirm(_)) => return Vec::new(),
        None => {}
    }
    let (models, jobs, recipe) = (state.models.focus, state.jobs.focus, state.recipe.pane);
    let (focus, pane) = match hit {
        Hit::List(_) => (Focus::List, RecipePane::Presets),
        _ => (Focus::Details, RecipePane::Options),
    };
    (state.models.focus, state.jobs.focus, state.recipe.pane) = (focus, focus, pane);
    let effects = by(state, lines as isize);
    (state.models.focus, state.jobs.focus, state.recipe.pane) = (models, jobs, recipe);
    effects
}

/// A click on a line.
pub(super) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    match (state.tab, hit) {
        (Tab::Models, Hit::List(at)) => {
            let again = state.models.focus == Focus::List && state.models.cursor() == at;
            state.models.focus = Focus::List;
            if again {
                let folder = state.models.node().is_some_and(|n| n.model.is_none());
                let open = state.models.selected.as_ref().is_some_and(|p| state.models.is_open(p));
                return if folder && open { models::close(state) } else { models::open(state) };
            }
            state.models.select(at);
            models::want_details(state)
        }
        (Tab::Models, Hit::Detail(at)) => {
            state.models.focus = Focus::Details;
            state.models.details.row = moved(at, 0, state.models.section_len());
            Vec::new()
        }
        (Tab::Recipe, Hit::List(at)) => {
            state.recipe.pane = RecipePane::Presets;
            recipe::select_preset(state, at.min(PRESETS.len() - 1))
        }
        (Tab::Recipe, Hit::Detail(at)) => {
            state.recipe.pane = RecipePane::Options;
            state.recipe.field = at.min(Field::ALL.len() - 1);
            Vec::new()
        }
        (Tab::Jobs, Hit::List(at)) => {
            state.jobs.focus = Focus::List;
            jobs::select(state, at)
        }
        (Tab::Jobs, Hit::Detail(at)) => {
            state.jobs.focus = Focus::Details;
            state.jobs.row = moved(at, 0, state.jobs.section_len());
            Vec::new()
        }
        _ => Vec::new(),
    }
}
