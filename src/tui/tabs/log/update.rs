//! Updates of the Log tab, and what jobs and the doctor add to it.

use super::state::LogEntry;
use crate::engine::Event;
use crate::job::{self, Wording};
use crate::monitor::{Check, CheckStatus};
use crate::tui::core::{Action, Cmd, Completion, Effect, Level, LineEdit, State, Tab, TabRequest, units};
use crate::units::escape;
use std::path::Path;

/// Runs a command.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    match cmd {
        Cmd::LogLevel => state.log.turn_level(),
        Cmd::LogJob => state.log.turn_job(),
        Cmd::LogFollow => state.log.up = 0,
        Cmd::LogGo => {
            let id = state.log.current().and_then(|e| e.job.clone());
            return Some(id.map(|id| Effect::Tab(TabRequest::ShowJob(id))).into_iter().collect());
        }
        Cmd::CopyLine => {
            let Some(line) = state.log.current().map(LogEntry::line) else { return Some(Vec::new()) };
            state.flash(Level::Info, "line sent to the terminal's clipboard");
            return Some(vec![Effect::Copy(escape(&line).into_owned())]);
        }
        Cmd::CopyLines => {
            let lines: Vec<String> = state.log.shown().iter().map(|e| escape(&e.line()).into_owned()).collect();
            let n = units::plural(lines.len(), "line", "lines");
            state.flash(Level::Info, format!("{n} sent to the terminal's clipboard"));
            return Some(vec![Effect::Copy(lines.join("\n") + "\n")]);
        }
        Cmd::Filter => state.log.editing = Some(LineEdit::offering(&state.log.filter)),
        Cmd::ClearFilter => state.log.widen(),
        _ => return None,
    }
    Some(Vec::new())
}

/// Takes in what happened in jobs, or what the doctor found.
pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::JobNews(events) => news(state, events),
        Action::Checked(checks) => checked(state, checks),
        _ => {}
    }
    Vec::new()
}

/// Does what another tab asks: shows the lines of one job.
pub(super) fn asked(state: &mut State, request: TabRequest) -> Vec<Effect> {
    if let TabRequest::ShowLog(job) = request {
        state.log.widen();
        (state.log.job, state.tab) = (job, Tab::Log);
    }
    Vec::new()
}

/// Carries on after a key in the filter.
pub(super) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    if let Some(line) = &state.log.editing {
        state.log.filter.clone_from(&line.text);
    }
    if what == Completion::Dropped {
        state.log.filter.clear();
    }
    if what != Completion::Editing {
        state.log.editing = None;
    }
    state.log.up = 0;
    Vec::new()
}

/// What happened in jobs. Plans are news only for their warnings.
fn news(state: &mut State, events: Vec<Event>) {
    for event in events {
        let path = |path: &Path| state.short_path(path);
        let wording = Wording { path: &path, bytes: units::bytes, seconds: units::took };
        for line in job::event_lines(&event.body, &wording).into_iter().filter(|l| l.word != "plan") {
            let (level, text) = (line.level, state.with_short_paths(&line.short()));
            state.log.push(LogEntry { t: event.t, level, job: Some(event.job.clone()), text });
        }
    }
}

/// What the doctor found, a line each.
fn checked(state: &mut State, checks: Vec<Check>) {
    let (mut notes, mut wrong) = (0, 0);
    for c in checks {
        let level = match c.status {
            CheckStatus::Fine => Level::Info,
            CheckStatus::Note => {
                notes += 1;
                Level::Warn
            }
            CheckStatus::Wrong => {
                wrong += 1;
                Level::Error
            }
        };
        let remedy = c.remedy.map(|r| format!(" → {r}")).unwrap_or_default();
        state.note(level, format!("doctor  {}, {}: {}{remedy}", c.area, c.what, c.fact));
    }
    match (wrong, notes) {
        (0, 0) => state.flash(Level::Info, "doctor: no problems found"),
        (0, 1) => state.flash(Level::Warn, "doctor: usable; 1 warning"),
        (0, n) => state.flash(Level::Warn, format!("doctor: usable; {n} warnings")),
        (1, _) => state.flash(Level::Error, "doctor: 1 problem keeps remold from running"),
        (n, _) => state.flash(Level::Error, format!("doctor: {n} problems keep remold from running")),
    }
}
