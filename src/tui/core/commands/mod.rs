//! The registry of commands. Keys, help, palette, the hint line and docs/keys.md all come from its tables.

mod everywhere;

use super::keymap::Sequence;
use super::keys::Key;
use super::state::State;
use crate::tui::tabs;

/// Every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is described in the table below")]
pub enum Cmd {
    Models,
    Recipe,
    Jobs,
    Compare,
    Watch,
    Log,
    Down,
    Up,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Open,
    Close,
    Convert,
    Rescan,
    CopyPath,
    CopyCommand,
    CopyCard,
    Glossary,
    SectionNext,
    SectionPrev,
    Sort,
    Reverse,
    Filter,
    ClearFilter,
    Search,
    HitNext,
    HitPrev,
    BorderLeft,
    BorderRight,
    EnterRow,
    AddTarget,
    AddStep,
    Purpose,
    Fold,
    Unfold,
    Delete,
    Duplicate,
    MoveDown,
    MoveUp,
    Undo,
    Redo,
    Save,
    NewRecipe,
    SourceNext,
    SourcePrev,
    OpenRecipe,
    EditOutside,
    TryText,
    ReadValue,
    CopyValue,
    CheckValues,
    Budget,
    BudgetLess,
    BudgetMore,
    TakeBudget,
    DropBudget,
    PlotFigure,
    StopMeasuring,
    MeasureAgain,
    Edit,
    ValueNext,
    ValuePrev,
    ClearField,
    Start,
    StartDetached,
    Cancel,
    Pause,
    Continue,
    Retry,
    Remove,
    Outputs,
    JobLog,
    CellNext,
    CellPrev,
    OpenJob,
    JobReport,
    LogLevel,
    LogJob,
    LogFollow,
    LogGo,
    CopyLine,
    CopyLines,
    Doctor,
    SortModels,
    OpenEditor,
    OpenPager,
    CompareConfigs,
    FindTensor,
    RenameModel,
    DeleteModel,
    Evaluate,
    MakeImatrix,
    CopyName,
    MarkModel,
    CompareModels,
    UnmarkModels,
    AddColumn,
    RemoveColumn,
    PinBaseline,
    Measure,
    CompareContext,
    ColumnNext,
    ColumnPrev,
    CompareTensors,
    CompareOrder,
    Chart,
    Export,
    Quality,
    QualityText,
    QualityOther,
    QualityLimit,
    CompareMap,
    TensorShapes,
    MoreBits,
    Speech,
    SpeechPrompt,
    SpeechDifference,
    StopPage,
    WatchFolder,
    WatchSources,
    WatchersBack,
    WatchJob,
    WatchOutput,
    WatchStop,
    WatchRestart,
    WatchForget,
    WatchPause,
    WatchExport,
    WatchIgnore,
    WatchCompare,
    WatchCopy,
    FocusNext,
    Zoom,
    Back,
    Palette,
    Help,
    Theme,
    Redraw,
    Suspend,
    Quit,
}

impl Cmd {
    /// True for what writes or deletes files, or starts, changes or stops jobs and watchers.
    pub(crate) fn writes(self) -> bool {
        matches!(
            self,
            Self::Start
                | Self::StartDetached
                | Self::Save
                | Self::EditOutside
                | Self::OpenEditor
                | Self::RenameModel
                | Self::DeleteModel
                | Self::Cancel
                | Self::Pause
                | Self::Continue
                | Self::Retry
                | Self::Remove
                | Self::Evaluate
                | Self::MakeImatrix
                | Self::QualityText
                | Self::Export
                | Self::WatchFolder
                | Self::WatchStop
                | Self::WatchRestart
                | Self::WatchForget
                | Self::WatchPause
                | Self::WatchExport
                | Self::WatchIgnore
        )
    }
}

/// Where a command's keys count. Inner scopes are asked before outer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The tree of the Models tab.
    Tree,
    /// The details pane of the Models tab.
    Details,
    /// The list of the Recipe tab.
    Targets,
    /// The form of the Recipe tab.
    Form,
    /// The list of the Jobs tab.
    JobList,
    /// The job pane.
    Job,
    /// The models of the Compare tab.
    Columns,
    /// The tensors of the Compare tab.
    Tensors,
    /// The quality on a text, in the Compare tab.
    Quality,
    /// The map of the Compare tab.
    Cells,
    /// The texts of the Compare tab.
    Speech,
    /// The watchers of the Watch tab.
    Watchers,
    /// The sources of the Watch tab.
    WatchSources,
    /// The Log tab.
    Log,
    /// Wherever there is a list.
    Lists,
    /// Everywhere.
    Global,
}

impl Scope {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 16] = [
        Self::Global,
        Self::Lists,
        Self::Tree,
        Self::Details,
        Self::Targets,
        Self::Form,
        Self::JobList,
        Self::Job,
        Self::Columns,
        Self::Tensors,
        Self::Quality,
        Self::Cells,
        Self::Speech,
        Self::Watchers,
        Self::WatchSources,
        Self::Log,
    ];

    /// Its heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Tree => "Models: the tree",
            Self::Details => "Models: the details",
            Self::Targets => "Recipe: the list",
            Self::Form => "Recipe: the options",
            Self::JobList => "Jobs: the list",
            Self::Job => "Jobs: the job",
            Self::Columns => "Compare: the models",
            Self::Tensors => "Compare: the tensors",
            Self::Quality => "Compare: quality on a text",
            Self::Cells => "Compare: the map",
            Self::Speech => "Compare: texts side by side",
            Self::Watchers => "Watch: the watchers",
            Self::WatchSources => "Watch: the sources",
            Self::Log => "Log",
            Self::Lists => "Lists",
            Self::Global => "Everywhere",
        }
    }
}

/// A line of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What it does.
    pub cmd: Cmd,
    /// Its stable name, for remapping and the palette.
    pub name: &'static str,
    /// Its keys; two keys with a blank between them are a sequence.
    pub keys: &'static [&'static str],
    /// Where its keys count.
    pub scopes: &'static [Scope],
    /// One line of help.
    pub help: &'static str,
    /// Word in the hint line; empty = not shown there.
    pub hint: &'static str,
    /// True while it would do something.
    pub when: fn(&State) -> bool,
}

pub(in crate::tui) const fn command(
    cmd: Cmd,
    name: &'static str,
    keys: &'static [&'static str],
    scopes: &'static [Scope],
    help: &'static str,
    hint: &'static str,
    when: fn(&State) -> bool,
) -> Command {
    Command { cmd, name, keys, scopes, help, hint, when }
}

pub(in crate::tui) fn always(_: &State) -> bool {
    true
}

/// Every command there is: the tabs' in their order, then the general ones. The order is that of hints and help.
pub fn all() -> impl Iterator<Item = &'static Command> {
    tabs::all().flat_map(|t| t.commands()).chain(everywhere::COMMANDS)
}

/// The scopes that hold now, innermost first.
pub(crate) fn scopes(state: &State) -> Vec<Scope> {
    tabs::shown(state).scopes(state).iter().copied().chain([Scope::Global]).collect()
}

/// What a key means now: a command, or the beginning of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    /// Run this.
    Run(&'static Command),
    /// Wait for the next key.
    Prefix,
}

/// Finds the command of a key, given the key before it if that began a sequence.
pub(crate) fn lookup(state: &State, before: Option<Key>, key: Key) -> Option<Meaning> {
    for scope in scopes(state) {
        let here = all().filter(|c| c.scopes.contains(&scope) && (c.when)(state));
        for c in here {
            for sequence in state.keymap.keys(c) {
                match (sequence.keys.as_slice(), before) {
                    ([k], None) if *k == key => return Some(Meaning::Run(c)),
                    ([p, k], Some(b)) if *p == b && *k == key => return Some(Meaning::Run(c)),
                    ([p, _], None) if *p == key => return Some(Meaning::Prefix),
                    _ => {}
                }
            }
        }
    }
    None
}

/// True if the command would do something now.
pub(crate) fn enabled(state: &State, command: &Command) -> bool {
    let scopes = scopes(state);
    let allowed = !(state.read_only && command.cmd.writes());
    allowed && command.scopes.iter().any(|s| scopes.contains(s)) && (command.when)(state)
}

/// Commands that would do something now, in registry order, one of each kind.
pub(crate) fn available(state: &State) -> Vec<&'static Command> {
    all().filter(|c| enabled(state, c)).collect()
}

/// A key of the hint line, and what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The key as the line writes it.
    pub key: String,
    /// The word beside it.
    pub word: &'static str,
    /// The command, for a click.
    pub cmd: Cmd,
}

/// The word of the hint that leads back, which is always shown.
const BACK: &str = "back";

/// Commands whose hints are at the end of the line, in every pane.
const TAIL: [Cmd; 3] = [Cmd::Palette, Cmd::Help, Cmd::Quit];

/// The keys that run the command here: not those that an inner place uses for something else.
pub(crate) fn keys_here<'s>(state: &'s State, command: &'s Command) -> impl Iterator<Item = &'s Sequence> {
    let runs = |before, key| matches!(lookup(state, before, key), Some(Meaning::Run(c)) if c.cmd == command.cmd);
    state.keymap.keys(command).iter().filter(move |s| match s.keys.as_slice() {
        [key] => runs(None, *key),
        [first, key] => matches!(lookup(state, None, *first), Some(Meaning::Prefix)) && runs(Some(*first), *key),
        _ => false,
    })
}

fn hint(state: &State, c: &Command) -> Option<Hint> {
    let key = keys_here(state, c).next()?;
    Some(Hint { key: key_label(&key.text), word: c.hint, cmd: c.cmd })
}

/// The hint line: what does something here. What has no key is not in it.
pub fn hints(state: &State) -> Vec<Hint> {
    let shown = available(state).into_iter().filter(|c| !c.hint.is_empty() && !TAIL.contains(&c.cmd));
    let mut out: Vec<Hint> = Vec::new();
    for hint in shown.filter_map(|c| hint(state, c)) {
        // Two neighbours of the same word would be a waste of the line.
        if out.iter().all(|h| h.word != hint.word) {
            out.push(hint);
        }
    }
    // At the end there may be no space for it.
    if let Some(at) = out.iter().position(|h| h.word == BACK).filter(|at| *at > 1) {
        let back = out.remove(at);
        out.insert(1, back);
    }
    out
}

/// The key that runs this command here, if one does.
pub(crate) fn hint_of(state: &State, cmd: Cmd) -> Option<Hint> {
    available(state).into_iter().filter(|c| c.cmd == cmd).find_map(|c| hint(state, c))
}

/// The end of the hint line: commands, help, quit.
pub fn tail_hints(state: &State) -> Vec<Hint> {
    let named = TAIL.into_iter().filter_map(|cmd| all().find(|c| c.cmd == cmd));
    named.filter_map(|c| hint(state, c)).collect()
}

/// What may follow the first key of a sequence: the second key, and what the two do.
pub(crate) fn continuations(state: &State, first: Key) -> Vec<Hint> {
    let second = |c: &Command| {
        let sequence = keys_here(state, c).find(|s| s.keys.len() == 2 && s.keys[0] == first)?;
        // The line has space for words only.
        let word = if c.hint.is_empty() { c.name } else { c.hint };
        Some(Hint { key: key_label(&sequence.keys[1].to_string()), word, cmd: c.cmd })
    };
    available(state).into_iter().filter_map(second).collect()
}

/// A key as the hint line writes it.
pub(crate) fn key_label(key: &str) -> String {
    match key {
        "enter" => "⏎".to_owned(),
        "space" => "space".to_owned(),
        "left" => "←".to_owned(),
        "right" => "→".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_key_parses_and_no_name_is_used_twice() {
        let mut names = HashSet::new();
        for c in all() {
            assert!(names.insert(c.name), "{} twice", c.name);
            assert!(!c.keys.is_empty() && !c.scopes.is_empty() && !c.help.is_empty(), "{}", c.name);
            for key in c.keys {
                assert!(
                    key.split(' ').count() <= 2 && key.split(' ').all(|k| Key::parse(k).is_some()),
                    "{}: {key}",
                    c.name
                );
            }
        }
    }

    #[test]
    fn no_key_has_two_unconditional_meanings_in_one_scope() {
        for scope in Scope::ALL {
            let mut seen = HashSet::new();
            for c in all().filter(|c| c.scopes.contains(&scope)) {
                // A conditional command may shadow; an unconditional one must be alone.
                if std::ptr::fn_addr_eq(c.when, always as fn(&State) -> bool) {
                    for k in c.keys {
                        assert!(seen.insert(*k), "{k} twice in {scope:?}");
                    }
                }
            }
        }
    }
}
