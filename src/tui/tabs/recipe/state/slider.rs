//! The slider on the budget: sizes that are tried out on the costs in memory, before one of them is taken.

use super::RecipeState;
use crate::plan::goals::RuntimeMemory;
use crate::plan::{DialMix, Forecasted};
use crate::recipe::options::{Budget, measures_text};

/// Steps from the smallest file to the largest.
const STEPS: u64 = 100;

/// From when on the speed of measuring is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MeasuringSince {
    /// When it was first heard of.
    begun: jiff::Timestamp,
    /// The moment that is counted from.
    from: jiff::Timestamp,
    /// What was done then.
    done: usize,
}

impl RecipeState {
    /// True if there are costs in memory for a slider.
    pub(crate) fn can_slide(&self) -> bool {
        self.forecast_target_index().is_some() && self.forecast_state.forecast().is_some_and(|f| f.dial.is_some())
    }

    /// Moves the slider by so many steps, from the size of the target where it was not in use.
    pub(in crate::tui::tabs::recipe) fn slide(&mut self, steps: i64) {
        let Some(at) = self.forecast_target_index() else { return };
        let planned = self.output(at).map(|o| o.bytes).or_else(|| self.estimate(at).map(|e| e.bytes));
        let Some(dial) = self.forecast_state.forecast().and_then(|f| f.dial.clone()) else { return };
        let (least, most) = dial.range();
        let step = ((most - least) / STEPS).max(1) as i64;
        let from = self.slider.or(planned).unwrap_or(least.midpoint(most));
        self.slider = Some(from.saturating_add_signed(step.saturating_mul(steps)).clamp(least, most));
    }

    /// Measuring goes on: remembers from when on it is counted. What was measured before is read from the cache first, within moments, and
    /// says nothing of the time that the rest takes.
    pub(in crate::tui::tabs::recipe) fn heard_of_measuring(&mut self, done: usize, now: jiff::Timestamp) {
        const FROM_CACHE: f64 = 1.0;
        let new = MeasuringSince { begun: now, from: now, done };
        self.measuring_since = Some(match self.measuring_since {
            // A smaller number is that of another measurement.
            Some(m) if done < m.done => new,
            Some(m) if now.duration_since(m.begun).as_secs_f64() < FROM_CACHE => {
                MeasuringSince { begun: m.begun, ..new }
            }
            Some(m) => m,
            None => new,
        });
    }

    /// True while costs are measured on a text, which may take minutes.
    pub(crate) fn is_measuring(&self) -> bool {
        let planning = self.plan.is_none() && self.plan_measured.is_some();
        let waiting = planning || self.forecast_state.measured.is_some();
        waiting && self.document.recipe.targets.iter().any(measures_text)
    }

    /// True if there is no plan because measuring on a text is stopped.
    pub(crate) fn waits_for_measuring(&self) -> bool {
        self.measuring_stopped && self.plan.is_none() && self.document.recipe.targets.iter().any(measures_text)
    }

    /// Why there are no divergences to show.
    pub(crate) fn why_no_divergence(&self) -> &'static str {
        match self.document.recipe.targets.iter().any(measures_text) {
            true if self.measuring_stopped => "no divergences yet: measuring is stopped, m continues",
            true => "no divergences yet: they are being measured",
            false => "divergences are there only with budget_data or scores",
        }
    }

    /// Seconds until measuring is done, once that can be said.
    pub(crate) fn measuring_left(&self, (done, all): (usize, usize), now: jiff::Timestamp) -> Option<f64> {
        const SURE: f64 = 2.0;
        let MeasuringSince { from, done: first, .. } = self.measuring_since?;
        let (seconds, more) = (now.duration_since(from).as_secs_f64(), done.checked_sub(first).filter(|n| *n > 0)?);
        (seconds > SURE).then(|| seconds / more as f64 * all.saturating_sub(done) as f64)
    }

    /// The mix at the slider; nothing while it is not in use.
    pub(crate) fn slider_mix(&self) -> Option<DialMix> {
        self.forecast_state.forecast()?.dial.as_ref()?.at(self.slider?)
    }

    /// The budget at the slider as it is typed: a size, rounded down.
    pub(in crate::tui::tabs::recipe) fn slider_budget(&self) -> Option<String> {
        let mix = self.slider_mix()?;
        let (unit, scale) = match mix.bytes {
            1_000_000_000.. => ("GB", 1e9),
            1_000_000.. => ("MB", 1e6),
            _ => ("kB", 1e3),
        };
        // Up to the slider, so that what padding takes has a place.
        let bytes = self.slider?.max(mix.bytes);
        Some(format!("{}{unit}", (bytes as f64 / scale * 1000.0).floor() / 1000.0))
    }

    /// What the target has now, for going back to it.
    pub(crate) fn before_slider(&self) -> String {
        let target = self.forecast_target_index().and_then(|i| self.document.recipe.targets.get(i));
        match target.map(|t| (Budget::of(t), t.quantization.clone())) {
            Some((Some(budget), _)) => budget.to_string(),
            Some((None, Some(q))) => q.to_ascii_uppercase(),
            _ => "the types of the source".to_owned(),
        }
    }

    /// True if losses are shown as divergences: they were measured, and the user did not ask for dB.
    pub(crate) fn shows_kld(&self) -> bool {
        !self.in_db && self.forecast_state.forecast().is_some_and(|f| f.divergence.is_some())
    }

    /// What an output loses, in the figure that is shown.
    pub(crate) fn loss_text(&self, f: &Forecasted) -> String {
        if self.shows_kld() {
            return f.kld.map(nats).unwrap_or_default();
        }
        f.output_sqnr_db.map_or_else(|| "exact".to_owned(), |db| format!("{db:.1}"))
    }

    /// The same in five columns: `.0021`, `6e-4`.
    pub(crate) fn loss_short(&self, f: &Forecasted) -> String {
        match f.kld.filter(|_| self.shows_kld()) {
            Some(kld) => nats_short(kld),
            None => self.loss_text(f),
        }
    }

    /// Head of a column of losses.
    pub(crate) fn loss_head(&self) -> &'static str {
        if self.shows_kld() { "KLD" } else { "dB" }
    }

    /// What a runtime needs besides the weights, where that is known.
    pub(crate) fn runtime(&self) -> Option<RuntimeMemory> {
        self.forecast_state.forecast()?.runtime
    }
}

/// A divergence in at most six columns: `0.014`, `0.0021`, `5.6e-4`.
pub(crate) fn nats(kld: f64) -> String {
    match kld {
        k if k <= 0.0 => "0".to_owned(),
        k if k >= 0.0995 => format!("{k:.2}"),
        k if k >= 0.00995 => format!("{k:.3}"),
        k if k >= 0.000_995 => format!("{k:.4}"),
        k => format!("{k:.1e}"),
    }
}

fn nats_short(kld: f64) -> String {
    let text = nats(kld);
    match text.strip_prefix("0.") {
        Some(rest) => format!(".{rest}"),
        None if text.contains('e') => format!("{kld:.0e}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_the_cache_is_not_taken_for_speed() {
        let at = |tenths: i64| jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_millis(tenths * 100);
        let mut r = RecipeState::default();
        for (tenths, done) in [(0, 0), (3, 18), (6, 24), (30, 25), (50, 26)] {
            r.heard_of_measuring(done, at(tenths));
        }
        // Two in 4.4 seconds, not 26 in 5.
        let left = r.measuring_left((26, 236), at(50)).unwrap();
        assert!((left - 2.2 * 210.0).abs() < 1.0, "{left}");
        r.heard_of_measuring(3, at(60));
        assert_eq!(r.measuring_left((4, 236), at(61)), None, "another measurement begins");
    }

    #[test]
    fn divergences_are_short() {
        let all = [0.5, 0.0142, 0.002_13, 0.000_56, 1e-7, 0.0];
        assert_eq!(all.map(nats), ["0.50", "0.014", "0.0021", "5.6e-4", "1.0e-7", "0"]);
        assert_eq!(all.map(nats_short), [".50", ".014", ".0021", "6e-4", "1e-7", "0"]);
    }
}
