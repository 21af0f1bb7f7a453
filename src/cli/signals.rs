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
        // Without handlers a signal ends the process immediately, as it would anyway.
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| !is_ignored(*s));
        if let Ok(mut signals) = Signals::new(wanted) {
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

/// True for a signal that this process was started to ignore, as `nohup` does. Linux reports it in `/proc`.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:")).map(str::trim);
    let mask = mask.and_then(|m| u64::from_str_radix(m, 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}
