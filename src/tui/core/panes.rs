//! How a tab is divided: the list on the left, what is selected on the right, and where the user has put the border between them.

use super::state::{State, Tab};
use serde::{Deserialize, Serialize};

/// Which pane has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list on the left.
    #[default]
    List,
    /// The pane on the right.
    Details,
}

/// Below this many columns the right pane gets all of them while it has the keys.
const NARROW: u16 = 100;
/// Below this many there is one pane at a time.
const BOTH: u16 = 64;
/// Columns that the border goes by.
const STEP: i16 = 4;
/// The least that either pane keeps.
const LEAST: u16 = 24;

/// By how many columns the user has moved the border of each tab that has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Borders {
    models: i16,
    recipe: i16,
    jobs: i16,
}

impl Borders {
    fn of(&mut self, tab: Tab) -> Option<&mut i16> {
        match tab {
            Tab::Models => Some(&mut self.models),
            Tab::Recipe => Some(&mut self.recipe),
            Tab::Jobs => Some(&mut self.jobs),
            Tab::Compare | Tab::Watch | Tab::Log => None,
        }
    }
}

/// Columns of the left and of the right pane on a screen of this width; none for one that is not shown. The border has a column of its own.
pub fn panes(state: &State, width: u16) -> (u16, u16) {
    let Some(own) = unmoved(state, width) else { return alone(state, width) };
    let mut borders = state.borders;
    let moved = borders.of(state.tab).map_or(0, |by| *by);
    let left = bounded(own.saturating_add_signed(moved), width);
    (left, width - left - 1)
}

/// Columns of the left pane before anybody moves the border; nothing where one pane has the whole width.
fn unmoved(state: &State, width: u16) -> Option<u16> {
    let of_list = |focus: Focus, zoom: bool, most: u16| {
        let narrow = width < NARROW;
        let one = zoom || width < BOTH || (narrow && focus == Focus::Details);
        let share = if narrow { u32::from(width) * 9 / 20 } else { u32::from(width) * 2 / 5 };
        (!one).then(|| most.min(share as u16))
    };
    match state.tab {
        Tab::Models => of_list(state.models.focus, state.models.zoom, 46),
        Tab::Jobs if state.jobs.list.is_empty() => None,
        Tab::Jobs => of_list(state.jobs.focus, state.jobs.zoom, 44),
        Tab::Recipe => {
            let r = &state.recipe;
            let empty = r.source().is_none() && r.document.recipe.targets.is_empty();
            (!empty && !r.zoom && width >= BOTH).then(|| (width / 2).clamp(40, 74))
        }
        Tab::Compare | Tab::Watch | Tab::Log => None,
    }
}

fn alone(state: &State, width: u16) -> (u16, u16) {
    let left = match state.tab {
        Tab::Models => state.models.focus == Focus::List,
        Tab::Jobs => state.jobs.focus == Focus::List,
        Tab::Recipe | Tab::Compare | Tab::Watch | Tab::Log => true,
    };
    if left { (width, 0) } else { (0, width) }
}

fn bounded(left: u16, width: u16) -> u16 {
    let most = width.saturating_sub(LEAST + 1);
    left.min(most).max(LEAST.min(most))
}

/// True if the border would go a step to the right, or to the left.
pub(in crate::tui) fn can_move(state: &State, right: bool) -> bool {
    let (left, other) = panes(state, state.size.0);
    left > 0 && other > 0 && if right { other > LEAST } else { left > LEAST }
}

/// Moves the border by a step.
pub(in crate::tui) fn step(state: &mut State, right: bool) {
    let (left, _) = panes(state, state.size.0);
    put(state, left.saturating_add_signed(if right { STEP } else { -STEP }));
}

/// Puts the border into this column, or as near as both panes allow.
pub(in crate::tui) fn put(state: &mut State, column: u16) {
    let width = state.size.0;
    let Some(own) = unmoved(state, width) else { return };
    let by = i32::from(bounded(column, width)) - i32::from(own);
    let tab = state.tab;
    if let Some(border) = state.borders.of(tab) {
        *border = by as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_moves_by_steps_between_bounds_and_each_tab_has_its_own() {
        let mut state = State::new("/r".into(), jiff::Timestamp::UNIX_EPOCH);
        state.size = (120, 40);
        assert_eq!(panes(&state, 120), (46, 73));
        step(&mut state, true);
        assert_eq!(panes(&state, 120), (50, 69));
        for _ in 0..40 {
            step(&mut state, true);
        }
        assert_eq!((panes(&state, 120), can_move(&state, true)), ((95, LEAST), false));
        step(&mut state, false);
        assert_eq!(panes(&state, 120), (91, 28), "steps beyond the bound are not kept");
        put(&mut state, 0);
        assert_eq!((panes(&state, 120), can_move(&state, false)), ((LEAST, 95), false));
        assert_eq!(panes(&state, 70), (24, 45), "another width, the same bounds");
        state.models.zoom = true;
        assert_eq!((panes(&state, 120), can_move(&state, true)), ((120, 0), false), "no border, nothing to move");
        state.tab = Tab::Jobs;
        assert_eq!(state.borders.of(Tab::Jobs), Some(&mut 0));
    }
}
