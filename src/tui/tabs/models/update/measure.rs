//! Evaluations and importance matrices of the chosen models: asks for the text, and starts a job.

use crate::job::JobSummary;
use crate::tui::core::{Effect, ErrorCard, Level, LineEdit, MeasureWhat, State, TabRequest};
use crate::tui::tabs::models::Prompt;
use std::path::PathBuf;

/// Asks for the text; the one that was used last is offered.
pub(super) fn ask(state: &mut State, what: Prompt) {
    let offered = state.models.measured_on.clone();
    (state.models.prompt, state.models.editing) = (what, Some(LineEdit::offering(&offered)));
    state.models.names.clear();
}

/// A path was completed, if it is still the one in the line.
pub(super) fn completed(state: &mut State, typed: &str, becomes: &str, names: Vec<String>) {
    let takes_a_path = matches!(state.models.prompt, Prompt::EvaluateOn | Prompt::ImatrixOn);
    let line = state.models.editing.as_ref().filter(|_| takes_a_path);
    let Some(line) = line.filter(|line| state.at_home(&line.text) == typed) else { return };
    if line.text != becomes {
        state.models.editing = Some(LineEdit::new(becomes));
    }
    state.models.names = names;
}

/// The models to measure: the marked ones, or the selected one. An importance matrix is of the selected one.
fn chosen(state: &State, what: MeasureWhat) -> Vec<PathBuf> {
    let m = &state.models;
    match what {
        MeasureWhat::Evaluation if !m.marked.is_empty() => m.marked.clone(),
        _ => m.selected.iter().cloned().collect(),
    }
}

/// The text was named.
pub(super) fn text_given(state: &mut State, what: MeasureWhat, text: &str) -> Vec<Effect> {
    let models: Vec<PathBuf> = chosen(state, what).iter().map(|p| state.dir.join(p)).collect();
    if models.is_empty() {
        return Vec::new();
    }
    let home = state.home.clone().filter(|_| text.starts_with("~/"));
    let path = match home {
        Some(home) => home.join(text.trim_start_matches("~/")),
        None => state.base.join(text),
    };
    state.toast(Level::Info, "checking the models and the text…".to_owned());
    vec![Effect::Measure(what, models, path)]
}

/// A job was started, or says why not.
pub(super) fn started(state: &mut State, started: Result<JobSummary, ErrorCard>) -> Vec<Effect> {
    match started {
        Ok(job) => {
            if let Some((_, text)) = state.models.typed.take() {
                state.models.measured_on = text;
            }
            state.toast(Level::Info, format!("started: {}", job.title));
            vec![Effect::Tab(TabRequest::JobStarted { job: Box::new(job), show: true }), Effect::RefreshJobs]
        }
        Err(card) => {
            let hint = card.hint.map(|h| format!(" {h}")).unwrap_or_default();
            state.toast(if card.wrong { Level::Error } else { Level::Warn }, format!("{}.{hint}", card.message));
            // A model that cannot be measured is not mended by another text.
            let typed = state.models.typed.as_ref().map(|(_, text)| text.trim_start_matches("~/"));
            if typed.is_some_and(|text| card.message.contains(text)) {
                super::files::ask_again(state);
            }
            Vec::new()
        }
    }
}
