//! Where a folder was left: what is kept at the end and taken up at the next start. Names, not numbers, so that a later version
//! understands an earlier one; what it does not know is passed over.

mod recipe;

use super::panes::Borders;
use super::state::{State, Tab};
use super::{Focus, Level};
use crate::tui::tabs::jobs::JobSection;
use crate::tui::tabs::models::{ModelOrder, Section, TensorSort};
use recipe::RecipePart;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Folders remembered as closed, at most, and marks.
const MAX_CLOSED: usize = 4_096;
/// How the log's levels are written.
const LEVELS: [(&str, Level); 2] = [("warnings", Level::Warn), ("errors", Level::Error)];

/// Where a folder was left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The folder that the file is about.
    pub dir: PathBuf,
    tab: String,
    models: ModelsPart,
    recipe: Option<RecipePart>,
    jobs: JobsPart,
    borders: Borders,
    log_filter: String,
    /// Only warnings and errors, or errors, in the log.
    log_level: Option<String>,
    /// Only lines of this job in the log.
    log_job: Option<String>,
    /// Models of the comparison, the baseline first.
    compared: Vec<PathBuf>,
    /// The text that they were evaluated on.
    evaluated_on: String,
    /// The prompt that they continued.
    prompt: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct ModelsPart {
    selected: Option<PathBuf>,
    closed: Vec<PathBuf>,
    marked: Vec<PathBuf>,
    filter: String,
    order: String,
    zoom: bool,
    details: bool,
    section: String,
    sort: String,
    reverse: bool,
    details_filter: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct JobsPart {
    selected: Option<String>,
    section: String,
    zoom: bool,
    details: bool,
}

fn focus(details: bool) -> Focus {
    if details { Focus::Details } else { Focus::List }
}

impl Session {
    /// What is worth keeping of a state.
    pub fn of(state: &State) -> Self {
        let (m, j) = (&state.models, &state.jobs);
        Self {
            dir: state.dir.clone(),
            tab: state.tab.title().into(),
            models: ModelsPart {
                selected: m.selected.clone(),
                closed: m.closed().take(MAX_CLOSED).map(ToOwned::to_owned).collect(),
                marked: m.marked.iter().take(MAX_CLOSED).cloned().collect(),
                filter: m.filter.clone(),
                order: m.order.title().into(),
                zoom: m.zoom,
                details: m.focus == Focus::Details,
                section: m.details.section.title().into(),
                sort: m.details.sort.title().into(),
                reverse: m.details.reverse,
                details_filter: m.details.filter.clone(),
            },
            recipe: RecipePart::of(&state.recipe),
            jobs: JobsPart {
                selected: j.selected.clone(),
                section: j.chosen_section().map(JobSection::title).unwrap_or_default().into(),
                zoom: j.zoom,
                details: j.focus == Focus::Details,
            },
            borders: state.borders,
            log_filter: state.log.filter.clone(),
            log_level: LEVELS.iter().find(|l| Some(l.1) == state.log.least).map(|l| l.0.to_owned()),
            log_job: state.log.job.clone(),
            compared: state.compare.columns.clone(),
            evaluated_on: state.compare.quality.typed.clone(),
            prompt: state.compare.speech.typed.clone(),
        }
    }

    /// Lays it over a state that has found nothing yet.
    pub(crate) fn restore(self, state: &mut State) {
        let m = &mut state.models;
        let kept = self.models;
        (m.selected, m.filter, m.zoom, m.focus) = (kept.selected, kept.filter, kept.zoom, focus(kept.details));
        m.order = named(&ModelOrder::ALL, ModelOrder::title, &kept.order);
        m.set_closed(kept.closed.into_iter().take(MAX_CLOSED));
        // The scan takes marks from what it does not find again.
        m.marked = kept.marked.into_iter().take(MAX_CLOSED).collect();
        let details = &mut m.details;
        details.section = named(&Section::ALL, Section::title, &kept.section);
        let sorts = std::iter::successors(Some(TensorSort::default()), |s| Some(s.next()));
        let sorts = sorts.take(16).collect::<Vec<_>>();
        details.sort = named(&sorts, TensorSort::title, &kept.sort);
        (details.reverse, details.filter) = (kept.reverse, kept.details_filter);
        let j = &mut state.jobs;
        (j.selected, j.zoom, j.focus) = (self.jobs.selected, self.jobs.zoom, focus(self.jobs.details));
        if let Some(section) = JobSection::ALL.into_iter().find(|s| s.title() == self.jobs.section) {
            j.choose(section);
        }
        state.borders = self.borders;
        state.log.filter = self.log_filter;
        state.log.least = self.log_level.and_then(|name| LEVELS.iter().find(|l| l.0 == name)).map(|l| l.1);
        state.log.job = self.log_job;
        // The comparison reports missing models; a list that is too long was not written by remold.
        state.compare.columns = self.compared.into_iter().take(crate::evaluate::MAX_MODELS).collect();
        state.compare.selected = usize::from(state.compare.columns.len() > 1);
        (state.compare.quality.typed, state.compare.speech.typed) = (self.evaluated_on, self.prompt);
        if let Some(recipe) = self.recipe {
            recipe.restore(&mut state.recipe);
        }
        state.tab = named(&Tab::ALL, Tab::title, &self.tab);
    }
}

/// The value of that title, or the default.
fn named<T: Copy + Default>(all: &[T], title: impl Fn(T) -> &'static str, name: &str) -> T {
    all.iter().copied().find(|t| title(*t) == name).unwrap_or_default()
}
