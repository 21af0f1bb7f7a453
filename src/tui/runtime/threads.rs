//! The threads that workers run in, and where their answers go.

use crate::tui::core::{Action, Level};
use crate::units::system_error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::mpsc::UnboundedSender;

/// Where actions go.
pub(super) type Outbox = UnboundedSender<Action>;

/// Starts a named thread; a panic inside becomes a line of the log instead of a hole in the screen.
pub(super) fn thread(name: &'static str, outbox: Outbox, work: impl FnOnce() + Send + 'static) {
    let failed = outbox.clone();
    let run = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            let text = format!("the {name} worker crashed; restart remold to use it again");
            let _ = outbox.send(Action::Notice(Level::Error, text));
        }
    };
    if let Err(e) = std::thread::Builder::new().name(name.to_owned()).spawn(run) {
        let text = format!(
            "the {name} worker cannot be started ({}): raise the limit on processes, then restart remold",
            system_error(&e)
        );
        let _ = failed.send(Action::Notice(Level::Error, text));
    }
}

/// Lowers the priority of this thread, and of those it starts, below the screen when all cores are busy: a key is answered before the next sample is
/// measured. Not for threads that start jobs, which would inherit it.
pub(super) fn give_way() {
    /// Of 19: enough to be scheduled after the screen.
    const NICE: i32 = 5;
    // On Linux each thread has a priority. If it cannot be set, keys are handled a little later.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}
