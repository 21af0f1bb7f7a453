//! Updates of the Jobs tab.

use crate::job::JobState;
use crate::tui::core::action::{Action, Effect};
use crate::tui::core::jobs::{JobSection, JobView};
use crate::tui::core::model_info::Level;
use crate::tui::core::models::Focus;
use crate::tui::core::settings::Notify;
use crate::tui::core::state::{Confirm, Layer, State};
use crate::tui::core::units;

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Jobs(list) => {
            let ended: Vec<(JobState, String, bool)> = list
                .iter()
                .filter(|j| !matches!(j.state, JobState::Running | JobState::Queued))
                .filter(|j| state.jobs.list.iter().any(|o| o.id == j.id && o.state == JobState::Running))
                .map(|j| (j.state, j.title.clone(), is_long(state, j)))
                .collect();
            let mut effects = Vec::new();
            for (how, title, long) in ended {
                if long {
                    effects.push(Effect::Notify(format!("{}: {title}", how.name())));
                }
                match how {
                    JobState::Finished => state.toast(Level::Info, format!("finished: {title}")),
                    JobState::Cancelled => state.toast(Level::Info, format!("cancelled: {title}")),
                    _ => state.toast(Level::Error, format!("failed: {title}")),
                }
            }
            let first = state.jobs.list.is_empty();
            state.jobs.list = list;
            let known = state.jobs.current().is_some();
            if (first || !known) && !state.jobs.list.is_empty() {
                let at = if known { state.jobs.cursor() } else { 0 };
                effects.extend(select(state, at));
            }
            effects
        }
        Action::JobPlan(id, plan) => {
            if let Some(view) = state.jobs.view.as_mut().filter(|v| v.id == id) {
                view.set_plan(plan);
            }
            Vec::new()
        }
        Action::JobEvents(id, events) => {
            if let Some(view) = state.jobs.view.as_mut().filter(|v| v.id == id) {
                let lines = view.log.len();
                for event in &events {
                    view.apply(event);
                }
                // Whoever looks at older events keeps looking at them.
                if state.jobs.section == JobSection::Events && state.jobs.row > 0 {
                    state.jobs.row += view.log.len().saturating_sub(lines);
                }
            }
            Vec::new()
        }
        Action::Cancelled(title, Ok(())) => {
            state.toast(Level::Info, format!("asked to stop: {title}"));
            vec![Effect::RefreshJobs]
        }
        Action::Cancelled(title, Err(card)) => {
            state.toast(Level::Error, format!("cannot stop {title}: {}", card.message));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// True for a job whose end is worth a notification.
fn is_long(state: &State, job: &crate::job::JobSummary) -> bool {
    state.settings.notify != Notify::Off && job.seconds.is_some_and(|s| s >= f64::from(state.settings.notify_after))
}

/// Follows the selected job.
pub(super) fn enter(state: &mut State) -> Vec<Effect> {
    let at = state.jobs.cursor();
    select(state, at)
}

pub(super) fn select(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(job) = state.jobs.list.get(at.min(state.jobs.list.len().saturating_sub(1))) else {
        return Vec::new();
    };
    let (id, dir) = (job.id.clone(), job.dir.clone());
    state.jobs.selected = Some(id.clone());
    if state.jobs.view.as_ref().is_some_and(|v| v.id == id) {
        return Vec::new();
    }
    state.jobs.view = Some(JobView::new(&id));
    state.jobs.row = 0;
    vec![Effect::Follow(Some((id, dir)))]
}

pub(super) fn set_section(state: &mut State, at: usize) {
    if let Some(section) = JobSection::ALL.get(at) {
        state.jobs.section = *section;
        state.jobs.row = 0;
    }
}

pub(super) fn turn_section(state: &mut State, by: isize) {
    let at = JobSection::ALL.iter().position(|s| *s == state.jobs.section).unwrap_or(0);
    match at.checked_add_signed(by) {
        Some(to) => set_section(state, to),
        None => state.jobs.focus = Focus::List,
    }
}

pub(super) fn ask_cancel(state: &mut State) -> Vec<Effect> {
    let Some(job) = state.jobs.current() else { return Vec::new() };
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Cancel {}?", job.title),
        detail: vec![format!("{} done; nothing half-written stays.", units::percent(job.fraction))],
        yes: "cancel the job",
        effect: Effect::Cancel(job.title.clone(), job.dir.clone()),
    }));
    Vec::new()
}
