//! The registry of commands. Keys, help, palette, the hint line and docs/keys.md all come from this one table.

use super::jobs::JobSection;
use super::keys::Key;
use super::models::{Focus, Section};
use super::recipe::RecipePane;
use super::state::{State, Tab};
use crate::job::JobState;

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

fn on_model(s: &State) -> bool {
    s.models.node().is_some_and(|n| n.model.is_some())
}

fn on_row(s: &State) -> bool {
    s.models.node().is_some()
}

fn can_cancel(s: &State) -> bool {
    s.jobs.current().is_some_and(|j| matches!(j.state, JobState::Running | JobState::Queued))
}

fn can_start(s: &State) -> bool {
    s.recipe.ready().is_some() && !s.recipe.starting
}

fn has_filter(s: &State) -> bool {
    match s.tab {
        Tab::Models if s.models.focus == Focus::List => !s.models.filter.is_empty(),
        Tab::Models => !s.models.details.filter.is_empty(),
        Tab::Log => !s.log.filter.is_empty(),
        _ => false,
    }
}

use Scope::{Details, Global, Job, JobList, Lists, Log, Options, Presets, Tree};

/// The registry. Order is the order of hints and help.
pub const COMMANDS: &[Command] = &[
    command(
        Cmd::Open,
        "models.open",
        &["enter", "l", "right"],
        &[Tree],
        "Open a folder, or go to the details of a model",
        "open",
        on_row,
    ),
    command(Cmd::Close, "models.close", &["h", "left"], &[Tree], "Close the folder, or go to its parent", "", on_row),
    command(
        Cmd::Convert,
        "models.convert",
        &["c"],
        &[Tree, Details],
        "Convert this model: choose what to make of it",
        "convert",
        on_model,
    ),
    command(Cmd::SectionNext, "section.next", &["]", "l", "right"], &[Details, Job], "Next section", "", always),
    command(Cmd::SectionPrev, "section.previous", &["[", "h", "left"], &[Details, Job], "Previous section", "", always),
    command(Cmd::SectionNext, "models.section", &["]"], &[Tree], "Next section of the details", "section", on_model),
    command(Cmd::SectionPrev, "models.section-back", &["["], &[Tree], "Previous section of the details", "", on_model),
    command(
        Cmd::Sort,
        "tensors.sort",
        &["s"],
        &[Details],
        "Sort tensors by file order, size, name, type",
        "sort",
        |s| s.models.details.section == Section::Tensors,
    ),
    command(
        Cmd::Reverse,
        "tensors.reverse",
        &["S"],
        &[Details],
        "Turn the order of the tensors round",
        "reverse",
        |s| s.models.details.section == Section::Tensors,
    ),
    command(Cmd::Filter, "filter", &["/"], &[Tree, Log], "Filter the list as you type", "filter", always),
    command(
        Cmd::Filter,
        "filter.details",
        &["/"],
        &[Details],
        "Filter tensors or metadata; words are and-ed, ! negates",
        "filter",
        |s| matches!(s.models.details.section, Section::Tensors | Section::Metadata),
    ),
    command(Cmd::ClearFilter, "filter.clear", &["esc"], &[Tree, Details, Log], "Clear the filter", "clear", has_filter),
    command(
        Cmd::CopyPath,
        "copy.path",
        &["y"],
        &[Tree, Details],
        "Copy the path to the terminal's clipboard",
        "copy path",
        on_row,
    ),
    command(Cmd::Rescan, "models.rescan", &["r"], &[Tree], "Look for models again", "rescan", |s| !s.models.scanning),
    command(
        Cmd::Choose,
        "recipe.start-chosen",
        &["enter"],
        &[Presets],
        "Ask once more, then start",
        "start…",
        can_start,
    ),
    command(
        Cmd::Budget,
        "recipe.budget-first",
        &["enter"],
        &[Presets],
        "Type the budget that is still wanting",
        "set budget",
        |s| s.recipe.source.is_some() && s.recipe.lacks_budget(),
    ),
    command(
        Cmd::Mark,
        "recipe.mark",
        &["space"],
        &[Presets],
        "Mark: several marked presets are written from one read",
        "mark",
        |s| s.recipe.source.is_some(),
    ),
    command(Cmd::Edit, "option.edit", &["enter"], &[Options], "Edit the option, or take its next value", "edit", |s| {
        s.recipe.source.is_some()
    }),
    command(Cmd::ValuePrev, "option.previous", &["h", "left"], &[Options], "Previous value", "", |s| {
        !s.recipe.current_field().is_text()
    }),
    command(Cmd::ValueNext, "option.next", &["l", "right", "space"], &[Options], "Next value", "change", |s| {
        !s.recipe.current_field().is_text()
    }),
    // Among the presets enter starts, which is the better hint for one who reads hints.
    command(Cmd::Start, "recipe.start", &["r"], &[Presets], "Start now: a job in its own process", "", can_start),
    command(
        Cmd::Start,
        "recipe.start-now",
        &["r"],
        &[Options],
        "Start now: a job in its own process",
        "run",
        can_start,
    ),
    command(
        Cmd::Budget,
        "recipe.budget",
        &["b"],
        &[Presets, Options],
        "A budget: 760MB, or 4.25 bits a weight",
        "budget",
        |s| s.recipe.source.is_some(),
    ),
    command(
        Cmd::Zoom,
        "recipe.zoom",
        &["z"],
        &[Presets, Options],
        "The forecast and its plot at full width",
        "plot",
        |s| s.recipe.source.is_some(),
    ),
    command(Cmd::OpenJob, "jobs.open", &["enter", "l", "right"], &[JobList], "Go to the job", "open", |s| {
        s.jobs.current().is_some()
    }),
    command(Cmd::SectionNext, "jobs.section", &["]"], &[JobList], "Next section of the job", "section", |s| {
        s.jobs.current().is_some()
    }),
    command(Cmd::SectionPrev, "jobs.section-back", &["["], &[JobList], "Previous section of the job", "", |s| {
        s.jobs.current().is_some()
    }),
    command(
        Cmd::Cancel,
        "jobs.cancel",
        &["x"],
        &[JobList, Job],
        "Cancel the job; nothing half-written stays",
        "cancel",
        can_cancel,
    ),
    command(
        Cmd::CopyPath,
        "copy.output",
        &["y"],
        &[JobList, Job],
        "Copy the output's path to the terminal's clipboard",
        "copy path",
        |s| s.jobs.view.as_ref().is_some_and(|v| !v.outputs.is_empty()),
    ),
    command(
        Cmd::Zoom,
        "zoom",
        &["z"],
        &[Tree, Details, JobList, Job],
        "Give this pane the whole width, or back",
        "zoom",
        always,
    ),
    command(
        Cmd::FocusNext,
        "pane.next",
        &["tab", "backtab"],
        &[Tree, Details, Presets, Options, JobList, Job],
        "Go to the other pane",
        "pane",
        always,
    ),
    command(
        Cmd::Back,
        "back",
        &["esc"],
        &[Global],
        "Back: close what lies on top, leave the pane; never quits",
        "",
        always,
    ),
    command(Cmd::Down, "down", &["j", "down"], &[Lists], "Down", "", always),
    command(Cmd::Up, "up", &["k", "up"], &[Lists], "Up", "", always),
    command(Cmd::HalfDown, "half-page.down", &["ctrl-d"], &[Lists], "Half a page down", "", always),
    command(Cmd::HalfUp, "half-page.up", &["ctrl-u"], &[Lists], "Half a page up", "", always),
    command(Cmd::PageDown, "page.down", &["pagedown", "ctrl-f"], &[Lists], "A page down", "", always),
    command(Cmd::PageUp, "page.up", &["pageup", "ctrl-b"], &[Lists], "A page up", "", always),
    command(Cmd::Top, "top", &["g g", "home"], &[Lists], "To the first line", "", always),
    command(Cmd::Bottom, "bottom", &["G", "end"], &[Lists], "To the last line; in a log: follow", "", always),
    command(Cmd::Models, "tab.models", &["1"], &[Global], "Models: what there is", "", always),
    command(Cmd::Recipe, "tab.recipe", &["2"], &[Global], "Recipe: what to make of it", "", always),
    command(Cmd::Jobs, "tab.jobs", &["3"], &[Global], "Jobs: what is being made", "", always),
    command(Cmd::Compare, "tab.compare", &["4"], &[Global], "Compare: variants side by side (comes later)", "", always),
    command(Cmd::Watch, "tab.watch", &["5"], &[Global], "Watch: exports of a training run (comes later)", "", always),
    command(Cmd::Log, "tab.log", &["6"], &[Global], "Log: everything that was said", "", always),
    command(Cmd::Theme, "theme", &["T"], &[Global], "Choose a theme; it shows while you move", "", |s| {
        s.theme != "mono" || s.themes.len() > 1
    }),
    command(Cmd::Redraw, "redraw", &["ctrl-l"], &[Global], "Draw everything again", "", always),
    command(
        Cmd::Suspend,
        "suspend",
        &["ctrl-z"],
        &[Global],
        "Back to the shell; fg returns here, jobs go on",
        "",
        always,
    ),
    command(Cmd::Palette, "palette", &[":", "ctrl-p"], &[Global], "Find a command by its name", "commands", always),
    command(Cmd::Help, "help", &["?", "f1"], &[Global], "This help", "help", always),
    command(Cmd::Quit, "quit", &["q", "ctrl-c"], &[Global], "Quit; jobs go on by themselves", "quit", always),
];

/// The scopes that hold now, innermost first.
pub fn scopes(state: &State) -> Vec<Scope> {
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
        let here = COMMANDS.iter().filter(|c| c.scopes.contains(&scope) && (c.when)(state));
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
    COMMANDS.iter().filter(|c| enabled(state, c)).collect()
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
        for c in COMMANDS {
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
            for c in COMMANDS.iter().filter(|c| c.scopes.contains(&scope)) {
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
