//! What the planner says of the recipe: a plan of the targets that can be made, and why the others cannot.

use super::RecipeState;
use crate::plan::{Plan, PlannedOutput};
use crate::tui::core::ErrorCard;
use std::path::Path;
use std::sync::Arc;

/// An answer of the planner. Targets are counted as in the recipe it was asked about, from 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// The plan of those that can be made.
    pub plan: Option<Arc<Plan>>,
    /// Which they are, in the order of the plan's outputs.
    pub targets: Vec<usize>,
    /// What cannot be made.
    pub refused: Vec<Refused>,
}

/// Something that cannot be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The target; nothing if it is about the source, or about several together.
    pub target: Option<usize>,
    /// Why.
    pub card: ErrorCard,
}

impl Planned {
    /// Everything can be made.
    pub fn whole(plan: Arc<Plan>) -> Self {
        Self { targets: (0..plan.outputs.len()).collect(), plan: Some(plan), refused: Vec::new() }
    }

    /// Nothing can be made.
    pub fn refused(target: Option<usize>, card: ErrorCard) -> Self {
        Self { refused: vec![Refused { target, card }], ..Self::default() }
    }

    /// The same with the numbers of targets that they have in a recipe from which only those `asked` were planned.
    fn counted_in(self, asked: &[usize]) -> Self {
        let place = |i: usize| asked.get(i).copied();
        let refused = self.refused.into_iter().map(|r| Refused { target: r.target.and_then(place), ..r });
        Self {
            plan: self.plan,
            targets: self.targets.into_iter().filter_map(place).collect(),
            refused: refused.collect(),
        }
    }
}

impl RecipeState {
    /// Takes an answer of the planner.
    pub(in crate::tui::tabs::recipe) fn planned(&mut self, answer: Planned) {
        self.plan = Some(answer.counted_in(&self.asked));
        self.count_hits();
        self.look_for_troubles();
    }

    /// The plan of the whole recipe, if all of it can be made.
    pub fn ready(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()?.plan.as_ref().filter(|_| self.troubles.is_empty())
    }

    /// The plan as far as it goes.
    pub(crate) fn partly(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()?.plan.as_ref()
    }

    /// What is planned for a target.
    pub fn output(&self, target: usize) -> Option<&PlannedOutput> {
        let planned = self.plan.as_ref()?;
        let at = planned.targets.iter().position(|t| *t == target)?;
        planned.plan.as_ref()?.outputs.get(at)
    }

    /// The file of a target that is there already and would be replaced.
    pub(crate) fn in_the_way(&self, target: usize) -> Option<&Path> {
        self.output(target)?.replaces.first().map(std::path::PathBuf::as_path)
    }
}
