//! The request to stop a run: cancel it, or interrupt it so that it can be resumed.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Why a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The user cancelled it: what is unfinished is removed.
    Cancel,
    /// The process was asked to end by this signal: what is unfinished is kept for a resume.
    Interrupt(i32),
}

/// Set from outside to stop a run. A cancellation is stronger than an interruption.
#[derive(Debug, Default)]
pub struct Stop {
    any: AtomicBool,
    cancelled: AtomicBool,
    signal: AtomicI32,
}

impl Stop {
    /// Asks for a cancellation.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.any.store(true, Ordering::Release);
    }

    /// Asks for an interruption, because the process got `signal`.
    pub(crate) fn interrupt(&self, signal: i32) {
        self.signal.store(signal, Ordering::Release);
        self.any.store(true, Ordering::Release);
    }

    /// True once a stop was requested.
    pub(crate) fn is_set(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The same as a plain flag, for work that only has to end.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.any
    }

    /// What was requested.
    pub(crate) fn reason(&self) -> Option<StopReason> {
        if self.cancelled.load(Ordering::Acquire) {
            return Some(StopReason::Cancel);
        }
        self.is_set().then(|| StopReason::Interrupt(self.signal.load(Ordering::Acquire)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancellation_wins() {
        let stop = Stop::default();
        assert_eq!(stop.reason(), None);
        stop.interrupt(15);
        assert_eq!(stop.reason(), Some(StopReason::Interrupt(15)));
        stop.cancel();
        assert_eq!(stop.reason(), Some(StopReason::Cancel));
        assert!(stop.is_set());
    }
}
