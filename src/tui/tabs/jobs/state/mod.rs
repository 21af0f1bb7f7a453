//! The Jobs tab: the list, and one followed job.
//!
//! `card` is its report as Markdown, `view` has the followed job, `grid` orders its tensors, `pages` are the sections that are read line by line,
//! `sections` says which section is shown.

mod card;
mod cursor;
mod grid;
mod measured;
mod pages;
mod sections;
mod view;

pub(crate) use cursor::GridCursor;
pub(crate) use grid::{GridRow, RowKey};
pub(crate) use pages::{PageLine, page, section_len};
pub(crate) use sections::ChosenSections;
pub use sections::JobSection;
pub(crate) use view::JobView;

use crate::job::{JobState, JobSummary};
use crate::tui::core::{Focus, Search};
use std::path::{Path, PathBuf};

/// What can be done to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAction {
    /// Stop it for good.
    Cancel,
    /// Hold it.
    Pause,
    /// Resume a paused job.
    Resume,
    /// Start an ended job again; continue a lost one.
    Again,
    /// Remove its folder.
    Remove,
}

/// The Jobs tab.
#[derive(Clone, Debug, Default)]
pub struct JobsState {
    /// Every job: those at work, those that wait in their order, then the ended, newest first.
    pub list: Vec<JobSummary>,
    /// Identifier of the selected one.
    pub selected: Option<String>,
    /// True once the user did something in the tab; until then the first job of the list is selected.
    pub chosen: bool,
    /// The followed job.
    pub view: Option<JobView>,
    /// Pane with the keys.
    pub focus: Focus,
    /// One pane over the whole width.
    pub zoom: bool,
    /// Section of the job pane.
    pub section: JobSection,
    /// Sections that the user chose.
    pub chosen_sections: ChosenSections,
    /// Selected line of the section, or the first shown of a page; counted from the end in the event log.
    pub row: usize,
    /// Selected cell of the grid.
    pub cell: GridCursor,
    /// Jobs that were started together and have not all ended: their ends are reported once.
    pub batches: Vec<Vec<String>>,
    /// What is searched for in pages and events.
    pub search: Search,
}

impl JobsState {
    /// The latest job that made a file, or the folder it is in; paths of both sides may be relative to `dir`.
    pub(crate) fn maker(&self, dir: &Path, file: &Path) -> Option<&JobSummary> {
        let file = dir.join(file);
        self.list.iter().find(|j| j.outputs.iter().any(|o| file.starts_with(dir.join(o))))
    }

    /// The job that has written this output of another job again, as far as the list says. Paths that are relative to the folder of a shell are not
    /// compared.
    pub(crate) fn replaced_by(&self, job: &str, output: &Path) -> Option<&JobSummary> {
        let own = self.list.iter().find(|j| j.id == job)?;
        let later = self.list.iter().filter(|j| j.id != job && j.created > own.created);
        later.filter(|j| output.is_absolute() && j.outputs.iter().any(|o| o == output)).max_by_key(|j| j.created)
    }

    /// How far a job is, and the seconds left: the job that is followed is known more exactly than the list.
    pub(crate) fn progress(&self, job: &JobSummary) -> (f64, Option<f64>) {
        let followed = self.view.as_ref().filter(|v| v.id == job.id && v.history.fraction > 0.0);
        match followed {
            Some(view) => (view.history.fraction, view.history.eta()),
            None => (job.fraction, job.sample.as_ref().and_then(|s| s.eta)),
        }
    }

    /// Takes a new list, newest first, and orders it.
    pub(crate) fn set_list(&mut self, mut list: Vec<JobSummary>) {
        list.sort_by_key(|j| match j.state {
            JobState::Running => (0, 0),
            JobState::Paused => (1, 0),
            JobState::Queued => (2, j.place.unwrap_or(usize::MAX)),
            _ => (3, 0),
        });
        self.list = list;
        self.prune_chosen();
    }

    /// Place of the selected job in the list.
    pub(crate) fn cursor(&self) -> usize {
        self.selected.as_ref().and_then(|s| self.list.iter().position(|j| j.id == *s)).unwrap_or(0)
    }

    /// The selected job.
    pub fn current(&self) -> Option<&JobSummary> {
        self.list.iter().find(|j| Some(&j.id) == self.selected.as_ref())
    }

    /// Jobs in this state.
    pub(crate) fn count(&self, state: JobState) -> usize {
        self.list.iter().filter(|j| j.state == state).count()
    }

    /// The first output of the selected job that exists under its final name.
    pub(crate) fn published(&self) -> Option<PathBuf> {
        let view = self.view.as_ref().filter(|v| Some(&v.id) == self.selected.as_ref())?;
        view.history.outputs.iter().find(|o| o.published).map(|o| PathBuf::from(&o.path))
    }

    /// The folder that the followed job writes to.
    pub(crate) fn output_folder(&self) -> Option<PathBuf> {
        let output = self.view.as_ref()?.history.outputs.first()?;
        Path::new(&output.path).parent().map(Path::to_owned)
    }
}
