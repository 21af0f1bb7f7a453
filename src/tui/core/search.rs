//! `/` where nothing is hidden: in what is read line by line (a long value, the pages and events of a job) it finds and marks. And `n`, `N`
//! everywhere `/` works: to the next hit and the one before, round the end. In a list that hides what does not match, every line is a hit, but
//! for the folders of the tree that are only kept for what is in them.

use super::commands::Cmd;
use super::input::{Completion, LineEdit};
use super::state::State;
use crate::tui::core::Effect;
use crate::tui::tabs;

/// What is searched for in what is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The words, as typed; empty where nothing is searched for.
    pub text: String,
    /// The words while they are edited.
    pub editing: Option<LineEdit>,
    /// Line where the search was started.
    from: usize,
    /// There is a hit: known after every update, for the keys that ask often.
    found: bool,
    /// Line of the hit gone to last, and the line shown first then.
    last: Option<(usize, usize)>,
}

/// What a tab shows line by line to be searched in: a long value, the pages and events of a job.
pub(in crate::tui) trait Reader: Sync {
    /// True while it has the keys.
    fn reads(&self, state: &State) -> bool;

    /// What is searched for in it, whichever pane has the keys.
    fn search<'s>(&self, state: &'s State) -> Option<&'s Search>;

    /// The same, to be changed.
    fn search_mut<'s>(&self, state: &'s mut State) -> Option<&'s mut Search>;

    /// The lines that have a hit, in order.
    fn hit_lines(&self, state: &State, query: &str) -> Vec<usize>;

    /// The line shown first; in a list that is followed at its end, the one shown last.
    fn first(&self, state: &State) -> usize;

    /// Shows a line.
    fn show(&self, state: &mut State, line: usize);
}

/// The lines of a text that have a hit.
pub(in crate::tui) fn lines_with(lines: impl Iterator<Item = String>, query: &str) -> Vec<usize> {
    lines.enumerate().filter(|(_, l)| !match_positions(l, query).is_empty()).map(|(i, _)| i).collect()
}

/// Places of a query in a text, by characters, regardless of case.
pub(crate) fn match_positions(text: &str, query: &str) -> Vec<usize> {
    let lower = |s: &str| s.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect::<Vec<char>>();
    let (text, query) = (lower(text), lower(query));
    if query.is_empty() {
        return Vec::new();
    }
    (0..text.len()).filter(|at| text[*at..].starts_with(&query)).collect()
}

fn reader(state: &State) -> Option<&'static dyn Reader> {
    tabs::shown(state).reader()
}

/// True while the keys are for something that is read line by line.
pub(in crate::tui) fn reads(state: &State) -> bool {
    reader(state).is_some_and(|r| r.reads(state))
}

/// The search of what the tab reads line by line, whichever pane has the keys.
pub fn searched(state: &State) -> Option<&Search> {
    reader(state)?.search(state)
}

fn searched_mut(state: &mut State) -> Option<&mut Search> {
    reader(state)?.search_mut(state)
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
pub(super) fn edited_words_mut(state: &mut State) -> Option<&mut LineEdit> {
    searched_mut(state)?.editing.as_mut()
}

/// The lines that have a hit, in order.
fn hit_lines(state: &State) -> Vec<usize> {
    match (reader(state).filter(|r| r.reads(state)), searched(state)) {
        (Some(reader), Some(search)) => reader.hit_lines(state, &search.text),
        _ => Vec::new(),
    }
}

/// The line of the last hit, unless the user has scrolled since.
pub(crate) fn current(state: &State) -> Option<usize> {
    let (line, shown) = searched(state)?.last?;
    (Some(shown) == first(state)).then_some(line)
}

fn first(state: &State) -> Option<usize> {
    Some(reader(state)?.first(state))
}

/// Which of the lines that have a hit was gone to last, from 1, and how many there are.
pub fn search_position(state: &State) -> (Option<usize>, usize) {
    let hits = hit_lines(state);
    (current(state).and_then(|l| hits.iter().position(|h| *h == l)).map(|i| i + 1), hits.len())
}

fn show(state: &mut State, line: usize) {
    if let Some(reader) = reader(state) {
        reader.show(state, line);
    }
}

/// Shows a hit and remembers that it was gone to.
fn go(state: &mut State, line: usize) {
    show(state, line);
    let shown = first(state);
    if let (Some(search), Some(shown)) = (searched_mut(state), shown) {
        search.last = Some((line, shown));
    }
}

/// Begins to search from what is shown.
fn start(state: &mut State) {
    let from = first(state).unwrap_or(0);
    if let Some(search) = searched_mut(state) {
        search.from = from;
        search.editing = Some(LineEdit::offering(&search.text));
    }
}

/// Nothing is searched for any more.
fn clear(state: &mut State) {
    if let Some(search) = searched_mut(state) {
        *search = Search::default();
    }
}

/// Updates the search after a key: shows the first hit from its start, or the start.
pub(super) fn edited(state: &mut State, what: Completion) {
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

/// Checks whether there is a hit; drops a search that is no longer shown.
pub(super) fn settle(state: &mut State) {
    let (reads, found) = (reads(state), is_on(state) && !hit_lines(state).is_empty());
    if let Some(search) = searched_mut(state) {
        search.found = found;
        search.editing.take_if(|_| !reads);
    }
}

/// True if there is a hit to go to.
pub(in crate::tui) fn has_hits(state: &State) -> bool {
    if reads(state) { searched(state).is_some_and(|s| s.found) } else { tabs::shown(state).has_hits(state) }
}

/// True while a filter or a search can be cleared.
pub(in crate::tui) fn can_clear(state: &State) -> bool {
    is_on(state) || tabs::shown(state).is_filtered(state)
}

/// The hit after a line among those that have one, or the one before; round the end.
pub(in crate::tui) fn next(hits: &[usize], at: usize, forward: bool) -> Option<usize> {
    let found = if forward { hits.iter().find(|h| **h > at) } else { hits.iter().rev().find(|h| **h < at) };
    found.or(if forward { hits.first() } else { hits.last() }).copied()
}

/// The line after one of a list in which every line is a hit, or the one before; round the end.
pub(in crate::tui) fn turn(at: usize, len: usize, forward: bool) -> usize {
    next(&(0..len).collect::<Vec<_>>(), at, forward).unwrap_or(at)
}

/// Runs a command on the search; nothing for other commands.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    match cmd {
        Cmd::Search => start(state),
        Cmd::HitNext | Cmd::HitPrev if reads(state) => step(state, cmd == Cmd::HitNext),
        Cmd::HitNext | Cmd::HitPrev => return Some(tabs::shown(state).next_hit(state, cmd == Cmd::HitNext)),
        Cmd::ClearFilter if is_on(state) => clear(state),
        _ => return None,
    }
    Some(Vec::new())
}

/// Goes to the next hit in what is read, or to the one before.
fn step(state: &mut State, forward: bool) {
    let shown = first(state).unwrap_or(0);
    let hits = hit_lines(state);
    // After scrolling, continue from what is shown, including a hit on its first line.
    let here = current(state);
    let line = match here {
        None if forward && hits.contains(&shown) => Some(shown),
        _ => next(&hits, here.unwrap_or(shown), forward),
    };
    if let Some(line) = line {
        go(state, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_found_regardless_of_case_and_go_round() {
        assert_eq!(match_positions("aÄbäA", "ä"), [1, 3]);
        assert_eq!(match_positions("aaa", "aa"), [0, 1]);
        assert_eq!((match_positions("a", ""), match_positions("", "a")), (vec![], vec![]));
        let hits = [2, 5, 9];
        assert_eq!([1, 2, 9].map(|at| next(&hits, at, true)), [Some(2), Some(5), Some(2)]);
        assert_eq!([1, 5, 9].map(|at| next(&hits, at, false)), [Some(9), Some(2), Some(5)]);
        assert_eq!(next(&[], 0, true), None);
    }
}
