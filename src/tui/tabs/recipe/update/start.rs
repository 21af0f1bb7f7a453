//! Starts the recipe: immediately, or after a confirmation if files will be replaced.

use super::text::refuse;
use crate::job::JobSummary;
use crate::tui::core::{Confirm, Effect, ErrorCard, Layer, Level, State, TabRequest};
use std::path::Path;

/// Starts and goes to the job.
pub(super) fn start(state: &mut State) -> Vec<Effect> {
    state.recipe.detached = false;
    go(state)
}

/// Starts and stays here.
pub(super) fn detached(state: &mut State) -> Vec<Effect> {
    state.recipe.detached = true;
    go(state)
}

fn go(state: &mut State) -> Vec<Effect> {
    let (Some(mut recipe), Some(plan)) = (state.recipe.recipe(), state.recipe.ready().cloned()) else {
        return refuse(state, why_not(state));
    };
    let mut detail = Vec::new();
    for (target, output) in recipe.targets.iter_mut().zip(&plan.outputs).filter(|(_, o)| !o.replaces.is_empty()) {
        // Agreed for this run only; the recipe being edited is unchanged.
        target.force = true;
        detail.extend(output.replaces.iter().map(|path| existing(state, path)));
    }
    let effect = Effect::Spawn(Box::new(recipe), plan);
    if detail.is_empty() {
        state.recipe.starting = true;
        return vec![effect];
    }
    state.layer =
        Some(Layer::Confirm(Confirm { question: "Replace existing files?".to_owned(), detail, yes: "start", effect }));
    Vec::new()
}

/// A file that is there, and whose it is.
fn existing(state: &State, path: &Path) -> String {
    let made = state.jobs.maker(&state.dir, path).map(|job| format!("  written by job {}", job.id));
    format!("{}{}", state.short_path(path), made.unwrap_or_default())
}

/// Why nothing can be started now.
fn why_not(state: &State) -> String {
    let r = &state.recipe;
    match r.problems().first() {
        Some(t) => r.in_words(t),
        None if r.source().is_none() => "no model: choose one in Models (1) and press c there".to_owned(),
        None => "the plan is still being made; press r again when it says ready".to_owned(),
    }
}

pub(super) fn spawned(state: &mut State, job: Result<JobSummary, ErrorCard>) -> Vec<Effect> {
    state.recipe.starting = false;
    let stay = std::mem::take(&mut state.recipe.detached);
    let job = match job {
        Ok(job) => job,
        Err(card) => {
            let hint = card.hint.map(|h| format!(" {h}")).unwrap_or_default();
            state.toast(if card.wrong { Level::Error } else { Level::Warn }, format!("{}.{hint}", card.message));
            return Vec::new();
        }
    };
    let note = if stay { "; Jobs (3) shows it" } else { "" };
    state.toast(Level::Info, format!("started: {}{note}", job.title));
    let started = TabRequest::JobStarted { job: Box::new(job), show: !stay };
    vec![Effect::Tab(started), Effect::RefreshJobs]
}
