//! Quitting: immediately if nothing runs or is paused and nothing is unsaved, else after a question.

use crate::files::paths::on_jobs;
use crate::job::{JobState, JobSummary};
use crate::tui::core::action::Effect;
use crate::tui::core::commands::Cmd;
use crate::tui::core::keys::{Code, Key};
use crate::tui::core::state::{Layer, State, Tab};
use crate::tui::core::units;
use crate::watch::WatcherInfo;

/// The jobs that keep running when the screen closes. The followed job reports its end before the list does.
pub(in crate::tui) fn running(state: &State) -> impl Iterator<Item = &JobSummary> {
    let ended = state.jobs.view.as_ref().filter(|v| v.history.ended().is_some()).map(|v| v.id.as_str());
    let working = |j: &&JobSummary| matches!(j.state, JobState::Running | JobState::Queued);
    state.jobs.list.iter().filter(working).filter(move |j| Some(j.id.as_str()) != ended)
}

/// The jobs that stay paused when the screen closes.
pub(in crate::tui) fn paused(state: &State) -> impl Iterator<Item = &JobSummary> {
    state.jobs.list.iter().filter(|j| j.state == JobState::Paused)
}

/// `q`: leaves, or asks what becomes of an unsaved recipe and of the jobs.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    if state.recipe.unsaved() {
        state.layer = Some(Layer::Unsaved);
        return Vec::new();
    }
    ask_jobs(state)
}

fn ask_jobs(state: &mut State) -> Vec<Effect> {
    if running(state).chain(paused(state)).next().is_none() {
        return vec![Effect::Quit];
    }
    state.layer = Some(Layer::Leave);
    Vec::new()
}

/// `ctrl-c`: the same from anywhere; a second one leaves.
pub(super) fn interrupt(state: &mut State) -> Vec<Effect> {
    if matches!(state.layer, Some(Layer::Leave | Layer::Unsaved)) {
        return vec![Effect::Quit];
    }
    ask(state)
}

/// A key for the question about the recipe.
pub(super) fn unsaved_key(state: &mut State, key: Key) -> Vec<Effect> {
    match key.code {
        // Where no draft is kept, leaving loses it: that takes a letter.
        Code::Enter if !state.keeps_draft() => Vec::new(),
        Code::Enter | Code::Char('q' | 'l') => ask_jobs(state),
        Code::Char('d') => {
            state.recipe.discard();
            ask_jobs(state)
        }
        Code::Char('s') => {
            let mut effects = super::route::go(state, Tab::Recipe);
            effects.extend(super::commands::run(state, Cmd::Save));
            effects
        }
        Code::Esc | Code::Char('n') => Vec::new(),
        _ => {
            state.layer = Some(Layer::Unsaved);
            Vec::new()
        }
    }
}

/// A key for the question about the jobs.
pub(super) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    match key.code {
        Code::Enter | Code::Char('q' | 'l') => vec![Effect::Quit],
        Code::Char('s') if !state.read_only => {
            let all = running(state).map(|j| j.dir.clone()).collect();
            vec![Effect::StopJobs(all), Effect::Quit]
        }
        Code::Esc | Code::Char('n') => Vec::new(),
        _ => {
            state.layer = Some(Layer::Leave);
            Vec::new()
        }
    }
}

/// What to say on the shell's screen after leaving: which jobs and watchers keep running, and how to come back to them.
pub fn farewell(state: &State) -> Option<String> {
    let titles = |jobs: &[&JobSummary]| {
        let titles: Vec<&str> = jobs.iter().take(3).map(|j| j.title.as_str()).collect();
        format!("{}{}", titles.join(", "), if jobs.len() > titles.len() { ", …" } else { "" })
    };
    let jobs: Vec<&JobSummary> = running(state).collect();
    let paused: Vec<&JobSummary> = paused(state).collect();
    let mut text = String::new();
    if let Some(first) = jobs.first() {
        let n = units::plural(jobs.len(), "job keeps running", "jobs keep running");
        text += &format!("{n}: {}\n", titles(&jobs));
        text +=
            &format!("  follow with `{}`; `remold` shows all of them\n", on_jobs(&format!("jobs attach {}", first.id)));
    }
    if let Some(first) = paused.first() {
        let n = units::plural(paused.len(), "job stays paused", "jobs stay paused");
        text +=
            &format!("{n}: {}\n  continue with `{}`\n", titles(&paused), on_jobs(&format!("jobs resume {}", first.id)));
    }
    let watching: Vec<&WatcherInfo> = state.watch.list.iter().filter(|w| w.pid.is_some()).collect();
    if let Some(first) = watching.first() {
        let n = units::plural(watching.len(), "watcher keeps running", "watchers keep running");
        let roots: Vec<String> = watching.iter().take(3).map(|w| state.home_path(&w.root)).collect();
        let more = if watching.len() > roots.len() { ", …" } else { "" };
        text += &format!("{n}: {}{more}\n", roots.join(", "));
        text +=
            &format!("  follow with `remold watch attach {}`; `remold watch stop {}` ends it\n", first.id, first.id);
    }
    Some(text).filter(|t| !t.is_empty())
}
