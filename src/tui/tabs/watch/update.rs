//! Updates of the Watch tab, and the start of a watcher.

use super::state::{WatchPlace, WatchState};
use crate::evaluate::BaselineSource;
use crate::tui::core::{
    Action, BaselineChoice, Cmd, Completion, Confirm, Effect, ErrorCard, Focus, Hit, Layer, Level, LineEdit, State,
    Tab, TabRequest, units,
};
use crate::watch::{Request, Rule, WatchBody, WatchEvent};
use std::path::PathBuf;

/// Failures that are older than this are known: the events of a watcher are read from their beginning.
const NEWS: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

pub(super) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Watchers(list) => state.watch.set_list(list),
        Action::WatcherEvents(request, events) if request == state.watch.request => {
            let failed: Vec<String> = events.iter().filter_map(|e| failure(state, e)).collect();
            let view = &mut state.watch.view;
            events.into_iter().for_each(|e| view.apply(e));
            failed.into_iter().for_each(|text| state.toast(Level::Error, text));
        }
        Action::PathCompleted(typed, becomes, names) => completed(state, &typed, &becomes, names),
        Action::WatchPlaceSeen(folder, place, watcher) => place_seen(state, folder, place, watcher),
        Action::WatcherMeasured(request, found) if request == state.watch.request => {
            for (job, measured) in found {
                state.watch.view.measure(job, measured);
            }
        }
        Action::WatcherStarted(Ok(id)) => {
            match state.watch.list.iter().position(|w| w.id == id) {
                Some(at) => state.watch.select(at),
                None => state.watch.expected = Some(id.clone()),
            }
            state.toast(Level::Info, format!("watcher {id} runs in the background; Watch (5) shows it"));
            if state.tab == Tab::Models && state.layer.is_none() {
                return vec![Effect::Tab(TabRequest::Show(Tab::Watch))];
            }
        }
        Action::WatcherStarted(Err(card)) => failed(state, "cannot watch", &card),
        Action::WatcherStopRequested(folder, Ok(())) => {
            let folder = state.short_path(&folder);
            state.toast(Level::Info, format!("asked the watcher of {folder} to stop; a running export continues"));
        }
        Action::WatcherForgotten(folder, result) => {
            let name = state.folder_name(&folder);
            match result {
                Ok(()) => {
                    state.toast(Level::Info, format!("the watcher of {name} is removed; its exports and jobs are kept"))
                }
                Err(card) => failed(state, &format!("cannot remove the watcher of {name}"), &card),
            }
        }
        Action::WatcherRequestSent(request, Ok(())) => {
            let text = match request {
                Request::Pause => "the watcher starts no more exports; p resumes it".to_owned(),
                Request::Resume => "the watcher is resumed".to_owned(),
                Request::Export { name } => format!("asked the watcher to export {name} now"),
                Request::Ignore { name } => format!("{name} is ignored; i undoes this"),
                Request::Unignore { name } => format!("{name} is no longer ignored"),
            };
            state.toast(Level::Info, text);
        }
        Action::WatcherRequestSent(_, Err(card)) => failed(state, "cannot send the request to the watcher", &card),
        Action::WatcherStopRequested(folder, Err(card)) => {
            let what = format!("cannot stop the watcher of {}", state.short_path(&folder));
            failed(state, &what, &card);
        }
        _ => {}
    }
    Vec::new()
}

/// What is said of an export that has just failed.
fn failure(state: &State, event: &WatchEvent) -> Option<String> {
    let WatchBody::Exported(done) = &event.body else { return None };
    let new = state.now.duration_since(event.t) < NEWS;
    let failed = matches!(done.status.as_str(), "failed" | "check_failed");
    let why = done.why.as_deref().unwrap_or("reason unknown");
    (new && failed).then(|| format!("the export of {} failed: {why}", done.name))
}

/// A path was completed, if it is still the one in the line.
fn completed(state: &mut State, typed: &str, becomes: &str, names: Vec<String>) {
    let Some(line) = state.watch.editing.as_ref().filter(|l| state.watch.asking && state.at_home(&l.text) == typed)
    else {
        return;
    };
    if line.text != becomes {
        state.watch.editing = Some(LineEdit::new(becomes));
    }
    state.watch.names = names;
}

/// Says why a path cannot be watched, or asks whether to watch it.
fn place_seen(state: &mut State, folder: PathBuf, place: WatchPlace, watcher: Option<String>) {
    let name = state.folder_name(&folder);
    if let Some(id) = watcher {
        if let Some(at) = state.watch.list.iter().position(|w| w.id == id) {
            state.watch.select(at);
        }
        let text = format!("{name} is watched already, by watcher {id}; Watch (5) shows it");
        return state.toast(Level::Warn, text);
    }
    match place {
        WatchPlace::File => {
            let text = format!("{name} is a file; name the folder that checkpoints are written to");
            state.toast(Level::Error, text);
        }
        _ => ask_start(state, folder, place == WatchPlace::Nothing),
    }
}

fn failed(state: &mut State, what: &str, card: &ErrorCard) {
    let hint = card.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
    state.toast(Level::Error, format!("{what}: {}.{hint}", card.message));
}

/// Runs a command.
pub(super) fn run(state: &mut State, cmd: Cmd) -> Option<Vec<Effect>> {
    let w = &mut state.watch;
    match cmd {
        Cmd::WatchSources => w.focus = Focus::Details,
        Cmd::WatchersBack | Cmd::Back => w.focus = Focus::List,
        Cmd::FocusNext if !w.view.is_empty() => w.focus = w.focus.other(),
        Cmd::Filter => w.editing = Some(LineEdit::offering(&w.filter)),
        Cmd::ClearFilter => w.filter.clear(),
        Cmd::WatchStop => ask_stop(state),
        Cmd::WatchForget => ask_forget(state),
        Cmd::WatchRestart => {
            return Some(w.current().map(|w| Effect::RestartWatcher(w.id.clone())).into_iter().collect());
        }
        Cmd::WatchFolder => {
            // A folder in which nothing is yet has no line in Models.
            let offered = state.home_path(&state.base);
            let w = &mut state.watch;
            (w.asking, w.editing) = (true, Some(LineEdit::offering(&offered)));
            w.names.clear();
        }
        Cmd::WatchJob
        | Cmd::WatchOutput
        | Cmd::WatchPause
        | Cmd::WatchExport
        | Cmd::WatchIgnore
        | Cmd::WatchCompare => return Some(asks(w, cmd).into_iter().collect()),
        Cmd::WatchCopy => return Some(copy_command(state)),
        _ => return None,
    }
    Some(Vec::new())
}

/// Carries on after a key in the filter, or in the path of a folder to watch.
pub(super) fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    let w = &mut state.watch;
    if w.asking {
        w.names.clear();
        if matches!(what, Completion::Editing | Completion::Ignored) {
            return Vec::new();
        }
        w.asking = false;
        let line = w.editing.take().filter(|l| what == Completion::Accepted && !l.text.trim().is_empty());
        let folder = line.map(|l| state.typed_path(&l.text));
        return folder.map(Effect::LookAtWatchPlace).into_iter().collect();
    }
    if let Some(line) = &w.editing {
        w.filter = if what == Completion::Dropped { String::new() } else { line.text.clone() };
    }
    if what != Completion::Editing {
        w.editing = None;
    }
    Vec::new()
}

/// What a command asks of another tab or of the watcher; nothing where there is nothing to ask it of.
fn asks(w: &WatchState, cmd: Cmd) -> Option<Effect> {
    let source = w.current_source();
    match cmd {
        Cmd::WatchJob => Some(Effect::Tab(TabRequest::ShowJob(source?.last()?.done.job.clone()))),
        Cmd::WatchOutput => Some(Effect::Tab(TabRequest::ShowModel(source?.exported()?.done.outputs.first()?.clone()))),
        Cmd::WatchCompare => {
            let (models, baseline) = (w.pair()?.to_vec(), BaselineChoice::First(BaselineSource::Earlier));
            Some(Effect::Tab(TabRequest::Compare { models, truncate: false, baseline }))
        }
        Cmd::WatchPause => {
            let watcher = w.current()?;
            let request = if watcher.paused { Request::Resume } else { Request::Pause };
            Some(Effect::AskWatcher(watcher.id.clone(), request))
        }
        _ => {
            let (watcher, source) = (w.current()?, source?);
            let name = source.name.clone();
            let request = match cmd {
                Cmd::WatchExport => Request::Export { name },
                _ if source.ignored => Request::Unignore { name },
                _ => Request::Ignore { name },
            };
            Some(Effect::AskWatcher(watcher.id.clone(), request))
        }
    }
}

/// A command for the shell: the one that follows the watcher, or that starts it when it is stopped.
fn copy_command(state: &mut State) -> Vec<Effect> {
    let Some(watcher) = state.watch.current() else { return Vec::new() };
    let command = match (watcher.pid, &watcher.command) {
        (Some(_), _) => format!("remold watch attach {}", watcher.id),
        (None, Some(command)) => command.clone(),
        (None, None) => return Vec::new(),
    };
    state.copy(&command, command.clone())
}

/// Does what another tab asks: looks at a folder, to ask the user whether it is to be watched.
pub(super) fn asked(request: TabRequest) -> Vec<Effect> {
    match request {
        TabRequest::WatchFolder(folder) => vec![Effect::LookAtWatchPlace(folder)],
        _ => Vec::new(),
    }
}

/// A click on a watcher or on a source.
pub(super) fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    let w = &mut state.watch;
    match hit {
        Hit::List(at) => {
            w.focus = Focus::List;
            w.select(at);
        }
        Hit::Detail(at) => {
            w.focus = Focus::Details;
            w.select_source(at);
        }
        _ => {}
    }
    Vec::new()
}

fn ask_stop(state: &mut State) {
    let Some(watcher) = state.watch.current().filter(|w| w.pid.is_some()) else { return };
    let detail = [
        "A running export continues. Exports are remembered:",
        "a new watcher of the same folder continues from here.",
    ];
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Stop watching {}?", state.folder_name(&watcher.root)),
        detail: detail.map(str::to_owned).to_vec(),
        yes: "stop the watcher",
        destroys: true,
        effect: Effect::StopWatcher(watcher.id.clone(), watcher.root.clone()),
    }));
}

fn ask_forget(state: &mut State) {
    let Some(watcher) = state.watch.current().filter(|w| w.pid.is_none()) else { return };
    let detail = [
        "Its exports and jobs are kept. What it exported is forgotten:",
        "a new watcher of the same folder exports everything again.",
    ];
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Remove the watcher of {}?", state.folder_name(&watcher.root)),
        detail: detail.map(str::to_owned).to_vec(),
        yes: "remove the watcher",
        destroys: true,
        effect: Effect::ForgetWatcher(watcher.id.clone(), watcher.root.clone()),
    }));
}

fn ask_start(state: &mut State, folder: PathBuf, is_missing: bool) {
    let (recipe, made) = state.recipe.for_watcher();
    let mut detail = vec![
        format!("each checkpoint → {}", made.join(", ")),
        format!("into {}", state.short_path(&Rule::default_output(&folder))),
        "The Recipe tab (2) defines the outputs.".to_owned(),
    ];
    let there = state.models.found().filter(|(path, model)| path.starts_with(&folder) && model.summary.is_ok()).count();
    if there > 0 {
        detail.push(format!(
            "{} there now: those that are complete are exported at once",
            units::plural(there, "model is", "models are")
        ));
    }
    if is_missing {
        detail.push("! This folder does not exist yet. The watcher waits for it.".to_owned());
    }
    if let (Some(problem), Some(source)) = (state.recipe.problems().first(), state.recipe.source()) {
        let why = state.with_short_paths(&state.recipe.in_words(problem));
        detail.push(format!("! The recipe does not work for {}: {why}", state.short_path(source)));
        detail.push("  Exports fail unless it works for the checkpoints.".to_owned());
    }
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Watch {}?", state.folder_name(&folder)),
        detail,
        yes: "start a watcher",
        destroys: false,
        effect: Effect::StartWatcher(folder, Box::new(recipe)),
    }));
}
