//! The event loop: wait, drain, update, draw. Nothing in it blocks but the write to the terminal.

use super::effects::{paths, recipes};
use super::osc::{self, Between};
use super::reload::{self, Files};
use super::sessions::Keeper;
use super::terminal::{self, Screen};
use super::workers::{Workers, thread};
use super::{caps, editor, sessions, stalled};
use crate::recipe::Recipe;
use crate::tui::core::{Action, Code, Effect, Hit, Key, Level, Session, State, farewell, update};
use crate::tui::look::{Depth, Look, Theme};
use crate::tui::tabs::jobs::Deed;
use crate::tui::tabs::recipe::EditPlace;
use crate::tui::view::{Ui, draw};
use crate::tui::{TuiError, TuiOptions, config};
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use futures_util::StreamExt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Least time between frames that answer a key: whoever holds one down sees each step.
const FRAME: Duration = Duration::from_millis(8);
/// The same over SSH, where a frame costs more than its making.
const FRAME_SSH: Duration = Duration::from_millis(12);
/// Least time between frames that only show progress.
const PROGRESS_FRAME: Duration = Duration::from_millis(125);
/// Two clicks on a line within this time are one that opens it.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

pub(in crate::tui) fn run(options: TuiOptions) -> Result<(), TuiError> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let depth = Depth::from_env(caps::var);
    let folder = config::themes_folder();
    // Looked at before they are read: what changes between the two is read again.
    let files = Files::find();
    let read = |file: Option<PathBuf>| file.unwrap_or_default();
    let settings = config::read_settings(&read(config::config_file()));
    let keys = config::read_keys(&read(config::keys_file()));
    let mut problems: Vec<_> = settings.problems.iter().chain(&keys.problems).cloned().collect();
    let settings = options.over(settings.value);
    // A relative path would change its meaning with the folder the process is in.
    let dir = std::path::absolute(&options.dir).unwrap_or_else(|_| options.dir.clone());
    let mut state = State::new(dir.clone(), jiff::Timestamp::now());
    state.home = caps::home();
    state.cores = std::thread::available_parallelism().map_or(1, usize::from);
    state.themes = if depth == Depth::Mono { vec!["mono".to_owned()] } else { Theme::names(folder.as_deref()) };
    state.default_theme = if depth == Depth::Ansi16 { "ansi16" } else { "dark" }.to_owned();
    let theme = match Theme::load(settings.theme.as_ref().unwrap_or(&state.default_theme), folder.as_deref(), depth) {
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
    let keeper = Keeper::new(config::sessions_folder().map(|f| sessions::file(&f, &dir)));
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
                between: Between::from_env(caps::var),
                clicked: None,
                held: false,
                continued: false,
                stopped: false,
                ended: None,
                editing: None,
            };
            let prepared = app.prepare(&problems, &options);
            let out = outbox.clone();
            thread("settings", outbox, move || files.follow(&options, &out));
            let ran = prepared.and_then(|()| runtime.block_on(app.run(inbox)));
            app.keep();
            ran.map(|()| (app.ended, farewell(&app.state).filter(|_| !app.stopped)))
        }
        Err(e) => Err(e),
    };
    terminal::leave();
    // Blocking reads of the terminal must not hold the process back.
    runtime.shutdown_background();
    let (code, farewell) = result?;
    if let Some(code) = code {
        std::process::exit(code);
    }
    if let Some(text) = farewell {
        crate::cli::err(&text);
    }
    Ok(())
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
    keeper: Keeper,
    between: Between,
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
    /// A recipe for the user's editor, which runs when the terminal is read no more.
    editing: Option<(EditPlace, Box<Recipe>)>,
}

/// Why a frame is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    No,
    Progress,
    Input,
}

impl App {
    /// Before the first frame: what is wrong in the user's files, and where the folder was left.
    fn prepare(&mut self, problems: &[config::Problem], options: &TuiOptions) -> std::io::Result<()> {
        if !problems.is_empty() {
            self.apply(reload::wrong(problems, "The default stays"))?;
        }
        let wanted = self.state.settings.restore && !options.fresh;
        let Some(file) = self.keeper.file().filter(|_| wanted) else { return Ok(()) };
        match sessions::load(file) {
            Ok(Some(session)) => {
                // What the command line says goes before what was chosen the last time.
                let session = if options.theme.is_some() { session.without_theme() } else { session };
                self.apply(Action::Restored(Box::new(session)))?;
            }
            Ok(None) => {}
            Err(e) => self.state.note(Level::Warn, e),
        }
        Ok(())
    }

    /// Says where the folder is left as things stand.
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

    async fn run(&mut self, mut inbox: UnboundedReceiver<Action>) -> std::io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut stop = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
        let mut proceed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let mut input = EventStream::new();
        let ssh = caps::var("SSH_CONNECTION").is_some();
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.draw()?;
        let mut drawn = Instant::now();
        let mut due = Due::No;
        loop {
            let frames = self.state.settings.ssh_fps.max(1);
            let (answer, progress) = if ssh {
                (FRAME_SSH, (Duration::from_secs(1) / frames).max(FRAME_SSH))
            } else {
                (FRAME, PROGRESS_FRAME)
            };
            if let Some((place, recipe)) = self.editing.take() {
                // Whoever reads the terminal takes the editor's keys away.
                drop(input);
                self.edit(&place, &recipe)?;
                input = EventStream::new();
                due = Due::Input;
            }
            let wait = match due {
                Due::No => None,
                Due::Progress => Some(progress.saturating_sub(drawn.elapsed())),
                Due::Input => Some(answer.saturating_sub(drawn.elapsed())),
            };
            let frame = async {
                match wait {
                    Some(d) => tokio::time::sleep(d).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = hangup.recv() => self.hung_up(),
                _ = terminate.recv() => {
                    self.ended = Some(143);
                    return Ok(());
                }
                _ = interrupt.recv() => {
                    self.ended = Some(130);
                    return Ok(());
                }
                _ = stop.recv() => {
                    self.suspend()?;
                    due = Due::Input;
                }
                _ = proceed.recv() => {
                    if !std::mem::take(&mut self.continued) {
                        self.come_back()?;
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
                    due = due.max(urgency(&action));
                    let mut quit = self.apply(action)?;
                    // Whatever else has come meanwhile goes into the same frame.
                    for _ in 0..512 {
                        let Ok(action) = inbox.try_recv() else { break };
                        due = due.max(urgency(&action));
                        quit |= self.apply(action)?;
                    }
                    if quit {
                        return Ok(());
                    }
                }
                _ = clock.tick() => {
                    if terminal_gone() {
                        self.hung_up();
                    }
                    let (toasts, ages) = (self.state.toasts.len(), self.state.ages());
                    self.apply(Action::Tick(jiff::Timestamp::now()))?;
                    if self.state.toasts.len() != toasts || self.state.ages() != ages {
                        due = due.max(Due::Progress);
                    }
                }
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

    fn draw(&mut self) -> std::io::Result<()> {
        let (state, ui, look) = (&self.state, &mut self.ui, &self.look);
        self.screen.draw(|frame| draw(state, ui, frame.buffer_mut(), look))
    }

    /// Updates and carries out the effects; true when it is time to leave.
    fn apply(&mut self, action: Action) -> std::io::Result<bool> {
        if !matches!(action, Action::Tick(_)) {
            self.state.now = jiff::Timestamp::now();
        }
        let mut todo = update(&mut self.state, action);
        while let Some(effect) = (!todo.is_empty()).then(|| todo.remove(0)) {
            match effect {
                // The core has carried it out.
                Effect::Tab(_) => {}
                Effect::Scan => self.workers.scan(),
                Effect::Open(path) => self.workers.open(path),
                Effect::Inspect(ask) => self.workers.inspector.ask(ask),
                Effect::Plan(id, recipe) => self.workers.plan(id, recipe),
                Effect::Forecast(id, source, target) => self.workers.forecast(id, source, target),
                Effect::PlanPresets(id, recipes) => self.workers.plan_presets(id, recipes),
                Effect::ListRecipes(folders) => self.workers.recipes(move || Action::Recipes(recipes::list(&folders))),
                Effect::ReadRecipe(path) => self.workers.recipes(move || {
                    if !path.is_file() {
                        let why = format!("{}: there is no such file; o lists the recipes there are", path.display());
                        return Action::Notice(Level::Error, why);
                    }
                    let recipe = recipes::read(&path);
                    Action::RecipeRead(path, recipe)
                }),
                Effect::SaveRecipe(path, recipe, replace) => self.workers.recipes(move || {
                    let saved = recipes::save(&path, &recipe, replace);
                    Action::RecipeSaved(path, recipe, saved)
                }),
                Effect::CompletePath(base, typed) => self.workers.recipes(move || {
                    let (becomes, names) = paths::complete(&base, &typed);
                    Action::PathCompleted(typed, becomes, names)
                }),
                Effect::EditRecipe(place, recipe) => self.editing = Some((place, recipe)),
                Effect::Spawn(recipe, plan) => self.workers.spawn(recipe, plan),
                Effect::Do(deed, title, dir) => self.workers.ask(deed, title, dir),
                Effect::Doctor => self.workers.doctor(),
                Effect::Follow(job) => self.workers.follow(job),
                Effect::Compare(id, paths, context) => self.workers.compare(id, paths, context),
                Effect::Uncompare(id, compared, path) => self.workers.uncompare(id, compared, path),
                Effect::StopComparing => self.workers.stop_comparing(),
                Effect::ExportComparison(compared, path) => self.workers.export(compared, path),
                Effect::StartWatcher(root, recipe) => self.workers.start_watcher(root, recipe),
                Effect::AskWatcher(id, request) => self.workers.ask_watcher(id, request),
                Effect::StopWatcher(id, root) => self.workers.stop_watcher(id, root),
                Effect::RefreshJobs => self.workers.refresh_jobs(),
                Effect::StopJobs(dirs) => {
                    self.stopped = true;
                    // One that has ended meanwhile needs no asking.
                    dirs.iter().for_each(|dir| drop(super::effects::job(Deed::Cancel, dir)));
                }
                Effect::Copy(text) => match osc::clipboard(&text, self.between) {
                    Ok(bytes) => self.screen.send(&bytes)?,
                    Err(e) => todo.extend(update(&mut self.state, Action::Notice(Level::Error, e))),
                },
                Effect::Notify(text) => {
                    let how = self.state.settings.notify;
                    self.screen.send(&osc::notification(&text, how, self.between, caps::var))?;
                }
                Effect::Configure => {
                    self.look.ascii = ascii(&self.state);
                    if self.mouse != self.state.settings.mouse {
                        self.mouse = self.state.settings.mouse;
                        self.screen.send(terminal::mouse(self.mouse))?;
                    }
                }
                Effect::Theme(name) => match Theme::load(&name, self.folder.as_deref(), self.depth) {
                    Ok(theme) => {
                        // Without colour every name stands for the one without.
                        self.state.theme.clone_from(&theme.name);
                        self.look.theme = theme;
                    }
                    Err(e) => {
                        self.state.theme.clone_from(&self.look.theme.name);
                        let text = format!("{e}; the theme stays as it was");
                        todo.extend(update(&mut self.state, Action::Notice(Level::Error, text)));
                    }
                },
                Effect::Redraw => self.screen.forget()?,
                Effect::Suspend => self.suspend()?,
                Effect::Quit => return Ok(true),
            }
        }
        let watched = self.state.watches_machine().then(|| self.state.jobs.output_folder());
        self.workers.watch_machine(watched);
        self.workers.look_at_watchers(self.state.watcher_wish());
        Ok(false)
    }

    /// Stops the process group until the shell continues it. Jobs are in groups of their own and go on.
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

    /// A click, or the second of two.
    fn click(&mut self, hit: Hit) -> Action {
        let again = self.clicked.take().is_some_and(|(when, what)| what == hit && when.elapsed() < DOUBLE_CLICK);
        if again {
            return Action::DoubleClick(hit);
        }
        self.clicked = Some((Instant::now(), hit));
        Action::Click(hit)
    }

    /// Gives the terminal to the user's editor until it is left.
    fn edit(&mut self, place: &EditPlace, recipe: &Recipe) -> std::io::Result<()> {
        terminal::let_go()?;
        terminal::leave();
        let outcome = editor::edit(place, recipe);
        terminal::enter(self.mouse)?;
        self.screen.forget()?;
        let (columns, rows) = crossterm::terminal::size()?;
        self.apply(Action::Resize(columns, rows))?;
        self.apply(Action::RecipeEdited(outcome)).map(|_| ())
    }

    fn action(&mut self, event: Event) -> Option<Action> {
        match event {
            Event::Key(k) if k.kind != KeyEventKind::Release => key(k.code, k.modifiers).map(Action::Key),
            Event::Paste(text) => Some(Action::Paste(text)),
            Event::Resize(w, h) => Some(Action::Resize(w, h)),
            Event::Mouse(m) => match m.kind {
                MouseEventKind::Down(MouseButton::Left) => {
                    let hit = self.ui.hit(m.column, m.row)?;
                    self.held = hit == Hit::Border && self.state.layer.is_none();
                    Some(self.click(hit))
                }
                // Only where it is let go: movements of the pointer are not asked for.
                MouseEventKind::Up(MouseButton::Left) => {
                    std::mem::take(&mut self.held).then_some(Action::Border(m.column))
                }
                MouseEventKind::ScrollDown => Some(Action::Wheel(self.pane(m.column, m.row)?, 3)),
                MouseEventKind::ScrollUp => Some(Action::Wheel(self.pane(m.column, m.row)?, -3)),
                _ => None,
            },
            _ => None,
        }
    }

    fn pane(&self, x: u16, y: u16) -> Option<Hit> {
        if self.state.layer.is_some() { Some(Hit::Layer(0)) } else { self.ui.pane(x, y) }
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

fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    let code = match code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    let has = |m| modifiers.contains(m);
    Some(Key { code, ctrl: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT) })
}

/// True when the other end of the terminal has gone without a signal (`trap '' HUP`, a killed multiplexer).
fn terminal_gone() -> bool {
    let stdin = std::io::stdin();
    let mut fds = [rustix::event::PollFd::new(&stdin, rustix::event::PollFlags::empty())];
    let zero = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let polled = rustix::event::poll(&mut fds, Some(&zero));
    polled.is_ok() && fds[0].revents().intersects(rustix::event::PollFlags::HUP | rustix::event::PollFlags::ERR)
}
