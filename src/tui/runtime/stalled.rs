//! Ends a process that is asked to end while its terminal takes nothing: the loop waits in a write then, and sees no signal.

use super::terminal;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long the loop may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// Watches from a thread of its own, which ends with the process.
///
/// # Errors
/// Those of the system when it gives no thread or no signal.
pub(super) fn watch() -> std::io::Result<()> {
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
        std::process::exit(code)
    })?;
    Ok(())
}
