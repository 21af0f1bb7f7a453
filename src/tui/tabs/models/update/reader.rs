//! The long value over the details, as something that is searched in.

use crate::tui::core::search::{Reader, match_positions};
use crate::tui::core::{Focus, Search, State};
use crate::tui::tabs::models::read_lines;
use crate::tui::tabs::models::state::reading::available;

/// The long value.
pub(in crate::tui::tabs::models) struct LongValue;

/// The line that is shown first when the end of the value is in view.
pub(super) fn last_top(state: &State) -> usize {
    let (width, height) = available(state);
    let Some(reading) = &state.models.inspect.reading else { return 0 };
    // The search takes one line.
    let searched = !reading.search.text.is_empty() || reading.search.editing.is_some();
    read_lines(&reading.text, width).len().saturating_sub(height.saturating_sub(usize::from(searched)))
}

impl Reader for LongValue {
    fn reads(&self, state: &State) -> bool {
        state.models.focus == Focus::Details && state.models.inspect.reading.is_some()
    }

    fn search<'s>(&self, state: &'s State) -> Option<&'s Search> {
        state.models.inspect.reading.as_ref().map(|r| &r.search)
    }

    fn search_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut Search> {
        state.models.inspect.reading.as_mut().map(|r| &mut r.search)
    }

    fn hit_lines(&self, state: &State, query: &str) -> Vec<usize> {
        let Some(reading) = &state.models.inspect.reading else { return Vec::new() };
        let lines = read_lines(&reading.text, available(state).0);
        // A hit may be broken across two lines: it is on the first of them.
        let line = |at: usize| lines.partition_point(|l| l.start <= at).saturating_sub(1);
        let mut hits: Vec<usize> = match_positions(&reading.text, query).into_iter().map(line).collect();
        hits.dedup();
        hits
    }

    fn first(&self, state: &State) -> usize {
        state.models.inspect.reading.as_ref().map_or(0, |r| r.scroll)
    }

    fn show(&self, state: &mut State, line: usize) {
        let end = last_top(state);
        if let Some(reading) = &mut state.models.inspect.reading {
            reading.scroll = line.min(end);
        }
    }
}
