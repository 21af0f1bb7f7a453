//! The page of quality: asks for a text, evaluates, takes the figures in.

use crate::tui::core::{Effect, Level, LineEdit, State, Tab};
use crate::tui::tabs::compare::state::{
    CompareState, EvaluationJob, Page, PageRequest, Prompt, Quality, QualityChart, QualityNews, Running,
};
use std::sync::Arc;

/// Has kept results looked up again: other programs make them too.
pub(super) fn look_again(c: &mut CompareState) {
    c.quality.kept_of.clear();
}

/// Asks for kept results that are to be shown and were not looked up.
pub(super) fn wants(c: &mut CompareState) -> Vec<Effect> {
    let wanted = c.kept_wanted();
    wanted.map(|models| Effect::ComparePage(PageRequest::Kept(c.quality.kept_request, models))).into_iter().collect()
}

/// Kept results are there, and maybe an evaluation that goes on: it is followed.
pub(super) fn kept(state: &mut State, kept: Vec<Arc<Quality>>, live: Option<EvaluationJob>) -> Vec<Effect> {
    let c = &mut state.compare;
    c.quality.take_kept(kept);
    let asks = matches!(&c.line, Some((Prompt::Text, line)) if line.text.trim().is_empty());
    if asks && c.is_evaluated() {
        c.line = None;
    }
    let Some(job) = live.filter(|_| c.quality.running.is_none()) else { return Vec::new() };
    c.quality.request += 1;
    c.quality.failure = None;
    let dir = job.dir.clone();
    c.quality.running = Some(Running { text: job.text.clone(), share: None, job: Some(job), ..Running::default() });
    vec![Effect::ComparePage(PageRequest::Follow(c.quality.request, c.columns.clone(), dir))]
}

/// Shows the page. Without figures and without an evaluation it asks for a text.
pub(super) fn show(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    look_again(c);
    (c.page, c.quality.scroll) = (Page::Quality, 0);
    if !c.is_evaluated() && c.quality.running.is_none() && !state.read_only {
        ask(state);
    }
    Vec::new()
}

/// Asks for a text.
pub(super) fn ask(state: &mut State) {
    let c = &mut state.compare;
    c.quality.names.clear();
    c.line = Some((Prompt::Text, LineEdit::offering(&c.quality.typed)));
}

/// A path was completed, if it is still the one in the line.
pub(super) fn completed(state: &mut State, typed: &str, becomes: &str, names: Vec<String>) {
    let Some((Prompt::Text, line)) = &state.compare.line else { return };
    if state.at_home(&line.text) != typed {
        return;
    }
    if line.text != becomes {
        state.compare.line = Some((Prompt::Text, LineEdit::new(becomes)));
    }
    state.compare.quality.names = names;
}

/// A text was named: evaluates the models on it.
pub(super) fn accepted(state: &mut State, text: &str) -> Vec<Effect> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    let path = state.typed_path(text);
    let c = &mut state.compare;
    c.quality.names.clear();
    text.clone_into(&mut c.quality.typed);
    c.quality.request += 1;
    c.quality.failure = None;
    c.quality.running = Some(Running { text: path.clone(), ..Running::default() });
    c.page = Page::Quality;
    vec![Effect::ComparePage(PageRequest::Evaluate(
        c.quality.request,
        c.columns.clone(),
        path,
        c.quality.amount.windows(),
    ))]
}

/// Cancels the evaluation that runs.
pub(super) fn stop(state: &mut State) -> Vec<Effect> {
    if state.read_only {
        // Refused where it would be carried out.
        return vec![Effect::ComparePage(PageRequest::StopEvaluating)];
    }
    let quality = &mut state.compare.quality;
    let Some(running) = quality.running.take() else { return Vec::new() };
    quality.request += 1;
    let job = running.job.map(|job| format!("job {} is cancelled", job.id)).unwrap_or_else(|| "stopped".to_owned());
    state.toast(Level::Info, format!("{job}; e starts again"));
    vec![Effect::ComparePage(PageRequest::StopEvaluating)]
}

/// Takes in what the evaluation says.
pub(super) fn arrived(state: &mut State, news: QualityNews) {
    if let QualityNews::Job(job) = &news {
        state.note(Level::Info, format!("started job {}: evaluates on {}", job.id, state.short_path(&job.text)));
    }
    let begun = state.compare.quality.running.as_ref().is_some_and(|r| r.job.is_some());
    if !state.compare.quality.take(news) {
        return;
    }
    let shown = state.tab == Tab::Compare && state.compare.page == Page::Quality;
    match (&state.compare.quality.failure, &state.compare.quality.result) {
        (Some(card), _) => {
            let hint = card.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
            let text = format!("{}.{hint}", card.message);
            if shown {
                state.note(Level::Error, text)
            } else {
                state.toast(Level::Error, text)
            }
            // A text with which nothing could begin is corrected, and not offered again.
            let refused = if begun { String::new() } else { std::mem::take(&mut state.compare.quality.typed) };
            if shown && !refused.is_empty() && state.layer.is_none() && state.compare.line.is_none() {
                state.compare.line = Some((Prompt::Text, LineEdit::new(&refused)));
            }
        }
        (None, Some(result)) => {
            let text = format!("evaluated on {}: {}", state.short_path(&result.text), result.measured_on);
            if shown {
                state.note(Level::Info, text)
            } else {
                state.toast(Level::Info, format!("{text}; Compare (4), e"))
            }
        }
        _ => {}
    }
}

/// Shows the other chart.
pub(super) fn turn_chart(c: &mut CompareState) {
    c.quality.chart = match c.quality.chart {
        QualityChart::Sizes => QualityChart::Layers,
        QualityChart::Layers => QualityChart::Sizes,
    };
}
