//! The commands of the Jobs tab.

use super::state::JobSection;
use crate::job::JobState;
use crate::tui::core::Scope::{Job, JobList};
use crate::tui::core::commands::{always, command};
use crate::tui::core::{Cmd, Command, Focus, Scope, State, search};

fn is(s: &State, fits: impl Fn(JobState) -> bool) -> bool {
    s.jobs.current().is_some_and(|j| fits(j.state))
}

fn any(s: &State) -> bool {
    is(s, |_| true)
}

fn in_grid(s: &State) -> bool {
    s.jobs.section == JobSection::Layers && s.jobs.view.as_ref().is_some_and(|v| !v.grid.is_empty())
}

/// The report is shown, and ends with a command.
fn repeats(s: &State) -> bool {
    s.jobs.section == JobSection::Report && s.jobs.view.as_ref().is_some_and(|v| v.command.is_some())
}

/// A list and its job: where both have the command.
const BOTH: &[Scope] = &[JobList, Job];

pub(super) const COMMANDS: &[Command] = &[
    command(Cmd::OpenJob, "jobs.open", &["enter", "l", "right"], &[JobList], "Go to the job", "open", any),
    command(Cmd::JobReport, "jobs.report", &["r"], BOTH, "Show the report of the ended job", "report", |s| {
        is(s, JobState::ended) && (s.jobs.report_is_elsewhere() || s.jobs.focus == Focus::List)
    }),
    command(Cmd::CellNext, "grid.right", &["l", "right"], &[Job], "In the grid: the next layer", "", in_grid),
    command(Cmd::CellPrev, "grid.left", &["h", "left"], &[Job], "In the grid: the previous layer", "", in_grid),
    command(Cmd::SectionNext, "job.section", &["]", "l", "right"], &[Job], "Next section", "section", always),
    command(Cmd::SectionPrev, "job.section-back", &["[", "h", "left"], &[Job], "Previous section", "", always),
    command(Cmd::SectionNext, "jobs.section", &["]"], &[JobList], "Next section of the job", "section", any),
    command(Cmd::SectionPrev, "jobs.section-back", &["["], &[JobList], "Previous section of the job", "", any),
    command(
        Cmd::Cancel,
        "jobs.cancel",
        &["x"],
        BOTH,
        "Cancel the job and remove its unfinished files",
        "cancel",
        |s| is(s, |j| !j.ended()),
    ),
    command(Cmd::Pause, "jobs.pause", &["p"], BOTH, "Pause the job; the next one in the queue may run", "pause", |s| {
        is(s, |j| j == JobState::Running)
    }),
    command(Cmd::Continue, "jobs.continue", &["p"], BOTH, "Resume the paused job", "resume", |s| {
        is(s, |j| j == JobState::Paused)
    }),
    command(
        Cmd::Retry,
        "jobs.retry",
        &["R"],
        BOTH,
        "Start a failed or cancelled job again under the same number, or continue a lost one",
        "retry",
        |s| is(s, |j| j.ended() && j != JobState::Finished),
    ),
    command(Cmd::Outputs, "jobs.outputs", &["o"], BOTH, "Go to the output in Models", "output", |s| {
        s.jobs.published().is_some()
    }),
    command(Cmd::JobLog, "jobs.log", &["L"], BOTH, "Go to the log of this job", "log", any),
    command(
        Cmd::Search,
        "job.search",
        &["/"],
        &[Job],
        "Search in the events, plan, recipe or report",
        "search",
        search::reads,
    ),
    command(
        Cmd::Remove,
        "jobs.remove",
        &["D"],
        BOTH,
        "Remove the ended job from the list; its outputs are kept",
        "remove",
        |s| is(s, JobState::ended),
    ),
    command(
        Cmd::CopyCommand,
        "copy.command",
        &["y"],
        BOTH,
        "In the report: copy the command line that repeats the job",
        "copy command",
        repeats,
    ),
    command(
        Cmd::CopyCard,
        "copy.card",
        &["Y"],
        BOTH,
        "In the report: copy it as Markdown, for a model page",
        "",
        |s| s.jobs.section == JobSection::Report && s.jobs.card().is_some(),
    ),
    command(Cmd::CopyPath, "copy.output", &["y"], BOTH, "Copy the output's path to the clipboard", "copy path", |s| {
        !repeats(s) && s.jobs.view.as_ref().is_some_and(|v| !v.history.outputs.is_empty())
    }),
];
