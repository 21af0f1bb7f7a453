//! The registry of commands. Keys, help, palette, the hint line and docs/keys.md all come from its tables.

mod everywhere;
mod jobs;
mod models;
mod recipe;

use super::jobs::JobSection;
use super::keys::Key;
use super::models::Focus;
use super::recipe::RecipePane;
use super::state::{State, Tab};

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
    SectionNext,
    SectionPrev,
    Sort,
    Reverse,
    Filter,
    ClearFilter,
    TryText,
    ReadValue,
    CopyValue,
    CheckValues,
    Choose,
    Mark,
    Budget,
    Edit,
    ValueNext,
    ValuePrev,
    Start,
    Cancel,
    OpenJob,
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

/// Where a command's keys count. Inner scopes are asked before outer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The tree of the Models tab.
    Tree,
    /// The details pane of the Models tab.
    Details,
    /// The presets of the Recipe tab.
    Presets,
    /// The options of the Recipe tab.
    Options,
    /// The list of the Jobs tab.
    JobList,
    /// The job pane.
    Job,
    /// The Log tab.
    Log,
    /// Wherever there is a list.
    Lists,
    /// Everywhere.
    Global,
}

impl Scope {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Global,
        Self::Lists,
        Self::Tree,
        Self::Details,
        Self::Presets,
        Self::Options,
        Self::JobList,
        Self::Job,
        Self::Log,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Tree => "Models: the tree",
            Self::Details => "Models: the details",
            Self::Presets => "Recipe: the presets",
            Self::Options => "Recipe: the options",
            Self::JobList => "Jobs: the list",
            Self::Job => "Jobs: the job",
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

const fn command(
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

fn always(_: &State) -> bool {
    true
}

/// The registry, a part for each place. Order is the order of hints and help.
const PARTS: [&[Command]; 4] = [models::COMMANDS, recipe::COMMANDS, jobs::COMMANDS, everywhere::COMMANDS];

/// Every command there is, in order.
pub fn all() -> impl Iterator<Item = &'static Command> {
    PARTS.into_iter().flatten()
}

/// The scopes that hold now, innermost first.
pub fn scopes(state: &State) -> Vec<Scope> {
    use Scope::{Details, Global, Job, JobList, Lists, Log, Options, Presets, Tree};
    let inner = match state.tab {
        Tab::Models if state.models.focus == Focus::List => Some(Tree),
        Tab::Models => Some(Details),
        Tab::Recipe if state.recipe.pane == RecipePane::Presets => Some(Presets),
        Tab::Recipe => Some(Options),
        Tab::Jobs if state.jobs.focus == Focus::List => Some(JobList),
        Tab::Jobs => Some(Job),
        Tab::Log => Some(Log),
        Tab::Compare | Tab::Watch => None,
    };
    inner.into_iter().flat_map(|i| [i, Lists]).chain([Global]).collect()
}

/// What a key means now: a command, or the beginning of a sequence.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// Run this.
    Run(&'static Command),
    /// Wait for the next key.
    Prefix,
}

/// Finds the command a key stands for, given the key before it if that began a sequence.
pub fn lookup(state: &State, before: Option<Key>, key: Key) -> Option<Meaning> {
    for scope in scopes(state) {
        let here = all().filter(|c| c.scopes.contains(&scope) && (c.when)(state));
        for c in here {
            for text in c.keys {
                let mut parts = text.split(' ').filter_map(Key::parse);
                match (parts.next(), parts.next(), before) {
                    (Some(k), None, None) if k == key => return Some(Meaning::Run(c)),
                    (Some(p), Some(k), Some(b)) if p == b && k == key => return Some(Meaning::Run(c)),
                    (Some(p), Some(_), None) if p == key => return Some(Meaning::Prefix),
                    _ => {}
                }
            }
        }
    }
    None
}

/// True if the command would do something now.
pub fn enabled(state: &State, command: &Command) -> bool {
    let scopes = scopes(state);
    command.scopes.iter().any(|s| scopes.contains(s)) && (command.when)(state)
}

/// Commands that would do something now, in registry order, one of each kind.
pub fn available(state: &State) -> Vec<&'static Command> {
    all().filter(|c| enabled(state, c)).collect()
}

/// Keys and words of the hint line.
pub fn hints(state: &State) -> Vec<(String, &'static str)> {
    let tail = [Cmd::Palette, Cmd::Help, Cmd::Quit];
    let shown = available(state).into_iter().filter(|c| !c.hint.is_empty() && !tail.contains(&c.cmd));
    let line = shown.map(|c| (key_label(c.keys[0]), c.hint));
    // Two neighbours of the same word would be a waste of the line.
    let mut out: Vec<(String, &'static str)> = Vec::new();
    for (key, word) in line {
        if out.iter().all(|(_, w)| *w != word) {
            out.push((key, word));
        }
    }
    out
}

/// A key as the hint line writes it.
pub fn key_label(key: &str) -> String {
    match key {
        "enter" => "⏎".to_owned(),
        "space" => "space".to_owned(),
        "left" => "←".to_owned(),
        "right" => "→".to_owned(),
        other => other.to_owned(),
    }
}

/// True while the event log of a job is shown; its cursor counts from the end.
pub fn in_event_log(state: &State) -> bool {
    state.tab == Tab::Jobs && state.jobs.focus == Focus::Details && state.jobs.section == JobSection::Events
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
                assert!(key.split(' ').all(|k| Key::parse(k).is_some()), "{}: {key}", c.name);
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
