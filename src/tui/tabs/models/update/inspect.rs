//! Updates of what the details pane knows beyond headers.

use crate::model::Defect;
use crate::tui::core::{Effect, Focus, FoundModel, LineEdit, State};
use crate::tui::tabs::models::{Check, InspectRequest, Reading, Section};
use std::path::PathBuf;

/// Seconds after its last write in which an incomplete file counts as growing, as the scan has it, and one more.
const SETTLED_SECONDS: i64 = 61;

/// Starts to edit the text that the tokenizer is tried on.
pub(super) fn try_text(state: &mut State) {
    let m = &mut state.models;
    m.focus = Focus::Details;
    m.editing = Some(LineEdit::offering(&m.inspect.text));
}

/// Opens the selected value over the details, or closes it.
pub(super) fn read(state: &mut State) {
    if state.models.inspect.reading.take().is_none() {
        let reading = selected_text(state).map(|(title, text)| Reading { title, text, ..Reading::default() });
        state.models.inspect.reading = reading;
    }
}

/// Title and whole text of what is selected: a value of the metadata, the chat template, the name of a tensor.
fn selected_text(state: &State) -> Option<(String, String)> {
    let m = &state.models;
    let info = m.current()?;
    match m.details.section {
        Section::Metadata => {
            let rows = m.metadata_rows(info);
            let (key, _, value) = info.metadata.get(*rows.get(m.details.row.min(rows.len().checked_sub(1)?))?)?;
            Some((key.clone(), info.whole.get(key).unwrap_or(value).clone()))
        }
        Section::Tokenizer => {
            let tried = m.inspect.tried(&info.path)?.as_ref().ok()?;
            Some(("chat template".to_owned(), tried.template.clone()?))
        }
        Section::Tensors => {
            let rows = m.tensor_rows(info);
            let row = rows.get(m.details.row.min(rows.len().checked_sub(1)?))?;
            let name = info.tensors.get(*row)?.name.clone();
            Some((String::from("tensor"), name))
        }
        _ => None,
    }
}

/// Sends the selected value or name to the clipboard.
pub(super) fn copy(state: &mut State) -> Vec<Effect> {
    let Some((title, text)) = selected_text(state) else { return Vec::new() };
    state.copy_lines(&title, &text)
}

/// Starts to look at every value, or stops.
pub(super) fn check(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let Some(info) = m.current().cloned() else { return Vec::new() };
    if let Some(check) = m.inspect.check.as_mut().filter(|c| c.ended.is_none()) {
        let here = check.path == info.path;
        if here {
            m.inspect.check = None;
            return vec![Effect::Inspect(InspectRequest::StopCheck)];
        }
    }
    let total = info.tensors.iter().fold(0u64, |n, t| n.saturating_add(t.params));
    m.inspect.check = Some(Check { path: info.path.clone(), done: 0, total, findings: Vec::new(), ended: None });
    vec![Effect::Inspect(InspectRequest::Check(info.path.clone()))]
}

/// Requests for what the section shown needs and has not requested yet.
pub(in crate::tui::tabs::models) fn wants(state: &mut State) -> Vec<Effect> {
    let mut effects = look_again(state);
    effects.extend(wants_of_section(state));
    effects
}

/// A scan, if a file that was being written when it was scanned may be complete or cut now. The tree is unchanged until it is over.
fn look_again(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let m = &mut state.models;
    let written = |f: &FoundModel| f.defect == Some(Defect::Growing) && now.as_second() - f.modified > SETTLED_SECONDS;
    let recently = m.looked_again.is_some_and(|t| now.as_second() - t.as_second() < SETTLED_SECONDS);
    if m.scanning || recently || !m.found().any(|(_, f)| written(f)) {
        return Vec::new();
    }
    m.looked_again = Some(now);
    vec![Effect::Scan]
}

fn wants_of_section(state: &mut State) -> Vec<Effect> {
    let page = usize::from(state.size.1);
    let m = &mut state.models;
    let Some(info) = m.current().cloned() else { return Vec::new() };
    let path = info.path.clone();
    match m.details.section {
        Section::Tensors => {
            let rows = m.tensor_rows(&info);
            let row = m.details.row.min(rows.len().saturating_sub(1));
            let Some(selected) = rows.get(row).copied() else { return Vec::new() };
            let inspect = &mut m.inspect;
            let mut asks = Vec::new();
            let place = (path.clone(), selected);
            if inspect.values(&path, selected).is_none() && inspect.looking.as_ref() != Some(&place) {
                inspect.looking = Some(place);
                asks.push(Effect::Inspect(InspectRequest::Values(path.clone(), selected)));
            }
            let near = rows.iter().skip(row.saturating_sub(page)).take(2 * page).copied();
            let missing: Vec<usize> = near.filter(|i| inspect.mini_histogram(&path, *i).is_none()).collect();
            let asked = |all: &(PathBuf, Vec<usize>)| all.0 == path && missing.iter().all(|i| all.1.contains(i));
            if !missing.is_empty() && !inspect.glancing.as_ref().is_some_and(asked) {
                inspect.glancing = Some((path.clone(), missing.clone()));
                asks.push(Effect::Inspect(InspectRequest::MiniHistograms(path, missing)));
            }
            asks
        }
        Section::Tokenizer if m.focus == Focus::Details && !info.tokenizer.is_empty() => {
            let inspect = &mut m.inspect;
            let now = (path.clone(), inspect.text.clone());
            let known = inspect.tried.as_ref().is_some_and(|(p, t, _)| *p == now.0 && *t == now.1);
            if known || inspect.trying.as_ref() == Some(&now) {
                return Vec::new();
            }
            inspect.trying = Some(now.clone());
            vec![Effect::Inspect(InspectRequest::Encode(now.0, now.1))]
        }
        _ => Vec::new(),
    }
}
