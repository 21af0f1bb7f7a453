//! Updates of the Recipe tab.

use super::models::want_details;
use crate::tui::core::action::{Action, Effect};
use crate::tui::core::input::{Completion, LineEdit};
use crate::tui::core::model_info::Level;
use crate::tui::core::models::Focus;
use crate::tui::core::recipe::{BUDGET, Field, PRESETS, RecipePane};
use crate::tui::core::state::{Confirm, Layer, State, Tab};
use crate::tui::core::units;

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Planned(request, plan) if request == state.recipe.request => {
            state.recipe.plan = Some(plan);
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
            Vec::new()
        }
        Action::Forecasted(request, answer) => {
            state.recipe.outlook.arrived(request, answer);
            Vec::new()
        }
        Action::ForecastMeasured(request, done, all) => {
            state.recipe.outlook.progress(request, done, all);
            Vec::new()
        }
        Action::Spawned(Ok(job)) => {
            state.recipe.starting = false;
            state.toast(Level::Info, format!("started: {}", job.title));
            state.jobs.selected = Some(job.id.clone());
            state.jobs.focus = Focus::Details;
            state.jobs.list.retain(|j| j.id != job.id);
            state.jobs.list.insert(0, job);
            state.tab = Tab::Jobs;
            let mut effects = super::jobs::enter(state);
            effects.push(Effect::RefreshJobs);
            effects
        }
        Action::Spawned(Err(card)) => {
            state.recipe.starting = false;
            let hint = card.hint.map(|h| format!(" {h}")).unwrap_or_default();
            state.toast(if card.wrong { Level::Error } else { Level::Warn }, format!("{}.{hint}", card.message));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Asks for the plan of what is composed now.
fn replan(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    r.request += 1;
    (r.plan, r.plan_measured) = (None, None);
    match r.recipe() {
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

/// Asks for the sizes of all presets, unless no option has changed that they depend on.
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

/// Takes the selected model as the source, when there is none yet, and plans anew: outputs may have appeared meanwhile.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let selected = state.models.node().and_then(|n| n.model.as_ref()).map(|m| m.path.clone());
    if state.recipe.source.is_none()
        && let Some(path) = selected
    {
        state.recipe.set_source(path);
    }
    let mut effects = replan(state);
    effects.extend(sizes(state));
    effects.extend(forecast(state));
    effects
}

/// Goes to the Recipe tab with the selected model as the source.
pub(super) fn convert(state: &mut State) -> Vec<Effect> {
    let Some(path) = state.models.node().and_then(|n| n.model.as_ref()).map(|m| m.path.clone()) else {
        return Vec::new();
    };
    state.recipe.set_source(path);
    state.recipe.pane = RecipePane::Presets;
    state.tab = Tab::Recipe;
    let mut effects = want_details(state);
    effects.extend(enter(state));
    effects
}

pub(super) fn select_preset(state: &mut State, to: usize) -> Vec<Effect> {
    if state.recipe.preset == to {
        return Vec::new();
    }
    state.recipe.preset = to;
    // With marks the cursor only looks around.
    if state.recipe.marked.is_empty() { replan(state) } else { Vec::new() }
}

pub(super) fn mark(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    if !r.marked.remove(&r.preset) {
        r.marked.insert(r.preset);
    }
    replan(state)
}

pub(super) fn edit(state: &mut State) -> Vec<Effect> {
    let field = state.recipe.current_field();
    if field.is_text() {
        state.recipe.editing = Some(LineEdit::new(state.recipe.value(field)));
        return Vec::new();
    }
    turn(state, 1)
}

pub(super) fn turn(state: &mut State, by: i32) -> Vec<Effect> {
    let field = state.recipe.current_field();
    state.recipe.turn(field, by);
    changed(state)
}

/// Goes to the budget and edits it; when that is over, back to where the key was pressed.
pub(super) fn budget(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    // The options must be seen.
    r.zoom = false;
    r.visiting = r.pane == RecipePane::Presets;
    (r.pane, r.field) = (RecipePane::Options, Field::Budget.place());
    edit(state)
}

pub(super) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    if matches!(what, Completion::Editing | Completion::Ignored) {
        return Vec::new();
    }
    let field = state.recipe.current_field();
    let line = state.recipe.editing.take();
    let back = std::mem::take(&mut state.recipe.visiting);
    if let (Completion::Accepted, Some(line)) = (what, line) {
        let text = if field.is_path() { at_home(state, &line.text) } else { line.text };
        let changes = state.recipe.value(field) != text.trim();
        state.recipe.set_text(field, &text);
        if field == Field::Budget && changes && state.recipe.budget().is_some() {
            choose_budget(state);
        }
    }
    // A budget that is none is corrected where it stands.
    if back && state.recipe.field_error(Field::Budget).is_none() {
        state.recipe.pane = RecipePane::Presets;
    }
    if what == Completion::Accepted { changed(state) } else { Vec::new() }
}

/// A budget that was typed is one to be used.
fn choose_budget(state: &mut State) {
    let r = &mut state.recipe;
    r.preset = BUDGET;
    if !r.marked.is_empty() {
        r.marked.insert(BUDGET);
    }
}

/// A path with `~` written out, as the shell would have.
fn at_home(state: &State, text: &str) -> String {
    match (text.trim().strip_prefix("~/"), &state.home) {
        (Some(rest), Some(home)) => home.join(rest).display().to_string(),
        _ => text.to_owned(),
    }
}

/// An option changed: the sizes of the presets may have, too.
fn changed(state: &mut State) -> Vec<Effect> {
    let mut effects = replan(state);
    effects.extend(sizes(state));
    effects.extend(forecast(state));
    effects
}

pub(super) fn start(state: &mut State) -> Vec<Effect> {
    // What replaces a file is asked for, however it is started.
    if state.recipe.overwrite {
        return choose(state);
    }
    let (Some(recipe), Some(plan)) = (state.recipe.recipe(), state.recipe.ready().cloned()) else {
        return Vec::new();
    };
    state.recipe.starting = true;
    vec![Effect::Spawn(Box::new(recipe), plan)]
}

/// Enter on a preset: show what will be written and ask.
pub(super) fn choose(state: &mut State) -> Vec<Effect> {
    let (Some(recipe), Some(plan)) = (state.recipe.recipe(), state.recipe.ready().cloned()) else {
        return Vec::new();
    };
    let mut detail: Vec<String> =
        plan.outputs.iter().map(|o| format!("{}  {}", state.short_path(&o.path), units::bytes(o.bytes))).collect();
    if !plan.warnings.is_empty() {
        detail.push(format!("{}, see the forecast", units::plural(plan.warnings.len(), "warning", "warnings")));
    }
    let n = units::plural(plan.outputs.len(), "output", "outputs");
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Write {n}?"),
        detail,
        yes: "start",
        effect: Effect::Spawn(Box::new(recipe), plan),
    }));
    Vec::new()
}
