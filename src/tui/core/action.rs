//! What can happen to the workbench, and what it can ask of the outside.

use super::keymap::Keymap;
use super::keys::Key;
use super::request::{BaselineChoice, TabRequest};
use super::session::Session;
use super::settings::Settings;
use super::state::Tab;
use crate::engine::{Event, Report};
use crate::job::{JobSummary, MeasurementReport};
use crate::model::{Defect, ErrorKind, Field, FormatId, ModelError, OptionPath};
use crate::monitor::{Check, Machine};
use crate::plan::{Forecast, Plan};
use crate::recipe::{Recipe, Step, Target};
use crate::tui::core::remedies::on_screen;
use crate::tui::tabs::compare::{Compared, PageNews, PageRequest};
use crate::tui::tabs::jobs::JobAction;
use crate::tui::tabs::models::{FileList, InspectRequest, InspectResponse, ModelInfo, Summary, TensorHit};
use crate::tui::tabs::recipe::{
    BatchOutcome, BatchOutlook, EditOutcome, EditPlace, LibraryEntry, Overwrite, PlanResponse, SaveRefusal,
};
use crate::tui::tabs::watch::{ExportQuality, WatchPlace};
use crate::units::escape;
use crate::watch::{Request, WatchEvent, WatcherInfo};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error as the screen shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCard {
    /// One line: file, place, fact.
    pub message: String,
    /// The fact alone.
    pub fact: String,
    /// The file it is about.
    pub file: Option<PathBuf>,
    /// The step of the recipe that it is about, counted from 0.
    pub step: Option<u16>,
    /// Where in the file or the recipe it is.
    pub field: Option<Box<Field>>,
    /// The option that it is about.
    pub option: Option<Box<OptionPath>>,
    /// What to do, in the words of the workbench.
    pub hint: Option<String>,
    /// True when the file or the request is wrong, false when this version cannot do it yet.
    pub wrong: bool,
}

impl From<&ModelError> for ErrorCard {
    fn from(e: &ModelError) -> Self {
        let wrong = !matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::Limit);
        Self {
            message: e.to_string(),
            fact: escape(e.fact()).into_owned(),
            file: e.file().map(Path::to_owned),
            step: e.step().and_then(|i| u16::try_from(i).ok()),
            field: e.field_path().cloned().map(Box::new),
            option: e.option().cloned().map(Box::new),
            hint: e.hint().map(on_screen),
            wrong,
        }
    }
}

impl ErrorCard {
    /// A fact about no file and no option.
    pub fn new(fact: impl Into<String>, wrong: bool) -> Self {
        let fact = fact.into();
        Self { message: fact.clone(), fact, file: None, step: None, field: None, option: None, hint: None, wrong }
    }

    /// What there is to say where the name of the option that it is about is shown already.
    pub(crate) fn beside_option(&self) -> &str {
        let named = matches!(self.field.as_deref(), Some(Field::Option(_))) && self.file.is_none();
        if named { &self.fact } else { &self.message }
    }

    /// What there is to say where the step that it is about is shown already: everything but the step.
    pub(crate) fn beside_step(&self) -> String {
        match self.field.as_deref() {
            Some(field) => format!("{field}: {}", self.fact),
            None => self.fact.clone(),
        }
    }
}

/// A model the scan has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundModel {
    /// Where it is.
    pub path: PathBuf,
    /// Its format, where that is known.
    pub format: Option<FormatId>,
    /// Bytes on disk.
    pub bytes: u64,
    /// When it was last written to, in seconds since 1970; 0 if unknown.
    pub modified: i64,
    /// A defect that people know a word for.
    pub defect: Option<Defect>,
    /// What its headers say.
    pub summary: Result<Summary, ErrorCard>,
}

/// A place on the screen that answers to the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A tab's title.
    Tab(Tab),
    /// A line of the pane on the left, by its place in the list.
    List(usize),
    /// A line of the pane on the right.
    Detail(usize),
    /// A section's title, by its place.
    Section(usize),
    /// A line of the overlay.
    Layer(usize),
    /// A hint of the last line.
    Hint(super::Cmd),
    /// The border between two panes.
    Border,
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
    /// A row was clicked twice in a row.
    DoubleClick(Hit),
    /// The wheel turned over a pane: lines, downwards positive.
    Wheel(Hit, i32),
    /// The border between two panes was drawn to this column.
    Border(u16),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The time.
    Tick(jiff::Timestamp),
    /// The scan has found these, and continues.
    FoundSome(Vec<FoundModel>),
    /// The scan is over and has found these last.
    Found(Vec<FoundModel>),
    /// A model was opened for the details pane.
    Opened(PathBuf, Result<Arc<ModelInfo>, ErrorCard>),
    /// A text that was asked for under this title.
    TextRead(String, Result<String, ErrorCard>),
    /// Tensors found in a model; the number is that of the search, and how many models are done.
    TensorsFound(u64, Vec<TensorHit>, usize),
    /// The files of a model that is to be deleted.
    FilesListed(Result<FileList, ErrorCard>),
    /// A model was deleted, or could not be.
    ModelDeleted(PathBuf, Result<(), ErrorCard>),
    /// A model was renamed: its old path, and the new one.
    ModelRenamed(PathBuf, Result<PathBuf, ErrorCard>),
    /// The editor or pager that was opened on this model is closed.
    OutsideClosed(PathBuf, Result<(), String>),
    /// The plan of the recipe being composed; the number is that of the request.
    Planned(u64, PlanResponse),
    /// The plan asked for under this number waits for measuring: tensors done, of how many.
    PlanMeasured(u64, usize, usize),
    /// The recipes that can be opened.
    Recipes(Vec<LibraryEntry>),
    /// A recipe's file was read: the recipe, or what is wrong, line by line.
    RecipeRead(PathBuf, Result<Box<Recipe>, Vec<String>>),
    /// Targets were made for a model and a purpose, with the reasons.
    ComposedFor(PathBuf, &'static str, Result<(Box<Recipe>, Vec<String>), ErrorCard>),
    /// A recipe was written to a file, or was not.
    RecipeSaved(PathBuf, Box<Recipe>, Result<(), SaveRefusal>),
    /// The path typed, its completion, and the names that may follow.
    PathCompleted(String, String, Vec<String>),
    /// The editor was left.
    RecipeEdited(EditOutcome),
    /// The forecast of the source; the number is that of the request.
    Forecasted(u64, Result<Arc<Forecast>, ErrorCard>),
    /// The forecast asked for under this number: tensors done, of how many.
    ForecastMeasured(u64, usize, usize),
    /// The first GPU of this machine: its name and its memory in bytes.
    GpuFound(String, u64),
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
    /// Jobs of a recipe for several models were started, or not.
    BatchSpawned(Box<BatchOutcome>),
    /// What can be started for the models of a recipe.
    BatchChecked(u64, Box<BatchOutlook>),
    /// The settings were reloaded.
    Configured(Box<Settings>),
    /// The keys were reloaded.
    Keys(Box<Keymap>),
    /// The user's theme files changed.
    ThemeFiles {
        /// All themes there are now.
        names: Vec<String>,
        /// Those that are not what they were.
        changed: Vec<String>,
    },
    /// What is wrong in a file of the user's.
    ConfigProblems(Vec<String>),
    /// Where the folder was left the last time.
    Restored(Box<Session>),
    /// What the folder of a followed job has besides: its recipe, line by line.
    JobRecipe(String, Vec<String>),
    /// The command that carries out the followed job again.
    JobCommand(String, String),
    /// The report of a followed job that is finished.
    JobReport(String, Arc<Report>),
    /// A job that measures was started, or why not.
    MeasureStarted(Box<Result<JobSummary, ErrorCard>>),
    /// The report of a measurement.
    JobMeasured(String, MeasuredReport),
    /// What happened in any job and concerns everybody.
    JobNews(Vec<Event>),
    /// A request to a job was sent: the action, the job's title, the result.
    JobActionDone(JobAction, String, Result<(), ErrorCard>),
    /// New figures of the machine, and the bytes free where the followed job writes.
    Machine(Machine, Option<u64>),
    /// What the doctor found.
    Checked(Vec<Check>),
    /// What the headers of the compared models say; the number is that of the request.
    CompareOverview(u64, Arc<Compared>),
    /// The comparison asked for under this number: tensors done, of how many.
    CompareProgress(u64, usize, usize),
    /// The comparison; the number is that of the request.
    Compared(u64, Result<Arc<Compared>, ErrorCard>),
    /// A comparison was written to this file.
    Exported(Result<String, ErrorCard>),
    /// What a page of the Compare tab asked for.
    ComparePage(PageNews),
    /// A worker knows more of a model.
    Inspected(InspectResponse),
    /// Every watcher there is.
    Watchers(Vec<WatcherInfo>),
    /// New events of the selected watcher; the number is that of the request.
    WatcherEvents(u64, Vec<WatchEvent>),
    /// What the reports of these jobs of the selected watcher say; the number is that of the request.
    WatcherMeasured(u64, Vec<(String, ExportQuality)>),
    /// What there is at the path of a folder to watch, and the watcher that watches it already.
    WatchPlaceSeen(PathBuf, WatchPlace, Option<String>),
    /// A watcher was started: its identifier.
    WatcherStarted(Result<String, ErrorCard>),
    /// The watcher of this folder was removed, or could not be.
    WatcherForgotten(PathBuf, Result<(), ErrorCard>),
    /// The watcher of this folder was asked to end.
    WatcherStopRequested(PathBuf, Result<(), ErrorCard>),
    /// A request was left for a watcher, or could not be.
    WatcherRequestSent(Request, Result<(), ErrorCard>),
    /// A message to the user that has no other place.
    Notice(super::Level, String),
}

impl Action {
    /// The tab that is to take it in; nothing for what concerns the whole screen.
    pub(in crate::tui) fn tab(&self) -> Option<Tab> {
        match self {
            Self::FoundSome(..)
            | Self::Found(..)
            | Self::Opened(..)
            | Self::Inspected(..)
            | Self::TextRead(..)
            | Self::TensorsFound(..)
            | Self::FilesListed(..)
            | Self::ModelDeleted(..)
            | Self::ModelRenamed(..)
            | Self::MeasureStarted(..)
            | Self::OutsideClosed(..) => Some(Tab::Models),
            Self::Planned(..)
            | Self::PlanMeasured(..)
            | Self::PresetPlanned(..)
            | Self::Forecasted(..)
            | Self::GpuFound(..)
            | Self::ForecastMeasured(..)
            | Self::Recipes(..)
            | Self::RecipeRead(..)
            | Self::ComposedFor(..)
            | Self::RecipeSaved(..)
            | Self::RecipeEdited(..)
            | Self::Spawned(..)
            | Self::BatchSpawned(..)
            | Self::BatchChecked(..) => Some(Tab::Recipe),
            Self::Jobs(..)
            | Self::JobPlan(..)
            | Self::JobRecipe(..)
            | Self::JobCommand(..)
            | Self::JobReport(..)
            | Self::JobMeasured(..)
            | Self::JobEvents(..)
            | Self::JobActionDone(..) => Some(Tab::Jobs),
            Self::CompareOverview(..)
            | Self::CompareProgress(..)
            | Self::Compared(..)
            | Self::Exported(..)
            | Self::ComparePage(..) => Some(Tab::Compare),
            Self::Watchers(..)
            | Self::WatcherEvents(..)
            | Self::WatcherMeasured(..)
            | Self::WatchPlaceSeen(..)
            | Self::WatcherStarted(..)
            | Self::WatcherForgotten(..)
            | Self::WatcherStopRequested(..)
            | Self::WatcherRequestSent(..) => Some(Tab::Watch),
            Self::JobNews(..) | Self::Checked(..) => Some(Tab::Log),
            Self::Key(..)
            | Self::Paste(..)
            | Self::Run(..)
            | Self::Click(..)
            | Self::DoubleClick(..)
            | Self::Wheel(..)
            | Self::Border(..)
            | Self::Resize(..)
            | Self::Tick(..)
            | Self::Configured(..)
            | Self::Keys(..)
            | Self::ThemeFiles { .. }
            | Self::ConfigProblems(..)
            | Self::Restored(..)
            | Self::Machine(..)
            | Self::PathCompleted(..)
            | Self::Notice(..) => None,
        }
    }
}

/// Something the core wants done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask another tab for something. The top update carries it out, so that it never leaves the core.
    Tab(TabRequest),
    /// Look for models in the folder.
    Scan,
    /// Open this model for the details pane; a later request replaces an earlier one.
    Open(PathBuf),
    /// Find out more of a model.
    Inspect(InspectRequest),
    /// Read this file as text.
    ReadText(PathBuf),
    /// Put the metadata of two models side by side.
    CompareConfigs(PathBuf, PathBuf),
    /// Look for a tensor in these models; a later search replaces an earlier one.
    FindTensors(u64, String, Vec<PathBuf>),
    /// List the files of this model, to delete them.
    ListFiles(PathBuf),
    /// Delete these files.
    DeleteFiles(Box<FileList>),
    /// Give this model another name.
    RenameModel(PathBuf, String),
    /// Start a job that measures these models on this text.
    Measure(MeasureWhat, Vec<PathBuf>, PathBuf),
    /// Leave the terminal to the user's editor, or pager, with this file or folder; the second path is the model.
    OpenOutside(PathBuf, PathBuf, Outside),
    /// Plan this recipe; a later request replaces an earlier one.
    Plan(u64, Box<Recipe>),
    /// Plan each preset (its place, its recipe) for its size, after the recipe itself.
    PlanPresets(u64, Vec<(usize, Recipe)>),
    /// Measure the source and forecast what a GGUF of every type would be; a later request replaces an earlier one.
    Forecast(u64, Box<ForecastSource>, Box<Target>),
    /// Stop measuring the source; what was measured is kept.
    StopMeasuring,
    /// Look for the recipes in these folders, and those with a name.
    ListRecipes(Vec<PathBuf>),
    /// Read a recipe's file.
    ReadRecipe(PathBuf),
    /// Write a recipe to a file; one that is there is replaced only if that is said.
    SaveRecipe(PathBuf, Box<Recipe>, Overwrite),
    /// Make targets for a model and a purpose, with the memory in bytes if it was given.
    ComposeFor(PathBuf, &'static str, Option<u64>),
    /// Complete a path that is being typed; it counts from this folder.
    CompletePath(PathBuf, String),
    /// Leave the terminal to the user's editor with this recipe.
    EditRecipe(EditPlace, Box<Recipe>),
    /// Start a job.
    Spawn(Box<Recipe>, Arc<Plan>),
    /// Start a job of this recipe for each of these models; existing outputs are replaced only if that is said.
    SpawnBatch(Box<Recipe>, Vec<PathBuf>, bool),
    /// Find out for which of these models jobs of this recipe can be started; a later request replaces an earlier one.
    CheckBatch(u64, Box<Recipe>, Vec<PathBuf>),
    /// Ask something of the job with this title in this folder.
    ActOnJob(JobAction, String, PathBuf),
    /// Look at the terminal, the folders of jobs and the machine.
    Doctor,
    /// Follow the events of the job in this folder (id, folder); nothing = stop following.
    Follow(Option<(String, PathBuf)>),
    /// Compare these models with the baseline that is chosen so, with memory for so many tokens; a later request replaces an earlier one.
    Compare(u64, Vec<PathBuf>, BaselineChoice, Option<u64>),
    /// Take a model out of what was compared, which answers this request.
    Uncompare(u64, Arc<Compared>, PathBuf),
    /// Stop comparing.
    StopComparing,
    /// Write a comparison to a file.
    ExportComparison(Arc<Compared>, PathBuf),
    /// Do what a page of the Compare tab asks for.
    ComparePage(PageRequest),
    /// Look at what there is at the path of a folder to watch.
    LookAtWatchPlace(PathBuf),
    /// Start a watcher of this folder that makes what the recipe says.
    StartWatcher(PathBuf, Box<Recipe>),
    /// Start the stopped watcher of this identifier as it was started before.
    RestartWatcher(String),
    /// Remove the stopped watcher of this identifier, of this folder.
    ForgetWatcher(String, PathBuf),
    /// Ask the watcher of this identifier, of this folder, to end.
    StopWatcher(String, PathBuf),
    /// Ask a watcher, by its identifier, for something.
    AskWatcher(String, Request),
    /// Look at the jobs again now.
    RefreshJobs,
    /// Put text on the clipboard.
    Copy(String),
    /// Ask the jobs in these folders to stop, before leaving.
    StopJobs(Vec<PathBuf>),
    /// Send a desktop notification.
    Notify(String),
    /// Take over what the settings say of the terminal.
    Configure,
    /// Use this theme.
    Theme(String),
    /// Remember this theme as the user's choice, for all folders.
    KeepTheme(String),
    /// Draw everything again.
    Redraw,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Leave.
    Quit,
}

impl Effect {
    /// True for what a workbench that is read-only must not do, whichever way it was asked for.
    pub(in crate::tui) fn writes(&self) -> bool {
        matches!(
            self,
            Self::DeleteFiles(..)
                | Self::RenameModel(..)
                | Self::OpenOutside(_, _, Outside::Editor)
                | Self::SaveRecipe(..)
                | Self::EditRecipe(..)
                | Self::Spawn(..)
                | Self::SpawnBatch(..)
                | Self::ActOnJob(..)
                | Self::Measure(..)
                | Self::ComparePage(PageRequest::Evaluate(..) | PageRequest::StopEvaluating)
                | Self::ExportComparison(..)
                | Self::StartWatcher(..)
                | Self::RestartWatcher(..)
                | Self::ForgetWatcher(..)
                | Self::StopWatcher(..)
                | Self::AskWatcher(..)
                | Self::StopJobs(..)
        )
    }
}

/// A program of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// `$VISUAL` or `$EDITOR`.
    Editor,
    /// `$PAGER`.
    Pager,
}

/// The model of a forecast: a source, and the steps of the recipe that change it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastSource {
    /// The source.
    pub path: PathBuf,
    /// The steps.
    pub steps: Vec<Step>,
}

/// What a job started from the list of models measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureWhat {
    /// The models, on a text.
    Evaluation,
    /// The importance of a model's columns on a text.
    Imatrix,
}

/// The report of a measurement, on its way to the job that it is of.
#[derive(Clone, Debug)]
pub struct MeasuredReport(pub(in crate::tui) Arc<MeasurementReport>);

impl MeasuredReport {
    /// From the file that the job keeps.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        crate::engine::from_json(json).ok().map(|report| Self(Arc::new(report)))
    }
}
