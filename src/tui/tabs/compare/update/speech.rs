//! The page of texts: asks for a prompt, lets the models continue it.

use crate::tui::core::{Effect, Level, LineEdit, State, moved};
use crate::tui::tabs::compare::state::{CompareState, Page, PageRequest, Prompt, Spoke};

/// Shows the page. If nothing was said yet it asks for a prompt.
pub(super) fn show(state: &mut State) {
    if let Some(name) = encoder(&state.compare) {
        let text = format!("{name} is an encoder and does not continue texts; e compares its embeddings of a text");
        return state.toast(Level::Warn, text);
    }
    state.compare.page = Page::Speech;
    if state.compare.speech.prompt.is_none() {
        ask(state);
    }
}

/// The name of a compared model that cannot continue a text.
fn encoder(c: &CompareState) -> Option<String> {
    let mut models = c.result.as_ref()?.comparison.variants.iter();
    let found = models.find(|v| v.facts.get("architecture").is_some_and(|name| crate::arch::is_encoder(name)))?;
    Some(found.label.clone())
}

/// Asks for a prompt.
pub(super) fn ask(state: &mut State) {
    let c = &mut state.compare;
    c.line = Some((Prompt::Speech, LineEdit::offering(&c.speech.typed)));
}

/// A prompt was given.
pub(super) fn accepted(state: &mut State, text: &str) -> Vec<Effect> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let c = &mut state.compare;
    text.clone_into(&mut c.speech.typed);
    let prompt = Spoke { text: text.to_owned(), chat: c.speech.chat };
    c.speech.begin(c.columns.clone(), prompt.clone());
    c.page = Page::Speech;
    vec![Effect::ComparePage(PageRequest::Speak(c.speech.request, c.columns.clone(), prompt))]
}

/// Stops the models.
pub(super) fn stop(state: &mut State) -> Vec<Effect> {
    let speech = &mut state.compare.speech;
    if !std::mem::take(&mut speech.running) {
        return Vec::new();
    }
    speech.request += 1;
    state.toast(Level::Info, "stopped; p asks for a prompt");
    vec![Effect::ComparePage(PageRequest::StopSpeaking)]
}

/// Goes to another token of the baseline's text.
pub(super) fn step(c: &mut CompareState, by: isize) {
    c.speech.at = moved(c.speech.at, by, c.speech.positions());
}

/// Goes to the first token that any model says differently.
pub(super) fn to_difference(c: &mut CompareState) {
    if let Some(at) = c.speech.first_difference() {
        c.speech.at = at.min(c.speech.positions().saturating_sub(1));
    }
}
