//! Signals to the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the screen answers to.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
    stop: Signal,
    proceed: Signal,
}

/// What a signal asks for.
pub(super) enum SignalAction {
    /// The terminal is gone.
    HangUp,
    /// Leave with this exit status.
    End(i32),
    /// Stop until the shell continues the process.
    Stop,
    /// The shell has continued the process.
    Continue,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        let raw = |s: rustix::process::Signal| signal(SignalKind::from_raw(s.as_raw()));
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            stop: raw(rustix::process::Signal::TSTP)?,
            proceed: raw(rustix::process::Signal::CONT)?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> SignalAction {
        tokio::select! {
            biased;
            _ = self.hangup.recv() => SignalAction::HangUp,
            _ = self.terminate.recv() => SignalAction::End(143),
            _ = self.interrupt.recv() => SignalAction::End(130),
            _ = self.stop.recv() => SignalAction::Stop,
            _ = self.proceed.recv() => SignalAction::Continue,
        }
    }
}
