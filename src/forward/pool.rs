//! The threads that candle computes element by element in. It starts them at the first large tensor, and panics where the system refuses one; the
//! threads that it has started by then read memory that is free. So they are started here, after a check that the system allows them.

use crate::model::{ModelError, Result};
use crate::task;
use std::sync::OnceLock;

/// The environment variable that says how many there are.
const VARIABLE: &str = "CANDLE_NUM_THREADS";

/// Starts the threads, if that was not done before.
///
/// # Errors
/// The system refuses one.
pub(super) fn start() -> Result<()> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.get().is_none() {
        check(workers())?;
        candle_core::utils::barrier_pool();
        let _ = STARTED.set(());
    }
    Ok(())
}

/// Threads that candle starts, as in its `utils.rs`.
fn workers() -> usize {
    let asked = std::env::var(VARIABLE).ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    asked.unwrap_or_else(candle_core::utils::get_num_threads).saturating_sub(1)
}

fn check(workers: usize) -> Result<()> {
    task::can_start(workers).map_err(|e| {
        let hint =
            format!("Raise the limit on processes (`ulimit -u`, or that of the container), or set {VARIABLE}=1.");
        ModelError::no_thread(e).with_hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_are_refused_are_an_error() {
        let refused = task::limit::with_at_most(1, || check(1)).unwrap_err();
        assert!(refused.to_string().contains("a thread cannot be started"), "{refused}");
        assert!(task::limit::with_at_most(2, || check(1)).is_ok());
        assert!(start().is_ok() && start().is_ok());
    }
}
