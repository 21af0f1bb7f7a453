//! What a test says when it cannot check something here. Unit tests and the tests in `tests/` share this file.
//!
//! The line goes to stderr, which the test harness hides for a test that passes, and to the file that `REMOLD_SKIPS` names: `.ci/run` sets it and
//! prints the list at its end.

use std::io::Write;

/// Reports that something is not checked, and why.
pub(crate) fn skipped(what: &str) {
    eprintln!("skipped: {what}");
    let Some(path) = std::env::var_os("REMOLD_SKIPS") else { return };
    let list = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    // One write for a line: tests run at the same time.
    if let Err(e) = list.and_then(|mut file| file.write_all(format!("{what}\n").as_bytes())) {
        panic!("{}: {e}", path.display());
    }
}
