//! Updates of the Recipe tab: what arrives from the workers, and what is asked of them when the recipe changes.

mod files;
mod form;
mod list;
mod more_bits;
mod purpose;
mod slider;
mod start;
mod steps;
mod text;

pub(super) use form::{complete, edited};

use super::state::{RecipePane, RecipeState, presets, usual};
use crate::recipe::options::measures_text;
use crate::recipe::{Recipe, Target};
use crate::tui::core::{Action, Cmd, Effect, Hit, Layer, Level, PickerKind, State, Tab, TabRequest, units};
use std::path::PathBuf;

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Planned(request, plan) if request == state.recipe.request => {
            state.recipe.planned(plan);
            Vec::new()
        }
        Action::PlanMeasured(request, done, all) if request == state.recipe.request => {
            state.recipe.plan_measured = Some((done, all));
            state.recipe.heard_of_measuring(done, state.now);
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
            state.recipe.forecast_state.arrived(request, answer);
            state.recipe.measuring_since = None;
            renew_picker(state);
            other_forecast(state).into_iter().collect()
        }
        Action::ForecastMeasured(request, done, all) => {
            state.recipe.forecast_state.progress(request, done, all);
            state.recipe.heard_of_measuring(done, state.now);
            Vec::new()
        }
        Action::GpuFound(name, memory) => {
            state.recipe.gpu = Some((name, memory));
            Vec::new()
        }
        Action::Recipes(..) | Action::RecipeRead(..) | Action::RecipeSaved(..) | Action::RecipeEdited(..) => {
            files::arrived(state, action)
        }
        Action::ComposedFor(source, name, made) => purpose::composed(state, &source, name, made),
        Action::PathCompleted(typed, becomes, names) => {
            form::completed(state, &typed, &becomes, names);
            Vec::new()
        }
        Action::Spawned(job) => start::spawned(state, job),
        Action::BatchSpawned(outcome) => start::batch_spawned(state, *outcome),
        Action::BatchChecked(request, outlook) if request == state.recipe.outlook_request => {
            state.recipe.outlook = Some(*outlook);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Runs a command.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    Some(match cmd {
        Cmd::EnterRow => list::enter_row(state),
        Cmd::AddTarget => list::add(state),
        Cmd::AddStep => steps::add(state),
        Cmd::Purpose => {
            purpose::ask(state);
            Vec::new()
        }
        Cmd::Fold | Cmd::Unfold => form::fold(state, cmd == Cmd::Fold),
        Cmd::Filter => form::filter(state),
        Cmd::ClearFilter => {
            state.recipe.keeping_line(|r| r.filter.clear());
            Vec::new()
        }
        Cmd::Delete => list::delete(state),
        Cmd::Duplicate => list::duplicate(state),
        Cmd::MoveDown => list::move_row(state, 1),
        Cmd::MoveUp => list::move_row(state, -1),
        Cmd::Undo => list::undo(state),
        Cmd::Redo => list::redo(state),
        Cmd::Save => files::ask_save(state),
        Cmd::OpenRecipe => files::ask_open(state),
        Cmd::EditOutside => files::edit_outside(state),
        Cmd::Edit => form::edit(state),
        Cmd::ClearField => form::clear(state),
        Cmd::ValueNext => form::turn(state, 1),
        Cmd::ValuePrev => form::turn(state, -1),
        Cmd::Budget => form::budget(state),
        Cmd::BudgetLess => slider::slide(state, -1),
        Cmd::BudgetMore => slider::slide(state, 1),
        Cmd::TakeBudget => slider::take(state),
        Cmd::DropBudget => {
            state.recipe.slider = None;
            Vec::new()
        }
        Cmd::PlotFigure => {
            state.recipe.in_db ^= true;
            Vec::new()
        }
        Cmd::StopMeasuring => slider::stop_measuring(state),
        Cmd::MeasureAgain => slider::measure_again(state),
        Cmd::NewRecipe => new_recipe(state),
        Cmd::SourceNext => turn_source(state, 1),
        Cmd::SourcePrev => turn_source(state, -1),
        Cmd::Start => start::start(state),
        Cmd::StartDetached => start::detached(state),
        Cmd::FocusNext => {
            turn_pane(&mut state.recipe);
            Vec::new()
        }
        Cmd::Zoom => {
            state.recipe.zoom ^= true;
            Vec::new()
        }
        Cmd::Back => back(&mut state.recipe),
        _ => return None,
    })
}

/// Goes to the other pane. Where there is nothing to fill in there is nowhere to go.
fn turn_pane(r: &mut RecipeState) {
    let form = r.pane == RecipePane::List && !r.fields().is_empty();
    r.pane = if form { RecipePane::Form } else { RecipePane::List };
    r.zoom = false;
}

/// Gives the form back, or goes to the list. It never leaves the tab: the same letters mean something else in another one.
fn back(r: &mut RecipeState) -> Vec<Effect> {
    if r.zoom {
        r.zoom = false;
    } else {
        r.pane = RecipePane::List;
    }
    Vec::new()
}

/// Does what another tab asks: composes a conversion of a model.
pub(super) fn asked(state: &mut State, request: TabRequest) -> Vec<Effect> {
    let paths = match request {
        TabRequest::Convert(paths) => paths,
        TabRequest::MoreBits(wanted) => return more_bits::add(state, *wanted),
        _ => return Vec::new(),
    };
    // Of a model that cannot be read, the purpose does not matter.
    let broken = |p: &PathBuf| state.models.node_at(p).is_some_and(|n| matches!(n.summary, Some(Err(_))));
    let readable = !paths.iter().all(broken);
    let begins = readable && state.recipe.source().is_none() && state.recipe.document.recipe.targets.is_empty();
    take_sources(state, paths);
    state.recipe.pane = RecipePane::List;
    state.tab = Tab::Recipe;
    if begins {
        purpose::ask_first(state);
    }
    changed(state)
}

/// Takes what was chosen in a picker.
pub(super) fn picked(state: &mut State, kind: PickerKind, at: Option<usize>, typed: &str) -> Vec<Effect> {
    match (kind, at) {
        (PickerKind::Targets, Some(at)) => list::preset_picked(state, at),
        (PickerKind::Purposes, Some(at)) => purpose::picked(state, at),
        (PickerKind::Steps, Some(at)) => steps::picked(state, at),
        (PickerKind::Values, Some(at)) => form::value_picked(state, at),
        (PickerKind::Recipes, at) => files::entry_picked(state, at, typed),
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
    (r.plan, r.plan_measured, r.measuring_since) = (None, None, None);
    r.hits.clear();
    r.find_problems();
    match r.ask().filter(|recipe| !r.measuring_stopped || !recipe.targets.iter().any(measures_text)) {
        Some(recipe) => vec![Effect::Plan(r.request, Box::new(recipe))],
        None => Vec::new(),
    }
}

/// Asks for the forecast of the selected target, unless the one that is there, or on its way, says it; then for those of the others.
fn forecast(state: &mut State) -> Option<Effect> {
    let r = &mut state.recipe;
    if let Some((source, target)) = r.forecast_target().filter(|(_, t)| !r.measuring_stopped || !measures_text(t))
        && r.forecast_state.want(&source, &target)
    {
        return Some(Effect::Forecast(r.forecast_state.request, Box::new(source), Box::new(target)));
    }
    other_forecast(state)
}

/// Asks for a forecast that another target needs, because its options differ. The answer asks for the next one.
pub(super) fn other_forecast(state: &mut State) -> Option<Effect> {
    let presets_shown = matches!(&state.layer, Some(Layer::Picker(p)) if p.kind == PickerKind::Targets);
    let r = &mut state.recipe;
    let source = r.forecast_source()?;
    let others = r.other_forecasts(presets_shown);
    r.forecast_state.keep(&others);
    let may = |t: &Target| !r.measuring_stopped || !measures_text(t);
    let others: Vec<Target> = others.into_iter().filter(may).collect();
    let target = others.into_iter().find(|t| r.forecast_state.want_too(&source, t))?;
    Some(Effect::Forecast(r.forecast_state.request, Box::new(source), Box::new(target)))
}

/// Asks for the sizes of all presets, unless nothing has changed that they depend on.
fn sizes(state: &mut State) -> Option<Effect> {
    let r = &mut state.recipe;
    let recipes = r.preset_recipes();
    if recipes.is_empty() || recipes == r.sized {
        return None;
    }
    r.preset_request += 1;
    r.sizes = vec![None; presets().len()];
    r.sized.clone_from(&recipes);
    Some(Effect::PlanPresets(r.preset_request, recipes))
}

/// Asks for which of several models jobs can be started.
fn outlook(state: &mut State) -> Option<Effect> {
    let r = &mut state.recipe;
    r.outlook_request += 1;
    r.outlook = None;
    let recipe = r.recipe().filter(|_| r.is_batch())?;
    Some(Effect::CheckBatch(r.outlook_request, Box::new(recipe), r.sources()))
}

/// The recipe changed: everything that is said of it may have, too.
fn changed(state: &mut State) -> Vec<Effect> {
    let mut effects = turned(state);
    effects.extend(outlook(state));
    effects
}

/// Another of several models is looked at.
fn turned(state: &mut State) -> Vec<Effect> {
    // What was tried out belongs to the recipe as it was.
    state.recipe.slider = None;
    let mut effects = replan(state);
    effects.extend(sizes(state));
    effects.extend(forecast(state));
    effects
}

/// Takes the selected model as the source, when there is none yet, and plans again: outputs may have appeared since.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let selected = state.models.node().and_then(|n| n.model.as_ref()).map(|m| m.path.clone());
    if state.recipe.source().is_none()
        && let Some(path) = selected
    {
        take_sources(state, vec![path]);
    }
    changed(state)
}

/// Takes models as the sources, and says what of the last recipe was kept and what was dropped.
pub(super) fn take_sources(state: &mut State, paths: Vec<PathBuf>) {
    let format = |p: &PathBuf| state.models.node_at(p).and_then(|n| n.model.as_ref()).and_then(|m| m.format);
    let format = paths.first().and_then(format);
    let carried = state.recipe.set_sources(paths, format);
    let usual = state.recipe.document.recipe.targets == [usual(format).target()];
    let targets = units::plural(carried.targets, "target", "targets");
    let fresh = "N starts a new recipe";
    let budget = (!carried.dropped.is_empty())
        .then(|| format!("budget {}, now {}", carried.dropped.join(", "), presets()[0].name()));
    let dropped: Vec<String> = budget.into_iter().chain(carried.steps.iter().map(|s| (*s).to_owned())).collect();
    if !dropped.is_empty() {
        state.toast(Level::Warn, format!("dropped for another model: {}; {fresh}", dropped.join("; ")));
    } else if carried.targets > 0 && !usual {
        state.toast(Level::Info, format!("kept from the last recipe: {targets}; {fresh}"));
    }
}

/// Begins a new recipe for the same models; undo brings the old one back.
fn new_recipe(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    let source = r.document.recipe.source.clone();
    r.open(Recipe { source, targets: vec![usual(r.source_format).target()], ..Recipe::default() }, None);
    r.pane = RecipePane::List;
    changed(state)
}

/// Shows the forecast of another of several models.
fn turn_source(state: &mut State, by: isize) -> Vec<Effect> {
    state.recipe.turn_source(by);
    turned(state)
}

/// A click on a line of the list or on a field.
pub(super) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    match hit {
        Hit::List(at) => {
            state.recipe.pane = RecipePane::List;
            return select_row(state, at);
        }
        Hit::Detail(at) => {
            state.recipe.pane = RecipePane::Form;
            select_field(state, at);
        }
        _ => {}
    }
    Vec::new()
}

/// Puts the cursor on a line of the list.
pub(super) fn select_row(state: &mut State, to: usize) -> Vec<Effect> {
    let r = &mut state.recipe;
    let to = to.min(r.rows().len() - 1);
    if r.cursor == to {
        return Vec::new();
    }
    (r.cursor, r.field, r.slider) = (to, 0, None);
    r.filter.clear();
    // The budget of another target has another mix.
    forecast(state).into_iter().collect()
}

/// Puts the cursor on a field of the form.
pub(super) fn select_field(state: &mut State, to: usize) {
    state.recipe.field = to.min(state.recipe.fields().len().saturating_sub(1));
}
