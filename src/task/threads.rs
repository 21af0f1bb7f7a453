//! Starting threads. The system may refuse one: limits on processes and memory are common on shared machines and in containers. The functions
//! of the standard library panic then; these have an error, or work with fewer threads. `tests/layering.rs` checks that no other file starts
//! threads in another way.

use std::io;
use std::sync::Mutex;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

/// Starts a thread.
///
/// # Errors
/// The system refuses it.
pub(crate) fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    refused_in_tests()?;
    Builder::new().spawn(work)
}

/// Starts a thread of a scope.
///
/// # Errors
/// The system refuses it.
pub(crate) fn start_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    refused_in_tests()?;
    Builder::new().spawn_scoped(scope, work)
}

/// Calls `work` in as many threads, this one included, and in fewer where the system refuses more.
pub(crate) fn together(threads: usize, work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 1..threads {
            if start_in(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
}

/// Checks that so many threads can be started by code that panics where the system refuses them.
///
/// # Errors
/// The system refuses one.
pub(crate) fn can_start(threads: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    std::thread::scope(|scope| {
        // All live at the same time. Those that end may be counted by the system for a while, so that twice as many are needed.
        let _closed = super::locked(&gate);
        (0..threads * 2).try_for_each(|_| start_in(scope, || drop(super::locked(&gate))).map(drop))
    })
}

/// Calls a function when it is dropped, also while a panic unwinds: for what other threads wait for.
pub(crate) struct OnExit<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnExit<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps, reason = "tests have errors")]
fn refused_in_tests() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use limit::refused as refused_in_tests;

/// A system that refuses threads.
#[cfg(test)]
pub(crate) mod limit {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Calls `f`, in which this thread can start no more than `most` threads.
    pub(crate) fn with_at_most<T>(most: usize, f: impl FnOnce() -> T) -> T {
        LEFT.set(Some(most));
        let result = f();
        LEFT.set(None);
        result
    }

    pub(super) fn refused() -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::from(io::ErrorKind::WouldBlock)),
            Some(n) => {
                LEFT.set(Some(n - 1));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Task;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn work_is_done_with_the_threads_that_the_system_allows() {
        for most in [0, 1, 2, 9] {
            let (calls, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
            limit::with_at_most(most, || {
                together(4, || {
                    calls.fetch_add(1, Ordering::Relaxed);
                })
            });
            assert_eq!(calls.into_inner(), 1 + most.min(3));
            let task = Task { threads: 4, ..Task::quiet() };
            let result: Result<(), ()> = limit::with_at_most(most, || {
                task.each(50, |_, (): &mut ()| {
                    done.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })
            });
            assert_eq!((result, done.into_inner()), (Ok(()), 50));
        }
        assert!(limit::with_at_most(0, || start(|| ())).is_err());
        let can = |most, threads| limit::with_at_most(most, || can_start(threads)).is_ok();
        assert_eq!([can(0, 0), can(3, 2), can(4, 2)], [true, false, true]);
    }
}
