//! Updates of the Jobs tab.

use super::state::{Deed, GridCursor, JobSection, JobView};
use crate::engine::EventBody;
use crate::job::{JobState, JobSummary, is_same_output};
use crate::tui::core::{Action, Cmd, Confirm, Effect, Focus, Layer, Level, Notify, State, Tab, units};
use crate::tui::tabs::log::update as log;
use crate::tui::tabs::models::update as models;
use std::path::Path;

pub(in crate::tui) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Jobs(list) => listed(state, list),
        Action::JobNews(events) => {
            log::news(state, events);
            Vec::new()
        }
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
        Action::JobReport(id, report) => {
            if let Some(view) = view(state, &id) {
                view.report = Some(report);
            }
            Vec::new()
        }
        Action::JobEvents(id, events) => {
            let (section, row) = (state.jobs.section, state.jobs.row);
            if let Some(view) = view(state, &id) {
                let lines = view.log.len();
                for event in &events {
                    view.apply(event);
                }
                // Whoever looks at older events keeps looking at them.
                if section == JobSection::Events && row > 0 {
                    state.jobs.row += view.log.len().saturating_sub(lines);
                }
            }
            // The list is looked at less often; keys go by it.
            if events.iter().any(|e| turns(&e.body)) { vec![Effect::RefreshJobs] } else { Vec::new() }
        }
        Action::Machine(machine, free) => {
            state.machine.take(machine, free);
            Vec::new()
        }
        Action::Did(deed, title, result) => did(state, deed, &title, result.map_err(|card| card.message)),
        _ => Vec::new(),
    }
}

/// True for what changes a job's state.
fn turns(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::Queued { .. }
            | EventBody::Started { .. }
            | EventBody::Paused
            | EventBody::Resumed
            | EventBody::Finished { .. }
            | EventBody::Failed { .. }
            | EventBody::Interrupted { .. }
            | EventBody::Cancelled { .. }
    )
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
    for (job, long) in &ended {
        if *long {
            effects.push(Effect::Notify(format!("{}: {}", job.state.name(), job.title)));
        }
        // Nobody looks at the tab and nothing works in it: it opens on what has just ended.
        if state.tab != Tab::Jobs && !state.jobs.any_alive() {
            (state.jobs.selected, state.jobs.chosen) = (Some(job.id.clone()), true);
        }
    }
    let known = state.jobs.current().is_some();
    if state.jobs.list.is_empty() {
        (state.jobs.view, state.jobs.selected, state.jobs.focus) = (None, None, Focus::List);
        effects.push(Effect::Follow(None));
    } else if !state.jobs.chosen && state.jobs.focus == Focus::List {
        // A job that was begun here has the focus in its pane.
        effects.extend(follow(state, 0));
    } else if !known || state.jobs.view.is_none() {
        // The one beside a job that was removed; the one a session was left at.
        effects.extend(follow(state, at));
    }
    if ended.iter().any(|(job, _)| job.state == JobState::Finished) {
        // What was made is a model, too; the tree that somebody looks at stays meanwhile.
        let made = |p: &Path| ended.iter().any(|(job, _)| job.outputs.iter().any(|o| is_same_output(o, p)));
        state.models.forget_files(made);
        effects.push(Effect::Scan);
    }
    state.jobs.settle_section();
    for (job, _) in ended {
        let (title, whither) = (&job.title, where_report(state, &job.id));
        // The log has it from the job itself; of a lost one nobody else tells.
        match job.state {
            JobState::Finished => state.flash(Level::Info, format!("finished: {title}{whither}")),
            JobState::Cancelled => state.flash(Level::Info, format!("cancelled: {title}")),
            JobState::Interrupted => {
                state.flash(Level::Error, format!("interrupted: {title}; R goes on where it stopped"));
            }
            JobState::Lost => {
                state.toast(Level::Error, format!("its process is gone: {title}; R goes on where it stopped"));
            }
            _ => state.flash(Level::Error, format!("failed: {title}{whither}")),
        }
    }
    effects
}

/// Which key shows the report of a job that has just ended; nothing where it shows already.
fn where_report(state: &State, id: &str) -> String {
    let selected = state.jobs.selected.as_deref() == Some(id);
    match (state.tab == Tab::Jobs, selected) {
        (true, true) if !state.jobs.report_is_elsewhere() => String::new(),
        (true, true) => "; r shows its report".to_owned(),
        (true, false) => format!("; #{id} has its report"),
        (false, true) => "; 3 shows its report".to_owned(),
        (false, false) => format!("; 3, then #{id}, shows its report"),
    }
}

fn did(state: &mut State, deed: Deed, title: &str, result: Result<(), String>) -> Vec<Effect> {
    let (done, cannot) = match deed {
        Deed::Cancel => ("asked to stop", "stop"),
        Deed::Pause => ("asked to hold", "hold"),
        Deed::Resume => ("goes on", "go on with"),
        Deed::Again => ("begins again as the same job, its report keeps how it ended before", "begin again"),
        Deed::Remove => ("removed", "remove"),
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

/// Runs a command of the tab.
pub(in crate::tui) fn run(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    match cmd {
        Cmd::Pause => ask(state, Deed::Pause),
        Cmd::Continue => ask(state, Deed::Resume),
        Cmd::Retry => ask(state, Deed::Again),
        Cmd::Cancel => confirm(state, Deed::Cancel),
        Cmd::Remove => confirm(state, Deed::Remove),
        Cmd::Outputs => outputs(state),
        Cmd::JobReport => {
            state.jobs.choose(JobSection::Report);
            state.jobs.focus = Focus::Details;
            Vec::new()
        }
        Cmd::JobLog => {
            state.log.widen();
            state.log.job.clone_from(&state.jobs.selected);
            state.tab = Tab::Log;
            Vec::new()
        }
        Cmd::CellNext => {
            move_cell(state, 0, 1);
            Vec::new()
        }
        Cmd::CellPrev => {
            // Left of the first layer is the list.
            if state.jobs.cell.layer == 0 {
                state.jobs.focus = Focus::List;
            }
            move_cell(state, 0, -1);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// True for a job whose end is worth a notification.
fn is_long(state: &State, job: &crate::job::JobSummary) -> bool {
    state.settings.notify != Notify::Off && job.seconds.is_some_and(|s| s >= f64::from(state.settings.notify_after))
}

/// Moves the cursor of the grid.
pub(in crate::tui) fn move_cell(state: &mut State, rows: isize, layers: isize) {
    state.jobs.stay();
    let at = state.jobs.cell;
    state.jobs.cell = state.jobs.view.as_ref().map_or(at, |v| v.moved(at, rows, layers));
}

/// Follows the selected job.
pub(in crate::tui) fn enter(state: &mut State) -> Vec<Effect> {
    let at = state.jobs.cursor();
    follow(state, at)
}

/// Selects a job that somebody chose.
pub(in crate::tui) fn select(state: &mut State, at: usize) -> Vec<Effect> {
    state.jobs.chosen = true;
    follow(state, at)
}

fn follow(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(job) = state.jobs.list.get(at.min(state.jobs.list.len().saturating_sub(1))) else {
        return Vec::new();
    };
    let (id, dir) = (job.id.clone(), job.dir.clone());
    state.jobs.selected = Some(id.clone());
    if state.jobs.view.as_ref().is_some_and(|v| v.id == id) {
        return Vec::new();
    }
    state.jobs.view = Some(JobView::new(&id));
    (state.jobs.row, state.jobs.cell) = (0, GridCursor::default());
    state.jobs.settle_section();
    vec![Effect::Follow(Some((id, dir)))]
}

pub(in crate::tui) fn set_section(state: &mut State, at: usize) {
    if let Some(section) = state.jobs.sections().get(at) {
        state.jobs.choose(*section);
    }
}

pub(in crate::tui) fn turn_section(state: &mut State, by: isize) {
    let at = state.jobs.sections().iter().position(|s| *s == state.jobs.section).unwrap_or(0);
    match at.checked_add_signed(by) {
        Some(to) => set_section(state, to % state.jobs.sections().len()),
        None => state.jobs.focus = Focus::List,
    }
}

fn ask(state: &State, deed: Deed) -> Vec<Effect> {
    let job = state.jobs.current();
    job.map(|j| Effect::Do(deed, j.title.clone(), j.dir.clone())).into_iter().collect()
}

fn confirm(state: &mut State, deed: Deed) -> Vec<Effect> {
    let Some(job) = state.jobs.current() else { return Vec::new() };
    let (question, detail, yes) = match deed {
        Deed::Remove => (
            format!("Remove job {}, {}?", job.id, job.title),
            "Its folder with events, plan and report goes; its outputs stay.".to_owned(),
            "remove the job",
        ),
        _ => (
            format!("Cancel {}?", job.title),
            format!("{} done; nothing half-written stays.", units::percent(job.fraction)),
            "cancel the job",
        ),
    };
    let effect = Effect::Do(deed, job.title.clone(), job.dir.clone());
    state.layer = Some(Layer::Confirm(Confirm { question, detail: vec![detail], yes, effect }));
    Vec::new()
}

/// To the output in the Models tab.
fn outputs(state: &mut State) -> Vec<Effect> {
    let Some(path) = state.jobs.published() else { return Vec::new() };
    go_to_model(state, path)
}

/// To a model in the Models tab; the folder is looked at again where it is not known yet.
pub(in crate::tui) fn go_to_model(state: &mut State, path: std::path::PathBuf) -> Vec<Effect> {
    if !path.starts_with(&state.dir) {
        let text = format!("{} lies outside of {}; y copies its path", path.display(), state.dir.display());
        state.toast(Level::Warn, text);
        return Vec::new();
    }
    (state.tab, state.models.focus) = (Tab::Models, Focus::List);
    state.models.filter.clear();
    let parents: Vec<_> =
        path.ancestors().skip(1).take_while(|p| p.starts_with(&state.dir)).map(ToOwned::to_owned).collect();
    state.models.selected = Some(path.clone());
    for parent in parents {
        state.models.set_open(&parent, true);
    }
    if state.models.node_at(&path).is_some() {
        return models::want_details(state);
    }
    state.models.selected = Some(path);
    state.models.start_scan();
    vec![Effect::Scan]
}
