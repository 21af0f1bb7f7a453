//! The Compare tab: models of one network side by side, and their tensors.

mod commands;
mod state;
mod update;
mod view;

pub use state::{Chart, Compared, Order, Prompt, TensorOrder};
pub(crate) use state::{CompareState, Measure};

use super::TabBehavior;
use crate::tui::core::{
    Action, Cmd, Command, Completion, Effect, Hit, LineEdit, PickerKind, Scope, State, TabRequest, moved, search,
};
use crate::tui::view::Canvas;
use ratatui::layout::Rect;

/// The Compare tab.
pub(super) struct Compare;

impl TabBehavior for Compare {
    fn title(&self) -> &'static str {
        "Compare"
    }

    fn commands(&self) -> &'static [Command] {
        commands::COMMANDS
    }

    fn scopes(&self, state: &State) -> &'static [Scope] {
        // The models are not a list: the movement keys go from model to model.
        if state.compare.drilled { &[Scope::Tensors, Scope::Lists] } else { &[Scope::Columns] }
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

    fn leave(&self, state: &mut State) -> Vec<Effect> {
        update::leave(state)
    }

    fn settle(&self, state: &mut State) {
        state.compare.settle();
    }

    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect> {
        let c = &mut state.compare;
        if c.drilled {
            c.row = moved(c.row, lines, c.tensor_rows().len());
        }
        Vec::new()
    }

    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect> {
        update::click(state, hit)
    }

    fn is_filtered(&self, state: &State) -> bool {
        state.compare.drilled && !state.compare.filter.is_empty()
    }

    fn has_hits(&self, state: &State) -> bool {
        self.is_filtered(state) && !state.compare.tensor_rows().is_empty()
    }

    fn next_hit(&self, state: &mut State, forward: bool) -> Vec<Effect> {
        let c = &mut state.compare;
        c.row = search::turn(c.row, c.tensor_rows().len(), forward);
        Vec::new()
    }

    fn line<'s>(&self, state: &'s State) -> Option<&'s LineEdit> {
        state.compare.line.as_ref().map(|(_, line)| line)
    }

    fn line_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut LineEdit> {
        state.compare.line.as_mut().map(|(_, line)| line)
    }

    fn keeps_line(&self, state: &State) -> bool {
        // A name is taken with enter alone: a file is written.
        state.compare.asks_for_a_file()
    }

    fn edited(&self, state: &mut State, what: Completion) -> Vec<Effect> {
        update::edited(state, what)
    }

    fn picked(&self, state: &mut State, _: PickerKind, at: Option<usize>, _typed: &str) -> Vec<Effect> {
        at.map(|at| update::add(state, at)).unwrap_or_default()
    }
}
