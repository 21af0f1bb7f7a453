//! The sections of a job: their order, and which one opens. What matters at the moment comes first: the grid while a job works, its
//! report once it has ended. A section that the user chose for a job stays.

use super::JobsState;
use std::collections::HashMap;

/// Sections of the job pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the sections' titles")]
pub enum JobSection {
    #[default]
    Layers,
    Tensors,
    Metrics,
    Events,
    Plan,
    Recipe,
    Report,
}

impl JobSection {
    /// All, in the order of a job that has not ended.
    pub const ALL: [Self; 7] =
        [Self::Layers, Self::Tensors, Self::Metrics, Self::Events, Self::Plan, Self::Recipe, Self::Report];
    /// All, in the order of a job that has ended.
    const ENDED: [Self; 7] =
        [Self::Report, Self::Layers, Self::Tensors, Self::Metrics, Self::Events, Self::Plan, Self::Recipe];

    /// All of a measurement that has not ended: it has neither tensors nor a plan.
    const MEASURING: [Self; 4] = [Self::Layers, Self::Metrics, Self::Events, Self::Report];
    /// All of a measurement that has ended.
    const MEASURED: [Self; 4] = [Self::Report, Self::Layers, Self::Metrics, Self::Events];

    /// Its title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Layers => "Layers",
            Self::Tensors => "Tensors",
            Self::Metrics => "Metrics",
            Self::Events => "Events",
            Self::Plan => "Plan",
            Self::Recipe => "Recipe",
            Self::Report => "Report",
        }
    }
}

/// The section that the user chose, by job.
pub(crate) type ChosenSections = HashMap<String, JobSection>;

impl JobsState {
    /// The sections of the selected job in their order.
    pub fn sections(&self) -> &'static [JobSection] {
        let of = |fits: fn(&crate::job::JobSummary) -> bool| self.current().is_some_and(fits);
        match (of(|j| j.kind.measures()), of(|j| j.state.ended())) {
            (false, false) => &JobSection::ALL,
            (false, true) => &JobSection::ENDED,
            (true, false) => &JobSection::MEASURING,
            (true, true) => &JobSection::MEASURED,
        }
    }

    /// The section that was chosen for the selected job.
    pub(crate) fn chosen_section(&self) -> Option<JobSection> {
        self.chosen_sections.get(self.selected.as_ref()?).copied()
    }

    /// Shows a section of the selected job, and from then on whenever that job is selected.
    pub(crate) fn choose(&mut self, section: JobSection) {
        if section != self.section {
            (self.section, self.row) = (section, 0);
        }
        if let Some(id) = self.selected.clone() {
            self.chosen_sections.insert(id, section);
        }
    }

    /// Keeps the section shown, because the user moves in it.
    pub(crate) fn stay(&mut self) {
        self.choose(self.section);
    }

    /// Shows what was chosen for the selected job, else what comes first in it.
    pub(crate) fn settle_section(&mut self) {
        let chosen = self.chosen_section().filter(|s| self.sections().contains(s));
        let section = chosen.unwrap_or(self.sections()[0]);
        if section != self.section {
            (self.section, self.row) = (section, 0);
        }
    }

    /// Whether the selected job has ended and its report is not what is shown.
    pub(crate) fn report_is_elsewhere(&self) -> bool {
        self.current().is_some_and(|j| j.state.ended()) && self.section != JobSection::Report
    }

    /// Forgets what was chosen for jobs that are gone.
    pub(super) fn prune_chosen(&mut self) {
        let (list, selected) = (&self.list, &self.selected);
        self.chosen_sections.retain(|id, _| Some(id) == selected.as_ref() || list.iter().any(|j| j.id == *id));
    }

    /// True while any job works or waits.
    pub(crate) fn any_alive(&self) -> bool {
        self.list.iter().any(|j| !j.state.ended())
    }
}
