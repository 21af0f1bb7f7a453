//! Changes of the list: add, remove, move and duplicate targets; undo and redo.

use super::text::decibel;
use super::{changed, other_forecast, steps};
use crate::tui::core::{Effect, Layer, LineEdit, Picker, PickerItem, PickerKind, State, units};
use crate::tui::tabs::recipe::{Field, Prompt, RecipePane, Row, Types, offered, presets};

/// Opens the picker of targets to add.
pub(super) fn add(state: &mut State) -> Vec<Effect> {
    let items = preset_items(state);
    let before = state.theme.clone();
    let picker = Picker { kind: PickerKind::Targets, input: LineEdit::default(), items, row: 0, before };
    state.layer = Some(Layer::Picker(picker));
    // The selected target may have options that a new one does not have.
    other_forecast(state).into_iter().collect()
}

/// The presets with what is known of their sizes and errors.
pub(super) fn preset_items(state: &State) -> Vec<PickerItem> {
    let r = &state.recipe;
    let detail = |at: usize| {
        let p = &presets()[at];
        let estimate = r.preset_estimate(at);
        let size = match r.sizes.get(at).and_then(Option::as_ref) {
            _ if p.types == Types::Budget => return "needs a budget".to_owned(),
            _ if p.quantizes_graph() => return String::new(),
            Some(Ok((bytes, _))) => units::bytes(*bytes),
            Some(Err(_)) if p.needs_imatrix => return "needs imatrix".to_owned(),
            Some(Err(_)) => return "not possible".to_owned(),
            None => estimate.map_or_else(|| "…".to_owned(), |e| units::bytes(e.bytes)),
        };
        format!("{size}  {:>8}", decibel(estimate.map(|e| e.output_sqnr_db)))
    };
    let item = |at: usize| PickerItem {
        title: format!("{}: {}", presets()[at].name(), presets()[at].about),
        detail: detail(at),
        cmd: None,
    };
    offered(r.source_format).into_iter().map(item).collect()
}

/// Adds the preset that was picked, below the selected target.
pub(super) fn preset_picked(state: &mut State, preset: usize) -> Vec<Effect> {
    let r = &mut state.recipe;
    let at = offered(r.source_format).get(preset).copied();
    let Some(preset) = at.and_then(|at| presets().get(at)) else { return Vec::new() };
    let target = r.preset_target(preset);
    let at = r.current_target().map_or(r.document.recipe.targets.len(), |i| i + 1);
    r.change(|d| d.insert(at, target));
    r.select(Row::Target(at));
    if preset.types == Types::Budget {
        // Without a budget it would be another target.
        (r.pane, r.prompt) = (RecipePane::Form, Prompt::FirstBudget);
        r.show_option(Field::Budget.label());
        r.editing = Some(LineEdit::default());
        return Vec::new();
    }
    r.pane = RecipePane::List;
    changed(state)
}

/// Takes the selected target or step out.
pub(super) fn delete(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    match r.row() {
        Row::Target(i) => r.change(|d| d.remove(i)),
        Row::Step(i) => r.change(|d| d.remove_step(i)),
        _ => return Vec::new(),
    };
    r.field = 0;
    changed(state)
}

/// Moves the selected target or step down or up.
pub(super) fn move_row(state: &mut State, by: isize) -> Vec<Effect> {
    let r = &mut state.recipe;
    let recipe = &r.document.recipe;
    let to = |from: usize, len: usize| from.checked_add_signed(by).filter(|to| *to < len);
    match r.row() {
        Row::Target(from) => {
            let Some(to) = to(from, recipe.targets.len()) else { return Vec::new() };
            r.change(|d| d.swap(from, to));
            r.select(Row::Target(to));
        }
        Row::Step(from) => {
            let Some(to) = to(from, recipe.pipeline.len()) else { return Vec::new() };
            r.change(|d| d.swap_steps(from, to));
            r.select(Row::Step(to));
        }
        _ => return Vec::new(),
    }
    changed(state)
}

/// Adds the selected target once more; the place it is written to is its own.
pub(super) fn duplicate(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    let Row::Target(i) = r.row() else { return Vec::new() };
    let Some(mut target) = r.document.recipe.targets.get(i).cloned() else { return Vec::new() };
    target.output = None;
    r.change(|d| d.insert(i + 1, target));
    r.select(Row::Target(i + 1));
    changed(state)
}

/// Enter on a line of the list.
pub(super) fn enter_row(state: &mut State) -> Vec<Effect> {
    match state.recipe.row() {
        Row::Add => add(state),
        Row::AddStep => steps::add(state),
        Row::Source | Row::About | Row::Step(_) | Row::Target(_) | Row::Validate => {
            let r = &mut state.recipe;
            r.pane = RecipePane::Form;
            // The line says where the outputs go.
            if r.row() == Row::About && r.field == 0 {
                r.show_option("output_dir");
            }
            Vec::new()
        }
    }
}

pub(super) fn undo(state: &mut State) -> Vec<Effect> {
    if state.recipe.undo() { changed(state) } else { Vec::new() }
}

pub(super) fn redo(state: &mut State) -> Vec<Effect> {
    if state.recipe.redo() { changed(state) } else { Vec::new() }
}
