//! The Compare tab: models of one network side by side, and their tensors.

mod commands;
mod state;
mod update;
mod view;

pub use state::{
    Amount, Chart, Compared, EvaluationJob, Limit, ModelQuality, Order, Page, PageNews, PageRequest, Prompt, Quality,
    QualityChart, QualityNews, QualityValue, SpeechNews, Spoke, Spoken, SpokenPosition, TensorOrder,
};
pub(crate) use state::{CompareState, Measure};

use super::TabBehavior;
use crate::tui::core::{
    Action, Cmd, Command, Completion, Effect, Hit, Key, LineEdit, PickerKind, Scope, State, TabRequest, search,
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
        let c = &state.compare;
        match c.page {
            Page::Models if c.chart == Chart::Kinds && c.is_measured() => &[Scope::Columns, Scope::Lists],
            Page::Models => &[Scope::Columns],
            Page::Tensors => &[Scope::Tensors, Scope::Lists],
            Page::Quality => &[Scope::Quality, Scope::Lists],
            Page::Map => &[Scope::Cells, Scope::Lists],
            Page::Speech => &[Scope::Speech, Scope::Lists],
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

    fn leave(&self, state: &mut State) -> Vec<Effect> {
        update::leave(state)
    }

    fn settle(&self, state: &mut State) {
        state.compare.settle();
    }

    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect> {
        update::scroll(state, lines);
        Vec::new()
    }

    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect> {
        update::click(state, hit)
    }

    fn is_filtered(&self, state: &State) -> bool {
        state.compare.page == Page::Tensors && !state.compare.filter.is_empty()
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

    fn line_key(&self, state: &mut State, key: Key) -> Option<Vec<Effect>> {
        update::line_key(state, key)
    }

    fn wants(&self, state: &mut State) -> Vec<Effect> {
        update::wants(state)
    }

    fn keeps_line(&self, state: &State) -> bool {
        // A name or a prompt is taken with enter alone: something is written or computed.
        state.compare.asks_for_a_file()
    }

    fn edited(&self, state: &mut State, what: Completion) -> Vec<Effect> {
        update::edited(state, what)
    }

    fn picked(&self, state: &mut State, _: PickerKind, at: Option<usize>, _typed: &str) -> Vec<Effect> {
        at.map(|at| update::add(state, at)).unwrap_or_default()
    }
}
