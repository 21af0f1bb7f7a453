//! The forecasts of the source: one for each set of options that changes it, asked for once each, and how far the latest is.
//!
//! Targets that differ in an option such as `effort` have different errors and times, so each of them is shown with the forecast of its own
//! options. One is asked for at a time: that of the selected target first, then those of the others.

use super::Budget;
use crate::plan::{Forecast, Forecasted};
use crate::recipe::Target;
use crate::tui::core::{ErrorCard, ForecastSource};
use std::sync::Arc;

/// The forecasts that belong to the recipe being composed. A target means its options here: it has no type, no output, and no budget.
#[derive(Clone, Debug, Default)]
pub struct ForecastState {
    /// Number of the latest request.
    pub request: u64,
    /// What the latest request asks for; the target may have a budget.
    asked: Option<(ForecastSource, Target)>,
    /// Tensors measured, of how many, while it is being made.
    pub measured: Option<(usize, usize)>,
    /// The options of the selected target.
    shown: Option<Target>,
    /// The latest answer for each set of options; kept while only the budget changes, for it holds for everything else.
    answers: Vec<(Target, Result<Arc<Forecast>, ErrorCard>)>,
    /// The mixes of all budgets that were asked for; nothing where a budget has none.
    mixes: Vec<(Target, Budget, Option<Forecasted>)>,
    /// True when the latest request is answered.
    pub settled: bool,
}

impl ForecastState {
    /// Stores what the selected target needs now; true if a request has to be sent.
    pub(in crate::tui::tabs::recipe) fn want(&mut self, source: &ForecastSource, target: &Target) -> bool {
        let options = Budget::without(target);
        self.shown = Some(options.clone());
        self.go_on_with(source);
        let asked = self.asked.as_ref().is_some_and(|(_, t)| t == target);
        let failed = matches!(self.answer_for(&options), Some(Err(_)));
        if (asked && !self.settled) || (!failed && !self.lacks(target)) {
            return false;
        }
        if failed {
            self.answers.retain(|(t, _)| *t != options);
        }
        self.ask(source, target);
        true
    }

    /// Stores what another target needs, unless an answer is awaited already; true if a request has to be sent.
    pub(in crate::tui::tabs::recipe) fn want_too(&mut self, source: &ForecastSource, target: &Target) -> bool {
        self.go_on_with(source);
        let needed = !self.waiting() && self.lacks(target);
        if needed {
            self.ask(source, target);
        }
        needed
    }

    fn ask(&mut self, source: &ForecastSource, target: &Target) {
        self.asked = Some((source.clone(), target.clone()));
        self.request += 1;
        (self.settled, self.measured) = (false, None);
    }

    /// True if nothing is known of a target yet. A forecast that failed is known.
    fn lacks(&self, target: &Target) -> bool {
        let options = Budget::without(target);
        match (self.answer_for(&options), Budget::of(target)) {
            (None, _) => true,
            (Some(Ok(_)), Some(budget)) => !self.mixes.iter().any(|(t, b, _)| *t == options && *b == budget),
            _ => false,
        }
    }

    /// Keeps only what is known of these targets, and of the selected one.
    pub(in crate::tui::tabs::recipe) fn keep(&mut self, targets: &[Target]) {
        let mut options: Vec<Target> = targets.iter().map(Budget::without).collect();
        options.extend(self.shown.clone());
        let used = |t: &Target| options.contains(t);
        self.answers.retain(|(t, _)| used(t));
        self.mixes.retain(|(t, ..)| used(t));
    }

    /// Drops what is known of another source.
    fn go_on_with(&mut self, source: &ForecastSource) {
        if self.asked.as_ref().is_some_and(|(s, _)| s != source) {
            (self.answers, self.mixes, self.settled, self.asked) = (Vec::new(), Vec::new(), false, None);
        }
    }

    /// Forgets the request, so that late answers are ignored; the counter continues.
    pub(in crate::tui::tabs::recipe) fn forget(&mut self) {
        *self = Self { request: self.request + 1, ..Self::default() };
    }

    /// Takes an answer, unless it is a late one to an earlier request.
    pub(in crate::tui::tabs::recipe) fn arrived(&mut self, request: u64, answer: Result<Arc<Forecast>, ErrorCard>) {
        let Some((_, target)) = self.asked.as_ref().filter(|_| request == self.request) else { return };
        let options = Budget::without(target);
        if let (Some(budget), Ok(forecast)) = (Budget::of(target), &answer) {
            let mix = forecast.choice.as_ref().map(|mix| mix.forecast.clone());
            self.mixes.retain(|(t, b, _)| *b != budget || *t != options);
            self.mixes.push((options.clone(), budget, mix));
        }
        self.answers.retain(|(t, _)| *t != options);
        self.answers.push((options, answer));
        (self.settled, self.measured) = (true, None);
    }

    /// Forgets that an answer is awaited: it was stopped.
    pub(in crate::tui::tabs::recipe) fn stop(&mut self) {
        if self.waiting() {
            (self.asked, self.measured) = (None, None);
            self.request += 1;
        }
    }

    /// Takes progress of the latest request.
    pub(in crate::tui::tabs::recipe) fn progress(&mut self, request: u64, done: usize, all: usize) {
        if request == self.request && !self.settled {
            self.measured = Some((done, all));
        }
    }

    fn answer_for(&self, options: &Target) -> Option<&Result<Arc<Forecast>, ErrorCard>> {
        self.answers.iter().find(|(t, _)| t == options).map(|(_, answer)| answer)
    }

    /// The answer for the selected target, if there is one.
    pub(in crate::tui::tabs::recipe) fn answer(&self) -> Option<&Result<Arc<Forecast>, ErrorCard>> {
        self.answer_for(self.shown.as_ref()?)
    }

    /// The forecast of the selected target, if there is one.
    pub fn forecast(&self) -> Option<&Forecast> {
        self.answer()?.as_ref().ok().map(Arc::as_ref)
    }

    /// What the forecast of the selected target says of a file type.
    pub(crate) fn of_type(&self, name: &str) -> Option<&Forecasted> {
        self.type_for(self.shown.as_ref()?, name)
    }

    /// What the forecast of these options says of a file type. `Q4_K` is the same as `Q4_K_M`, as llama-quantize has it.
    pub(crate) fn type_for(&self, options: &Target, name: &str) -> Option<&Forecasted> {
        let types = &self.answer_for(options)?.as_ref().ok()?.types;
        let medium = || types.iter().find(|t| t.name.strip_suffix("_M") == Some(name));
        types.iter().find(|t| t.name == name).or_else(medium)
    }

    /// The mix for a budget with these options, if it was asked for.
    pub(crate) fn mix_for(&self, options: &Target, budget: &Budget) -> Option<&Forecasted> {
        self.mixes.iter().find(|(t, b, _)| b == budget && t == options)?.2.as_ref()
    }

    /// The mix for a budget of the selected target, if it was asked for.
    pub(crate) fn mix_of(&self, budget: &Budget) -> Option<&Forecasted> {
        self.mix_for(self.shown.as_ref()?, budget)
    }

    /// True while an answer is awaited.
    pub fn waiting(&self) -> bool {
        self.asked.is_some() && !self.settled
    }
}
