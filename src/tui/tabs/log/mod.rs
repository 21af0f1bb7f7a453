//! The Log tab: everything that was reported, the newest line below.

mod commands;
mod state;
mod update;
mod view;

pub(crate) use state::{LogEntry, LogState};

use super::TabBehavior;
use crate::tui::core::{
    Action, Cmd, Command, Completion, Effect, Hit, LineEdit, Scope, State, TabRequest, moved, search,
};
use crate::tui::view::Canvas;
use ratatui::layout::Rect;

/// The Log tab.
pub(super) struct Log;

impl TabBehavior for Log {
    fn title(&self) -> &'static str {
        "Log"
    }

    fn commands(&self) -> &'static [Command] {
        commands::COMMANDS
    }

    fn scopes(&self, _: &State) -> &'static [Scope] {
        &[Scope::Log, Scope::Lists]
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

    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect> {
        // The place counts from the end, so that the end is followed.
        let len = state.log.shown().len();
        state.log.up = moved(state.log.up, -lines, len);
        Vec::new()
    }

    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect> {
        if let Hit::Detail(at) = hit {
            state.log.up = state.log.shown().len().saturating_sub(at + 1);
        }
        Vec::new()
    }

    fn is_filtered(&self, state: &State) -> bool {
        state.log.is_narrowed()
    }

    fn has_hits(&self, state: &State) -> bool {
        !state.log.filter.is_empty() && !state.log.shown().is_empty()
    }

    fn next_hit(&self, state: &mut State, forward: bool) -> Vec<Effect> {
        let len = state.log.shown().len();
        let at = search::turn(len.saturating_sub(1 + state.log.up), len, forward);
        state.log.up = len.saturating_sub(1 + at);
        Vec::new()
    }

    fn line<'s>(&self, state: &'s State) -> Option<&'s LineEdit> {
        state.log.editing.as_ref()
    }

    fn line_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut LineEdit> {
        state.log.editing.as_mut()
    }

    fn edited(&self, state: &mut State, what: Completion) -> Vec<Effect> {
        update::edited(state, what)
    }
}
