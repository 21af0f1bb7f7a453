//! Progress of measuring for a budget: one line on a terminal, nothing in a pipe.

use super::print;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Shortest time between two drawings.
const REDRAW: Duration = Duration::from_millis(100);

/// A line that counts tensors and is gone in the end.
pub(crate) struct TensorCounter {
    live: bool,
    what: &'static str,
    drawn: Mutex<Option<Instant>>,
}

impl TensorCounter {
    /// Nothing measured yet; `quiet` for output that scripts read.
    pub(crate) fn new(quiet: bool) -> Self {
        let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
        let live = !quiet && !print::is_quiet() && std::io::stderr().is_terminal() && !dumb;
        Self { live, what: "measuring", drawn: Mutex::new(None) }
    }

    /// The same with another word for what is done.
    #[must_use]
    pub(crate) fn doing(self, what: &'static str) -> Self {
        let mut counter = self;
        counter.what = what;
        counter
    }

    /// `done` of `all` tensors are measured.
    pub(crate) fn advance(&self, done: usize, all: usize) {
        self.say(|| format!("{} {done} of {all} tensors", self.what));
    }

    /// Shows this line, but not too often.
    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        let Ok(mut drawn) = self.drawn.lock() else { return };
        if !self.live || drawn.is_some_and(|t| t.elapsed() < REDRAW) {
            return;
        }
        *drawn = Some(Instant::now());
        print::status(&line());
    }
}

impl Drop for TensorCounter {
    fn drop(&mut self) {
        if self.drawn.lock().is_ok_and(|d| d.is_some()) {
            print::status("");
        }
    }
}
