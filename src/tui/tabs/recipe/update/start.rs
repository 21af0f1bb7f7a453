//! Starts the recipe: immediately, or after a confirmation if files will be replaced.

use super::text::refuse;
use crate::job::{JobState, JobSummary};
use crate::recipe::Target;
use crate::tui::core::{Confirm, Effect, ErrorCard, Layer, Level, State, TabRequest, units};
use crate::tui::tabs::recipe::BatchOutcome;
use std::path::{Path, PathBuf};

/// Existing files named in a question, at most.
const MAX_NAMED: usize = 8;

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
    if state.recipe.is_batch() {
        return go_batch(state);
    }
    let (Some(mut recipe), Some(plan)) = (state.recipe.recipe(), state.recipe.ready().cloned()) else {
        return refuse(state, why_not(state));
    };
    if let Some(why) = being_written(state) {
        return refuse(state, why);
    }
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
    state.layer = Some(Layer::Confirm(Confirm {
        question: "Replace existing files?".to_owned(),
        detail,
        yes: "replace",
        destroys: true,
        effect,
    }));
    Vec::new()
}

/// The job that is writing an output of the recipe now, and what can be done.
fn being_written(state: &State) -> Option<String> {
    let (path, job) = state.recipe.writer(&state.jobs.list)?;
    let (is, what) = match job.state {
        JobState::Paused => (" (paused)", "resume it, or cancel it, in Jobs (3)"),
        _ => ("", "wait for it, or cancel it in Jobs (3)"),
    };
    Some(format!("job {}{is} is writing {}: {what}", job.id, state.short_path(path)))
}

/// Starts a job for each of several models. They are planned first; the answer is [`batch_spawned`].
fn go_batch(state: &mut State) -> Vec<Effect> {
    let r = &state.recipe;
    let Some(recipe) = r.recipe().filter(|_| !r.starting) else { return refuse(state, why_not(state)) };
    let one_file = |t: &Target| t.output.as_ref().is_some_and(|o| !o.as_os_str().to_string_lossy().ends_with('/'));
    if recipe.targets.iter().any(one_file) {
        return refuse(state, "output names one file, and there are several models: clear it, or set output_dir");
    }
    let sources = r.sources();
    state.recipe.starting = true;
    state.flash(Level::Info, format!("planning {} jobs…", sources.len()));
    vec![Effect::SpawnBatch(Box::new(recipe), sources, false)]
}

/// The jobs of several models were started, or some of their outputs exist.
pub(super) fn batch_spawned(state: &mut State, outcome: BatchOutcome) -> Vec<Effect> {
    state.recipe.starting = false;
    let BatchOutcome { recipe, sources, exists, started, failed } = outcome;
    if !exists.is_empty() {
        let mut detail: Vec<String> = exists.iter().take(MAX_NAMED).map(|path| existing(state, path)).collect();
        if exists.len() > MAX_NAMED {
            detail.push(format!("and {} more", exists.len() - MAX_NAMED));
        }
        detail.extend(failed.iter().take(MAX_NAMED).map(|f| format!("not started: {}", cannot(state, f))));
        if failed.len() > MAX_NAMED {
            detail.push(format!("and {} more models cannot be converted", failed.len() - MAX_NAMED));
        }
        state.layer = Some(Layer::Confirm(Confirm {
            question: format!("Replace {}?", units::plural(exists.len(), "existing file", "existing files")),
            detail,
            yes: "replace",
            destroys: true,
            effect: Effect::SpawnBatch(recipe, sources, true),
        }));
        return Vec::new();
    }
    let stay = std::mem::take(&mut state.recipe.detached);
    let jobs = units::plural(started.len(), "job", "jobs");
    for (path, card) in &failed {
        let hint = card.hint.as_ref().map(|h| format!(". {h}")).unwrap_or_default();
        state.note(Level::Error, format!("not started: {}{hint}", cannot(state, &(path.clone(), card.clone()))));
    }
    match failed.first() {
        None => state.toast(Level::Info, format!("started {jobs}")),
        Some((path, card)) => {
            let more =
                if failed.len() > 1 { format!(" (and {} more, see Log)", failed.len() - 1) } else { String::new() };
            let text = format!("started {jobs}; not {}: {}{more}", state.short_path(path), card.beside_step());
            state.flash(Level::Error, text);
        }
    }
    if started.is_empty() {
        return Vec::new();
    }
    state.recipe.started = Some(*recipe);
    vec![Effect::Tab(TabRequest::JobsStarted { jobs: started, show: !stay }), Effect::RefreshJobs]
}

/// A model that cannot be converted, and why.
fn cannot(state: &State, (path, card): &(PathBuf, ErrorCard)) -> String {
    format!("{}: {}", state.short_path(path), card.beside_step())
}

/// A file that is there, and whose it is.
fn existing(state: &State, path: &Path) -> String {
    let made = state.jobs.maker(&state.base, path).map(|job| format!("  written by job {}", job.id));
    format!("{}{}", state.short_path(path), made.unwrap_or_default())
}

/// Why nothing can be started now.
fn why_not(state: &State) -> String {
    let r = &state.recipe;
    match r.problems().first() {
        _ if r.source().is_none() => "no model: choose one in Models (1) and press c there".to_owned(),
        Some(t) => r.in_words(t),
        None if r.waits_for_measuring() => {
            "measuring on the text is stopped, and the types depend on it: m continues".to_owned()
        }
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
    state.recipe.started = Some(state.recipe.document.recipe.clone());
    let note = if stay { "; Jobs (3) shows it" } else { "" };
    state.toast(Level::Info, format!("started: {}{note}", job.title));
    let started = TabRequest::JobStarted { job: Box::new(job), show: !stay };
    vec![Effect::Tab(started), Effect::RefreshJobs]
}
