//! Updates of the Jobs tab.

pub(super) mod motion;
pub(super) mod reader;
mod results;

pub(super) use results::apply;

use super::state::{GridCursor, JobAction, JobSection, JobView};
use crate::evaluate::BaselineSource;
use crate::tui::core::{BaselineChoice, Cmd, Confirm, Effect, Focus, Layer, Level, State, Tab, TabRequest, units};
use crate::units::quoted;
use std::path::PathBuf;

/// Runs a command of the tab.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    // An action here selects that job, and it stays selected when another one starts.
    state.jobs.chosen = true;
    match cmd {
        Cmd::OpenJob => state.jobs.focus = Focus::Details,
        Cmd::Pause => return Some(ask(state, JobAction::Pause)),
        Cmd::Continue => return Some(ask(state, JobAction::Resume)),
        Cmd::Retry => return Some(ask(state, JobAction::Again)),
        Cmd::Cancel => confirm(state, JobAction::Cancel),
        Cmd::Remove => confirm(state, JobAction::Remove),
        Cmd::Outputs => {
            let path = state.jobs.published();
            warn_of_replaced(state, path.iter());
            return Some(path.map(|p| Effect::Tab(TabRequest::ShowModel(p))).into_iter().collect());
        }
        Cmd::CompareModels => return Some(compare(state)),
        Cmd::CopyPath => return Some(copy_path(state)),
        Cmd::CopyCommand => return Some(copy_command(state)),
        Cmd::CopyCard => {
            let card = state.jobs.card();
            return Some(card.map(|card| state.copy_lines("the report as Markdown", &card)).unwrap_or_default());
        }
        Cmd::JobReport => {
            state.jobs.choose(JobSection::Report);
            state.jobs.focus = Focus::Details;
        }
        Cmd::JobLog => return Some(vec![Effect::Tab(TabRequest::ShowLog(state.jobs.selected.clone()))]),
        Cmd::CellNext => motion::move_cell(state, 0, 1),
        Cmd::CellPrev => {
            // Left of the first layer is the list.
            if state.jobs.cell.layer == 0 {
                state.jobs.focus = Focus::List;
            }
            motion::move_cell(state, 0, -1);
        }
        Cmd::SectionNext => turn_section(state, 1),
        Cmd::SectionPrev => turn_section(state, -1),
        Cmd::FocusNext => state.jobs.focus = state.jobs.focus.other(),
        Cmd::Zoom => state.jobs.zoom ^= true,
        Cmd::Back if state.jobs.zoom => state.jobs.zoom = false,
        Cmd::Back => state.jobs.focus = Focus::List,
        _ => return None,
    }
    Some(Vec::new())
}

/// Does what another tab asks.
pub(super) fn asked(state: &mut State, request: TabRequest) -> Vec<Effect> {
    match request {
        TabRequest::ShowJob(id) => {
            let Some(at) = state.jobs.list.iter().position(|j| j.id == id) else { return Vec::new() };
            state.tab = Tab::Jobs;
            select(state, at)
        }
        TabRequest::JobStarted { job, show } => {
            let id = job.id.clone();
            state.jobs.list.retain(|j| j.id != id);
            state.jobs.list.insert(0, *job);
            if !show {
                return Vec::new();
            }
            (state.jobs.selected, state.jobs.focus) = (Some(id), Focus::Details);
            state.tab = Tab::Jobs;
            enter(state)
        }
        TabRequest::JobsStarted { jobs, show } => {
            let ids: Vec<String> = jobs.iter().map(|j| j.id.clone()).collect();
            let Some(first) = ids.first().cloned() else { return Vec::new() };
            state.jobs.list.retain(|j| !ids.contains(&j.id));
            state.jobs.list.splice(0..0, jobs);
            state.jobs.batches.push(ids);
            if !show {
                return Vec::new();
            }
            (state.jobs.selected, state.jobs.focus) = (Some(first), Focus::List);
            state.tab = Tab::Jobs;
            enter(state)
        }
        _ => Vec::new(),
    }
}

/// Follows the selected job.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let at = state.jobs.cursor();
    follow(state, at)
}

/// Selects the job that the user chose.
fn select(state: &mut State, at: usize) -> Vec<Effect> {
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

pub(super) fn set_section(state: &mut State, at: usize) {
    if let Some(section) = state.jobs.sections().get(at) {
        state.jobs.choose(*section);
    }
}

fn turn_section(state: &mut State, by: isize) {
    let at = state.jobs.sections().iter().position(|s| *s == state.jobs.section).unwrap_or(0);
    match at.checked_add_signed(by) {
        Some(to) => set_section(state, to % state.jobs.sections().len()),
        None if state.jobs.focus == Focus::List => set_section(state, state.jobs.sections().len().saturating_sub(1)),
        None => state.jobs.focus = Focus::List,
    }
}

fn ask(state: &State, action: JobAction) -> Vec<Effect> {
    let job = state.jobs.current();
    job.map(|j| Effect::ActOnJob(action, j.title.clone(), j.dir.clone())).into_iter().collect()
}

fn confirm(state: &mut State, action: JobAction) {
    let Some(job) = state.jobs.current() else { return };
    let (question, detail, yes) = match action {
        JobAction::Remove => {
            let mut detail =
                vec!["Its folder with events, plan and report is removed; its outputs are kept.".to_owned()];
            // The command of a job with several targets names the recipe in its folder.
            let command = state.jobs.view.as_ref().filter(|v| v.id == job.id).and_then(|v| v.command.as_deref());
            if command.is_some_and(|c| c.contains(&job.dir.display().to_string())) {
                detail.push(
                    "The command that repeats it needs this folder: save the recipe first to keep it.".to_owned(),
                );
            }
            (format!("Remove job {}, {}?", job.id, job.title), detail, "remove the job")
        }
        _ => (
            format!("Cancel {}?", job.title),
            vec![format!("{} done; unfinished files are removed.", units::percent(state.jobs.progress(job).0))],
            "cancel the job",
        ),
    };
    let effect = Effect::ActOnJob(action, job.title.clone(), job.dir.clone());
    state.layer = Some(Layer::Confirm(Confirm { question, detail, yes, destroys: true, effect }));
}

/// Compares the source of the job with its outputs.
fn compare(state: &mut State) -> Vec<Effect> {
    let Some(plan) = state.jobs.view.as_ref().and_then(|v| v.plan.clone()) else { return Vec::new() };
    warn_of_replaced(state, plan.outputs.iter().map(|o| &o.path));
    // A split output is opened by its first file.
    let made = plan.outputs.iter().map(|o| match o.files.as_slice() {
        [(first, _), _, ..] if !o.folder => first.clone(),
        _ => o.path.clone(),
    });
    let models = std::iter::once(plan.source.clone()).chain(made).collect();
    let baseline = BaselineChoice::First(BaselineSource::Job);
    vec![Effect::Tab(TabRequest::Compare { models, truncate: true, baseline })]
}

/// Says that an output of the selected job is not the file that it wrote.
fn warn_of_replaced<'p>(state: &mut State, outputs: impl Iterator<Item = &'p PathBuf>) {
    let Some(id) = state.jobs.selected.clone() else { return };
    let newer = |path: &PathBuf| Some((path.clone(), state.jobs.replaced_by(&id, path)?.id.clone()));
    let Some((path, newer)) = outputs.into_iter().find_map(newer) else { return };
    let text = format!("job {newer} has written {} since: this is not the file of job {id}", state.short_path(&path));
    state.toast(Level::Warn, text);
}

fn copy_command(state: &mut State) -> Vec<Effect> {
    let command = state.jobs.view.as_ref().and_then(|v| v.command.clone());
    command.map(|command| state.copy("the command", command)).unwrap_or_default()
}

fn copy_path(state: &mut State) -> Vec<Effect> {
    let path = state.jobs.view.as_ref().and_then(|v| v.history.outputs.first()).map(|o| o.path.clone());
    // A shell reads the quoted form of such a path.
    let text = |path: &str| if path.contains(char::is_control) { quoted(path) } else { path.to_owned() };
    path.map(|path| state.copy(&path, text(&path))).unwrap_or_default()
}
