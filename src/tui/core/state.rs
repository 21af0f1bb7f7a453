//! Everything the workbench knows. One value; views read it, only `update` changes it.

use super::Level;
use super::commands::Cmd;
use super::dead::DeadLine;
use super::filter::Filter;
use super::input::LineEdit;
use super::keymap::Keymap;
use super::keys::Key;
use super::machine::MachineView;
use super::panes::Borders;
use super::settings::Settings;
use super::toasts::Toast;
use crate::job::JobState;
use crate::tui::tabs;
use crate::tui::tabs::compare::CompareState;
use crate::tui::tabs::jobs::JobsState;
use crate::tui::tabs::log::{LogEntry, LogState};
use crate::tui::tabs::models::ModelsState;
use crate::tui::tabs::recipe::RecipeState;
use crate::tui::tabs::watch::WatchState;
use std::path::{Component, Path, PathBuf};

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
    pub(crate) fn title(self) -> &'static str {
        tabs::of(self).title()
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
    /// Something is lost by going ahead: enter means no.
    pub destroys: bool,
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
    /// A target to add to the recipe.
    Targets,
    /// A step to add to the recipe.
    Steps,
    /// What the model is for.
    Purposes,
    /// The value of a field of the recipe.
    Values,
    /// A recipe to open.
    Recipes,
    /// A model to compare.
    Models,
    /// A tensor that was found in one of the models.
    Tensors,
}

impl PickerKind {
    /// The tab that takes what is picked; nothing where it concerns the whole screen.
    pub(in crate::tui) fn tab(self) -> Option<Tab> {
        match self {
            Self::Palette | Self::Themes => None,
            Self::Targets | Self::Steps | Self::Purposes | Self::Values | Self::Recipes => Some(Tab::Recipe),
            Self::Models => Some(Tab::Compare),
            Self::Tensors => Some(Tab::Models),
        }
    }
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
    pub(crate) fn matches(&self) -> Vec<usize> {
        // The whole line as one word, else its words, of which one may be negated or a pattern.
        const BY_WORDS: usize = 1000;
        let filter = Filter::parse(&self.input.text);
        let whole = !filter.is_special();
        let fit = |title: &str| {
            let whole = whole.then(|| super::fuzzy::fit(title, &self.input.text)).flatten().map(|f| f.cost);
            whole.or_else(|| filter.passes(&[title], &[]).then_some(BY_WORDS))
        };
        let mut hits: Vec<(usize, usize)> =
            self.items.iter().enumerate().filter_map(|(i, item)| Some((fit(&item.title)?, i))).collect();
        hits.sort();
        hits.into_iter().map(|(_, i)| i).collect()
    }
}

/// The help overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Help {
    /// Filter, typed directly.
    pub input: LineEdit,
    /// First line shown.
    pub scroll: usize,
    /// The glossary is shown, not the keys.
    pub glossary: bool,
}

/// The overlay, which takes the keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// Help.
    Help(Help),
    /// Palette or theme picker.
    Picker(Picker),
    /// A question.
    Confirm(Confirm),
    /// The question what becomes of the recipe when the screen closes.
    Unsaved,
    /// The question what becomes of the jobs when the screen closes.
    Leave,
}

/// Everything the workbench knows.
#[derive(Clone, Debug)]
pub struct State {
    /// The folder, or the model, it was opened on.
    pub dir: PathBuf,
    /// The folder that relative paths count from, everywhere on the screen: the opened folder, or the one around an opened model.
    pub base: PathBuf,
    /// The file that keeps the session of this folder, and with it a recipe that was not saved.
    pub session_file: Option<PathBuf>,
    /// The user's home, shown as `~`.
    pub home: Option<PathBuf>,
    /// No key writes, deletes, or starts work.
    pub read_only: bool,
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
    /// Compare.
    pub compare: CompareState,
    /// Watch.
    pub watch: WatchState,
    /// Log.
    pub log: LogState,
    /// What the machine does while a job runs.
    pub machine: MachineView,
    /// Where the borders between panes are.
    pub borders: Borders,
    /// The overlay.
    pub layer: Option<Layer>,
    /// Messages of the status line, oldest first.
    pub toasts: Vec<Toast>,
    /// A word typed after `/` where nothing can be filtered.
    pub dead: Option<DeadLine>,
    /// First key of a sequence.
    pub pending: Option<Key>,
    /// Names of the themes.
    pub themes: Vec<String>,
    /// The theme in use.
    pub theme: String,
    /// True when it was chosen by hand, and not by the configuration.
    pub theme_chosen: bool,
    /// The theme where none is configured.
    pub default_theme: String,
    /// What the user has set.
    pub settings: Settings,
    /// Which keys run which command.
    pub keymap: Keymap,
}

/// The smallest terminal the screen fits into: columns, rows.
pub(crate) const MIN_SIZE: (u16, u16) = (40, 12);

impl State {
    /// The start: a folder, nothing known of it yet.
    pub fn new(dir: PathBuf, now: jiff::Timestamp) -> Self {
        Self {
            base: dir.clone(),
            dir,
            session_file: None,
            home: None,
            read_only: false,
            cores: 1,
            tab: Tab::Models,
            now,
            size: (80, 24),
            models: ModelsState::scanning(),
            recipe: RecipeState::default(),
            jobs: JobsState::default(),
            compare: CompareState::default(),
            watch: WatchState::default(),
            log: LogState::default(),
            machine: MachineView::default(),
            borders: Borders::default(),
            layer: None,
            toasts: Vec::new(),
            dead: None,
            pending: None,
            themes: super::super::look::BUILT_IN.iter().map(|(n, _)| (*n).to_owned()).collect(),
            theme: String::from("dark"),
            theme_chosen: false,
            default_theme: String::from("dark"),
            settings: Settings::default(),
            keymap: Keymap::default(),
        }
    }

    /// Keeps a line in the log.
    pub(crate) fn note(&mut self, level: Level, text: impl Into<String>) {
        let text = self.with_short_paths(&text.into());
        self.log.push(LogEntry { t: self.now, level, job: None, text });
    }

    /// True while figures of the machine are worth their bytes: an idle workbench sends none.
    pub fn watches_machine(&self) -> bool {
        self.jobs.count(JobState::Running) > 0
    }

    /// True if a recipe that was not saved comes back at the next start in this folder.
    pub(crate) fn keeps_draft(&self) -> bool {
        self.settings.restore && self.session_file.is_some()
    }

    /// True while the terminal is too small: a card says so, and keys can only quit.
    pub(crate) fn is_too_small(&self) -> bool {
        self.size.0 < MIN_SIZE.0 || self.size.1 < MIN_SIZE.1
    }

    /// Lines a page moves by.
    pub(crate) fn page(&self) -> usize {
        usize::from(self.size.1.saturating_sub(9)).max(1)
    }

    /// A path as people write it: below the base it is relative, elsewhere it is absolute, with `~` for home.
    pub fn short_path(&self, path: &Path) -> String {
        let path = self.at_base(path);
        match path.strip_prefix(&self.base) {
            Ok(p) if !p.as_os_str().is_empty() => p.display().to_string(),
            _ => self.home_path(&path),
        }
    }

    /// A text with the paths below the base in it as people write them.
    pub(crate) fn with_short_paths(&self, text: &str) -> String {
        self.path_shortener()(text)
    }

    /// [`Self::with_short_paths`] as a function of its own.
    pub(crate) fn path_shortener(&self) -> impl Fn(&str) -> String + use<> {
        let base = format!("{}/", self.base.display());
        move |text| {
            if base.len() <= 2 || !text.contains(&base) {
                return text.to_owned();
            }
            let mut out = String::with_capacity(text.len());
            let mut rest = text;
            while let Some(at) = rest.find(&base) {
                let (before, after) = rest.split_at(at);
                out += before;
                // The base is a whole path, and not the end of another one.
                let begins =
                    !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '~'));
                if !begins {
                    out += &base;
                }
                rest = &after[base.len()..];
            }
            out + rest
        }
    }

    /// A folder in words: the opened folder is called that.
    pub(crate) fn folder_name(&self, folder: &Path) -> String {
        match self.at_base(folder) {
            folder if folder == self.base => "the opened folder".to_owned(),
            folder => self.short_path(&folder),
        }
    }

    /// The same path, absolute: a relative one counts from the base. `..` is resolved by name.
    pub(crate) fn at_base(&self, path: &Path) -> PathBuf {
        let mut full = PathBuf::new();
        for part in self.base.join(path).components() {
            match part {
                Component::ParentDir => drop(full.pop()),
                Component::CurDir => {}
                other => full.push(other),
            }
        }
        full
    }

    /// A path that was typed, absolute.
    pub(crate) fn typed_path(&self, text: &str) -> PathBuf {
        self.at_base(Path::new(&self.at_home(text)))
    }

    /// A path as it was typed, with `~` written out, as the shell would have.
    pub(crate) fn at_home(&self, text: &str) -> String {
        match (text.trim().strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest).display().to_string(),
            _ => text.trim().to_owned(),
        }
    }

    /// A path with `~` for home.
    pub(crate) fn home_path(&self, path: &Path) -> String {
        let home = self.home.as_ref().filter(|h| h.components().count() > 1);
        match home.and_then(|h| path.strip_prefix(h).ok()) {
            Some(p) if p.as_os_str().is_empty() => String::from("~"),
            Some(p) => format!("~/{}", p.display()),
            None => path.display().to_string(),
        }
    }
}
