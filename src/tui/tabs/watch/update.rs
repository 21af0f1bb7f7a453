//! Updates of the Watch tab, and the start of a watcher from Models.

use crate::recipe::{Recipe, Source};
use crate::tui::core::update::go;
use crate::tui::core::{Action, Cmd, Confirm, Effect, ErrorCard, Focus, Layer, Level, State, Tab};
use crate::tui::tabs::compare::update as compare;
use crate::tui::tabs::jobs::update as jobs;
use crate::tui::tabs::recipe::{PRESETS, title};
use crate::watch::{Request, Rule};

pub(in crate::tui) fn arrived(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Watchers(list) => state.watch.set_list(list),
        Action::WatcherEvents(request, events) if request == state.watch.request => {
            let view = &mut state.watch.view;
            events.into_iter().for_each(|e| view.apply(e));
        }
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
            state.toast(Level::Info, format!("watcher {id} runs on its own; Watch (5) shows it"));
            if state.tab == Tab::Models && state.layer.is_none() {
                return go(state, Tab::Watch);
            }
        }
        Action::WatcherStarted(Err(card)) => failed(state, "cannot watch", &card),
        Action::WatcherAsked(folder, Ok(())) => {
            let folder = state.home_path(&folder);
            state.toast(Level::Info, format!("the watcher of {folder} was asked to stop; a running export goes on"));
        }
        Action::WatcherTold(request, Ok(())) => {
            let text = match request {
                Request::Pause => "the watcher begins no more exports; p lets it go on".to_owned(),
                Request::Resume => "the watcher goes on".to_owned(),
                Request::Export { name } => format!("the watcher is asked to export {name} now"),
                Request::Ignore { name } => format!("{name} is ignored; i takes it back"),
                Request::Unignore { name } => format!("{name} is no longer ignored"),
            };
            state.toast(Level::Info, text);
        }
        Action::WatcherTold(_, Err(card)) => failed(state, "the watcher cannot be asked", &card),
        Action::WatcherAsked(folder, Err(card)) => {
            let what = format!("cannot stop the watcher of {}", state.home_path(&folder));
            failed(state, &what, &card);
        }
        _ => {}
    }
    Vec::new()
}

fn failed(state: &mut State, what: &str, card: &ErrorCard) {
    let hint = card.hint.as_ref().map(|h| format!(" {h}")).unwrap_or_default();
    state.toast(Level::Error, format!("{what}: {}.{hint}", card.message));
}

/// Runs a command of the tab.
pub(in crate::tui) fn run(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    match cmd {
        Cmd::WatchSources => state.watch.focus = Focus::Details,
        Cmd::WatchersBack => state.watch.focus = Focus::List,
        Cmd::WatchJob => {
            let job = state.watch.current_source().and_then(|s| s.last()).map(|e| e.done.job.clone());
            let Some(at) = job.and_then(|id| state.jobs.list.iter().position(|j| j.id == id)) else {
                return Vec::new();
            };
            state.tab = Tab::Jobs;
            return jobs::select(state, at);
        }
        Cmd::WatchOutput => {
            let export = state.watch.current_source().and_then(|s| s.exported());
            let Some(path) = export.and_then(|e| e.done.outputs.first()).cloned() else { return Vec::new() };
            return jobs::go_to_model(state, path);
        }
        Cmd::WatchStop => ask_stop(state),
        Cmd::WatchPause => {
            let Some(watcher) = state.watch.current() else { return Vec::new() };
            let request = if watcher.paused { Request::Resume } else { Request::Pause };
            return vec![Effect::AskWatcher(watcher.id.clone(), request)];
        }
        Cmd::WatchExport | Cmd::WatchIgnore => {
            let (Some(watcher), Some(source)) = (state.watch.current(), state.watch.current_source()) else {
                return Vec::new();
            };
            let name = source.name.clone();
            let request = match cmd {
                Cmd::WatchExport => Request::Export { name },
                _ if source.ignored => Request::Unignore { name },
                _ => Request::Ignore { name },
            };
            return vec![Effect::AskWatcher(watcher.id.clone(), request)];
        }
        Cmd::WatchCompare => {
            let Some(pair) = state.watch.pair() else { return Vec::new() };
            return compare::bring(state, pair.to_vec());
        }
        Cmd::WatchCopy => {
            let Some(watcher) = state.watch.current() else { return Vec::new() };
            let command = match (watcher.pid, &watcher.command) {
                (Some(_), _) => format!("remold watch attach {}", watcher.id),
                (None, Some(command)) => command.clone(),
                (None, None) => return Vec::new(),
            };
            state.toast(Level::Info, format!("sent to the terminal's clipboard: {command}"));
            return vec![Effect::Copy(command)];
        }
        _ => {}
    }
    Vec::new()
}

fn ask_stop(state: &mut State) {
    let Some(watcher) = state.watch.current().filter(|w| w.pid.is_some()) else { return };
    let detail = [
        "A running export goes on. What was exported is remembered:",
        "a watcher of the same folder goes on where this one stops.",
    ];
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Stop watching {}?", state.home_path(&watcher.root)),
        detail: detail.map(str::to_owned).to_vec(),
        yes: "stop the watcher",
        effect: Effect::StopWatcher(watcher.id.clone(), watcher.root.clone()),
    }));
}

/// Asks whether the selected folder is to be watched: the folder itself, or the one that the selected model is in.
pub(in crate::tui) fn ask_start(state: &mut State) -> Vec<Effect> {
    let (Some(path), Some(node)) = (&state.models.selected, state.models.node()) else { return Vec::new() };
    let folder = if node.model.is_some() { path.parent() } else { Some(path.as_path()) };
    let Some(folder) = folder.map(|f| state.dir.join(f)) else { return Vec::new() };
    let recipe = recipe(state);
    let made: Vec<String> = recipe.targets.iter().map(title).collect();
    let detail = vec![
        format!("each checkpoint → {}", made.join(", ")),
        format!("into {}", state.home_path(&Rule::default_output(&folder))),
        "The Recipe tab (2) says what is made.".to_owned(),
    ];
    state.layer = Some(Layer::Confirm(Confirm {
        question: format!("Watch {}?", state.home_path(&folder)),
        detail,
        yes: "start a watcher",
        effect: Effect::StartWatcher(folder, Box::new(recipe)),
    }));
    Vec::new()
}

/// The recipe that is composed, without what is about one source; the first preset where none is.
fn recipe(state: &State) -> Recipe {
    let mut recipe = state.recipe.document.recipe.clone();
    (recipe.source, recipe.output_dir) = (Source::default(), None);
    if recipe.targets.is_empty() {
        recipe.targets.push(PRESETS[0].target());
    }
    for target in &mut recipe.targets {
        (target.output, target.output_name, target.force) = (None, None, false);
    }
    let name = || recipe.targets.iter().map(title).collect::<Vec<_>>().join(", ");
    recipe.name = Some(recipe.name.clone().unwrap_or_else(name));
    recipe
}
