//! Updates of what the details pane knows beyond headers.

use crate::tui::core::{Effect, Focus, Level, LineEdit, Search, State};
use crate::tui::tabs::models::{Ask, Check, Reading, Section};

/// Starts to edit the text that the tokenizer is tried on.
pub(in crate::tui) fn try_text(state: &mut State) {
    let m = &mut state.models;
    m.focus = Focus::Details;
    m.editing = Some(LineEdit::offering(&m.inspect.text));
}

/// Opens the selected value over the details, or closes it.
pub(in crate::tui) fn read(state: &mut State) {
    if state.models.inspect.reading.take().is_none() {
        let reading =
            selected_text(state).map(|(title, text)| Reading { title, text, scroll: 0, search: Search::default() });
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
pub(in crate::tui) fn copy(state: &mut State) -> Vec<Effect> {
    let Some((title, text)) = selected_text(state) else { return Vec::new() };
    state.toast(Level::Info, format!("sent to the terminal's clipboard: {title}"));
    vec![Effect::Copy(text)]
}

/// Starts to look at every value, or stops.
pub(in crate::tui) fn check(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let Some(info) = m.current().cloned() else { return Vec::new() };
    if let Some(check) = m.inspect.check.as_mut().filter(|c| c.ended.is_none()) {
        let here = check.path == info.path;
        if here {
            m.inspect.check = None;
            return vec![Effect::Inspect(Ask::StopCheck)];
        }
    }
    let total = info.tensors.iter().fold(0u64, |n, t| n.saturating_add(t.params));
    m.inspect.check = Some(Check { path: info.path.clone(), done: 0, total, findings: Vec::new(), ended: None });
    vec![Effect::Inspect(Ask::Check(info.path.clone()))]
}
