//! The planner's response to the recipe: a plan of the possible targets, and why the others are rejected.

use super::RecipeState;
use crate::job::JobSummary;
use crate::plan::{Plan, PlannedOutput};
use crate::tui::core::ErrorCard;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A response of the planner. Targets are numbered as in the recipe of the request, from 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanResponse {
    /// The plan of the possible targets.
    pub plan: Option<Arc<Plan>>,
    /// The possible targets, in the order of the plan's outputs.
    pub targets: Vec<usize>,
    /// The rejected targets.
    pub refused: Vec<TargetRejection>,
    /// Outputs that jobs were writing when the plan was made, and these jobs.
    pub written: Vec<(PathBuf, String)>,
}

/// Why a target is rejected.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRejection {
    /// The target; nothing if it is about the source, or about several together.
    pub target: Option<usize>,
    /// Why.
    pub card: ErrorCard,
}

impl PlanResponse {
    /// A response with a plan for all targets.
    pub fn complete(plan: Arc<Plan>) -> Self {
        Self { targets: (0..plan.outputs.len()).collect(), plan: Some(plan), ..Self::default() }
    }

    /// A response without a plan.
    pub fn refused(target: Option<usize>, card: ErrorCard) -> Self {
        Self { refused: vec![TargetRejection { target, card }], ..Self::default() }
    }

    /// The same with the numbers of targets that they have in a recipe from which only those `asked` were planned.
    fn counted_in(self, asked: &[usize]) -> Self {
        let place = |i: usize| asked.get(i).copied();
        let refused = self.refused.into_iter().map(|r| TargetRejection { target: r.target.and_then(place), ..r });
        Self {
            plan: self.plan,
            targets: self.targets.into_iter().filter_map(place).collect(),
            refused: refused.collect(),
            written: self.written,
        }
    }
}

impl RecipeState {
    /// Takes an answer of the planner.
    pub(in crate::tui::tabs::recipe) fn planned(&mut self, answer: PlanResponse) {
        self.plan = Some(answer.counted_in(&self.asked));
        self.note_default_folder();
        self.count_hits();
        self.find_problems();
    }

    /// Remembers where outputs go that have no place of their own. It stays known while a later plan cannot be made.
    fn note_default_folder(&mut self) {
        let recipe = &self.document.recipe;
        if recipe.output_dir.is_some() {
            return;
        }
        let own = |i: &usize| recipe.targets.get(*i).is_some_and(|t| t.output.is_some());
        let output = (0..recipe.targets.len()).filter(|i| !own(i)).find_map(|i| self.output(i));
        let folder = output.and_then(|o| o.path.parent()).map(Path::to_owned);
        if let (Some(folder), Some(source)) = (folder, self.source().cloned()) {
            self.planned_folder = Some((source, folder));
        }
    }

    /// The folder of outputs that have no place of their own, once a plan has named it.
    pub(crate) fn default_folder(&self) -> Option<&Path> {
        let (of, folder) = self.planned_folder.as_ref()?;
        (Some(of) == self.source()).then_some(folder)
    }

    /// The plan of the whole recipe, if all of it can be made.
    pub fn ready(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()?.plan.as_ref().filter(|_| self.problems.is_empty())
    }

    /// The job that is writing an output of the plan, with that output; paused jobs are at it, too.
    pub(crate) fn writer<'s>(&'s self, jobs: &'s [JobSummary]) -> Option<(&'s Path, &'s JobSummary)> {
        let of = |(path, id): &'s (PathBuf, String)| {
            let job = jobs.iter().find(|j| j.id == *id && !j.state.ended())?;
            Some((path.as_path(), job))
        };
        self.plan.as_ref()?.written.iter().find_map(of)
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

    /// The existing file of a target that would be replaced.
    pub(crate) fn in_the_way(&self, target: usize) -> Option<&Path> {
        self.output(target)?.replaces.first().map(std::path::PathBuf::as_path)
    }
}
