//! The first question of a recipe: what the model is for. The answer becomes targets by the rules of `plan/goals`.

use super::changed;
use super::text::refuse;
use crate::plan::goals::{GOALS, Memory, goal};
use crate::recipe::{Recipe, parse_size};
use crate::tui::core::{Effect, ErrorCard, Layer, Level, LineEdit, Picker, PickerItem, PickerKind, State};
use crate::tui::tabs::recipe::{Prompt, RecipePane, Row, title};
use std::path::Path;

/// Asks once in a session, for a recipe that begins.
pub(super) fn ask_first(state: &mut State) {
    if state.settings.ask_purpose && !std::mem::replace(&mut state.recipe.asked_purpose, true) {
        ask(state);
    }
}

/// Opens the picker of purposes. Its first line leaves everything as it is.
pub(super) fn ask(state: &mut State) {
    let item = |title: String| PickerItem { title, detail: String::new(), cmd: None };
    let first = item("skip: I choose the targets myself".to_owned());
    let goals = GOALS.iter().map(|g| item(format!("{}: {}", g.name, g.title)));
    let items = std::iter::once(first).chain(goals).collect();
    let before = state.theme.clone();
    let picker = Picker { kind: PickerKind::Purposes, input: LineEdit::default(), items, row: 0, before };
    state.layer = Some(Layer::Picker(picker));
}

/// Takes a purpose; asks for the memory if that decides something.
pub(super) fn picked(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(spec) = at.checked_sub(1).and_then(|i| GOALS.get(i)) else { return Vec::new() };
    let r = &mut state.recipe;
    r.purpose = Some(spec.name);
    let offered = match spec.memory {
        Memory::NotNeeded => return compose(state, None),
        // Without an answer it is that of the GPU that is found.
        Memory::OfGpu => LineEdit::default(),
        Memory::Usual(bytes) => LineEdit::offering(&format!("{}GiB", bytes >> 30)),
    };
    (r.prompt, r.editing, r.zoom) = (Prompt::Memory, Some(offered), false);
    Vec::new()
}

/// The memory was typed.
pub(super) fn memory_given(state: &mut State, text: &str) -> Vec<Effect> {
    let text = text.trim();
    let size = parse_size(text).filter(|bytes| *bytes > 0);
    if size.is_none() && !text.is_empty() {
        // What was typed is corrected, not typed again.
        (state.recipe.prompt, state.recipe.editing) = (Prompt::Memory, Some(LineEdit::new(text)));
        return refuse(state, format!("{text:?} is not a size; write it as 24GiB"));
    }
    compose(state, size)
}

fn compose(state: &mut State, memory: Option<u64>) -> Vec<Effect> {
    let r = &mut state.recipe;
    match (r.source().cloned(), r.purpose.take()) {
        (Some(source), Some(purpose)) => vec![Effect::ComposeFor(source, purpose, memory)],
        _ => Vec::new(),
    }
}

/// Takes the targets that were made for a purpose, as one change. The reasons are in the log.
pub(super) fn composed(
    state: &mut State,
    source: &Path,
    purpose: &str,
    made: Result<(Box<Recipe>, Vec<String>), ErrorCard>,
) -> Vec<Effect> {
    if state.recipe.source().is_none_or(|s| s != source) {
        return Vec::new();
    }
    let (recipe, reasons) = match made {
        Ok(made) => made,
        Err(card) => {
            let hint = card.hint.map(|h| format!(". {h}")).unwrap_or_default();
            return refuse(state, format!("{}{hint}", card.message));
        }
    };
    let r = &mut state.recipe;
    let what: Vec<String> = recipe.targets.iter().map(title).collect();
    r.change(|d| {
        (d.recipe.targets, d.recipe.description) = (recipe.targets, recipe.description);
        d.invalid.clear();
    });
    r.pane = RecipePane::List;
    r.select(Row::Target(0));
    reasons.into_iter().for_each(|reason| state.note(Level::Info, reason));
    let name = goal(purpose).map_or(purpose, |g| g.title);
    state.toast(Level::Info, format!("for {name}: {}; u undoes it, the reasons are in Log (6)", what.join(", ")));
    changed(state)
}
