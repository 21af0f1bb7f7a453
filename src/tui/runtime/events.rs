//! The event loop: wait, drain, update, draw. Nothing in it blocks but the write to the terminal.

mod apply;
mod input;
mod signals;

use super::osc::Multiplexer;
use super::reload::{self, Files};
use super::sessions::SessionSaver;
use super::terminal::{self, Screen};
use super::threads::thread;
use super::workers::Workers;
use super::{background, caps, editor, effects, sessions, stalled};
use crate::recipe::Recipe;
use crate::tui::core::{Action, Hit, Level, Outside, Session, State, Tab, farewell};
use crate::tui::look::{Depth, Look, Theme};
use crate::tui::tabs::jobs::JobSection;
use crate::tui::tabs::recipe::EditPlace;
use crate::tui::view::{Ui, draw};
use crate::tui::{TuiError, TuiOptions, config};
use crossterm::event::EventStream;
use futures_util::StreamExt;
use signals::{SignalAction, Signals};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Minimum time between frames that answer a key: holding a key down shows each step.
const FRAME: Duration = Duration::from_millis(8);
/// The same over SSH, where a frame costs more than its making.
const FRAME_SSH: Duration = Duration::from_millis(12);
/// Least time between frames that only show progress.
const PROGRESS_FRAME: Duration = Duration::from_millis(125);
/// Actions that are taken in before a frame is drawn, at most.
const DRAIN_MAX: usize = 512;

/// The state before the first frame, how it is drawn, and what is wrong in the user's files.
struct Start {
    state: State,
    look: Look,
    problems: Vec<config::Problem>,
    /// What the terminal said of its background.
    answer: background::Answer,
}

/// Reads the user's settings, keys and theme.
fn start(options: &TuiOptions, dir: &Path, depth: Depth, folder: Option<&Path>) -> Result<Start, TuiError> {
    let read = |file: Option<PathBuf>| file.unwrap_or_default();
    let settings = config::read_settings(&read(config::config_file()));
    let keys = config::read_keys(&read(config::keys_file()));
    let mut problems: Vec<_> = settings.problems.iter().chain(&keys.problems).cloned().collect();
    let settings = options.over(settings.value);
    let mut state = State::new(dir.to_owned(), jiff::Timestamp::now());
    state.home = crate::files::paths::home();
    state.read_only = options.read_only;
    state.cores = std::thread::available_parallelism().map_or(1, usize::from);
    state.themes = if depth == Depth::Mono { vec!["mono".to_owned()] } else { Theme::names(folder) };
    // What the command line says goes before what was chosen in the picker.
    let chosen = config::chosen_theme(settings.theme.is_some())
        .filter(|name| options.theme.is_none() && state.themes.contains(name));
    let asks = chosen.is_none() && settings.theme.is_none() && depth > Depth::Ansi16;
    let answer = if asks { background::ask() } else { background::Answer::default() };
    state.default_theme = match depth {
        Depth::Ansi16 => "ansi16",
        _ if answer.pale => "light",
        _ => "dark",
    }
    .to_owned();
    state.theme_chosen = chosen.is_some();
    let wanted = chosen.as_ref().or(settings.theme.as_ref()).unwrap_or(&state.default_theme);
    let theme = match Theme::load(wanted, folder, depth) {
        Err(e) if options.theme.is_none() => {
            problems.push(config::unknown_theme(&config::config_file().unwrap_or_default(), &e));
            Theme::load(&state.default_theme, None, depth)?
        }
        other => other?,
    };
    state.theme.clone_from(&theme.name);
    state.size = crossterm::terminal::size()?;
    (state.settings, state.keymap) = (settings, keys.value);
    let look = Look { theme, ascii: ascii(&state) };
    Ok(Start { state, look, problems, answer })
}

pub(in crate::tui) fn run(options: TuiOptions) -> Result<(), TuiError> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let depth = Depth::from_env(caps::var);
    let folder = config::themes_folder();
    // Looked at before they are read: what changes between the two is read again.
    let files = Files::find();
    // A relative path would change its meaning with the folder the process is in.
    let full = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let dir = full(&options.dir);
    let options = TuiOptions { jobs_root: full(&options.jobs_root), ..options };
    let base = effects::paths::enter_base(&dir)?;
    let Start { mut state, look, problems, answer } = start(&options, &dir, depth, folder.as_deref())?;
    state.base = base;
    let keeper = SessionSaver::new(config::sessions_folder().map(|f| sessions::file(&f, &dir)));
    state.session_file = keeper.file().map(Path::to_owned);
    let (outbox, inbox) = unbounded_channel();
    let workers = Workers::start(dir, options.jobs_root.clone(), outbox.clone());
    workers.scan();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    stalled::watch(keeper.clone())?;
    terminal::hook_panics();
    terminal::enter(state.settings.mouse)?;
    let result = match Screen::new() {
        Ok(screen) => {
            let mut app = App {
                mouse: state.settings.mouse,
                state,
                ui: Ui::default(),
                look,
                depth,
                folder,
                screen,
                workers,
                keeper,
                between: Multiplexer::from_env(caps::var),
                ssh: caps::var("SSH_CONNECTION").is_some(),
                clicked: None,
                held: false,
                continued: false,
                stopped: false,
                ended: None,
                editing: None,
                late: background::LateAnswer::after(&answer),
            };
            let prepared = app.prepare(&problems, &options, &answer.typed);
            let out = outbox.clone();
            thread("settings", outbox, move || files.follow(&options, &out));
            let ran = prepared.and_then(|()| runtime.block_on(app.run(inbox)));
            app.keep();
            app.state.watch.list = app.workers.watchers();
            ran.map(|()| (app.ended, farewell(&app.state).filter(|_| !app.stopped)))
        }
        Err(e) => Err(e),
    };
    terminal::leave();
    // Blocking reads of the terminal must not hold the process back.
    runtime.shutdown_background();
    let (code, farewell) = result?;
    leave(code, farewell);
    Ok(())
}

/// Ends the process with the status of a signal, or prints to the shell which jobs keep running.
fn leave(code: Option<i32>, farewell: Option<String>) {
    if let Some(code) = code {
        std::process::exit(code);
    }
    if let Some(text) = farewell {
        crate::units::print::err(&text);
    }
}

/// Whether ASCII is to be drawn: as the user says, else as the locale does.
fn ascii(state: &State) -> bool {
    state.settings.ascii.unwrap_or_else(|| caps::ascii(caps::var))
}

struct App {
    state: State,
    ui: Ui,
    look: Look,
    depth: Depth,
    folder: Option<PathBuf>,
    mouse: bool,
    screen: Screen,
    workers: Workers,
    /// Keeps where the folder is left.
    keeper: SessionSaver,
    between: Multiplexer,
    /// The terminal is at the other end of an SSH connection.
    ssh: bool,
    /// The last click: when, and on what.
    clicked: Option<(Instant, Hit)>,
    /// The border between two panes is held with the mouse.
    held: bool,
    /// The screen is up again after a stop, and the signal that says so is still to come.
    continued: bool,
    /// The jobs were asked to stop.
    stopped: bool,
    /// Exit status, when a signal ended the screen.
    ended: Option<i32>,
    /// What the user's editor or pager gets, which runs when the terminal is read no more.
    editing: Option<OutsideJob>,
    /// An answer of the terminal that was given up.
    late: background::LateAnswer,
}

/// What a program of the user's is started for.
enum OutsideJob {
    /// A recipe to be edited.
    Recipe(EditPlace, Box<Recipe>),
    /// A file or folder, and the model that it belongs to.
    Path(PathBuf, PathBuf, Outside),
}

/// Why a frame is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    No,
    Progress,
    Input,
}

impl App {
    /// Before the first frame: what is wrong in the user's files, where the folder was left, and what was typed already.
    fn prepare(&mut self, problems: &[config::Problem], options: &TuiOptions, typed: &str) -> std::io::Result<()> {
        if !problems.is_empty() {
            self.apply(reload::wrong(problems, "The default is kept"))?;
        }
        let wanted = self.state.settings.restore && !options.fresh;
        if let Some(file) = self.keeper.file().filter(|_| wanted) {
            match sessions::load(file) {
                Ok(Some(session)) => drop(self.apply(Action::Restored(Box::new(session)))?),
                Ok(None) => {}
                Err(e) => self.state.note(Level::Warn, e),
            }
        }
        for c in typed.chars() {
            self.apply(Action::Key(input::typed(c)))?;
        }
        Ok(())
    }

    /// Returns the session of the folder as it is now.
    fn stand(&self) {
        self.keeper.take(self.state.settings.restore.then(|| Session::of(&self.state)));
    }

    /// Keeps where the folder is left.
    fn keep(&self) {
        self.stand();
        self.keeper.keep();
    }

    /// The terminal is gone: no write to it, no tidying that could wait for it.
    fn hung_up(&self) -> ! {
        self.keep();
        std::process::exit(129)
    }

    /// Least time between frames: those that answer a key, and those that only show progress.
    fn pace(&self) -> (Duration, Duration) {
        if !self.ssh {
            return (FRAME, PROGRESS_FRAME);
        }
        let frames = self.state.settings.ssh_fps.max(1);
        // Where every line of the screen moves, as in a list of events, a frame costs several times what it costs elsewhere.
        let grid = matches!(self.state.jobs.section, JobSection::Layers | JobSection::Metrics);
        let seconds = if self.state.tab == Tab::Jobs && !grid { 3 } else { 1 };
        let progress = Duration::from_secs(seconds) / frames;
        (FRAME_SSH, progress.max(FRAME_SSH))
    }

    async fn run(&mut self, mut inbox: UnboundedReceiver<Action>) -> std::io::Result<()> {
        let mut signals = Signals::new()?;
        let mut input = EventStream::new();
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.draw()?;
        let mut drawn = Instant::now();
        let mut due = Due::No;
        loop {
            if let Some(job) = self.editing.take() {
                // A reader of the terminal would take the editor's keys.
                drop(input);
                self.leave_to(job)?;
                input = EventStream::new();
                due = Due::Input;
            }
            let (answer, progress) = self.pace();
            let frame = wait(match due {
                Due::No => None,
                Due::Progress => Some(progress.saturating_sub(drawn.elapsed())),
                Due::Input => Some(answer.saturating_sub(drawn.elapsed())),
            });
            tokio::select! {
                biased;
                asked = signals.next() => {
                    if self.signalled(asked)? {
                        return Ok(());
                    }
                    due = Due::Input;
                }
                event = input.next() => {
                    let Some(Ok(event)) = event else { return Ok(()) };
                    if let Some(action) = self.action(event) {
                        due = Due::Input;
                        if self.apply(action)? {
                            return Ok(());
                        }
                    }
                }
                Some(action) = inbox.recv() => {
                    if self.drain(action, &mut inbox, &mut due)? {
                        return Ok(());
                    }
                }
                _ = clock.tick() => due = due.max(self.tick()?),
                () = frame => {
                    if due == Due::Input {
                        // The write may wait for ever. Progress changes nothing of where the folder is left.
                        self.stand();
                    }
                    self.draw()?;
                    drawn = Instant::now();
                    due = Due::No;
                }
            }
        }
    }

    /// Answers to a signal; true when it is time to leave.
    fn signalled(&mut self, asked: SignalAction) -> std::io::Result<bool> {
        match asked {
            SignalAction::HangUp => self.hung_up(),
            SignalAction::End(code) => {
                self.ended = Some(code);
                return Ok(true);
            }
            SignalAction::Stop => self.suspend()?,
            // The signal that follows a stop of our own says nothing new.
            SignalAction::Continue if std::mem::take(&mut self.continued) => {}
            SignalAction::Continue => self.come_back()?,
        }
        Ok(false)
    }

    /// Takes in an action and whatever else has come meanwhile, so that all of it goes into the same frame; true when it is time to leave.
    fn drain(&mut self, first: Action, inbox: &mut UnboundedReceiver<Action>, due: &mut Due) -> std::io::Result<bool> {
        *due = (*due).max(urgency(&first));
        let mut quit = self.apply(first)?;
        for _ in 0..DRAIN_MAX {
            let Ok(action) = inbox.try_recv() else { break };
            *due = (*due).max(urgency(&action));
            quit |= self.apply(action)?;
        }
        Ok(quit)
    }

    /// A second has gone by; says whether a frame is due for what it changes.
    fn tick(&mut self) -> std::io::Result<Due> {
        if terminal_gone() {
            self.hung_up();
        }
        let (toasts, ages) = (self.state.toasts.len(), self.state.ages());
        self.apply(Action::Tick(jiff::Timestamp::now()))?;
        let changed = self.state.toasts.len() != toasts || self.state.ages() != ages;
        Ok(if changed { Due::Progress } else { Due::No })
    }

    fn draw(&mut self) -> std::io::Result<()> {
        let (state, ui, look) = (&self.state, &mut self.ui, &self.look);
        self.screen.draw(|frame| draw(state, ui, frame.buffer_mut(), look))
    }

    /// Stops the process group until the shell continues it. Jobs are in separate groups and keep running.
    fn suspend(&mut self) -> std::io::Result<()> {
        terminal::leave();
        let _turn = super::effects::no_start();
        let stopped = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
        self.continued = stopped.is_ok();
        self.come_back()?;
        stopped.map_err(std::io::Error::from)
    }

    /// The terminal is ours again: whatever the shell has done with it.
    fn come_back(&mut self) -> std::io::Result<()> {
        terminal::enter(self.mouse)?;
        self.screen.forget()
    }

    /// Gives the terminal to the user's editor or pager until it is left.
    fn leave_to(&mut self, job: OutsideJob) -> std::io::Result<()> {
        terminal::let_go()?;
        terminal::leave();
        let action = match job {
            OutsideJob::Recipe(place, recipe) => Action::RecipeEdited(editor::edit(&place, &recipe)),
            OutsideJob::Path(path, model, how) => Action::OutsideClosed(model, editor::open(&path, how)),
        };
        terminal::enter(self.mouse)?;
        self.screen.forget()?;
        let (columns, rows) = crossterm::terminal::size()?;
        self.apply(Action::Resize(columns, rows))?;
        self.apply(action).map(|_| ())
    }
}

/// Waits so long, or for ever.
async fn wait(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// How soon an action must be seen.
fn urgency(action: &Action) -> Due {
    match action {
        Action::JobEvents(..)
        | Action::FoundSome(..)
        | Action::Jobs(..)
        | Action::JobNews(..)
        | Action::Watchers(..)
        | Action::WatcherEvents(..)
        | Action::WatcherMeasured(..)
        | Action::Machine(..)
        | Action::PresetPlanned(..)
        | Action::PlanMeasured(..)
        | Action::CompareProgress(..)
        | Action::ForecastMeasured(..) => Due::Progress,
        _ => Due::Input,
    }
}

/// True when the other end of the terminal has gone without a signal (`trap '' HUP`, a killed multiplexer).
fn terminal_gone() -> bool {
    let stdin = std::io::stdin();
    let mut fds = [rustix::event::PollFd::new(&stdin, rustix::event::PollFlags::empty())];
    let zero = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let polled = rustix::event::poll(&mut fds, Some(&zero));
    polled.is_ok() && fds[0].revents().intersects(rustix::event::PollFlags::HUP | rustix::event::PollFlags::ERR)
}
