//! How a tab is divided: the list on the left, what is selected on the right, and where the user has put the border between them.

use super::state::State;
use crate::tui::tabs;
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

impl Focus {
    /// The other pane.
    pub(crate) fn other(self) -> Self {
        if self == Self::List { Self::Details } else { Self::List }
    }
}

/// Below this many columns the right pane gets all of them while it has the keys.
const NARROW: u16 = 100;
/// Below this many there is one pane at a time.
pub(in crate::tui) const BOTH: u16 = 64;
/// Columns that the border goes by.
const STEP: i16 = 4;
/// The least that either pane keeps.
const MIN_WIDTH: u16 = 24;

/// By how many columns the user has moved the border of each tab that has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Borders {
    pub(in crate::tui) models: i16,
    pub(in crate::tui) recipe: i16,
    pub(in crate::tui) jobs: i16,
}

/// How a tab is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tui) enum Division {
    /// Two panes; so many columns for the left one before the user moves the border.
    Both(u16),
    /// The left pane alone.
    List,
    /// The right pane alone.
    Details,
}

impl Division {
    /// The pane with the keys alone.
    pub(in crate::tui) fn one(focus: Focus) -> Self {
        if focus == Focus::List { Self::List } else { Self::Details }
    }

    /// A list of at most so many columns beside its details; only one of them if it is zoomed or space is short.
    pub(in crate::tui) fn of_list(focus: Focus, zoom: bool, most: u16, width: u16) -> Self {
        let narrow = width < NARROW;
        if zoom || width < BOTH || (narrow && focus == Focus::Details) {
            return Self::one(focus);
        }
        let share = if narrow { u32::from(width) * 9 / 20 } else { u32::from(width) * 2 / 5 };
        Self::Both(most.min(share as u16))
    }
}

fn moved(state: &State) -> i16 {
    let mut borders = state.borders;
    tabs::shown(state).border(&mut borders).map_or(0, |by| *by)
}

/// Columns of the left and of the right pane on a screen of this width; none for one that is not shown. The border takes one column.
pub fn panes(state: &State, width: u16) -> (u16, u16) {
    match tabs::shown(state).division(state, width) {
        Division::Both(own) => {
            let left = bounded(own.saturating_add_signed(moved(state)), width);
            (left, width - left - 1)
        }
        Division::List => (width, 0),
        Division::Details => (0, width),
    }
}

fn bounded(left: u16, width: u16) -> u16 {
    let most = width.saturating_sub(MIN_WIDTH + 1);
    left.min(most).max(MIN_WIDTH.min(most))
}

/// True if the border would go a step to the right, or to the left.
pub(in crate::tui) fn can_move(state: &State, right: bool) -> bool {
    let (left, other) = panes(state, state.size.0);
    left > 0 && other > 0 && if right { other > MIN_WIDTH } else { left > MIN_WIDTH }
}

/// Moves the border by a step.
pub(in crate::tui) fn step(state: &mut State, right: bool) {
    let (left, _) = panes(state, state.size.0);
    put(state, left.saturating_add_signed(if right { STEP } else { -STEP }));
}

/// Puts the border into this column, or as near as both panes allow.
pub(in crate::tui) fn put(state: &mut State, column: u16) {
    let width = state.size.0;
    let tab = tabs::shown(state);
    if !matches!(tab.division(state, width), Division::Both(_)) {
        return;
    }
    // What is kept counts from a border that does not depend on what is listed.
    if let Some(border) = tab.border(&mut state.borders).filter(|by| **by == 0) {
        *border = 1;
    }
    let Division::Both(own) = tab.division(state, width) else { return };
    let by = i32::from(bounded(column, width)) - i32::from(own);
    if let Some(border) = tab.border(&mut state.borders) {
        *border = by as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::core::Tab;

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
        assert_eq!((panes(&state, 120), can_move(&state, true)), ((95, MIN_WIDTH), false));
        step(&mut state, false);
        assert_eq!(panes(&state, 120), (91, 28), "steps beyond the bound are not kept");
        put(&mut state, 0);
        assert_eq!((panes(&state, 120), can_move(&state, false)), ((MIN_WIDTH, 95), false));
        assert_eq!(panes(&state, 70), (24, 45), "another width, the same bounds");
        state.models.zoom = true;
        assert_eq!((panes(&state, 120), can_move(&state, true)), ((120, 0), false), "no border, nothing to move");
        state.tab = Tab::Jobs;
        assert_eq!(moved(&state), 0);
    }
}
