//! The Watch tab: watchers, and the sources of one with what was exported of them.

mod commands;
mod state;
mod update;
mod view;

pub(crate) use state::{Export, Source, SourceState, Trend, Value, WatchState, worst_metrics};
pub use state::{ExportQuality, WatchPlace, WatcherQuery};

use super::TabBehavior;
use crate::tui::core::{
    Action, Cmd, Code, Command, Completion, Effect, Focus, Hit, Key, LineEdit, Scope, State, TabRequest, moved,
};
use crate::tui::view::Canvas;
use ratatui::layout::Rect;

/// The Watch tab.
pub(super) struct Watch;

impl TabBehavior for Watch {
    fn title(&self) -> &'static str {
        "Watch"
    }

    fn commands(&self) -> &'static [Command] {
        commands::COMMANDS
    }

    fn scopes(&self, state: &State) -> &'static [Scope] {
        match state.watch.focus {
            Focus::List => &[Scope::Watchers, Scope::Lists],
            Focus::Details => &[Scope::WatchSources, Scope::Lists],
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

    fn asked(&self, _: &mut State, request: TabRequest) -> Vec<Effect> {
        update::asked(request)
    }

    fn focus(&self, state: &State) -> Focus {
        state.watch.focus
    }

    fn set_focus(&self, state: &mut State, focus: Focus) {
        state.watch.focus = focus;
    }

    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect> {
        let w = &mut state.watch;
        match w.focus {
            Focus::List => w.select(moved(w.cursor(), lines, w.list.len())),
            Focus::Details => w.select_source(moved(w.source_cursor(), lines, w.shown().count())),
        }
        Vec::new()
    }

    fn is_filtered(&self, state: &State) -> bool {
        state.watch.focus == Focus::Details && !state.watch.filter.is_empty()
    }

    fn line<'s>(&self, state: &'s State) -> Option<&'s LineEdit> {
        state.watch.editing.as_ref()
    }

    fn line_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut LineEdit> {
        state.watch.editing.as_mut()
    }

    fn keeps_line(&self, state: &State) -> bool {
        state.watch.asking
    }

    fn prompt<'s>(&self, state: &'s State) -> Option<(&'static str, &'s LineEdit)> {
        state.watch.editing.as_ref().filter(|_| state.watch.asking).map(|line| ("watch the folder ", line))
    }

    fn prompt_names<'s>(&self, state: &'s State) -> &'s [String] {
        &state.watch.names
    }

    fn line_key(&self, state: &mut State, key: Key) -> Option<Vec<Effect>> {
        let line = state.watch.editing.as_mut().filter(|_| state.watch.asking && key == Key::plain(Code::Tab))?;
        // A path that is completed is carried on with, and not replaced by the next letter.
        line.selected = false;
        let typed = line.text.clone();
        Some(vec![Effect::CompletePath(state.base.clone(), state.at_home(&typed))])
    }

    fn edited(&self, state: &mut State, what: Completion) -> Vec<Effect> {
        update::edited(state, what)
    }

    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect> {
        update::click(state, hit)
    }
}
