//! The Recipe tab: the targets of a model, their plan, and the forecast.

mod commands;
mod state;
mod update;
mod view;

pub use state::{BatchOutcome, BatchOutlook};
pub use state::{
    Budget, EditOutcome, EditPlace, Field, LibraryEntry, Overwrite, PlanResponse, Prompt, RecipePane, Row, SaveRefusal,
    TargetRejection, presets,
};
pub(crate) use state::{Document, Origin, RecipeState, Types, about, facts, nats, offered, step_facts, title};

use super::TabBehavior;
use crate::plan::goals::{Memory, goal};
use crate::tui::core::panes::{BOTH, Borders, Division};
use crate::tui::core::{
    Action, Cmd, Code, Command, Completion, Effect, Focus, Hit, Key, LineEdit, PickerKind, Scope, State, TabRequest,
    moved,
};
use crate::tui::view::Canvas;
use ratatui::layout::Rect;

/// Columns of the list, at least and at most, before the user moves the border.
const LIST: (u16, u16) = (40, 74);

/// The Recipe tab.
pub(super) struct Recipe;

impl TabBehavior for Recipe {
    fn title(&self) -> &'static str {
        "Recipe"
    }

    fn commands(&self) -> &'static [Command] {
        commands::COMMANDS
    }

    fn scopes(&self, state: &State) -> &'static [Scope] {
        match state.recipe.pane {
            RecipePane::List => &[Scope::Targets, Scope::Lists],
            RecipePane::Form => &[Scope::Form, Scope::Lists],
        }
    }

    fn draw(&self, c: &mut Canvas<'_>, state: &State, body: Rect) {
        view::draw(c, state, body);
    }

    fn run(&self, state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
        update::run(state, cmd)
    }

    fn arrived(&self, state: &mut State, action: Action) -> Vec<Effect> {
        update::arrived(state, action)
    }

    fn asked(&self, state: &mut State, request: TabRequest) -> Vec<Effect> {
        update::asked(state, request)
    }

    fn enter(&self, state: &mut State) -> Vec<Effect> {
        update::enter(state)
    }

    fn focus(&self, state: &State) -> Focus {
        match state.recipe.pane {
            RecipePane::List => Focus::List,
            RecipePane::Form => Focus::Details,
        }
    }

    fn set_focus(&self, state: &mut State, focus: Focus) {
        state.recipe.pane = if focus == Focus::List { RecipePane::List } else { RecipePane::Form };
    }

    fn division(&self, state: &State, width: u16) -> Division {
        let r = &state.recipe;
        let empty = r.source().is_none() && r.document.recipe.targets.is_empty();
        if empty || r.zoom || width < BOTH { Division::List } else { Division::Both((width / 2).clamp(LIST.0, LIST.1)) }
    }

    fn border<'b>(&self, borders: &'b mut Borders) -> Option<&'b mut i16> {
        Some(&mut borders.recipe)
    }

    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect> {
        let r = &state.recipe;
        match r.pane {
            RecipePane::List => {
                let to = moved(r.cursor, lines, r.rows().len());
                update::select_row(state, to)
            }
            RecipePane::Form => {
                let to = moved(r.field, lines, r.fields().len());
                update::select_field(state, to);
                Vec::new()
            }
        }
    }

    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect> {
        update::click(state, hit)
    }

    fn is_filtered(&self, state: &State) -> bool {
        !state.recipe.filter.is_empty()
    }

    fn line<'s>(&self, state: &'s State) -> Option<&'s LineEdit> {
        state.recipe.editing.as_ref()
    }

    fn line_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut LineEdit> {
        state.recipe.editing.as_mut()
    }

    fn prompt<'s>(&self, state: &'s State) -> Option<(&'static str, &'s LineEdit)> {
        let line = state.recipe.editing.as_ref()?;
        let word = match state.recipe.prompt {
            Prompt::SavePath => "save as ",
            Prompt::OpenPath => "open ",
            Prompt::Memory => memory_prompt(state),
            Prompt::Value | Prompt::FirstBudget | Prompt::Filter => return None,
        };
        Some((word, line))
    }

    fn prompt_names<'s>(&self, state: &'s State) -> &'s [String] {
        &state.recipe.names
    }

    fn line_key(&self, state: &mut State, key: Key) -> Option<Vec<Effect>> {
        if key != Key::plain(Code::Tab) {
            return None;
        }
        // A path that is completed is carried on with, and not replaced by the next letter.
        state.recipe.editing.as_mut()?.selected = false;
        Some(update::complete(state))
    }

    fn edited(&self, state: &mut State, what: Completion) -> Vec<Effect> {
        update::edited(state, what)
    }

    fn picked(&self, state: &mut State, kind: PickerKind, at: Option<usize>, typed: &str) -> Vec<Effect> {
        update::picked(state, kind, at, typed)
    }
}

/// What the line for the memory is called. Only a GPU that was found can be taken without an answer.
fn memory_prompt(state: &State) -> &'static str {
    let of_gpu = state.recipe.purpose.and_then(goal).is_some_and(|g| matches!(g.memory, Memory::OfGpu));
    match (of_gpu, &state.recipe.gpu) {
        (true, Some(_)) => "memory of the GPU, empty = the GPU of this machine: ",
        (true, None) => "memory of the GPU, such as 24GiB: ",
        (false, _) => "memory of the machine: ",
    }
}
