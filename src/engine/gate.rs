//! Where the workers of a run wait while it is paused: between two chunks, asleep.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Open, workers pass; closed, they sleep in front of it until it opens.
#[derive(Debug, Default)]
pub struct Gate {
    inner: Mutex<Inner>,
    opened: Condvar,
    held: AtomicUsize,
}

#[derive(Debug, Default)]
struct Inner {
    /// Since when it is closed.
    closed: Option<Instant>,
    /// Time it was closed before.
    before: Duration,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks every thread that arrives from now on.
    pub(crate) fn close(&self) {
        self.lock().closed.get_or_insert_with(Instant::now);
    }

    /// Lets all threads pass.
    pub(crate) fn open(&self) {
        let mut inner = self.lock();
        if let Some(since) = inner.closed.take() {
            inner.before += since.elapsed();
        }
        self.opened.notify_all();
    }

    /// Passes at once when it is open, else when it opens.
    pub(crate) fn pass(&self) {
        let mut inner = self.lock();
        if inner.closed.is_none() {
            return;
        }
        self.held.fetch_add(1, Ordering::Relaxed);
        while inner.closed.is_some() {
            inner = self.opened.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// True while it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed.is_some()
    }

    /// How many wait in front of it.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// How long it was closed, all in all.
    pub(crate) fn closed_for(&self) -> Duration {
        let inner = self.lock();
        inner.before + inner.closed.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn a_closed_gate_holds_until_it_opens() {
        let (gate, passed) = (Gate::default(), AtomicBool::new(false));
        gate.pass();
        assert_eq!(gate.closed_for(), Duration::ZERO);
        gate.close();
        thread::scope(|scope| {
            scope.spawn(|| {
                gate.pass();
                passed.store(true, Ordering::SeqCst);
            });
            while gate.held() == 0 {
                thread::yield_now();
            }
            assert!(gate.is_closed() && !passed.load(Ordering::SeqCst));
            gate.open();
        });
        assert!(passed.load(Ordering::SeqCst) && gate.closed_for() > Duration::ZERO && gate.held() == 0);
    }
}
