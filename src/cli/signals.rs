//! What signals ask of a command: Ctrl-C cancels; SIGTERM and SIGHUP end the process in a way that its job can be resumed.

use crate::engine::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::{Arc, OnceLock};
use std::thread;

/// Set when a signal arrives. The same for every caller in this process.
pub(crate) fn stop_on_signal() -> Arc<Stop> {
    static STOP: OnceLock<Arc<Stop>> = OnceLock::new();
    let stop = STOP.get_or_init(|| {
        let stop = Arc::new(Stop::default());
        let seen = stop.clone();
        // Without handlers a signal ends the process at once, as it would have done anyway.
        if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
            thread::spawn(move || {
                for signal in signals.forever() {
                    if signal == SIGINT { seen.cancel() } else { seen.interrupt(signal) }
                }
            });
        }
        stop
    });
    stop.clone()
}
