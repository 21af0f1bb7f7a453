//! The event loop: wait, drain, update, draw. Nothing in it blocks but the write to the terminal.

use super::caps;
use super::terminal::{self, Screen};
use super::workers::Workers;
use crate::tui::core::{Action, Code, Effect, Hit, Key, Level, State, update};
use crate::tui::look::{Depth, Look, Theme};
use crate::tui::view::{Ui, draw};
use crate::tui::{TuiError, TuiOptions};
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use futures_util::StreamExt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Least time between frames: 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// Least time between frames that only show progress.
const PROGRESS_FRAME: Duration = Duration::from_millis(100);
/// The same over SSH.
const PROGRESS_FRAME_SSH: Duration = Duration::from_millis(250);

pub(in crate::tui) fn run(options: TuiOptions) -> Result<(), TuiError> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let depth = Depth::from_env(caps::var);
    let folder = caps::themes_folder();
    let name =
        options.theme.clone().unwrap_or_else(|| if depth == Depth::Ansi16 { "ansi16" } else { "dark" }.to_owned());
    let theme = Theme::load(&name, folder.as_deref(), depth)?;
    let ascii = options.ascii || caps::ascii(caps::var);
    // A relative path would change its meaning with the folder the process is in.
    let dir = std::path::absolute(&options.dir).unwrap_or_else(|_| options.dir.clone());
    let mut state = State::new(dir.clone(), jiff::Timestamp::now());
    state.home = caps::home();
    state.cores = std::thread::available_parallelism().map_or(1, usize::from);
    state.themes = if depth == Depth::Mono { vec!["mono".to_owned()] } else { Theme::names(folder.as_deref()) };
    state.theme.clone_from(&theme.name);
    state.size = crossterm::terminal::size()?;
    let (outbox, inbox) = unbounded_channel();
    let workers = Workers::start(dir, options.jobs_root.clone(), outbox);
    workers.scan();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    terminal::hook_panics();
    terminal::enter(!options.no_mouse)?;
    let screen = Screen::new();
    let look = Look { theme, ascii };
    let result = match screen {
        Ok(screen) => {
            let mut app = App {
                state,
                ui: Ui::default(),
                look,
                depth,
                folder,
                mouse: !options.no_mouse,
                screen,
                workers,
                ended: None,
            };
            runtime.block_on(app.run(inbox)).map(|()| app.ended)
        }
        Err(e) => Err(e),
    };
    terminal::leave();
    // Blocking reads of the terminal must not hold the process back.
    runtime.shutdown_background();
    match result? {
        Some(code) => std::process::exit(code),
        None => Ok(()),
    }
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
    /// Exit status, when a signal ended the screen.
    ended: Option<i32>,
}

/// Why a frame is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    No,
    Progress,
    Input,
}

impl App {
    async fn run(&mut self, mut inbox: UnboundedReceiver<Action>) -> std::io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut proceed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let mut input = EventStream::new();
        let progress = if caps::var("SSH_CONNECTION").is_some() { PROGRESS_FRAME_SSH } else { PROGRESS_FRAME };
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.draw()?;
        let mut drawn = Instant::now();
        let mut due = Due::No;
        loop {
            let wait = match due {
                Due::No => None,
                Due::Progress => Some(progress.saturating_sub(drawn.elapsed())),
                Due::Input => Some(FRAME.saturating_sub(drawn.elapsed())),
            };
            let frame = async {
                match wait {
                    Some(d) => tokio::time::sleep(d).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // The terminal is gone: no write to it, no tidying that could wait for it.
                _ = hangup.recv() => std::process::exit(129),
                _ = terminate.recv() => {
                    self.ended = Some(143);
                    return Ok(());
                }
                _ = interrupt.recv() => {
                    self.ended = Some(130);
                    return Ok(());
                }
                _ = proceed.recv() => {
                    terminal::enter(self.mouse)?;
                    self.screen.forget()?;
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
                        std::process::exit(129);
                    }
                    let toasts = self.state.toasts.len();
                    self.apply(Action::Tick(jiff::Timestamp::now()))?;
                    if self.state.toasts.len() != toasts {
                        due = due.max(Due::Progress);
                    }
                }
                () = frame => {
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
                Effect::Scan => self.workers.scan(),
                Effect::Open(path) => self.workers.open(path),
                Effect::Inspect(ask) => self.workers.inspector.ask(ask),
                Effect::Plan(id, recipe) => self.workers.plan(id, recipe),
                Effect::Forecast(id, source, target) => self.workers.forecast(id, source, target),
                Effect::PlanPresets(id, recipes) => self.workers.plan_presets(id, recipes),
                Effect::Spawn(recipe, plan) => self.workers.spawn(recipe, plan),
                Effect::Cancel(title, dir) => self.workers.cancel(title, dir),
                Effect::Follow(job) => self.workers.follow(job),
                Effect::RefreshJobs => self.workers.refresh_jobs(),
                Effect::Copy(text) => {
                    let mut bytes = Vec::new();
                    crossterm::queue!(bytes, CopyToClipboard::to_clipboard_from(text))?;
                    self.screen.send(&bytes)?;
                }
                Effect::Theme(name) => match Theme::load(&name, self.folder.as_deref(), self.depth) {
                    Ok(theme) => self.look.theme = theme,
                    Err(e) => todo.extend(update(&mut self.state, Action::Notice(Level::Error, e.to_string()))),
                },
                Effect::Redraw => self.screen.forget()?,
                Effect::Suspend => self.suspend()?,
                Effect::Quit => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Stops the process group until the shell continues it. Jobs are in groups of their own and go on.
    fn suspend(&mut self) -> std::io::Result<()> {
        terminal::leave();
        let stopped = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
        terminal::enter(self.mouse)?;
        self.screen.forget()?;
        stopped.map_err(std::io::Error::from)
    }

    fn action(&mut self, event: Event) -> Option<Action> {
        match event {
            Event::Key(k) if k.kind != KeyEventKind::Release => key(k.code, k.modifiers).map(Action::Key),
            Event::Paste(text) => Some(Action::Paste(text)),
            Event::Resize(w, h) => Some(Action::Resize(w, h)),
            Event::Mouse(m) => match m.kind {
                MouseEventKind::Down(MouseButton::Left) => self.ui.hit(m.column, m.row).map(Action::Click),
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
        | Action::PresetPlanned(..)
        | Action::PlanMeasured(..)
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
