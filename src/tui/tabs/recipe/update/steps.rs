//! Steps of the recipe: chosen from the table of steps, and put where they can be.

use super::{changed, form};
use crate::recipe::keys::State as KeyState;
use crate::recipe::steps::{Effect as StepEffect, STEPS, StepSpec, find};
use crate::tui::core::{Effect, Layer, LineEdit, Picker, PickerItem, PickerKind, State};
use crate::tui::tabs::recipe::{RecipePane, RecipeState, Row};

/// The steps that this version carries out.
fn available() -> Vec<&'static StepSpec> {
    STEPS.iter().copied().filter(|s| s.state != KeyState::Later).collect()
}

/// Opens the picker of steps.
pub(super) fn add(state: &mut State) -> Vec<Effect> {
    let item =
        |s: &&StepSpec| PickerItem { title: format!("{}: {}", s.name, s.purpose), detail: String::new(), cmd: None };
    let items = available().iter().map(item).collect();
    let before = state.theme.clone();
    let picker = Picker { kind: PickerKind::Steps, input: LineEdit::default(), items, row: 0, before };
    state.layer = Some(Layer::Picker(picker));
    Vec::new()
}

/// Adds the step that was picked, and begins with its first option.
pub(super) fn picked(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(spec) = available().get(at).copied() else { return Vec::new() };
    let r = &mut state.recipe;
    let at = place(r, spec);
    r.change(|d| d.insert_step(at, spec.name));
    r.select(Row::Step(at));
    (r.pane, r.zoom) = (RecipePane::Form, false);
    let mut effects = changed(state);
    if let Some(first) = spec.required.first() {
        state.recipe.show_option(first);
        effects.extend(form::edit(state));
    }
    effects
}

/// Where a step is put: below the selected one, but steps that change tensors before those that change targets.
fn place(r: &RecipeState, spec: &StepSpec) -> usize {
    let pipeline = &r.document.recipe.pipeline;
    let sets = |name: &str| matches!(find(name).map(|s| s.effect), Some(StepEffect::Targets(_)));
    let border = pipeline.iter().position(|s| sets(&s.step)).unwrap_or(pipeline.len());
    let wanted = match r.row() {
        Row::Step(i) => i + 1,
        _ => pipeline.len(),
    };
    match spec.effect {
        StepEffect::Tensors => wanted.min(border),
        StepEffect::Targets(_) => wanted.max(border),
    }
}
