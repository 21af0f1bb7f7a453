//! Results about jobs: the list, and the events of the followed job.

use super::follow;
use crate::job::{JobState, JobSummary};
use crate::tui::core::{Action, Effect, Focus, Level, Notify, State, Tab, TabRequest};
use crate::tui::tabs::jobs::{JobAction, JobSection, JobView};

pub(in crate::tui::tabs::jobs) fn apply(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Jobs(list) => listed(state, list),
        Action::JobPlan(id, plan) => {
            if let Some(view) = view(state, &id) {
                view.set_plan(plan);
            }
            Vec::new()
        }
        Action::JobRecipe(id, lines) => {
            if let Some(view) = view(state, &id) {
                view.recipe = lines;
            }
            Vec::new()
        }
        Action::JobCommand(id, command) => {
            if let Some(view) = view(state, &id) {
                view.command = Some(command);
            }
            Vec::new()
        }
        Action::JobReport(id, report) => {
            if let Some(view) = view(state, &id) {
                view.report = Some(report);
            }
            Vec::new()
        }
        Action::JobMeasured(id, report) => {
            if let Some(view) = view(state, &id) {
                view.measured = Some(report.0);
            }
            Vec::new()
        }
        Action::JobEvents(id, events) => {
            let (section, row) = (state.jobs.section, state.jobs.row);
            let short = state.path_shortener();
            if let Some(view) = view(state, &id) {
                let lines = view.log.len();
                let said = view.said;
                for event in &events {
                    view.apply(event);
                }
                let from = view.log.len().saturating_sub(view.said - said);
                view.log.iter_mut().skip(from).for_each(|line| line.text = short(&line.text));
                // Keep older events in view if they are shown.
                if section == JobSection::Events && row > 0 {
                    state.jobs.row += view.log.len().saturating_sub(lines);
                }
            }
            // The list is looked at less often; keys go by it.
            if events.iter().any(|e| e.body.changes_state()) { vec![Effect::RefreshJobs] } else { Vec::new() }
        }
        Action::JobActionDone(action, title, result) => {
            job_action_done(state, action, &title, result.map_err(|card| card.message))
        }
        _ => Vec::new(),
    }
}

fn view<'a>(state: &'a mut State, id: &str) -> Option<&'a mut JobView> {
    state.jobs.view.as_mut().filter(|v| v.id == id)
}

fn listed(state: &mut State, list: Vec<JobSummary>) -> Vec<Effect> {
    let before = |j: &JobSummary| state.jobs.list.iter().find(|o| o.id == j.id).map(|o| o.state);
    let ended: Vec<(JobSummary, bool)> = list
        .iter()
        .filter(|j| j.state.ended() && before(j).is_some_and(|s| !s.ended()))
        .map(|j| (j.clone(), is_long(state, j)))
        .collect();
    let mut effects = Vec::new();
    let at = state.jobs.cursor();
    state.jobs.set_list(list);
    let alone = |job: &JobSummary| !state.jobs.batches.iter().any(|b| b.contains(&job.id));
    let single: Vec<bool> = ended.iter().map(|(job, _)| alone(job)).collect();
    for ((job, long), single) in ended.iter().zip(&single) {
        if *long && *single {
            let checks =
                if job.failed_checks > 0 { format!(", {}", failed_checks(job.failed_checks)) } else { String::new() };
            effects.push(Effect::Notify(format!("{}{checks}: {}", job.state.name(), job.title)));
        }
        // The tab is not shown and no job is running: it opens on the job that has just ended.
        if state.tab != Tab::Jobs && !state.jobs.any_alive() {
            (state.jobs.selected, state.jobs.chosen) = (Some(job.id.clone()), true);
        }
    }
    effects.extend(keep_following(state, at));
    if ended.iter().any(|(job, _)| job.state == JobState::Finished) {
        let outputs = ended.iter().flat_map(|(job, _)| job.outputs.clone()).collect();
        effects.push(Effect::Tab(TabRequest::OutputsWritten(outputs)));
    }
    state.jobs.settle_section();
    ended.iter().zip(&single).filter(|(_, single)| **single).for_each(|((job, _), _)| report_end(state, job));
    effects.extend(report_batches(state));
    effects
}

/// Says once how the jobs that were started together have ended, when the last of them has.
fn report_batches(state: &mut State) -> Vec<Effect> {
    let list = &state.jobs.list;
    let of = |id: &String| list.iter().find(|j| j.id == *id);
    // A job that was removed has ended too.
    let over = |ids: &Vec<String>| ids.iter().all(|id| of(id).is_none_or(|j| j.state.ended()));
    let (done, left): (Vec<_>, Vec<_>) = state.jobs.batches.iter().cloned().partition(over);
    let (mut effects, mut said) = (Vec::new(), Vec::new());
    for ids in &done {
        let jobs: Vec<JobSummary> = ids.iter().filter_map(of).cloned().collect();
        let finished = jobs.iter().filter(|j| j.state == JobState::Finished).count();
        let bad: Vec<String> =
            jobs.iter().filter(|j| j.state != JobState::Finished).map(|j| format!("#{}", j.id)).collect();
        let checks: usize = jobs.iter().map(|j| j.failed_checks).sum();
        let text = match bad.as_slice() {
            [] if checks > 0 => format!("{finished} of {} jobs finished, but {}", ids.len(), failed_checks(checks)),
            [] if ids.len() == 1 => format!("finished: {}", jobs.first().map_or("1 job", |j| j.title.as_str())),
            [] => format!("all {} jobs finished", ids.len()),
            bad => format!("{finished} of {} jobs finished; see {}", ids.len(), bad.join(", ")),
        };
        if jobs.iter().any(|j| is_long(state, j)) {
            effects.push(Effect::Notify(text.clone()));
        }
        let level = match (bad.is_empty(), checks) {
            (true, 0) => Level::Info,
            (true, _) => Level::Warn,
            (false, _) => Level::Error,
        };
        said.push((level, text));
    }
    state.jobs.batches = left;
    for (level, text) in said {
        state.toast(level, text);
    }
    effects
}

/// Follows the job that is to be shown, after the list has changed; `at` is where the cursor was.
fn keep_following(state: &mut State, at: usize) -> Vec<Effect> {
    let known = state.jobs.current().is_some();
    if state.jobs.list.is_empty() {
        (state.jobs.view, state.jobs.selected, state.jobs.focus) = (None, None, Focus::List);
        return vec![Effect::Follow(None)];
    }
    if !state.jobs.chosen && state.jobs.focus == Focus::List {
        // A job that was started here gets the focus in its pane.
        return follow(state, 0);
    }
    if !known || state.jobs.view.is_none() {
        // The one beside a job that was removed; the one a session was left at.
        return follow(state, at);
    }
    Vec::new()
}

/// Says how a job has ended. The log has it from the job itself, except of a job whose process is gone.
fn report_end(state: &mut State, job: &JobSummary) {
    let (title, report_hint) = (&job.title, where_report(state, &job.id));
    match job.state {
        JobState::Finished if job.failed_checks > 0 => {
            let checks = failed_checks(job.failed_checks);
            state.flash(Level::Warn, format!("finished, but {checks}: {title}{report_hint}"));
        }
        JobState::Finished => state.flash(Level::Info, format!("finished: {title}{report_hint}")),
        JobState::Cancelled => state.flash(Level::Info, format!("cancelled: {title}")),
        JobState::Interrupted => {
            state.flash(Level::Error, format!("interrupted: {title}; R continues it"));
        }
        JobState::Lost => {
            state.toast(Level::Error, format!("lost its process: {title}; R continues it"));
        }
        _ => state.flash(Level::Error, format!("failed: {title}{report_hint}")),
    }
}

/// `a check failed`, `3 checks failed`.
fn failed_checks(n: usize) -> String {
    if n == 1 { "a check failed".to_owned() } else { format!("{n} checks failed") }
}

/// True for a job whose end is worth a notification.
fn is_long(state: &State, job: &crate::job::JobSummary) -> bool {
    state.settings.notify != Notify::Off && job.seconds.is_some_and(|s| s >= f64::from(state.settings.notify_after))
}

/// Which key shows the report of a job that has just ended; nothing where it shows already.
fn where_report(state: &State, id: &str) -> String {
    let selected = state.jobs.selected.as_deref() == Some(id);
    match (state.tab == Tab::Jobs, selected) {
        (true, true) if !state.jobs.report_is_elsewhere() => String::new(),
        (true, true) => "; r shows its report".to_owned(),
        (true, false) => format!("; see the report of #{id}"),
        (false, true) => "; 3 shows its report".to_owned(),
        (false, false) => format!("; its report is in Jobs (3), #{id}"),
    }
}

fn job_action_done(state: &mut State, action: JobAction, title: &str, result: Result<(), String>) -> Vec<Effect> {
    let (done, cannot) = match action {
        JobAction::Cancel => ("asked to stop", "stop"),
        JobAction::Pause => ("asked to pause", "pause"),
        JobAction::Resume => ("resumed", "resume"),
        JobAction::Again => ("started again; the report keeps the earlier attempt", "restart"),
        JobAction::Remove => ("removed", "remove"),
    };
    match result {
        Ok(()) => {
            state.toast(Level::Info, format!("{done}: {title}"));
            vec![Effect::RefreshJobs]
        }
        Err(message) => {
            state.toast(Level::Error, format!("cannot {cannot} {title}: {message}"));
            Vec::new()
        }
    }
}
