//! Updates of the Recipe tab: what arrives from the workers, and what is asked of them when the recipe changes.

mod files;
mod form;
mod list;
mod start;

pub(in crate::tui) use files::{ask_open, ask_save, edit_outside, entry_picked};
pub(in crate::tui) use form::{budget, clear, complete, edit, edited, turn, value_picked};
pub(in crate::tui) use list::{add, delete, duplicate, enter_row, move_target, preset_picked, redo, undo};
pub(in crate::tui) use start::{detached, start};

use super::state::{PRESETS, RecipePane};
use crate::tui::core::{Action, Effect, Layer, PickerKind, State, Tab};
use crate::tui::tabs::models::update::want_details;

pub(in crate::tui) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Planned(request, plan) if request == state.recipe.request => {
            state.recipe.planned(plan);
            Vec::new()
        }
        Action::PlanMeasured(request, done, all) if request == state.recipe.request => {
            state.recipe.plan_measured = Some((done, all));
            Vec::new()
        }
        Action::PresetPlanned(request, at, size) if request == state.recipe.preset_request => {
            if let Some(slot) = state.recipe.sizes.get_mut(at) {
                *slot = Some(size);
            }
            renew_picker(state);
            Vec::new()
        }
        Action::Forecasted(request, answer) => {
            state.recipe.outlook.arrived(request, answer);
            renew_picker(state);
            Vec::new()
        }
        Action::ForecastMeasured(request, done, all) => {
            state.recipe.outlook.progress(request, done, all);
            Vec::new()
        }
        Action::Recipes(..) | Action::RecipeRead(..) | Action::RecipeSaved(..) | Action::RecipeEdited(..) => {
            files::arrived(state, action)
        }
        Action::PathCompleted(typed, becomes, names) => {
            form::completed(state, &typed, &becomes, names);
            Vec::new()
        }
        Action::Spawned(job) => start::spawned(state, job),
        _ => Vec::new(),
    }
}

/// Sizes and errors in the picker that is open.
fn renew_picker(state: &mut State) {
    let items = match &state.layer {
        Some(Layer::Picker(p)) if p.kind == PickerKind::Targets => list::preset_items(state),
        Some(Layer::Picker(p)) if p.kind == PickerKind::Values => form::value_items(state),
        _ => return,
    };
    if let Some(Layer::Picker(p)) = &mut state.layer {
        p.items = items;
    }
}

/// Asks for the plan of what is composed now.
fn replan(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    r.request += 1;
    (r.plan, r.plan_measured) = (None, None);
    r.hits.clear();
    r.look_for_troubles();
    match r.ask() {
        Some(recipe) => vec![Effect::Plan(r.request, Box::new(recipe))],
        None => Vec::new(),
    }
}

/// Asks for the forecast, unless the one that is there, or on its way, says it.
fn forecast(state: &mut State) -> Option<Effect> {
    let r = &mut state.recipe;
    let (source, target) = r.forecast_target()?;
    r.outlook.want(&source, &target).then(|| Effect::Forecast(r.outlook.request, source, Box::new(target)))
}

/// Asks for the sizes of all presets, unless nothing has changed that they depend on.
fn sizes(state: &mut State) -> Option<Effect> {
    let r = &mut state.recipe;
    let recipes = r.preset_recipes();
    if recipes.is_empty() || recipes == r.sized {
        return None;
    }
    r.preset_request += 1;
    r.sizes = vec![None; PRESETS.len()];
    r.sized.clone_from(&recipes);
    Some(Effect::PlanPresets(r.preset_request, recipes))
}

/// The recipe changed: everything that is said of it may have, too.
fn changed(state: &mut State) -> Vec<Effect> {
    let mut effects = replan(state);
    effects.extend(sizes(state));
    effects.extend(forecast(state));
    effects
}

/// Takes the selected model as the source, when there is none yet, and plans anew: outputs may have appeared meanwhile.
pub(in crate::tui) fn enter(state: &mut State) -> Vec<Effect> {
    let selected = state.models.node().and_then(|n| n.model.as_ref()).map(|m| m.path.clone());
    if state.recipe.source().is_none()
        && let Some(path) = selected
    {
        state.recipe.set_source(path);
    }
    changed(state)
}

/// Goes to the Recipe tab with the selected model as the source.
pub(in crate::tui) fn convert(state: &mut State) -> Vec<Effect> {
    let Some(path) = state.models.node().and_then(|n| n.model.as_ref()).map(|m| m.path.clone()) else {
        return Vec::new();
    };
    state.recipe.set_source(path);
    state.recipe.pane = RecipePane::List;
    state.tab = Tab::Recipe;
    let mut effects = want_details(state);
    effects.extend(enter(state));
    effects
}

/// Puts the cursor on a line of the list.
pub(in crate::tui) fn select_row(state: &mut State, to: usize) -> Vec<Effect> {
    let r = &mut state.recipe;
    let to = to.min(r.rows().len() - 1);
    if r.cursor == to {
        return Vec::new();
    }
    (r.cursor, r.field) = (to, 0);
    // The budget of another target has another mix.
    forecast(state).into_iter().collect()
}

/// Puts the cursor on a field of the form.
pub(in crate::tui) fn select_field(state: &mut State, to: usize) {
    state.recipe.field = to.min(state.recipe.fields().len().saturating_sub(1));
}
