//! The forecast of the source: asked for once for each source and each set of options that changes it, and how far it is.

use super::Budget;
use crate::plan::{Forecast, Forecasted};
use crate::recipe::Target;
use crate::tui::core::{ErrorCard, ForecastSource};
use std::sync::Arc;

/// The forecast that belongs to the recipe being composed.
#[derive(Clone, Debug, Default)]
pub struct ForecastState {
    /// Number of the latest request.
    pub request: u64,
    /// What the latest request asks for.
    asked: Option<(ForecastSource, Target)>,
    /// Tensors measured, of how many, while it is being made.
    pub measured: Option<(usize, usize)>,
    /// The latest answer; kept while only the budget changes, for it holds for everything else.
    pub answer: Option<Result<Arc<Forecast>, ErrorCard>>,
    /// The mixes of all budgets that were asked for with the same options.
    mixes: Vec<(Budget, Forecasted)>,
    /// True when `answer` answers the latest request.
    pub settled: bool,
}

impl ForecastState {
    /// Stores what is needed now; true if a request has to be sent.
    pub(in crate::tui::tabs::recipe) fn want(&mut self, source: &ForecastSource, target: &Target) -> bool {
        let same = self.asked.as_ref().is_some_and(|(s, t)| s == source && t == target);
        let failed = self.settled && matches!(self.answer, Some(Err(_)));
        if same && !failed {
            return false;
        }
        let without = Budget::without;
        let budget_only = self.asked.as_ref().is_some_and(|(s, t)| s == source && without(t) == without(target));
        if !budget_only {
            (self.answer, self.mixes) = (None, Vec::new());
        }
        self.asked = Some((source.clone(), target.clone()));
        self.request += 1;
        (self.settled, self.measured) = (false, None);
        true
    }

    /// Forgets the request, so that late answers are ignored; the counter continues.
    pub(in crate::tui::tabs::recipe) fn forget(&mut self) {
        *self = Self { request: self.request + 1, ..Self::default() };
    }

    /// Takes an answer, unless it is a late one to an earlier request.
    pub(in crate::tui::tabs::recipe) fn arrived(&mut self, request: u64, answer: Result<Arc<Forecast>, ErrorCard>) {
        if request == self.request {
            let asked = self.asked.as_ref().and_then(|(_, target)| Budget::of(target));
            if let (Some(budget), Ok(Some(mix))) = (asked, answer.as_ref().map(|f| f.choice.as_ref())) {
                self.mixes.retain(|(b, _)| *b != budget);
                self.mixes.push((budget, mix.forecast.clone()));
            }
            (self.answer, self.settled, self.measured) = (Some(answer), true, None);
        }
    }

    /// Takes progress of the latest request.
    pub(in crate::tui::tabs::recipe) fn progress(&mut self, request: u64, done: usize, all: usize) {
        if request == self.request && !self.settled {
            self.measured = Some((done, all));
        }
    }

    /// The forecast, if there is one.
    pub fn forecast(&self) -> Option<&Forecast> {
        self.answer.as_ref()?.as_ref().ok().map(Arc::as_ref)
    }

    /// What it says of a file type. `Q4_K` is the same as `Q4_K_M`, as llama-quantize has it.
    pub(crate) fn of_type(&self, name: &str) -> Option<&Forecasted> {
        let types = &self.forecast()?.types;
        let medium = || types.iter().find(|t| t.name.strip_suffix("_M") == Some(name));
        types.iter().find(|t| t.name == name).or_else(medium)
    }

    /// The mix for a budget, if it was asked for.
    pub(crate) fn mix_of(&self, budget: &Budget) -> Option<&Forecasted> {
        self.mixes.iter().find(|(b, _)| b == budget).map(|(_, f)| f)
    }

    /// True while an answer is awaited.
    pub fn waiting(&self) -> bool {
        self.asked.is_some() && !self.settled
    }
}
