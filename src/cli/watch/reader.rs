//! The reader of the events on stdout.

use super::super::print;
use crate::engine::Stop;
use crate::task;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the watcher when its reader is gone (`| head`), even if there are no events.
pub(super) fn end_with_reader(stop: &Arc<Stop>, closed: &Arc<AtomicBool>) {
    let (stop, closed) = (stop.clone(), closed.clone());
    // Without it the watcher ends at its next event.
    let _ = task::start(move || {
        if print::until_reader_closes() {
            closed.store(true, Ordering::Relaxed);
            stop.cancel();
        }
    });
}
