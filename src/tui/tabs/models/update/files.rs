//! What is done with files of models: read, opened outside, renamed, deleted; configurations compared, tensors looked for.

use super::{measure, rescan, show};
use crate::tui::core::{
    Action, Completion, Confirm, Effect, Focus, Layer, Level, LineEdit, MeasureWhat, Outside, Picker, PickerItem,
    PickerKind, State, Tab, units,
};
use crate::tui::tabs::models::{FileList, Prompt, Reading, Section, TensorHit};
use crate::units::quoted;
use std::path::{Path, PathBuf};

/// Files named in the question before they are deleted, at most.
const MAX_NAMED: usize = 10;

/// The file selected in Files.
fn selected_file(state: &State) -> Option<PathBuf> {
    let m = &state.models;
    let info = m.current().filter(|_| m.focus == Focus::Details && m.details.section == Section::Files)?;
    let (name, _) = info.files.get(m.details.row.min(info.files.len().checked_sub(1)?))?;
    // Names count from the folder of the model.
    let folder = info.path.parent().filter(|_| info.is_file).unwrap_or(&info.path);
    Some(folder.join(name))
}

/// Enter on a file: shows its text over the details, or closes it.
pub(super) fn read(state: &mut State) -> Vec<Effect> {
    if state.models.inspect.reading.take().is_some() {
        return Vec::new();
    }
    let Some(file) = selected_file(state) else { return Vec::new() };
    state.models.wanted_text = Some(file.display().to_string());
    vec![Effect::ReadText(file)]
}

/// Puts the configurations of two models side by side.
pub(super) fn compare_configs(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let pair: Vec<PathBuf> = match m.marked.as_slice() {
        [a, b] => vec![a.clone(), b.clone()],
        marked => marked.iter().chain(&m.selected).take(2).cloned().collect(),
    };
    let [a, b] = pair.as_slice() else { return Vec::new() };
    let title = pair_title(a, b);
    m.wanted_text = Some(title);
    vec![Effect::CompareConfigs(a.clone(), b.clone())]
}

/// The title of a comparison of two configurations.
pub(in crate::tui) fn pair_title(a: &Path, b: &Path) -> String {
    let name = |p: &Path| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{} | {}", name(a), name(b))
}

/// Opens the selected file, or else the configuration or the folder of the selected model, in another program.
pub(super) fn open_outside(state: &State, how: Outside) -> Vec<Effect> {
    let Some(model) = state.models.selected.clone() else { return Vec::new() };
    let file = selected_file(state);
    let path = match how {
        Outside::Editor => file.unwrap_or_else(|| model.clone()),
        Outside::Pager => file.unwrap_or_else(|| model.join("config.json")),
    };
    vec![Effect::OpenOutside(path, model, how)]
}

/// Copies the command that inspects the selected model or folder.
pub(super) fn copy_command(state: &mut State) -> Vec<Effect> {
    let Some(path) = state.models.selected.clone() else { return Vec::new() };
    let command = format!("remold inspect {}", quoted(&path.display().to_string()));
    state.copy(&command, command.clone())
}

/// Asks for another name.
pub(super) fn ask_name(state: &mut State) {
    let m = &mut state.models;
    let name = m.selected.as_ref().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned());
    if let Some(name) = name {
        (m.prompt, m.editing) = (Prompt::Rename, Some(LineEdit::offering(&name)));
    }
}

/// Asks for the name of a tensor.
pub(super) fn ask_tensor(state: &mut State) {
    let m = &mut state.models;
    (m.prompt, m.editing) = (Prompt::Find, Some(LineEdit::offering(&m.found.query)));
}

/// Asks for the list of files that belong to the selected model.
pub(super) fn ask_delete(state: &State) -> Vec<Effect> {
    state.models.selected.clone().map(Effect::ListFiles).into_iter().collect()
}

/// Carries on after a key in one of these lines.
pub(super) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    if matches!(what, Completion::Editing | Completion::Ignored) {
        return Vec::new();
    }
    let m = &mut state.models;
    let empty = m.editing.as_ref().is_some_and(|l| l.text.trim().is_empty());
    if empty && what == Completion::Accepted && m.prompt != Prompt::Find {
        state.refuse_key("nothing is typed; esc closes the line");
        return Vec::new();
    }
    let prompt = std::mem::take(&mut m.prompt);
    let text = m.editing.take().filter(|_| what == Completion::Accepted).map(|l| l.text.trim().to_owned());
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Vec::new() };
    m.typed = Some((prompt, text.clone()));
    match prompt {
        Prompt::Rename => match &m.selected {
            Some(path) if path.file_name().is_none_or(|n| n.to_string_lossy() != text) => {
                vec![Effect::RenameModel(path.clone(), text)]
            }
            _ => Vec::new(),
        },
        Prompt::Find => find(state, text),
        Prompt::EvaluateOn => measure::text_given(state, MeasureWhat::Evaluation, &text),
        Prompt::ImatrixOn => measure::text_given(state, MeasureWhat::Imatrix, &text),
        Prompt::Filter => Vec::new(),
    }
}

/// Opens the line again with what was refused: it is corrected, not typed again.
pub(super) fn ask_again(state: &mut State) {
    let free = state.tab == Tab::Models && state.layer.is_none() && state.models.editing.is_none();
    if let Some((prompt, text)) = state.models.typed.take().filter(|_| free) {
        (state.models.prompt, state.models.editing) = (prompt, Some(LineEdit::new(&text)));
    }
}

/// Looks for a tensor in all models; the list opens at once and fills.
fn find(state: &mut State, query: String) -> Vec<Effect> {
    let models: Vec<PathBuf> =
        state.models.found().filter(|(_, m)| m.summary.is_ok()).map(|(p, _)| p.clone()).collect();
    let found = &mut state.models.found;
    found.request += 1;
    found.hits.clear();
    found.query.clone_from(&query);
    let request = found.request;
    let before = state.theme.clone();
    let picker = Picker { kind: PickerKind::Tensors, input: LineEdit::default(), items: Vec::new(), row: 0, before };
    state.layer = Some(Layer::Picker(picker));
    vec![Effect::FindTensors(request, query, models)]
}

/// Goes to the tensor that was picked.
pub(in crate::tui::tabs::models) fn picked(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(hit) = state.models.found.hits.get(at).cloned() else { return Vec::new() };
    let effects = show(state, hit.model.clone());
    let m = &mut state.models;
    (m.focus, m.details.section) = (Focus::Details, Section::Tensors);
    m.details.filter.clear();
    m.inspect.reading = None;
    m.wanted_tensor = Some((hit.model, hit.tensor));
    effects
}

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::TextRead(title, text) => text_read(state, title, text.map_err(|card| card.message)),
        Action::TensorsFound(request, hits, _) if request == state.models.found.request => found(state, hits),
        Action::FilesListed(Ok(list)) => confirm_delete(state, list),
        Action::FilesListed(Err(card)) => state.toast(Level::Error, format!("cannot be deleted: {}", card.message)),
        Action::ModelDeleted(path, result) => {
            let name = state.short_path(&path);
            match result {
                Ok(()) => state.toast(Level::Info, format!("deleted: {name}")),
                Err(card) => state.toast(Level::Error, format!("{name}: {}", card.message)),
            }
            return rescan(state);
        }
        Action::ModelRenamed(path, Ok(to)) => {
            state.toast(Level::Info, format!("renamed: {} → {}", state.short_path(&path), state.short_path(&to)));
            state.models.marked.iter_mut().filter(|m| **m == path).for_each(|m| m.clone_from(&to));
            state.models.selected = Some(to);
            return rescan(state);
        }
        Action::ModelRenamed(path, Err(card)) => {
            state.toast(Level::Error, format!("{} keeps its name: {}", state.short_path(&path), card.message));
            if state.models.selected.as_ref() == Some(&path) {
                ask_again(state);
            }
        }
        Action::OutsideClosed(model, result) => {
            if let Err(why) = result {
                state.toast(Level::Warn, why);
            }
            // It may have been edited.
            state.models.forget_files(|path| path == model);
            return super::want_details(state);
        }
        _ => {}
    }
    Vec::new()
}

fn text_read(state: &mut State, title: String, text: Result<String, String>) {
    if state.models.wanted_text.as_ref() != Some(&title) {
        // The user has gone on.
        return;
    }
    state.models.wanted_text = None;
    match text {
        Ok(text) => {
            // Configurations are beside each other, with no path before them.
            let wide = !title.starts_with('/');
            let title = if wide { title } else { state.short_path(Path::new(&title)) };
            let m = &mut state.models;
            m.focus = Focus::Details;
            m.inspect.reading = Some(Reading { title, text, wide, ..Reading::default() });
        }
        Err(why) => state.toast(Level::Warn, why),
    }
}

/// More tensors for the list, if it is still open.
fn found(state: &mut State, hits: Vec<TensorHit>) {
    let item = |h: &TensorHit| PickerItem {
        title: format!("{}  {}", h.tensor, state.short_path(&h.model)),
        detail: format!("{} {}", h.shape, h.encoding),
        cmd: None,
    };
    let items: Vec<PickerItem> = hits.iter().map(item).collect();
    state.models.found.hits.extend(hits);
    if let Some(Layer::Picker(p)) = &mut state.layer
        && p.kind == PickerKind::Tensors
    {
        p.items.extend(items);
    }
}

fn confirm_delete(state: &mut State, list: FileList) {
    let mut detail: Vec<String> = list
        .files
        .iter()
        .take(MAX_NAMED)
        .map(|(f, bytes)| format!("{}  {}", state.short_path(f), units::bytes(*bytes)))
        .collect();
    if list.files.len() > MAX_NAMED {
        detail.push(format!("and {} more", list.files.len() - MAX_NAMED));
    }
    let total = units::bytes(list.bytes());
    detail.push(format!("{}, {total}. This cannot be undone.", units::plural(list.files.len(), "file", "files")));
    let folder = if list.folders.is_empty() { "" } else { " and all that is in it" };
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Delete {}{folder}?", state.short_path(&list.path)),
        detail,
        yes: "delete",
        destroys: true,
        effect: Effect::DeleteFiles(Box::new(list)),
    }));
}
