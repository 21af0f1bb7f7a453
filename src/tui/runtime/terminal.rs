//! The terminal: entering, leaving (any number of times, from anywhere), and one write a frame.

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Buttons and wheel in SGR coordinates. Not crossterm's set, which also reports every movement of the pointer: over a slow
/// line that is a stream of unwanted input.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

static ENTERED: AtomicBool = AtomicBool::new(false);

/// Enters: raw mode, alternate screen, paste brackets, and the mouse unless it is left alone.
///
/// # Errors
/// A terminal that cannot be set up.
pub fn enter(mouse: bool) -> io::Result<()> {
    // Raw mode is only set where it is not believed to be set already, and a shell may have changed it meanwhile.
    let _ = disable_raw_mode();
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    let mut out = Vec::new();
    queue!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        out.extend_from_slice(MOUSE_ON);
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(&out)?;
    stdout.flush()
}

/// Restores the terminal. Harmless if nothing was entered or all was restored already; a closed terminal is not an error.
pub(crate) fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = Vec::new();
    out.extend_from_slice(MOUSE_OFF);
    let _ = queue!(out, EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(&out).and_then(|()| stdout.flush());
    let _ = disable_raw_mode();
}

/// Gives the terminal its modes back without a write, for one that takes none.
pub(super) fn give_up() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
}

/// Waits until no thread of the event stream that was dropped last reads the terminal any more. What was typed meanwhile is kept for the
/// next one.
pub(super) fn let_go() -> io::Result<()> {
    /// A thread that was woken leaves in microseconds; this is only the longest wait of a round.
    const LEAVING: std::time::Duration = std::time::Duration::from_millis(30);
    // Polling takes the lock that a reading thread holds. Where it takes the wake of the dropped stream, too, before that thread has begun to
    // wait for it, the thread would read on: a stream that comes and goes wakes it once more.
    for _ in 0..3 {
        drop(crossterm::event::EventStream::new());
        crossterm::event::poll(LEAVING)?;
    }
    Ok(())
}

/// Leaves before a panic of the calling thread, which draws, is printed.
pub fn hook_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let drawing = std::thread::current().id();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A worker's panic is reported by its own channel; only the drawing thread takes the screen down.
            if std::thread::current().id() == drawing {
                leave();
                before(info);
            }
        }));
    });
}

/// Collects a frame's bytes; [`Screen::draw`] writes them at once. `flush` does nothing.
#[derive(Clone, Debug, Default)]
struct FrameWriter(Rc<RefCell<Vec<u8>>>);

/// Bytes ratatui writes for a frame without any change: the cursor's hiding and the resets at the end.
const EMPTY_FRAME: usize = 25;

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes or leaves the mouse while the screen is up.
pub(super) fn mouse(on: bool) -> &'static [u8] {
    if on { MOUSE_ON } else { MOUSE_OFF }
}

/// The screen frames are drawn on.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<FrameWriter>>,
    frame: FrameWriter,
}

impl Screen {
    pub(super) fn new() -> io::Result<Self> {
        let frame = FrameWriter(Rc::new(RefCell::new(Vec::with_capacity(64 << 10))));
        Ok(Self { terminal: Terminal::new(CrosstermBackend::new(frame.clone()))?, frame })
    }

    /// A screen of a given size, which asks no terminal: to count what frames cost.
    ///
    /// # Errors
    /// None that is known of.
    pub fn fixed(columns: u16, rows: u16) -> io::Result<Self> {
        let frame = FrameWriter::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
        let backend = CrosstermBackend::new(frame.clone());
        Ok(Self { terminal: Terminal::with_options(backend, TerminalOptions { viewport })?, frame })
    }

    /// Draws a frame; only what changed goes over the wire, in one write between synchronized-update brackets.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.render(render)?;
        self.send(&self.frame.0.borrow())
    }

    /// The bytes of a frame: what changed since the last one, between synchronized-update brackets; nothing if nothing did.
    ///
    /// # Errors
    /// None that is known of: bytes are only collected.
    pub fn frame(&mut self, render: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<Vec<u8>> {
        self.render(render)?;
        Ok(self.frame.0.borrow().clone())
    }

    fn render(&mut self, render: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.frame.0.borrow_mut().clear();
        queue!(self.frame, BeginSynchronizedUpdate)?;
        let brackets = self.frame.0.borrow().len();
        self.terminal.draw(render)?;
        if self.frame.0.borrow().len() <= brackets + EMPTY_FRAME {
            self.frame.0.borrow_mut().clear();
            return Ok(());
        }
        queue!(self.frame, EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that the next frame is drawn whole. Asks the terminal nothing.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Sends bytes in one write.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // Not through `Stdout`, whose line buffer would cut a frame into many writes.
        let stdout = io::stdout();
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&stdout, rest) {
                Ok(n) => rest = &rest[n..],
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

/// Sends a question to the terminal, before anything is drawn.
///
/// # Errors
/// Those of the terminal.
pub(super) fn ask(question: &[u8]) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(question)?;
    out.flush()
}
