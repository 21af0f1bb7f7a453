//! The commands of the Watch tab.

use crate::tui::core::Scope::{WatchSources, Watchers};
use crate::tui::core::commands::{always, command};
use crate::tui::core::{Cmd, Command, Scope, State};

fn runs(s: &State) -> bool {
    s.watch.current().is_some_and(|w| w.pid.is_some())
}

fn is_stopped(s: &State) -> bool {
    s.watch.current().is_some_and(|w| w.pid.is_none())
}

fn can_restart(s: &State) -> bool {
    s.watch.current().is_some_and(|w| w.pid.is_none() && w.start.is_some())
}

fn has_command(s: &State) -> bool {
    s.watch.current().is_some_and(|w| w.pid.is_some() || w.command.is_some())
}

/// The job of the selected source's latest export is still there.
fn has_job(s: &State) -> bool {
    s.watch.current_source().and_then(|c| c.last()).is_some_and(|e| s.jobs.list.iter().any(|j| j.id == e.done.job))
}

/// The export is there, below the folder that the workbench shows.
fn has_output(s: &State) -> bool {
    let export = s.watch.current_source().and_then(|c| c.exported()).filter(|e| !e.removed);
    export.and_then(|e| e.done.outputs.first()).is_some_and(|o| o.starts_with(&s.dir))
}

fn has_source(s: &State) -> bool {
    s.watch.current_source().is_some()
}

fn is_ignored(s: &State) -> bool {
    s.watch.current_source().is_some_and(|c| c.ignored)
}

fn is_paused(s: &State) -> bool {
    s.watch.current().is_some_and(|w| w.paused)
}

fn has_previous(s: &State) -> bool {
    s.watch.pair().is_some()
}

/// The watchers and the sources of one.
const BOTH: &[Scope] = &[Watchers, WatchSources];

pub(super) const COMMANDS: &[Command] = &[
    command(
        Cmd::WatchSources,
        "watch.sources",
        &["enter", "l", "right"],
        &[Watchers],
        "Go to the sources of the watcher",
        "sources",
        |s| !s.watch.view.is_empty(),
    ),
    command(
        Cmd::WatchJob,
        "watch.job",
        &["enter"],
        &[WatchSources],
        "Go to the job of the latest export",
        "to the job",
        has_job,
    ),
    command(
        Cmd::WatchersBack,
        "watch.back",
        &["h", "left"],
        &[WatchSources],
        "Back to the watchers",
        "watchers",
        always,
    ),
    command(
        Cmd::WatchOutput,
        "watch.output",
        &["o"],
        &[WatchSources],
        "Go to the export in Models",
        "output",
        has_output,
    ),
    command(
        Cmd::WatchCompare,
        "watch.compare",
        &["v"],
        &[WatchSources],
        "Compare the export with that of the previous checkpoint",
        "compare",
        has_previous,
    ),
    command(
        Cmd::WatchExport,
        "watch.export",
        &["e"],
        &[WatchSources],
        "Export the source now in any state: incomplete, failed, or already exported",
        "export now",
        |s| runs(s) && has_source(s),
    ),
    command(Cmd::WatchIgnore, "watch.ignore", &["i"], &[WatchSources], "Ignore the source", "ignore", |s| {
        runs(s) && has_source(s) && !is_ignored(s)
    }),
    command(
        Cmd::WatchIgnore,
        "watch.unignore",
        &["i"],
        &[WatchSources],
        "Stop ignoring the source",
        "stop ignoring",
        |s| runs(s) && is_ignored(s),
    ),
    command(
        Cmd::WatchPause,
        "watch.pause",
        &["p"],
        BOTH,
        "Start no more exports for now; a running one continues",
        "pause",
        |s| runs(s) && !is_paused(s),
    ),
    command(Cmd::WatchPause, "watch.resume", &["p"], BOTH, "Start exports again", "resume", |s| {
        runs(s) && is_paused(s)
    }),
    command(
        Cmd::WatchStop,
        "watch.stop",
        &["s"],
        BOTH,
        "Stop the watcher; a running export continues; asks first",
        "stop",
        runs,
    ),
    command(
        Cmd::WatchRestart,
        "watch.restart",
        &["s"],
        BOTH,
        "Start the stopped watcher again, as it was started before",
        "start again",
        can_restart,
    ),
    command(
        Cmd::WatchFolder,
        "watch.start",
        &["w"],
        BOTH,
        "Watch a folder: type its path; asks before it starts",
        "watch a folder",
        always,
    ),
    command(
        Cmd::WatchCopy,
        "watch.copy",
        &["y"],
        BOTH,
        "Copy a shell command that follows the watcher, or starts it if it is stopped",
        "copy command",
        has_command,
    ),
    command(
        Cmd::WatchForget,
        "watch.forget",
        &["D"],
        BOTH,
        "Remove the stopped watcher from the list; its exports and jobs are kept; asks first",
        "remove",
        is_stopped,
    ),
];
