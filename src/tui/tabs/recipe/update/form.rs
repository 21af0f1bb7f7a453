//! What is done to the fields of the form: typed, chosen, turned, cleared.

use super::text::decibel;
use super::{changed, files, forecast, purpose};
use crate::tui::core::{Completion, Effect, Layer, LineEdit, Picker, PickerItem, PickerKind, State, units};
use crate::tui::tabs::recipe::{Field, Prompt, RecipePane, RecipeState, Row, about};

/// Choices that are turned without a list.
const FEW: usize = 4;

/// Enter on a field: a choice of many opens a list, one of few turns, everything else is typed.
pub(super) fn edit(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    let Some(field) = r.current_field() else { return Vec::new() };
    match r.choices(field).len() {
        0 => {
            r.editing = Some(LineEdit::offering(&r.value(field).unwrap_or_default()));
            r.prompt = Prompt::Value;
            Vec::new()
        }
        n if n <= FEW => turn(state, 1),
        _ => {
            let row = r.chosen(field).unwrap_or(0);
            let items = value_items(state);
            let before = state.theme.clone();
            let picker = Picker { kind: PickerKind::Values, input: LineEdit::default(), items, row, before };
            state.layer = Some(Layer::Picker(picker));
            Vec::new()
        }
    }
}

/// The choices of the current field with what they are for, and what the forecast says of file types.
pub(super) fn value_items(state: &State) -> Vec<PickerItem> {
    let r = &state.recipe;
    let Some(field) = r.current_field() else { return Vec::new() };
    let types = field.label() == "quantization";
    let item = |word: &&str| {
        let estimate = r.forecast_state.of_type(&word.to_ascii_uppercase()).filter(|_| types);
        let detail = estimate.map(|e| format!("{}  {:>8}", units::bytes(e.bytes), decibel(Some(e.output_sqnr_db))));
        PickerItem { title: format!("{word}: {}", about(word)), detail: detail.unwrap_or_default(), cmd: None }
    };
    r.choices(field).iter().map(item).collect()
}

/// Takes the choice that was picked.
pub(super) fn value_picked(state: &mut State, at: usize) -> Vec<Effect> {
    let r = &mut state.recipe;
    let Some(field) = r.current_field() else { return Vec::new() };
    match r.choices(field).get(at) {
        Some(word) => set(state, field, word),
        None => Vec::new(),
    }
}

fn set(state: &mut State, field: Field, text: &str) -> Vec<Effect> {
    let Some(at) = state.recipe.current_table() else { return Vec::new() };
    if state.recipe.change(|d| d.set_field(at, field, text)) { changed(state) } else { Vec::new() }
}

/// Turns a choice by one.
pub(super) fn turn(state: &mut State, by: isize) -> Vec<Effect> {
    let r = &state.recipe;
    let Some(field) = r.current_field() else { return Vec::new() };
    let choices = r.choices(field);
    if choices.is_empty() {
        return Vec::new();
    }
    let to = match r.chosen(field) {
        Some(at) => (at as isize + by).rem_euclid(choices.len() as isize) as usize,
        None => 0,
    };
    set(state, field, choices[to])
}

/// Takes the field out of the recipe: the default counts again.
pub(super) fn clear(state: &mut State) -> Vec<Effect> {
    match state.recipe.current_field() {
        Some(field) => set(state, field, ""),
        None => Vec::new(),
    }
}

/// Folds or unfolds the group of the current line.
pub(super) fn fold(state: &mut State, fold: bool) -> Vec<Effect> {
    if let Some(group) = state.recipe.current_group() {
        state.recipe.fold(group, fold);
    }
    Vec::new()
}

/// Edits the filter of the options.
pub(super) fn filter(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    (r.pane, r.zoom) = (RecipePane::Form, false);
    (r.prompt, r.editing) = (Prompt::Filter, Some(LineEdit::offering(&r.filter)));
    Vec::new()
}

/// Takes the filter as it is now; the first option that it finds is selected.
fn filtered(r: &mut RecipeState, what: Completion) {
    let text = r.editing.as_ref().filter(|_| what != Completion::Dropped).map(|l| l.text.clone());
    let text = text.unwrap_or_default();
    if text != r.filter {
        if text.is_empty() {
            r.keeping_line(|r| r.filter.clear());
        } else {
            (r.filter, r.field) = (text, 0);
            if r.fields().is_empty() {
                r.go_to_row_of_filter();
            }
            r.go_to_best();
        }
    }
    if what != Completion::Editing {
        (r.prompt, r.editing) = (Prompt::Value, None);
    }
}

/// Goes to the budget of the target and edits it; when that is over, back to where the key was pressed.
pub(super) fn budget(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    let Some(target) = r.forecast_target_index() else { return Vec::new() };
    if r.current_target() != Some(target) {
        r.select(Row::Target(target));
    }
    // The form must be seen.
    r.zoom = false;
    r.visiting = r.pane == RecipePane::List;
    r.pane = RecipePane::Form;
    r.show_option(Field::Budget.label());
    edit(state)
}

/// Tab in a line: a path is completed, in anything else it does nothing.
pub(in crate::tui::tabs::recipe) fn complete(state: &State) -> Vec<Effect> {
    let r = &state.recipe;
    let Some(line) = &r.editing else { return Vec::new() };
    let base = match r.prompt {
        Prompt::SavePath | Prompt::OpenPath => state.base.clone(),
        Prompt::Value if r.current_field().is_some_and(Field::is_path) => state.base.clone(),
        Prompt::Value | Prompt::FirstBudget | Prompt::Filter | Prompt::Memory => return Vec::new(),
    };
    vec![Effect::CompletePath(base, state.at_home(&line.text))]
}

/// A path was completed, if it is still the one in the line.
pub(super) fn completed(state: &mut State, typed: &str, becomes: &str, names: Vec<String>) {
    let Some(line) = state.recipe.editing.as_ref().filter(|l| state.at_home(&l.text) == typed) else { return };
    if line.text != becomes {
        state.recipe.editing = Some(LineEdit::new(becomes));
    }
    state.recipe.names = names;
}

/// Carries on after a key in a line.
pub(in crate::tui::tabs::recipe) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    state.recipe.names.clear();
    if state.recipe.prompt == Prompt::Filter {
        let before = state.recipe.cursor;
        filtered(&mut state.recipe, what);
        // Another target has another forecast.
        return if state.recipe.cursor == before { Vec::new() } else { forecast(state).into_iter().collect() };
    }
    if matches!(what, Completion::Editing | Completion::Ignored) {
        return Vec::new();
    }
    let prompt = std::mem::take(&mut state.recipe.prompt);
    let line = state.recipe.editing.take().filter(|_| what == Completion::Accepted);
    match prompt {
        Prompt::SavePath | Prompt::OpenPath => {
            line.map(|l| files::path_given(state, prompt, &l.text)).unwrap_or_default()
        }
        Prompt::Filter => Vec::new(),
        Prompt::Memory => line.map(|l| purpose::memory_given(state, &l.text)).unwrap_or_default(),
        Prompt::Value | Prompt::FirstBudget => {
            let typed = line.map(|l| l.text);
            if prompt == Prompt::FirstBudget && typed.as_ref().is_none_or(|t| t.trim().is_empty()) {
                state.recipe.drop_change();
                state.recipe.pane = RecipePane::List;
                return changed(state);
            }
            let effects = typed.map(|t| typed_value(state, &t)).unwrap_or_default();
            let back = std::mem::take(&mut state.recipe.visiting) || prompt == Prompt::FirstBudget;
            // An invalid budget is corrected in its field.
            if back && state.recipe.problem(Field::Budget).is_none() {
                state.recipe.pane = RecipePane::List;
            }
            effects
        }
    }
}

fn typed_value(state: &mut State, text: &str) -> Vec<Effect> {
    let Some(field) = state.recipe.current_field() else { return Vec::new() };
    let text = match field {
        // The source is looked up among the models found.
        Field::Key(key) if key.name == "path" && !text.trim().is_empty() => {
            state.typed_path(text).display().to_string()
        }
        _ if field.is_path() => state.at_home(text),
        _ => text.to_owned(),
    };
    set(state, field, &text)
}
