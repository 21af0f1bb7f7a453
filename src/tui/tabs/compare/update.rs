//! Updates of the Compare tab.

use super::state::{Asking, Chart, Order};
use crate::evaluate::MOST;
use crate::tui::core::update::go;
use crate::tui::core::{
    Action, Completion, Effect, FoundModel, Layer, Level, LineEdit, Picker, PickerItem, PickerKind, State, Tab,
    natural, units,
};
use std::path::PathBuf;

pub(in crate::tui) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::CompareOverview(request, overview) if request == state.compare.request => {
            let all = overview.comparison.tensors.len();
            state.compare.running.get_or_insert((0, all)).1 = all;
            state.compare.result = Some(overview);
        }
        Action::CompareProgress(request, done, all) if request == state.compare.request => {
            state.compare.running = Some((done, all));
        }
        Action::Compared(request, answer) if request == state.compare.request => {
            state.compare.running = None;
            match answer {
                Ok(result) => state.compare.result = Some(result),
                Err(card) => {
                    let hint = card.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
                    state.note(Level::Error, format!("{}.{hint}", card.message));
                    state.compare.failure = Some(card);
                }
            }
        }
        Action::Exported(Ok(path)) => state.toast(Level::Info, format!("wrote {path}")),
        Action::Exported(Err(card)) => {
            let hint = card.hint.map(|h| format!(" {h}")).unwrap_or_default();
            state.toast(Level::Error, format!("{}.{hint}", card.message));
            // What was typed is corrected, not typed again.
            if state.tab == Tab::Compare && state.layer.is_none() && state.compare.line.is_none() {
                state.compare.line = Some((Asking::Export, LineEdit::new(&state.compare.exported)));
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Marks the selected model, or takes its mark away, and goes on to the next line.
pub(in crate::tui) fn mark(state: &mut State) -> Vec<Effect> {
    let m = &mut state.models;
    let Some(path) = m.selected.clone() else { return Vec::new() };
    match m.marked.iter().position(|p| *p == path) {
        Some(at) => drop(m.marked.remove(at)),
        None => m.marked.push(path),
    }
    crate::tui::core::update::motion::by(state, 1)
}

/// Takes all marks away.
pub(in crate::tui) fn unmark(state: &mut State) -> Vec<Effect> {
    state.models.marked.clear();
    Vec::new()
}

/// Brings models to the tab: from the tree those marked and the selected one, from a job its source and outputs.
pub(in crate::tui) fn start(state: &mut State) -> Vec<Effect> {
    let of_a_job = state.tab == Tab::Jobs;
    let mut wanted = if of_a_job { of_job(state) } else { of_models(state) };
    let broken = |p: &PathBuf| state.models.node_at(p).is_some_and(|n| matches!(n.summary, Some(Err(_))));
    let left_out: Vec<String> = wanted.iter().filter(|p| broken(p)).map(|p| state.short_path(p)).collect();
    if !left_out.is_empty() && wanted.len() - left_out.len() > 1 {
        wanted.retain(|p| !broken(p));
        state.toast(Level::Warn, format!("left out, for it cannot be opened: {}", left_out.join(", ")));
    }
    if wanted.len() > MOST && of_a_job {
        state.toast(Level::Warn, format!("{} models are too many to compare: the first {MOST} are", wanted.len()));
        wanted.truncate(MOST);
    } else if wanted.len() > MOST {
        let text = format!("{} models are too many to compare: {MOST} fit. Take a mark away with space.", wanted.len());
        state.toast(Level::Warn, text);
        return Vec::new();
    }
    bring(state, wanted)
}

/// Brings these models to the tab, the first as the baseline.
pub(in crate::tui) fn bring(state: &mut State, wanted: Vec<PathBuf>) -> Vec<Effect> {
    state.compare.selected = usize::from(wanted.len() > 1);
    state.compare.order = Order::Added;
    let mut effects = set(state, wanted);
    effects.extend(go(state, Tab::Compare));
    effects
}

fn of_models(state: &State) -> Vec<PathBuf> {
    let m = &state.models;
    let mut wanted = m.marked.clone();
    let here = m.selected.as_ref().filter(|_| m.node().is_some_and(|n| n.model.is_some()));
    // One mark and the line one stands on are a pair; more marks say what is wanted.
    if let Some(here) = here.filter(|h| wanted.len() < 2 && !wanted.contains(h)) {
        wanted.push(here.clone());
    }
    wanted
}

fn of_job(state: &State) -> Vec<PathBuf> {
    let Some(plan) = state.jobs.view.as_ref().and_then(|v| v.plan.as_ref()) else { return Vec::new() };
    // A split output is opened by its first file.
    let made = plan.outputs.iter().map(|o| match o.files.as_slice() {
        [(first, _), _, ..] if o.format == "gguf" => first.clone(),
        _ => o.path.clone(),
    });
    std::iter::once(plan.source.clone()).chain(made).collect()
}

/// Compares another set of models; what is measured for the old one is dropped.
fn set(state: &mut State, columns: Vec<PathBuf>) -> Vec<Effect> {
    let c = &mut state.compare;
    c.request += 1;
    (c.result, c.failure, c.running) = (None, None, None);
    (c.drilled, c.row, c.columns) = (false, 0, columns);
    c.selected = c.selected.min(c.columns.len().saturating_sub(1));
    ask(state)
}

fn ask(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    if c.columns.len() < 2 {
        return vec![Effect::StopComparing];
    }
    c.running = Some((0, 0));
    vec![Effect::Compare(c.request, c.columns.clone(), c.context)]
}

/// Goes on with what was stopped when the tab was left.
pub(in crate::tui) fn enter(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    if c.columns.len() < 2 || c.running.is_some() || c.failure.is_some() || c.is_measured() {
        return Vec::new();
    }
    c.request += 1;
    ask(state)
}

/// Stops what is being measured: nobody looks.
pub(in crate::tui) fn leave(state: &mut State) -> Vec<Effect> {
    match state.compare.running.take() {
        Some(_) => vec![Effect::StopComparing],
        None => Vec::new(),
    }
}

/// Opens the list of models that can be added, those of the same size of network first.
pub(in crate::tui) fn pick(state: &mut State) -> Vec<Effect> {
    let params = |p: &PathBuf| match state.models.node_at(p).and_then(|n| n.summary.as_ref()) {
        Some(Ok(s)) => Some(s.params),
        _ => None,
    };
    let wanted = state.compare.columns.first().and_then(params);
    // What cannot be read cannot be compared; Models tells why.
    let fits = |p: &PathBuf, m: &FoundModel| m.summary.is_ok() && !state.compare.columns.contains(p);
    let mut all: Vec<_> = state.models.found().filter(|(p, m)| fits(p, m)).collect();
    if all.is_empty() {
        let text = format!("no other model that can be read lies in {}", state.home_path(&state.dir));
        state.toast(Level::Warn, text);
        return Vec::new();
    }
    all.sort_by(|(a, _), (b, _)| {
        let other = |p: &PathBuf| wanted.is_some() && params(p) != wanted;
        other(a).cmp(&other(b)).then_with(|| natural(&a.to_string_lossy(), &b.to_string_lossy()))
    });
    let item = |(path, model): &(&PathBuf, &FoundModel)| PickerItem {
        title: state.short_path(path),
        detail: format!("{} {:>8}", model.format, units::bytes(model.bytes)),
        cmd: None,
    };
    let items = all.iter().map(item).collect();
    let offered = all.into_iter().map(|(p, _)| p.clone()).collect();
    state.compare.offered = offered;
    let before = state.theme.clone();
    state.layer =
        Some(Layer::Picker(Picker { kind: PickerKind::Models, input: LineEdit::default(), items, row: 0, before }));
    Vec::new()
}

/// Adds the model that was picked, by its place in the list that was offered.
pub(in crate::tui) fn add(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(path) = state.compare.offered.get(at).cloned() else { return Vec::new() };
    let mut columns = state.compare.columns.clone();
    columns.push(path);
    state.compare.selected = columns.len() - 1;
    set(state, columns)
}

/// Takes the selected model out. Errors are against the baseline: without another one they stay true.
pub(in crate::tui) fn remove(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    let at = c.selected;
    if at >= c.columns.len() {
        return Vec::new();
    }
    if at > 0 && c.columns.len() > 2 && c.running.is_none() && c.failure.is_none() && c.is_measured() {
        let path = c.columns.remove(at);
        c.selected = at.min(c.columns.len() - 1);
        c.request += 1;
        return c.result.clone().map(|r| Effect::Uncompare(c.request, r, path)).into_iter().collect();
    }
    let mut columns = c.columns.clone();
    columns.remove(at);
    set(state, columns)
}

/// Makes the selected model the baseline.
pub(in crate::tui) fn pin(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    if c.selected == 0 || c.selected >= c.columns.len() {
        return Vec::new();
    }
    let mut columns = c.columns.clone();
    let baseline = columns.remove(c.selected);
    columns.insert(0, baseline);
    c.selected = 0;
    set(state, columns)
}

pub(in crate::tui) fn turn_order(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    if c.drilled {
        c.turn_tensors()
    } else {
        c.turn_columns()
    }
    Vec::new()
}

pub(in crate::tui) fn turn_chart(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    c.chart = if c.chart == Chart::Layers { Chart::Kinds } else { Chart::Layers };
    Vec::new()
}

/// Curves of the next measure.
pub(in crate::tui) fn turn_measure(state: &mut State) -> Vec<Effect> {
    state.compare.measure = state.compare.measure.next();
    Vec::new()
}

/// Memory at the next context. What is measured is known and comes at once.
pub(in crate::tui) fn turn_context(state: &mut State) -> Vec<Effect> {
    if state.compare.contexts().len() < 2 {
        let text = "these networks take no longer context; `remold compare --context N` tells memory for any";
        state.toast(Level::Info, text);
        return Vec::new();
    }
    state.compare.turn_context();
    state.compare.request += 1;
    ask(state)
}

pub(in crate::tui) fn column(state: &mut State, by: isize) -> Vec<Effect> {
    let c = &mut state.compare;
    c.selected = c.selected.saturating_add_signed(by).min(c.columns.len().saturating_sub(1));
    Vec::new()
}

pub(in crate::tui) fn drill(state: &mut State) -> Vec<Effect> {
    let c = &mut state.compare;
    (c.drilled, c.row, c.selected) = (true, 0, c.subject());
    Vec::new()
}

/// Asks for a file name, in the folder that is shown.
pub(in crate::tui) fn ask_export(state: &mut State) -> Vec<Effect> {
    state.compare.line = Some((Asking::Export, LineEdit::offering("comparison.md")));
    Vec::new()
}

pub(in crate::tui) fn start_filter(state: &mut State) {
    state.compare.line = Some((Asking::Filter, LineEdit::offering(&state.compare.filter)));
}

/// Carries on after a key in the line being edited.
pub(in crate::tui) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    let c = &mut state.compare;
    let Some((asking, line)) = &c.line else { return Vec::new() };
    let text = if what == Completion::Dropped { String::new() } else { line.text.clone() };
    let asking = *asking;
    if what != Completion::Editing {
        c.line = None;
    }
    match (asking, what) {
        (Asking::Filter, _) => (c.filter, c.row) = (text, 0),
        (Asking::Export, Completion::Accepted) => {
            let name = text.trim();
            if let Some(result) = c.result.clone().filter(|_| !name.is_empty()) {
                c.exported = name.to_owned();
                let path = state.dir.join(state.at_home(name));
                return vec![Effect::ExportComparison(result, path)];
            }
        }
        (Asking::Export, _) => {}
    }
    Vec::new()
}
