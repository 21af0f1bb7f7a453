//! What can happen to the workbench, and what it can ask of the outside.

use super::keys::Key;
use super::model_info::{ModelInfo, Summary};
use crate::engine::Event;
use crate::job::JobSummary;
use crate::model::{ErrorKind, ModelError};
use crate::plan::{Forecast, Plan};
use crate::recipe::{Recipe, Target};
use std::path::PathBuf;
use std::sync::Arc;

/// An error as the screen shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCard {
    /// One line: file, place, fact.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// True when the file or the request is wrong, false when this version cannot do it yet.
    pub wrong: bool,
}

impl From<&ModelError> for ErrorCard {
    fn from(e: &ModelError) -> Self {
        let wrong = !matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::Limit);
        Self { message: e.to_string(), hint: e.hint().map(str::to_owned), wrong }
    }
}

/// A model the scan has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundModel {
    /// Where it is.
    pub path: PathBuf,
    /// Format name: `safetensors`, `gguf`.
    pub format: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// What its headers say.
    pub summary: Result<Summary, ErrorCard>,
}

/// A place on the screen that answers to the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A tab's title.
    Tab(super::Tab),
    /// A line of the pane on the left, by its place in the list.
    List(usize),
    /// A line of the pane on the right.
    Detail(usize),
    /// A section's title, by its place.
    Section(usize),
    /// A line of what lies on top.
    Layer(usize),
}

/// Something that happened: a key, a finished piece of background work, the clock.
#[derive(Clone, Debug)]
pub enum Action {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// A command was chosen by other means than its key (mouse, start-up).
    Run(super::Cmd),
    /// A row was clicked; the list is the one of the focused or named pane.
    Click(Hit),
    /// The wheel turned over a pane: lines, downwards positive.
    Wheel(Hit, i32),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The time.
    Tick(jiff::Timestamp),
    /// The scan has found these, and goes on.
    FoundSome(Vec<FoundModel>),
    /// The scan is over and has found these last.
    Found(Vec<FoundModel>),
    /// A model was opened for the details pane.
    Opened(PathBuf, Result<Arc<ModelInfo>, ErrorCard>),
    /// The plan of the recipe being composed; the number tells which request it answers.
    Planned(u64, Result<Arc<Plan>, ErrorCard>),
    /// The plan asked for under this number waits for measuring: tensors done, of how many.
    PlanMeasured(u64, usize, usize),
    /// The forecast of the source; the number tells which request it answers.
    Forecasted(u64, Result<Arc<Forecast>, ErrorCard>),
    /// The forecast asked for under this number: tensors done, of how many.
    ForecastMeasured(u64, usize, usize),
    /// The size of one preset: its place in the list, bytes and bits per weight.
    PresetPlanned(u64, usize, Result<(u64, f64), ErrorCard>),
    /// Every job there is, newest first.
    Jobs(Vec<JobSummary>),
    /// The plan of a followed job.
    JobPlan(String, Arc<Plan>),
    /// New events of a followed job.
    JobEvents(String, Vec<Event>),
    /// A job was started.
    Spawned(Result<JobSummary, ErrorCard>),
    /// A job was asked to stop.
    Cancelled(String, Result<(), ErrorCard>),
    /// A worker knows more of a model.
    Inspected(super::Told),
    /// Something to tell the user that has no other place.
    Notice(super::Level, String),
}

/// Something the core wants done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Look for models in the folder.
    Scan,
    /// Open this model for the details pane; a later request replaces an earlier one.
    Open(PathBuf),
    /// Find out more of a model.
    Inspect(super::Ask),
    /// Plan this recipe; a later request replaces an earlier one.
    Plan(u64, Box<Recipe>),
    /// Plan each preset (its place, its recipe) for its size, after the recipe itself.
    PlanPresets(u64, Vec<(usize, Recipe)>),
    /// Measure the source and forecast what a GGUF of every type would be; a later request replaces an earlier one.
    Forecast(u64, PathBuf, Box<Target>),
    /// Start a job.
    Spawn(Box<Recipe>, Arc<Plan>),
    /// Stop the job in this folder.
    Cancel(String, PathBuf),
    /// Follow the events of the job in this folder (id, folder); nothing = stop following.
    Follow(Option<(String, PathBuf)>),
    /// Look at the jobs again now.
    RefreshJobs,
    /// Put text on the clipboard.
    Copy(String),
    /// Use this theme.
    Theme(String),
    /// Draw everything again.
    Redraw,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Leave.
    Quit,
}
