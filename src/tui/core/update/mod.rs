//! `update`: the one function that changes the state.

mod layers;
mod leave;
pub(in crate::tui) mod motion;
mod settings;

pub use leave::farewell;
pub(in crate::tui) use leave::running;

use super::action::{Action, Effect, Hit};
use super::commands::{self, Cmd, Meaning};
use super::input::{Completion, LineEdit};
use crate::tui::tabs::models::state::inspect::wants;
use crate::tui::tabs::{
    compare::update as compare, jobs::update as jobs, log::update as log, models::update as models,
    models::update::inspect, recipe::update as recipe, watch::update as watching,
};

use super::keys::{Code, Key};
use super::state::{Layer, State, Tab};
use super::toasts::Toast;
use super::{Focus, Level, panes, search};
use crate::tui::tabs::recipe::RecipePane;

/// Takes one action in and says what should happen outside.
pub fn update(state: &mut State, action: Action) -> Vec<Effect> {
    let mut effects = take(state, action);
    state.models.settle();
    state.compare.settle();
    search::settle(state);
    effects.extend(wants(state));
    effects
}

fn take(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Key(k) => key(state, k),
        Action::Paste(text) => paste(state, &text),
        Action::Run(cmd) => state.outdating_toasts(|state| run(state, cmd)),
        Action::Click(hit) => state.outdating_toasts(|state| click(state, hit)),
        Action::DoubleClick(hit) => state.outdating_toasts(|state| double_click(state, hit)),
        Action::Wheel(hit, lines) => motion::wheel(state, hit, lines),
        Action::Border(column) => {
            panes::put(state, column);
            Vec::new()
        }
        Action::Resize(columns, rows) => {
            state.size = (columns, rows);
            Vec::new()
        }
        Action::Tick(now) => {
            state.now = now;
            state.age_toasts();
            Vec::new()
        }
        Action::Notice(level, text) => {
            match level {
                Level::Info => state.note(level, text),
                _ => state.toast(level, text),
            }
            Vec::new()
        }
        Action::Configured(..)
        | Action::Keys(..)
        | Action::ThemeFiles { .. }
        | Action::Wrong(..)
        | Action::Restored(..) => settings::arrived(state, action),
        Action::FoundSome(..) | Action::Found(..) | Action::Opened(..) => models::arrived(state, action),
        Action::Inspected(told) => {
            state.models.inspect.take(told);
            Vec::new()
        }
        Action::Planned(..)
        | Action::PlanMeasured(..)
        | Action::PresetPlanned(..)
        | Action::Forecasted(..)
        | Action::ForecastMeasured(..)
        | Action::Recipes(..)
        | Action::RecipeRead(..)
        | Action::RecipeSaved(..)
        | Action::RecipeEdited(..)
        | Action::PathCompleted(..)
        | Action::Spawned(..) => recipe::arrived(state, action),
        Action::Jobs(..)
        | Action::JobPlan(..)
        | Action::JobRecipe(..)
        | Action::JobReport(..)
        | Action::JobEvents(..)
        | Action::JobNews(..)
        | Action::Did(..)
        | Action::Machine(..) => jobs::arrived(state, action),
        Action::Checked(checks) => {
            log::checked(state, checks);
            Vec::new()
        }
        Action::Watchers(..)
        | Action::WatcherEvents(..)
        | Action::WatcherMeasured(..)
        | Action::WatcherStarted(..)
        | Action::WatcherAsked(..)
        | Action::WatcherTold(..) => watching::arrived(state, action),
        Action::CompareOverview(..) | Action::CompareProgress(..) | Action::Compared(..) | Action::Exported(..) => {
            compare::arrived(state, action)
        }
    }
}

/// Takes a key in: what lies on top first, then a line being edited, then the registry.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    let quit = Key::parse("ctrl-c") == Some(key);
    if quit {
        return leave::interrupt(state);
    }
    if state.is_too_small() {
        // What nobody sees must not change.
        let leaves = key == Key::plain(Code::Char('q')) && state.layer.is_none();
        return if leaves { leave::ask(state) } else { Vec::new() };
    }
    if let Some(layer) = state.layer.take() {
        return state.outdating_toasts(|state| layers::key(state, layer, key));
    }
    if let Some(effects) = editing(state, key) {
        return effects;
    }
    let before = state.pending.take();
    if key == Key::plain(Code::Esc) && before.is_none() && state.toasts.iter().any(Toast::stays) {
        // What lies on top goes first.
        state.toasts.clear();
        return Vec::new();
    }
    match commands::lookup(state, before, key) {
        Some(Meaning::Run(command)) => state.outdating_toasts(|state| run(state, command.cmd)),
        Some(Meaning::Prefix) => {
            state.pending = Some(key);
            Vec::new()
        }
        // The key after an abandoned prefix counts by itself; esc only abandons it.
        None if before.is_some() && key.code != Code::Esc => self::key(state, key),
        None => Vec::new(),
    }
}

fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    match &mut state.layer {
        Some(Layer::Help(h)) => h.input.insert(text),
        Some(Layer::Picker(p)) => p.input.insert(text),
        Some(Layer::Confirm(_) | Layer::Leave) => {}
        None => {
            if let Some(line) = edited_line(state) {
                line.insert(text);
                return edited(state, Completion::Editing);
            }
        }
    }
    Vec::new()
}

/// The line being edited on the tab that shows, if one is.
fn edited_line(state: &mut State) -> Option<&mut LineEdit> {
    match state.tab {
        _ if search::edited_words(state).is_some() => search::edited_words_mut(state),
        Tab::Models => state.models.editing.as_mut(),
        Tab::Recipe => state.recipe.editing.as_mut(),
        Tab::Compare => state.compare.line.as_mut().map(|(_, line)| line),
        Tab::Log => state.log.editing.as_mut(),
        Tab::Jobs | Tab::Watch => None,
    }
}

/// Gives the key to the line being edited, if one is.
fn editing(state: &mut State, key: Key) -> Option<Vec<Effect>> {
    let completes = key == Key::plain(Code::Tab) && state.tab == Tab::Recipe;
    let line = edited_line(state)?;
    if completes {
        // Whoever completes it goes on with it.
        line.selected = false;
        return Some(recipe::complete(state));
    }
    let what = line.key(key);
    state.outdating_toasts(|_| ());
    if what == Completion::Ignored && state.tab == Tab::Compare && state.compare.asks_for_a_file() {
        // A name is taken with enter alone: a file is written.
        return Some(Vec::new());
    }
    if what == Completion::Ignored {
        // Up and down leave a filter with what was typed, as one expects of a list.
        let effects = edited(state, Completion::Accepted);
        return Some(effects.into_iter().chain(self::key(state, key)).collect());
    }
    Some(edited(state, what))
}

/// Carries on after a key in a line.
fn edited(state: &mut State, what: Completion) -> Vec<Effect> {
    match state.tab {
        _ if search::edited_words(state).is_some() => {
            search::edited(state, what);
            Vec::new()
        }
        Tab::Models => models::edited(state, what),
        Tab::Recipe => recipe::edited(state, what),
        Tab::Compare => compare::edited(state, what),
        Tab::Log => {
            if let Some(line) = &state.log.editing {
                state.log.filter.clone_from(&line.text);
            }
            if what == Completion::Dropped {
                state.log.filter.clear();
            }
            if what != Completion::Editing {
                state.log.editing = None;
            }
            state.log.up = 0;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

pub(in crate::tui) fn go(state: &mut State, tab: Tab) -> Vec<Effect> {
    let mut effects = match state.tab {
        Tab::Compare if tab != Tab::Compare => compare::leave(state),
        _ => Vec::new(),
    };
    state.tab = tab;
    state.pending = None;
    effects.extend(match tab {
        Tab::Recipe => recipe::enter(state),
        Tab::Jobs => jobs::enter(state),
        Tab::Compare => compare::enter(state),
        _ => Vec::new(),
    });
    effects
}

fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    if let Some(layer) = state.layer.take() {
        return layers::click(state, layer, hit);
    }
    match hit {
        Hit::Tab(tab) => return go(state, tab),
        Hit::Section(at) => match state.tab {
            Tab::Models => models::set_section(state, at),
            Tab::Jobs => jobs::set_section(state, at),
            _ => {}
        },
        Hit::List(_) | Hit::Detail(_) => return motion::click(state, hit),
        Hit::Hint(cmd) => return run(state, cmd),
        Hit::Layer(_) | Hit::Border => {}
    }
    Vec::new()
}

/// A second click on the same line opens it, as enter does. The first one has selected it.
fn double_click(state: &mut State, hit: Hit) -> Vec<Effect> {
    match (state.layer.is_some(), hit) {
        (false, Hit::List(_) | Hit::Detail(_)) => motion::double_click(state, hit),
        _ => click(state, hit),
    }
}

/// Runs a command.
pub(in crate::tui) fn run(state: &mut State, cmd: Cmd) -> Vec<Effect> {
    // Whoever does something there looks at that job, and keeps looking at it when another one starts.
    state.jobs.chosen |= state.tab == Tab::Jobs;
    match cmd {
        Cmd::Models => go(state, Tab::Models),
        Cmd::Recipe => go(state, Tab::Recipe),
        Cmd::Jobs => go(state, Tab::Jobs),
        Cmd::Compare => go(state, Tab::Compare),
        Cmd::Watch => go(state, Tab::Watch),
        Cmd::Log => go(state, Tab::Log),
        Cmd::Down => motion::by(state, 1),
        Cmd::Up => motion::by(state, -1),
        Cmd::HalfDown => motion::by(state, (state.page() / 2).max(1) as isize),
        Cmd::HalfUp => motion::by(state, -((state.page() / 2).max(1) as isize)),
        Cmd::PageDown => motion::by(state, state.page() as isize),
        Cmd::PageUp => motion::by(state, -(state.page() as isize)),
        Cmd::Top => motion::by(state, isize::MIN / 2),
        Cmd::Bottom => motion::by(state, isize::MAX / 2),
        Cmd::Open => models::open(state),
        Cmd::Close => models::close(state),
        Cmd::Convert => recipe::convert(state),
        Cmd::Rescan => {
            state.models.start_scan();
            vec![Effect::Scan]
        }
        Cmd::CopyPath => copy_path(state),
        Cmd::SectionNext | Cmd::SectionPrev => {
            let by = if cmd == Cmd::SectionNext { 1 } else { -1 };
            match state.tab {
                Tab::Jobs => jobs::turn_section(state, by),
                _ => models::turn_section(state, by),
            }
            Vec::new()
        }
        Cmd::Sort => {
            let details = &mut state.models.details;
            (details.sort, details.row) = (details.sort.next(), 0);
            Vec::new()
        }
        Cmd::Reverse => {
            state.models.details.reverse ^= true;
            Vec::new()
        }
        Cmd::Filter => {
            models::start_filter(state);
            Vec::new()
        }
        Cmd::ClearFilter => models::clear_filter(state),
        Cmd::Search => {
            search::start(state);
            Vec::new()
        }
        Cmd::HitNext | Cmd::HitPrev => {
            let other = search::step(state, cmd == Cmd::HitNext);
            if other { models::want_details(state) } else { Vec::new() }
        }
        Cmd::BorderLeft | Cmd::BorderRight => {
            panes::step(state, cmd == Cmd::BorderRight);
            Vec::new()
        }
        Cmd::EnterRow => recipe::enter_row(state),
        Cmd::AddTarget => recipe::add(state),
        Cmd::Delete => recipe::delete(state),
        Cmd::Duplicate => recipe::duplicate(state),
        Cmd::MoveDown => recipe::move_target(state, 1),
        Cmd::MoveUp => recipe::move_target(state, -1),
        Cmd::Undo => recipe::undo(state),
        Cmd::Redo => recipe::redo(state),
        Cmd::Save => recipe::ask_save(state),
        Cmd::OpenRecipe => recipe::ask_open(state),
        Cmd::EditOutside => recipe::edit_outside(state),
        Cmd::TryText => {
            inspect::try_text(state);
            Vec::new()
        }
        Cmd::ReadValue => {
            inspect::read(state);
            Vec::new()
        }
        Cmd::CopyValue => inspect::copy(state),
        Cmd::CheckValues => inspect::check(state),
        Cmd::Edit => recipe::edit(state),
        Cmd::ClearField => recipe::clear(state),
        Cmd::ValueNext => recipe::turn(state, 1),
        Cmd::ValuePrev => recipe::turn(state, -1),
        Cmd::Budget => recipe::budget(state),
        Cmd::Start => recipe::start(state),
        Cmd::StartDetached => recipe::detached(state),
        Cmd::Cancel
        | Cmd::Pause
        | Cmd::Continue
        | Cmd::Retry
        | Cmd::Remove
        | Cmd::Outputs
        | Cmd::JobReport
        | Cmd::JobLog
        | Cmd::CellNext
        | Cmd::CellPrev => jobs::run(state, cmd),
        Cmd::LogLevel | Cmd::LogJob | Cmd::LogFollow | Cmd::LogGo | Cmd::CopyLine | Cmd::CopyLines => {
            log::run(state, cmd)
        }
        Cmd::Doctor => {
            let effects = go(state, Tab::Log);
            state.log.widen();
            effects.into_iter().chain([Effect::Doctor]).collect()
        }
        Cmd::OpenJob => {
            state.jobs.focus = Focus::Details;
            Vec::new()
        }
        Cmd::MarkModel => compare::mark(state),
        Cmd::UnmarkModels => compare::unmark(state),
        Cmd::CompareModels => compare::start(state),
        Cmd::AddColumn => compare::pick(state),
        Cmd::RemoveColumn => compare::remove(state),
        Cmd::PinBaseline => compare::pin(state),
        Cmd::Measure => compare::turn_measure(state),
        Cmd::CompareContext => compare::turn_context(state),
        Cmd::ColumnNext => compare::column(state, 1),
        Cmd::ColumnPrev => compare::column(state, -1),
        Cmd::CompareTensors => compare::drill(state),
        Cmd::CompareOrder => compare::turn_order(state),
        Cmd::Chart => compare::turn_chart(state),
        Cmd::Export => compare::ask_export(state),
        Cmd::WatchFolder => watching::ask_start(state),
        Cmd::WatchSources
        | Cmd::WatchersBack
        | Cmd::WatchJob
        | Cmd::WatchOutput
        | Cmd::WatchPause
        | Cmd::WatchExport
        | Cmd::WatchIgnore
        | Cmd::WatchCompare
        | Cmd::WatchStop
        | Cmd::WatchCopy => watching::run(state, cmd),
        Cmd::FocusNext => {
            let turn = |f: Focus| if f == Focus::List { Focus::Details } else { Focus::List };
            match state.tab {
                Tab::Models => state.models.focus = turn(state.models.focus),
                Tab::Jobs => state.jobs.focus = turn(state.jobs.focus),
                Tab::Watch if !state.watch.view.is_empty() => state.watch.focus = turn(state.watch.focus),
                Tab::Recipe => {
                    // Where there is nothing to fill in there is nowhere to go.
                    let form = state.recipe.pane == RecipePane::List && !state.recipe.fields().is_empty();
                    state.recipe.pane = if form { RecipePane::Form } else { RecipePane::List };
                    state.recipe.zoom = false;
                }
                _ => {}
            }
            Vec::new()
        }
        Cmd::Zoom => {
            match state.tab {
                Tab::Models => state.models.zoom ^= true,
                Tab::Jobs => state.jobs.zoom ^= true,
                Tab::Recipe => state.recipe.zoom ^= true,
                _ => {}
            }
            Vec::new()
        }
        Cmd::Back => back(state),
        Cmd::Palette | Cmd::Theme | Cmd::Help => {
            layers::open(state, cmd);
            Vec::new()
        }
        Cmd::Redraw => vec![Effect::Redraw],
        Cmd::Suspend => vec![Effect::Suspend],
        Cmd::Quit => leave::ask(state),
    }
}

fn back(state: &mut State) -> Vec<Effect> {
    match state.tab {
        Tab::Models if state.models.inspect.reading.is_some() => state.models.inspect.reading = None,
        Tab::Models if state.models.zoom => state.models.zoom = false,
        Tab::Models => state.models.focus = Focus::List,
        Tab::Jobs if state.jobs.zoom => state.jobs.zoom = false,
        Tab::Jobs => state.jobs.focus = Focus::List,
        Tab::Recipe if state.recipe.zoom => state.recipe.zoom = false,
        Tab::Recipe if state.recipe.pane == RecipePane::Form => state.recipe.pane = RecipePane::List,
        Tab::Recipe => return go(state, Tab::Models),
        Tab::Watch => state.watch.focus = Focus::List,
        Tab::Compare if state.compare.drilled => state.compare.drilled = false,
        Tab::Compare => return go(state, Tab::Models),
        _ => {}
    }
    Vec::new()
}

fn copy_path(state: &mut State) -> Vec<Effect> {
    let path = match state.tab {
        Tab::Jobs => state.jobs.view.as_ref().and_then(|v| v.outputs.first()).map(|o| o.path.clone()),
        _ => state.models.selected.as_ref().map(|p| p.display().to_string()),
    };
    let Some(path) = path else { return Vec::new() };
    state.toast(Level::Info, format!("sent to the terminal's clipboard: {path}"));
    vec![Effect::Copy(path)]
}
