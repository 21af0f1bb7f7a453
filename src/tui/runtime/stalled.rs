//! Ends a process that is asked to end while its terminal takes nothing: the loop waits in a write then, and sees no signal. Where the folder
//! is left is kept all the same.

use super::sessions::SessionSaver;
use super::terminal;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long the loop may take to end.
const GRACE: Duration = Duration::from_secs(1);
/// How long the session may take to be written: a disk that does not answer must not hold the process.
const KEEPING: Duration = Duration::from_millis(500);

/// Watches from a separate thread, which ends with the process.
///
/// # Errors
/// Those of the system when it gives no thread or no signal.
pub(super) fn watch(keeper: SessionSaver) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut hangup, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::hangup())?, signal(SignalKind::terminate())?)
    };
    let wait = async move {
        let code = tokio::select! {
            _ = hangup.recv() => 129,
            _ = terminate.recv() => 143,
        };
        tokio::time::sleep(GRACE).await;
        code
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let code = runtime.block_on(wait);
        terminal::give_up();
        let (kept, done) = std::sync::mpsc::channel::<()>();
        let keeping = std::thread::Builder::new().name("session".into()).spawn(move || {
            keeper.keep();
            drop(kept);
        });
        // The thread ends when its end of the channel is dropped.
        if keeping.is_ok() {
            let _ = done.recv_timeout(KEEPING);
        }
        std::process::exit(code)
    })?;
    Ok(())
}
