//! The Models tab: the tree of what the scan found, and the details of the selected model.

mod commands;
mod state;
mod update;
mod view;

pub(crate) use state::files::Prompt;
pub use state::files::{FileList, TensorHit};
pub use state::inspect::{Check, InspectRequest, InspectResponse, TokenizerTrial};
pub(crate) use state::inspect::{Inspect, MiniHistogram, Reading};
pub use state::model_info::{Finding, ModelInfo, Summary};
pub(crate) use state::model_info::{Share, TensorRow};
pub(crate) use state::reading::{ReadLine, read_lines};
pub(crate) use state::{ModelOrder, ModelsState, Node, Row};
pub use state::{Section, TensorSort};

use super::TabBehavior;
use crate::tui::core::panes::{Borders, Division};
use crate::tui::core::search::Reader;
use crate::tui::core::{
    Action, Cmd, Code, Command, Completion, Effect, Focus, Hit, Key, LineEdit, PickerKind, Scope, State, TabRequest,
};
use crate::tui::view::Canvas;
use ratatui::layout::Rect;
pub(in crate::tui) use update::files::pair_title;
use update::{filter, motion};

/// Columns of the tree before the user moves the border: at most so many, or more if a name needs them.
const TREE: u16 = 46;
/// Columns beside a name: its margin, sign, format, parameters and size.
const BESIDE: u16 = 25;

/// The Models tab.
pub(super) struct Models;

impl TabBehavior for Models {
    fn title(&self) -> &'static str {
        "Models"
    }

    fn commands(&self) -> &'static [Command] {
        commands::COMMANDS
    }

    fn scopes(&self, state: &State) -> &'static [Scope] {
        match state.models.focus {
            Focus::List => &[Scope::Tree, Scope::Lists],
            Focus::Details => &[Scope::Details, Scope::Lists],
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

    fn settle(&self, state: &mut State) {
        state.models.settle();
    }

    fn wants(&self, state: &mut State) -> Vec<Effect> {
        update::wants(state)
    }

    fn focus(&self, state: &State) -> Focus {
        state.models.focus
    }

    fn set_focus(&self, state: &mut State, focus: Focus) {
        state.models.focus = focus;
    }

    fn division(&self, state: &State, width: u16) -> Division {
        // A border that the user has put somewhere stays there.
        let needed = state.models.widest.saturating_add(BESIDE);
        let most = if state.borders.models == 0 { needed.max(TREE) } else { TREE };
        let m = &state.models;
        let wide = m.focus == Focus::Details && m.inspect.reading.as_ref().is_some_and(|r| r.wide);
        Division::of_list(m.focus, m.zoom || wide, most, width)
    }

    fn border<'b>(&self, borders: &'b mut Borders) -> Option<&'b mut i16> {
        Some(&mut borders.models)
    }

    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect> {
        motion::scroll(state, lines)
    }

    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect> {
        motion::click(state, hit)
    }

    fn double_click(&self, state: &mut State, hit: Hit) -> Option<Vec<Effect>> {
        motion::double_click(state, hit)
    }

    fn is_filtered(&self, state: &State) -> bool {
        filter::is_on(state)
    }

    fn has_hits(&self, state: &State) -> bool {
        motion::has_hits(state)
    }

    fn next_hit(&self, state: &mut State, forward: bool) -> Vec<Effect> {
        motion::next_hit(state, forward)
    }

    fn reader(&self) -> Option<&'static dyn Reader> {
        Some(&update::reader::LongValue)
    }

    fn line<'s>(&self, state: &'s State) -> Option<&'s LineEdit> {
        state.models.editing.as_ref()
    }

    fn line_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut LineEdit> {
        state.models.editing.as_mut()
    }

    fn keeps_line(&self, state: &State) -> bool {
        // A name is taken with enter alone.
        state.models.prompt != Prompt::Filter
    }

    fn prompt<'s>(&self, state: &'s State) -> Option<(&'static str, &'s LineEdit)> {
        let line = state.models.editing.as_ref()?;
        match state.models.prompt {
            Prompt::Filter => None,
            Prompt::Rename => Some(("rename to ", line)),
            Prompt::Find => Some(("find a tensor in all models: ", line)),
            Prompt::EvaluateOn => Some(("evaluate on the text file: ", line)),
            Prompt::ImatrixOn => Some(("importance matrix from the text file: ", line)),
        }
    }

    fn prompt_names<'s>(&self, state: &'s State) -> &'s [String] {
        &state.models.names
    }

    fn line_key(&self, state: &mut State, key: Key) -> Option<Vec<Effect>> {
        let m = &mut state.models;
        let takes_a_path = matches!(m.prompt, Prompt::EvaluateOn | Prompt::ImatrixOn);
        let line = m.editing.as_mut().filter(|_| takes_a_path && key == Key::plain(Code::Tab))?;
        // A path that is completed is carried on with, and not replaced by the next letter.
        line.selected = false;
        let typed = line.text.clone();
        Some(vec![Effect::CompletePath(state.base.clone(), state.at_home(&typed))])
    }

    fn picked(&self, state: &mut State, _: PickerKind, at: Option<usize>, _typed: &str) -> Vec<Effect> {
        at.map(|at| update::files::picked(state, at)).unwrap_or_default()
    }

    fn edited(&self, state: &mut State, what: Completion) -> Vec<Effect> {
        filter::edited(state, what)
    }
}
