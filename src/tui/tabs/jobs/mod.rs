//! The Jobs tab: the list of jobs, and one of them in sections.

mod commands;
mod state;
mod update;
mod view;

pub(crate) use state::{GridCursor, GridRow, JobView, JobsState, PageLine, RowKey, page};
pub use state::{JobAction, JobSection};

use super::TabBehavior;
use crate::job::JobState;
use crate::tui::core::panes::{Borders, Division};
use crate::tui::core::search::Reader;
use crate::tui::core::{Action, Cmd, Command, Effect, Focus, Hit, Scope, State, TabRequest};
use crate::tui::view::Canvas;
use ratatui::layout::Rect;
use update::motion;

/// Columns of the list at most, before the user moves the border.
const LIST: u16 = 44;

/// The Jobs tab.
pub(super) struct Jobs;

impl TabBehavior for Jobs {
    fn title(&self) -> &'static str {
        "Jobs"
    }

    fn commands(&self) -> &'static [Command] {
        commands::COMMANDS
    }

    fn scopes(&self, state: &State) -> &'static [Scope] {
        match state.jobs.focus {
            Focus::List => &[Scope::JobList, Scope::Lists],
            Focus::Details => &[Scope::Job, Scope::Lists],
        }
    }

    fn draw(&self, c: &mut Canvas<'_>, state: &State, body: Rect) {
        view::draw(c, state, body);
    }

    fn badge(&self, state: &State) -> Option<String> {
        let running = state.jobs.count(JobState::Running);
        (running > 0).then(|| format!("●{running}"))
    }

    fn run(&self, state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
        update::run(state, cmd)
    }

    fn arrived(&self, state: &mut State, action: Action) -> Vec<Effect> {
        update::apply(state, action)
    }

    fn asked(&self, state: &mut State, request: TabRequest) -> Vec<Effect> {
        update::asked(state, request)
    }

    fn enter(&self, state: &mut State) -> Vec<Effect> {
        update::enter(state)
    }

    fn focus(&self, state: &State) -> Focus {
        state.jobs.focus
    }

    fn set_focus(&self, state: &mut State, focus: Focus) {
        state.jobs.focus = focus;
    }

    fn division(&self, state: &State, width: u16) -> Division {
        let j = &state.jobs;
        if j.list.is_empty() { Division::one(j.focus) } else { Division::of_list(j.focus, j.zoom, LIST, width) }
    }

    fn border<'b>(&self, borders: &'b mut Borders) -> Option<&'b mut i16> {
        Some(&mut borders.jobs)
    }

    fn scroll(&self, state: &mut State, lines: isize) -> Vec<Effect> {
        motion::scroll(state, lines)
    }

    fn click(&self, state: &mut State, hit: Hit) -> Vec<Effect> {
        motion::click(state, hit)
    }

    fn reader(&self) -> Option<&'static dyn Reader> {
        Some(&update::reader::Section)
    }
}
