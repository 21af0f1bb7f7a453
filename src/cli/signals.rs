//! What signals ask of a command: Ctrl-C cancels; SIGTERM and SIGHUP end the process in a way that its job can be resumed.

use super::err;
use crate::engine::Stop;
use crate::task;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::exit;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

/// Signals within this time after the first are taken for the same request: a terminal that closes, or a service manager, may send several.
const PATIENCE: Duration = Duration::from_secs(1);

/// Set when a signal arrives. The same for every caller in this process.
pub(crate) fn stop_on_signal() -> Arc<Stop> {
    static STOP: OnceLock<Arc<Stop>> = OnceLock::new();
    let stop = STOP.get_or_init(|| {
        let stop = Arc::new(Stop::default());
        let seen = stop.clone();
        // Without handlers a signal ends the process immediately, as it would anyway.
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| !is_ignored(*s));
        let (give, given) = mpsc::channel::<Signals>();
        let listens = task::start(move || given.recv().map(|mut signals| listen(&mut signals, &seen)));
        // The handlers come after the thread: nothing would answer them without it.
        if listens.is_ok()
            && let Ok(signals) = Signals::new(wanted)
        {
            let _ = give.send(signals);
        }
        stop
    });
    stop.clone()
}

/// Passes signals on. If one comes again after [`PATIENCE`], what is to stop does not, and the process ends at once.
fn listen(signals: &mut Signals, stop: &Stop) {
    let mut first = None;
    for signal in signals.forever() {
        let since = *first.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            err("ended by a second signal, before everything was tidied up; `remold jobs` lists what was left\n");
            exit(128 + signal);
        }
        if signal == SIGINT { stop.cancel() } else { stop.interrupt(signal) }
    }
}

/// True for a signal that this process was started to ignore, as `nohup` does. Linux reports it in `/proc`.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:")).map(str::trim);
    let mask = mask.and_then(|m| u64::from_str_radix(m, 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}
