//! The pages and the events of a job, as something that is searched in.

use crate::tui::core::search::{Reader, lines_with};
use crate::tui::core::{Focus, Search, State};
use crate::tui::tabs::jobs::{JobSection, PageLine, page};

/// The section shown, where it is read line by line.
pub(in crate::tui::tabs::jobs) struct Section;

fn events(state: &State) -> usize {
    state.jobs.view.as_ref().map_or(0, |v| v.log.len())
}

impl Reader for Section {
    fn reads(&self, state: &State) -> bool {
        use JobSection::{Events, Plan, Recipe, Report};
        state.jobs.focus == Focus::Details
            && state.jobs.view.is_some()
            && matches!(state.jobs.section, Events | Plan | Recipe | Report)
    }

    fn search<'s>(&self, state: &'s State) -> Option<&'s Search> {
        Some(&state.jobs.search)
    }

    fn search_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut Search> {
        Some(&mut state.jobs.search)
    }

    fn hit_lines(&self, state: &State, query: &str) -> Vec<usize> {
        match &state.jobs.view {
            Some(view) if state.jobs.section == JobSection::Events => {
                lines_with(view.log.iter().map(|l| l.text.clone()), query)
            }
            _ => lines_with(page(state).iter().map(PageLine::words), query),
        }
    }

    fn first(&self, state: &State) -> usize {
        match state.jobs.section {
            JobSection::Events => events(state).saturating_sub(1 + state.jobs.row),
            _ => state.jobs.row,
        }
    }

    fn show(&self, state: &mut State, line: usize) {
        state.jobs.row = match state.jobs.section {
            JobSection::Events => events(state).saturating_sub(1 + line),
            _ => line,
        };
    }
}
