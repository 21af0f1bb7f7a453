//! The commands of the Log tab.

use crate::tui::core::Scope::Log;
use crate::tui::core::commands::command;
use crate::tui::core::{Cmd, Command, State};

fn any(s: &State) -> bool {
    !s.log.entries.is_empty()
}

pub(super) const COMMANDS: &[Command] = &[
    command(
        Cmd::LogLevel,
        "log.level",
        &["w"],
        &[Log],
        "Cycle: all lines, warnings and errors, errors only",
        "level",
        any,
    ),
    command(Cmd::LogJob, "log.job", &["J"], &[Log], "Cycle: lines of one job, the next one, all", "job", |s| {
        s.log.job.is_some() || !s.log.jobs().is_empty()
    }),
    command(Cmd::LogGo, "log.open", &["enter"], &[Log], "Go to the job of the line", "to the job", |s| {
        s.log.current().is_some_and(|e| e.job.as_ref().is_some_and(|id| s.jobs.list.iter().any(|j| j.id == *id)))
    }),
    command(Cmd::LogFollow, "log.follow", &["F"], &[Log], "Go to the newest line, and follow", "follow", |s| {
        s.log.up > 0
    }),
    command(Cmd::CopyLine, "copy.line", &["y"], &[Log], "Copy the line to the clipboard", "copy", |s| {
        s.log.current().is_some()
    }),
    command(Cmd::CopyLines, "copy.lines", &["Y"], &[Log], "Copy all lines shown", "copy all", |s| {
        s.log.current().is_some()
    }),
];
