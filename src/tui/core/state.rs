//! Everything the workbench knows. One value; views read it, only `update` changes it.

use super::commands::Cmd;
use super::input::LineEdit;
use super::jobs::JobsState;
use super::keys::Key;
use super::model_info::Level;
use super::models::ModelsState;
use super::recipe::RecipeState;
use std::collections::VecDeque;
use std::path::PathBuf;

/// The six places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the tabs' titles")]
pub enum Tab {
    #[default]
    Models,
    Recipe,
    Jobs,
    Compare,
    Watch,
    Log,
}

impl Tab {
    /// All, in order.
    pub const ALL: [Self; 6] = [Self::Models, Self::Recipe, Self::Jobs, Self::Compare, Self::Watch, Self::Log];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Models => "Models",
            Self::Recipe => "Recipe",
            Self::Jobs => "Jobs",
            Self::Compare => "Compare",
            Self::Watch => "Watch",
            Self::Log => "Log",
        }
    }
}

/// A question before something that cannot be undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    /// The question, naming the object.
    pub question: String,
    /// What it means.
    pub detail: Vec<String>,
    /// The word for going ahead.
    pub yes: &'static str,
    /// What going ahead does.
    pub effect: super::action::Effect,
}

/// What a picker picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickerKind {
    /// A command to run.
    Palette,
    /// A theme to use.
    Themes,
}

/// A line of a picker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickerItem {
    /// What is searched and shown.
    pub title: String,
    /// To the right: a key, a remark.
    pub detail: String,
    /// The command, in the palette.
    pub cmd: Option<Cmd>,
}

/// A list to choose from by typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picker {
    /// What it picks.
    pub kind: PickerKind,
    /// What was typed.
    pub input: LineEdit,
    /// All lines.
    pub items: Vec<PickerItem>,
    /// Selected line among those that match.
    pub row: usize,
    /// The theme to go back to when it is dropped.
    pub before: String,
}

impl Picker {
    /// Indexes of the lines that match what was typed, best first.
    pub fn matches(&self) -> Vec<usize> {
        let fit = |title: &str| super::fuzzy::fit(title, &self.input.text).map(|f| f.cost);
        let mut hits: Vec<(usize, usize)> =
            self.items.iter().enumerate().filter_map(|(i, item)| Some((fit(&item.title)?, i))).collect();
        hits.sort();
        hits.into_iter().map(|(_, i)| i).collect()
    }
}

/// The help overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Help {
    /// Filter, typed at once.
    pub input: LineEdit,
    /// First line shown.
    pub scroll: usize,
}

/// What lies over the tab and takes the keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// Help.
    Help(Help),
    /// Palette or theme picker.
    Picker(Picker),
    /// A question.
    Confirm(Confirm),
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub t: jiff::Timestamp,
    /// How serious.
    pub level: Level,
    /// What.
    pub text: String,
}

/// The Log tab.
#[derive(Clone, Debug, Default)]
pub struct LogState {
    /// Oldest first.
    pub entries: VecDeque<LogEntry>,
    /// Lines scrolled up from the end; 0 follows.
    pub up: usize,
    /// Filter.
    pub filter: String,
    /// The filter being edited.
    pub editing: Option<LineEdit>,
}

impl LogState {
    /// Lines that pass the filter, oldest first.
    pub fn shown(&self) -> Vec<&LogEntry> {
        let filter = self.filter.to_lowercase();
        self.entries.iter().filter(|e| e.text.to_lowercase().contains(&filter)).collect()
    }
}

/// A short message in the corner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How serious.
    pub level: Level,
    /// What.
    pub text: String,
    /// When it goes.
    pub until: jiff::Timestamp,
}

/// Everything the workbench knows.
#[derive(Clone, Debug)]
pub struct State {
    /// The folder it was opened on.
    pub dir: PathBuf,
    /// The user's home, shown as `~`.
    pub home: Option<PathBuf>,
    /// Cores that a job will have.
    pub cores: usize,
    /// The place shown.
    pub tab: Tab,
    /// The time, as of the last tick.
    pub now: jiff::Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Models.
    pub models: ModelsState,
    /// Recipe.
    pub recipe: RecipeState,
    /// Jobs.
    pub jobs: JobsState,
    /// Log.
    pub log: LogState,
    /// What lies on top.
    pub layer: Option<Layer>,
    /// Messages in the corner, oldest first.
    pub toasts: Vec<Toast>,
    /// First key of a sequence.
    pub pending: Option<Key>,
    /// Names of the themes.
    pub themes: Vec<String>,
    /// The theme in use.
    pub theme: String,
}

/// Log lines kept.
const LOG_MOST: usize = 5_000;
/// How long a toast stays.
const TOAST: jiff::SignedDuration = jiff::SignedDuration::from_secs(4);

impl State {
    /// The start: a folder, nothing known of it yet.
    pub fn new(dir: PathBuf, now: jiff::Timestamp) -> Self {
        Self {
            dir,
            home: None,
            cores: 1,
            tab: Tab::Models,
            now,
            size: (80, 24),
            models: ModelsState::scanning(),
            recipe: RecipeState::default(),
            jobs: JobsState::default(),
            log: LogState::default(),
            layer: None,
            toasts: Vec::new(),
            pending: None,
            themes: super::super::look::BUILT_IN.iter().map(|(n, _)| (*n).to_owned()).collect(),
            theme: String::from("dark"),
        }
    }

    /// Keeps a line in the log.
    pub fn note(&mut self, level: Level, text: impl Into<String>) {
        if self.log.entries.len() >= LOG_MOST {
            self.log.entries.pop_front();
        }
        if self.log.up > 0 {
            self.log.up += 1;
        }
        self.log.entries.push_back(LogEntry { t: self.now, level, text: text.into() });
    }

    /// Shows a message in the corner and keeps it in the log.
    pub fn toast(&mut self, level: Level, text: impl Into<String>) {
        let text = text.into();
        self.note(level, text.clone());
        if self.toasts.len() >= 3 {
            self.toasts.remove(0);
        }
        let until = self.now.checked_add(TOAST).unwrap_or(self.now);
        self.toasts.push(Toast { level, text, until });
    }

    /// Lines a page moves by.
    pub fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(8)).max(1)
    }

    /// A path as people write it: below the folder opened, else with `~` for home.
    pub fn short_path(&self, path: &std::path::Path) -> String {
        if let Ok(p) = path.strip_prefix(&self.dir)
            && !p.as_os_str().is_empty()
        {
            return p.display().to_string();
        }
        self.home_path(path)
    }

    /// A path with `~` for home.
    pub fn home_path(&self, path: &std::path::Path) -> String {
        let home = self.home.as_ref().filter(|h| h.components().count() > 1);
        match home.and_then(|h| path.strip_prefix(h).ok()) {
            Some(p) if p.as_os_str().is_empty() => String::from("~"),
            Some(p) => format!("~/{}", p.display()),
            None => path.display().to_string(),
        }
    }
}
