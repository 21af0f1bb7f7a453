//! The slider on the budget, the figure of the plot, and measuring on a text: stopped and started again.

use super::{changed, forecast, replan};
use crate::recipe::RecipeTable;
use crate::tui::core::{Effect, Level, State};
use crate::tui::tabs::recipe::{Field, Row};

/// Moves the slider; what is on the screen follows from costs in memory.
pub(super) fn slide(state: &mut State, steps: i64) -> Vec<Effect> {
    let r = &mut state.recipe;
    if let Some(target) = r.forecast_target_index().filter(|t| r.current_target() != Some(*t)) {
        r.select(Row::Target(target));
    }
    r.slide(steps);
    Vec::new()
}

/// Takes the size at the slider as the budget.
pub(super) fn take(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    let (Some(target), Some(budget)) = (r.forecast_target_index(), r.slider_budget()) else {
        r.slider = None;
        return Vec::new();
    };
    r.slider = None;
    if r.change(|d| d.set_field(RecipeTable::Target(target), Field::Budget, &budget)) {
        return changed(state);
    }
    Vec::new()
}

/// Stops measuring on a text.
pub(super) fn stop_measuring(state: &mut State) -> Vec<Effect> {
    let r = &mut state.recipe;
    r.measuring_stopped = true;
    (r.plan_measured, r.measuring_since) = (None, None);
    r.forecast_state.stop();
    state.toast(Level::Info, "stopped; what was measured is kept, m continues".to_owned());
    vec![Effect::StopMeasuring]
}

/// Goes on measuring on a text.
pub(super) fn measure_again(state: &mut State) -> Vec<Effect> {
    state.recipe.measuring_stopped = false;
    let mut effects = replan(state);
    effects.extend(forecast(state));
    effects
}
