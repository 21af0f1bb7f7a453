//! Work in parallel that says how far it is and can be cancelled.
//!
//! A [`Task`] says with how many threads something is done, who hears of its progress and what stops it; [`Task::each`] is the pool
//! of workers; [`FirstError`] keeps the error that stops them; `threads` starts threads. Must not know what is worked on.

mod threads;

#[cfg(test)]
pub(crate) use threads::limit;
pub(crate) use threads::{OnExit, can_start, start, start_in, together};

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How to do something that takes long.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// Threads; 0 for all cores.
    pub threads: usize,
    /// Called with (done, all), from any thread.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// Set from outside to stop.
    pub cancel: &'a AtomicBool,
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl Task<'_> {
    /// On all cores, to the end, without progress.
    pub fn quiet() -> Self {
        Self { threads: 0, progress: &|_, _| {}, cancel: &NEVER }
    }

    /// True once it is to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Does `work` with the numbers from 0 to `items`, each once, in order of their beginning. Each thread has a `B` of its own. Stops
    /// early when the task is cancelled.
    ///
    /// # Errors
    /// The first error of `work`, which stops all threads.
    pub(crate) fn each<B: Default, E: Send>(
        &self,
        items: usize,
        work: impl Fn(usize, &mut B) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let next = AtomicUsize::new(0);
        let error = FirstError::default();
        let worker = || {
            let mut own = B::default();
            while !error.is_set() && !self.is_cancelled() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= items {
                    break;
                }
                if let Err(e) = work(number, &mut own) {
                    error.set(e);
                }
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.threads == 0 { cores } else { self.threads };
        if items > 0 {
            together(threads.min(items), worker);
        }
        error.result()
    }
}

/// The first of the errors of several threads.
#[derive(Debug)]
pub(crate) struct FirstError<E> {
    is_set: AtomicBool,
    error: Mutex<Option<E>>,
}

impl<E> Default for FirstError<E> {
    fn default() -> Self {
        Self { is_set: AtomicBool::new(false), error: Mutex::new(None) }
    }
}

impl<E> FirstError<E> {
    /// Keeps an error, unless there is one already.
    pub(crate) fn set(&self, e: E) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
        self.is_set.store(true, Ordering::Release);
    }

    /// True if there is an error.
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Acquire)
    }

    /// The error, if there is one.
    ///
    /// # Errors
    /// It.
    pub(crate) fn result(self) -> Result<(), E> {
        self.error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// The lock of a mutex, also after a thread panicked with it: what is collected under it stays whole.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was collected in a mutex.
pub(crate) fn collected<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_done_once_with_any_number_of_threads() {
        for threads in [0, 1, 3, 100] {
            let seen = Mutex::new(Vec::new());
            let task = Task { threads, ..Task::quiet() };
            let done: Result<(), ()> = task.each(50, |n, own: &mut usize| {
                *own += 1;
                locked(&seen).push(n);
                Ok(())
            });
            done.unwrap();
            let mut seen = collected(seen);
            seen.sort_unstable();
            assert_eq!(seen, (0..50).collect::<Vec<_>>());
        }
        let nothing: Result<(), ()> = Task::quiet().each(0, |_, (): &mut ()| Err(()));
        assert_eq!(nothing, Ok(()));
    }

    #[test]
    fn an_error_stops_the_others_and_a_cancelled_task_begins_nothing() {
        let done = AtomicUsize::new(0);
        let one = Task { threads: 1, ..Task::quiet() };
        let result = one.each(50, |n, (): &mut ()| {
            done.fetch_add(1, Ordering::Relaxed);
            if n == 3 { Err(n) } else { Ok(()) }
        });
        assert_eq!((result, done.load(Ordering::Relaxed)), (Err(3), 4));
        let cancel = AtomicBool::new(true);
        let cancelled = Task { cancel: &cancel, ..Task::quiet() };
        assert_eq!(cancelled.each(50, |n, (): &mut ()| Err(n)), Ok(()));
    }

    #[test]
    fn the_first_error_is_kept() {
        let error = FirstError::default();
        assert!(!error.is_set());
        error.set("first");
        error.set("second");
        assert!(error.is_set());
        assert_eq!(error.result(), Err("first"));
    }
}
