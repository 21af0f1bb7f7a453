//! Watches for requests while a job waits or runs, and carries them out: cancel, pause, resume.

use super::JobFolder;
use super::control::{CANCEL, PAUSE};
use super::queue::Turn;
use crate::engine::{EventBody, EventSink, Gate, Stop, StopReason};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// State of a run between running and paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Asked to hold; no worker holds yet.
    Closing,
    Paused,
    /// Asked to continue; others are before it.
    Waiting,
}

/// Carries out the requests for one job.
pub(super) struct Overseer<'a> {
    pub(super) folder: &'a JobFolder,
    pub(super) title: String,
    pub(super) stop: &'a Stop,
    pub(super) gate: &'a Gate,
    pub(super) sink: &'a EventSink,
    /// The job's place among those that run; a job in the foreground has none.
    pub(super) turn: Option<Turn>,
}

impl Overseer<'_> {
    /// Looks until the run is over.
    pub(super) fn watch(mut self, over: &AtomicBool) {
        let mut phase = Phase::Running;
        while !over.load(Ordering::Relaxed) {
            phase = self.step(phase);
            thread::park_timeout(LOOK);
        }
    }

    fn step(&mut self, phase: Phase) -> Phase {
        if self.folder.path(CANCEL).exists() {
            self.stop.cancel();
        }
        if self.stop.is_set() {
            self.gate.open();
            return phase;
        }
        let held = self.folder.path(PAUSE).exists();
        match phase {
            Phase::Running if held => {
                self.gate.close();
                Phase::Closing
            }
            Phase::Closing if !held => {
                self.gate.open();
                Phase::Running
            }
            Phase::Closing if self.gate.held() > 0 => self.paused(),
            Phase::Paused if !held => {
                if self.take_turn() {
                    self.go_on()
                } else {
                    self.sink.send(EventBody::Queued { title: self.title.clone() });
                    Phase::Waiting
                }
            }
            Phase::Waiting if held => self.paused(),
            Phase::Waiting if self.take_turn() => self.go_on(),
            other => other,
        }
    }

    fn take_turn(&mut self) -> bool {
        self.turn.as_mut().is_none_or(Turn::take)
    }

    /// Others may work meanwhile.
    fn paused(&mut self) -> Phase {
        if let Some(turn) = &mut self.turn {
            turn.leave();
            turn.give_back();
        }
        self.sink.send(EventBody::Paused);
        Phase::Paused
    }

    fn go_on(&self) -> Phase {
        self.sink.send(EventBody::Resumed);
        self.gate.open();
        Phase::Running
    }
}

/// Waits until it is the job's turn.
///
/// # Errors
/// Why the job is to stop, when that is requested first.
pub(crate) fn wait_for_turn(folder: &JobFolder, stop: &Stop) -> Result<Turn, StopReason> {
    let mut turn = Turn::new(folder);
    while !turn.take() {
        if folder.path(CANCEL).exists() {
            stop.cancel();
        }
        if let Some(reason) = stop.reason() {
            return Err(reason);
        }
        thread::sleep(LOOK);
    }
    Ok(turn)
}
