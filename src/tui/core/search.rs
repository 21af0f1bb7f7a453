//! `/` where nothing is hidden: in what is read line by line (a long value, the pages and events of a job) it finds and marks. And `n`, `N`
//! everywhere `/` works: to the next hit and the one before, round the end. In a list that hides what does not match, every line is a hit, but
//! for the folders of the tree that are only kept for what is in them.

use super::Focus;
use super::input::{Completion, LineEdit};
use super::state::{State, Tab};
use crate::tui::tabs::compare::CompareState;
use crate::tui::tabs::jobs::{JobSection, PageLine, page};
use crate::tui::tabs::models::state::reading::room;
use crate::tui::tabs::models::{Row, Section, read_lines};

/// What is searched for in what is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The words, as typed; empty where nothing is searched for.
    pub text: String,
    /// The words while they are edited.
    pub editing: Option<LineEdit>,
    /// Line where the search was begun.
    from: usize,
    /// There is a hit: known after every update, for the keys that ask often.
    found: bool,
    /// Line of the hit gone to last, and the line shown first then.
    last: Option<(usize, usize)>,
}

/// Places of a query in a text, by characters, regardless of case.
pub fn places(text: &str, query: &str) -> Vec<usize> {
    let lower = |s: &str| s.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect::<Vec<char>>();
    let (text, query) = (lower(text), lower(query));
    if query.is_empty() {
        return Vec::new();
    }
    (0..text.len()).filter(|at| text[*at..].starts_with(&query)).collect()
}

/// True while the keys are for something that is read line by line.
pub(in crate::tui) fn reads(state: &State) -> bool {
    match state.tab {
        Tab::Models => state.models.focus == Focus::Details && state.models.inspect.reading.is_some(),
        Tab::Jobs => {
            use JobSection::{Events, Plan, Recipe, Report};
            state.jobs.focus == Focus::Details
                && state.jobs.view.is_some()
                && matches!(state.jobs.section, Events | Plan | Recipe | Report)
        }
        _ => false,
    }
}

/// The search of what the tab reads line by line, whichever pane has the keys.
pub fn searched(state: &State) -> Option<&Search> {
    match state.tab {
        Tab::Models => state.models.inspect.reading.as_ref().map(|r| &r.search),
        Tab::Jobs => Some(&state.jobs.search),
        _ => None,
    }
}

fn searched_mut(state: &mut State) -> Option<&mut Search> {
    match state.tab {
        Tab::Models => state.models.inspect.reading.as_mut().map(|r| &mut r.search),
        Tab::Jobs => Some(&mut state.jobs.search),
        _ => None,
    }
}

/// True while something is searched for.
pub(in crate::tui) fn is_on(state: &State) -> bool {
    reads(state) && searched(state).is_some_and(|s| !s.text.is_empty())
}

/// The words being edited, if they are.
pub fn edited_words(state: &State) -> Option<&LineEdit> {
    searched(state)?.editing.as_ref()
}

/// The same, for a key.
pub(in crate::tui) fn edited_words_mut(state: &mut State) -> Option<&mut LineEdit> {
    searched_mut(state)?.editing.as_mut()
}

/// The lines that have a hit, in order.
fn hit_lines(state: &State) -> Vec<usize> {
    let Some(Search { text: query, .. }) = searched(state) else { return Vec::new() };
    let of = |lines: Vec<String>| {
        lines.iter().enumerate().filter(|(_, l)| !places(l, query).is_empty()).map(|(i, _)| i).collect()
    };
    match (&state.models.inspect.reading, &state.jobs.view) {
        _ if !reads(state) => Vec::new(),
        (Some(reading), _) if state.tab == Tab::Models => {
            let lines = read_lines(&reading.text, room(state).0);
            // A hit may be broken across two lines: it is on the first of them.
            let line = |at: usize| lines.partition_point(|l| l.start <= at).saturating_sub(1);
            let mut hits: Vec<usize> = places(&reading.text, query).into_iter().map(line).collect();
            hits.dedup();
            hits
        }
        (_, Some(view)) if state.jobs.section == JobSection::Events => {
            of(view.log.iter().map(|l| l.text.clone()).collect())
        }
        _ => of(page(state).iter().map(PageLine::words).collect()),
    }
}

/// The line of the hit gone to last, unless somebody has scrolled since.
pub fn current(state: &State) -> Option<usize> {
    let (line, shown) = searched(state)?.last?;
    (shown == shown_first(state)).then_some(line)
}

/// Which of the lines that have a hit was gone to last, from 1, and how many there are.
pub fn standing(state: &State) -> (Option<usize>, usize) {
    let hits = hit_lines(state);
    (current(state).and_then(|l| hits.iter().position(|h| *h == l)).map(|i| i + 1), hits.len())
}

/// The line shown first; in the event log the one shown last.
fn shown_first(state: &State) -> usize {
    match (&state.models.inspect.reading, &state.jobs.view) {
        (Some(reading), _) if state.tab == Tab::Models => reading.scroll,
        (_, Some(view)) if state.jobs.section == JobSection::Events => {
            view.log.len().saturating_sub(1 + state.jobs.row)
        }
        _ => state.jobs.row,
    }
}

/// The line of what is read over the details that stands first when its end is in view.
pub(in crate::tui) fn last_top(state: &State) -> usize {
    let (width, height) = room(state);
    let Some(reading) = &state.models.inspect.reading else { return 0 };
    // The search has a line of its own.
    let searched = !reading.search.text.is_empty() || reading.search.editing.is_some();
    read_lines(&reading.text, width).len().saturating_sub(height.saturating_sub(usize::from(searched)))
}

fn show(state: &mut State, line: usize) {
    let events = state.jobs.view.as_ref().map_or(0, |v| v.log.len());
    let end = last_top(state);
    match &mut state.models.inspect.reading {
        Some(reading) if state.tab == Tab::Models => reading.scroll = line.min(end),
        _ if state.jobs.section == JobSection::Events => state.jobs.row = events.saturating_sub(1 + line),
        _ => state.jobs.row = line,
    }
}

/// Shows a hit and remembers that it was gone to.
fn go(state: &mut State, line: usize) {
    show(state, line);
    let shown = shown_first(state);
    if let Some(search) = searched_mut(state) {
        search.last = Some((line, shown));
    }
}

/// Begins to search from what is shown.
pub(in crate::tui) fn start(state: &mut State) {
    let from = shown_first(state);
    if let Some(search) = searched_mut(state) {
        search.from = from;
        search.editing = Some(LineEdit::offering(&search.text));
    }
}

/// Nothing is searched for any more.
pub(in crate::tui) fn clear(state: &mut State) {
    if let Some(search) = searched_mut(state) {
        *search = Search::default();
    }
}

/// Carries on after a key in the words: the first hit from where the search was begun is shown, or that place.
pub(in crate::tui) fn edited(state: &mut State, what: Completion) {
    let Some(search) = searched_mut(state) else { return };
    let from = search.from;
    match (what, &search.editing) {
        (Completion::Dropped, _) | (_, None) => {
            clear(state);
            return show(state, from);
        }
        (_, Some(line)) => search.text.clone_from(&line.text),
    }
    if what != Completion::Editing {
        search.editing = None;
    }
    let hits = hit_lines(state);
    match hits.iter().find(|h| **h >= from).or(hits.first()) {
        Some(line) => go(state, *line),
        None => show(state, from),
    }
}

/// Finds out whether there is a hit; leaves words that nobody sees any more.
pub(in crate::tui) fn settle(state: &mut State) {
    let (reads, found) = (reads(state), is_on(state) && !hit_lines(state).is_empty());
    if let Some(search) = searched_mut(state) {
        search.found = found;
        search.editing.take_if(|_| !reads);
    }
}

/// True if there is a hit to go to.
pub(in crate::tui) fn has_hits(state: &State) -> bool {
    let m = &state.models;
    match state.tab {
        _ if reads(state) => searched(state).is_some_and(|s| s.found),
        Tab::Models if m.focus == Focus::List => !m.filter.is_empty() && m.rows().iter().any(|r| is_model(state, r)),
        Tab::Models => {
            let filters = matches!(m.details.section, Section::Tensors | Section::Metadata);
            filters && !m.details.filter.is_empty() && m.section_len() > 0
        }
        Tab::Compare => {
            let CompareState { drilled, filter, .. } = &state.compare;
            *drilled && !filter.is_empty() && !state.compare.tensor_rows().is_empty()
        }
        Tab::Log => !state.log.filter.is_empty() && !state.log.shown().is_empty(),
        Tab::Recipe | Tab::Jobs | Tab::Watch => false,
    }
}

fn is_model(state: &State, row: &Row) -> bool {
    state.models.node_at(&row.path).is_some_and(|n| n.model.is_some())
}

/// The hit after a line among those that have one, or the one before; round the end.
fn next(hits: &[usize], at: usize, forward: bool) -> Option<usize> {
    let found = if forward { hits.iter().find(|h| **h > at) } else { hits.iter().rev().find(|h| **h < at) };
    found.or(if forward { hits.first() } else { hits.last() }).copied()
}

/// Goes to the next hit, or the one before. True if another line is selected in the tree.
pub(in crate::tui) fn step(state: &mut State, forward: bool) -> bool {
    let turn = |at: usize, len: usize| next(&(0..len).collect::<Vec<_>>(), at, forward).unwrap_or(at);
    match state.tab {
        _ if reads(state) => {
            let shown = shown_first(state);
            let hits = hit_lines(state);
            // Whoever has scrolled goes on from what is shown, the hit on its first line included.
            let here = current(state);
            let line = match here {
                None if forward && hits.contains(&shown) => Some(shown),
                _ => next(&hits, here.unwrap_or(shown), forward),
            };
            if let Some(line) = line {
                go(state, line);
            }
        }
        Tab::Models if state.models.focus == Focus::List => {
            let rows = state.models.rows().iter().enumerate();
            let hits: Vec<usize> = rows.filter(|(_, r)| is_model(state, r)).map(|(i, _)| i).collect();
            if let Some(to) = next(&hits, state.models.cursor(), forward) {
                state.models.select(to);
                return true;
            }
        }
        Tab::Models => {
            let m = &mut state.models;
            m.details.row = turn(m.details.row, m.section_len());
        }
        Tab::Compare => {
            let c = &mut state.compare;
            c.row = turn(c.row, c.tensor_rows().len());
        }
        Tab::Log => {
            let len = state.log.shown().len();
            let at = turn(len.saturating_sub(1 + state.log.up), len);
            state.log.up = len.saturating_sub(1 + at);
        }
        Tab::Recipe | Tab::Jobs | Tab::Watch => {}
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_found_regardless_of_case_and_go_round() {
        assert_eq!(places("aÄbäA", "ä"), [1, 3]);
        assert_eq!(places("aaa", "aa"), [0, 1]);
        assert_eq!((places("a", ""), places("", "a")), (vec![], vec![]));
        let hits = [2, 5, 9];
        assert_eq!([1, 2, 9].map(|at| next(&hits, at, true)), [Some(2), Some(5), Some(2)]);
        assert_eq!([1, 5, 9].map(|at| next(&hits, at, false)), [Some(9), Some(2), Some(5)]);
        assert_eq!(next(&[], 0, true), None);
    }
}
