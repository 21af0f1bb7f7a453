//! The commands of the Jobs tab.

use super::Scope::{Job, JobList};
use super::{Cmd, Command, command};
use crate::job::JobState;
use crate::tui::core::state::State;

fn can_cancel(s: &State) -> bool {
    s.jobs.current().is_some_and(|j| matches!(j.state, JobState::Running | JobState::Queued))
}

pub(super) const COMMANDS: &[Command] = &[
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
];
