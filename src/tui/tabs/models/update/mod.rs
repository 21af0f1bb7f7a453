//! Updates of the Models tab.

pub(super) mod files;
pub(super) mod filter;
mod inspect;
mod measure;
pub(super) mod motion;
pub(super) mod reader;

pub(super) use inspect::wants;

use super::state::{ModelsState, Section};
use crate::job::is_same_output;
use crate::tui::core::{
    Action, BaselineChoice, Cmd, Effect, Focus, Level, Outside, State, Tab, TabRequest, search, units,
};
use crate::tui::tabs::models::Prompt;
use std::path::PathBuf;

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::FoundSome(found) => {
            let dir = state.dir.clone();
            let before = state.models.selected.clone();
            state.models.add(&dir, found);
            if state.models.selected == before { Vec::new() } else { want_details(state) }
        }
        Action::Found(found) => {
            let dir = state.dir.clone();
            state.models.scanning = false;
            state.models.add(&dir, found);
            state.models.keep_marks();
            let n = units::plural(state.models.count(), "model", "models");
            state.note(Level::Info, format!("{n} in {}", dir.display()));
            want_details(state)
        }
        Action::Opened(path, info) => {
            if let Err(card) = &info {
                let hint = card.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
                state.note(if card.wrong { Level::Error } else { Level::Warn }, format!("{}.{hint}", card.message));
            }
            state.models.keep(path, info);
            Vec::new()
        }
        Action::Inspected(response) => {
            state.models.inspect.take(response);
            Vec::new()
        }
        Action::PathCompleted(typed, becomes, names) => {
            measure::completed(state, &typed, &becomes, names);
            Vec::new()
        }
        Action::MeasureStarted(started) => measure::started(state, *started),
        other => files::arrived(state, other),
    }
}

/// Runs a command.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    match cmd {
        Cmd::Open => return Some(open(state)),
        Cmd::Close => return Some(close(state)),
        Cmd::Convert => return Some(convert(state)),
        Cmd::Rescan => return Some(rescan(state)),
        Cmd::MarkModel => return Some(mark(state)),
        Cmd::UnmarkModels => state.models.marked.clear(),
        Cmd::CompareModels => return Some(compare(state)),
        Cmd::Evaluate => measure::ask(state, Prompt::EvaluateOn),
        Cmd::MakeImatrix => measure::ask(state, Prompt::ImatrixOn),
        Cmd::WatchFolder => return Some(watch(state)),
        Cmd::CopyPath => return Some(copy_path(state)),
        Cmd::SectionNext => turn_section(state, 1),
        Cmd::SectionPrev => turn_section(state, -1),
        Cmd::Sort => {
            let details = &mut state.models.details;
            (details.sort, details.row) = (details.sort.next(), 0);
        }
        Cmd::Reverse => state.models.details.reverse ^= true,
        Cmd::Filter => filter::start(state),
        Cmd::ClearFilter if !search::is_on(state) => return Some(filter::clear(state)),
        Cmd::TryText => inspect::try_text(state),
        Cmd::ReadValue if state.models.details.section == Section::Files => return Some(files::read(state)),
        Cmd::ReadValue => inspect::read(state),
        Cmd::SortModels => {
            let m = &mut state.models;
            m.order = m.order.next();
            m.refresh();
        }
        Cmd::FindTensor => files::ask_tensor(state),
        Cmd::CompareConfigs => return Some(files::compare_configs(state)),
        Cmd::OpenEditor => return Some(files::open_outside(state, Outside::Editor)),
        Cmd::OpenPager => return Some(files::open_outside(state, Outside::Pager)),
        Cmd::RenameModel => files::ask_name(state),
        Cmd::DeleteModel => return Some(files::ask_delete(state)),
        Cmd::CopyName => return Some(files::copy_command(state)),
        Cmd::CopyValue => return Some(inspect::copy(state)),
        Cmd::CheckValues => return Some(inspect::check(state)),
        Cmd::FocusNext => state.models.focus = state.models.focus.other(),
        Cmd::Zoom => state.models.zoom ^= true,
        Cmd::Back => back(&mut state.models),
        _ => return None,
    }
    Some(Vec::new())
}

/// Does what another tab asks.
pub(super) fn asked(state: &mut State, request: TabRequest) -> Vec<Effect> {
    match request {
        TabRequest::ShowModel(path) => show(state, path),
        TabRequest::OutputsWritten(outputs) => {
            // Outputs are models, too; the tree is unchanged until the scan is over.
            state.models.forget_files(|path| outputs.iter().any(|o| is_same_output(o, path)));
            vec![Effect::Scan]
        }
        _ => Vec::new(),
    }
}

/// Requests the details of the selected model, unless they are known.
fn want_details(state: &State) -> Vec<Effect> {
    let m = &state.models;
    match (&m.selected, m.node()) {
        (Some(path), Some(node)) if node.model.is_some() && m.info(path).is_none() => vec![Effect::Open(path.clone())],
        _ => Vec::new(),
    }
}

fn open(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let Some(path) = m.selected.clone() else { return Vec::new() };
    if m.node().is_some_and(|n| n.model.is_some()) {
        m.focus = Focus::Details;
    } else if m.is_open(&path) {
        let next = m.cursor() + 1;
        m.select(next);
    } else {
        m.set_open(&path, true);
    }
    want_details(state)
}

fn close(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let Some(path) = m.selected.clone() else { return Vec::new() };
    let folder = m.node().is_some_and(|n| n.model.is_none());
    if folder && m.is_open(&path) {
        m.set_open(&path, false);
    } else if let Some(parent) = path.parent().and_then(|p| m.rows().iter().position(|r| r.path == p)) {
        m.select(parent);
    }
    want_details(state)
}

/// Goes to the Recipe tab with the marked models as the sources, else with the selected one, else with those of the folder.
fn convert(state: &mut State) -> Vec<Effect> {
    let m = &state.models;
    let models = if m.marked.is_empty() { m.here() } else { m.marked.clone() };
    if models.is_empty() {
        state.refuse_key("this folder has no model that can be read");
        return Vec::new();
    }
    if let Some(left) = left_out(state, models.len()) {
        state.toast(Level::Warn, left);
    }
    let mut effects = want_details(state);
    effects.push(Effect::Tab(TabRequest::Convert(models)));
    effects
}

/// How many models of the selected folder are not among the `chosen` ones, and why.
fn left_out(state: &State, chosen: usize) -> Option<String> {
    let m = &state.models;
    let (path, node) = m.selected.as_ref().zip(m.node()).filter(|(_, n)| n.model.is_none() && m.marked.is_empty())?;
    if node.models <= chosen {
        return None;
    }
    let why = if m.filter.is_empty() { "cannot be read" } else { "cannot be read, or are hidden by the filter" };
    let left = node.models - chosen;
    Some(format!("{left} of {} models in {} {why} and are left out", node.models, state.short_path(path)))
}

/// Toggles the mark of the selected model, or of all models of the folder, and selects the next line.
fn mark(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let here = m.here();
    if here.iter().all(|p| m.marked.contains(p)) {
        m.marked.retain(|p| !here.contains(p));
    } else {
        let new: Vec<PathBuf> = here.into_iter().filter(|p| !m.marked.contains(p)).collect();
        m.marked.extend(new);
    }
    motion::scroll(state, 1)
}

/// Compares the marked models; where fewer than two are marked, also the selected one, or those of the folder.
fn compare(state: &mut State) -> Vec<Effect> {
    let m = &state.models;
    let mut models = m.marked.clone();
    // One mark and the selected line are a pair; more marks are the whole choice.
    if models.len() < 2 {
        let here: Vec<PathBuf> = m.here().into_iter().filter(|h| !models.contains(h)).collect();
        models.extend(here);
    }
    if models.is_empty() {
        state.refuse_key("this folder has no model that can be read");
        return Vec::new();
    }
    vec![Effect::Tab(TabRequest::Compare { models, truncate: false, baseline: BaselineChoice::Find })]
}

/// Asks to watch the selected folder, or the one that the selected model is in, or, where there are no models, the opened folder.
fn watch(state: &State) -> Vec<Effect> {
    let folder = match (&state.models.selected, state.models.node()) {
        (Some(path), Some(node)) if node.model.is_some() => path.parent().map(|f| state.dir.join(f)),
        (Some(path), Some(_)) => Some(state.dir.join(path)),
        // A run that has written nothing yet.
        _ => Some(state.base.clone()),
    };
    folder.map(|f| Effect::Tab(TabRequest::WatchFolder(f))).into_iter().collect()
}

fn copy_path(state: &mut State) -> Vec<Effect> {
    let path = state.models.selected.as_ref().map(|p| p.display().to_string());
    path.map(|path| state.copy(&path, path.clone())).unwrap_or_default()
}

/// Closes what is read, gives the whole screen back, or goes to the tree.
fn back(m: &mut ModelsState) {
    if m.inspect.reading.is_some() {
        m.inspect.reading = None;
    } else if m.zoom {
        m.zoom = false;
    } else {
        m.focus = Focus::List;
    }
}

/// Shows a model in the tree; the folder is scanned again where the model is not known yet.
fn show(state: &mut State, path: PathBuf) -> Vec<Effect> {
    if !path.starts_with(&state.dir) {
        let text = format!("{} is outside {}; y copies its path", path.display(), state.dir.display());
        state.toast(Level::Warn, text);
        return Vec::new();
    }
    (state.tab, state.models.focus) = (Tab::Models, Focus::List);
    state.models.filter.clear();
    let parents: Vec<_> =
        path.ancestors().skip(1).take_while(|p| p.starts_with(&state.dir)).map(ToOwned::to_owned).collect();
    state.models.selected = Some(path.clone());
    for parent in parents {
        state.models.set_open(&parent, true);
    }
    if state.models.node_at(&path).is_some() {
        return want_details(state);
    }
    state.models.selected = Some(path);
    rescan(state)
}

fn rescan(state: &mut State) -> Vec<Effect> {
    state.models.start_scan();
    vec![Effect::Scan]
}

pub(super) fn set_section(state: &mut State, at: usize) {
    if let Some(section) = Section::ALL.get(at) {
        state.models.details.section = *section;
        state.models.details.row = 0;
        state.models.details.filter.clear();
        state.models.inspect.reading = None;
    }
}

fn turn_section(state: &mut State, by: isize) {
    let at = Section::ALL.iter().position(|s| *s == state.models.details.section).unwrap_or(0);
    match at.checked_add_signed(by) {
        Some(to) => set_section(state, to % Section::ALL.len()),
        // Left of the first section is the tree; from there, the last one.
        None if state.models.focus == Focus::List => set_section(state, Section::ALL.len() - 1),
        None => state.models.focus = Focus::List,
    }
}
