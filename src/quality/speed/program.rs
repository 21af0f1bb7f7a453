//! Runs a program, and takes its output, the time, and the most memory that it had.

use super::peak;
use crate::model::{ModelError, Result};
use crate::task::{self, Task};
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Most bytes of output that are kept.
const MAX_OUTPUT: u64 = 1 << 20;
/// Time between two looks at the process.
const LOOK: Duration = Duration::from_millis(10);

/// A program that has ended.
pub(super) struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
    /// Wall time.
    pub seconds: f64,
    /// The most memory that was seen, where the system says it.
    pub peak_bytes: Option<u64>,
}

impl Ended {
    /// How it failed, in a few words.
    pub(super) fn failure(&self) -> String {
        let last = self.err.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it said nothing");
        format!("{}: {}", self.status, last.chars().take(200).collect::<String>())
    }
}

/// Runs a program to its end. Its libraries may be in its own folder.
///
/// # Errors
/// A program that cannot be started; a cancelled task, which ends it.
pub(super) fn run(program: &Path, args: &[String], task: Task<'_>) -> Result<Ended> {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(folder) = program.parent().filter(|f| !f.as_os_str().is_empty()) {
        let known = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let all = std::env::split_paths(&known).filter(|p| !p.as_os_str().is_empty());
        // Behind what the user has set.
        if let Ok(path) = std::env::join_paths(all.chain([folder.to_owned()])) {
            command.env("LD_LIBRARY_PATH", path);
        }
    }
    let mut child = command.spawn().map_err(|e| ModelError::io(program, "running", e))?;
    let status_file = format!("/proc/{}/status", child.id());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (status, out, err, peak_bytes) = std::thread::scope(|scope| {
        let out = task::start_in(scope, move || text(out));
        let err = task::start_in(scope, move || text(err));
        if out.is_err() || err.is_err() {
            // Nobody would read what it says.
            let _ = child.kill();
        }
        let mut most = None;
        let status = loop {
            match child.try_wait() {
                Ok(None) => {}
                other => break other,
            }
            if task.is_cancelled() {
                let _ = child.kill();
            }
            let now = std::fs::read_to_string(&status_file).ok().and_then(|s| peak(&s));
            most = most.max(now);
            std::thread::sleep(LOOK);
        };
        let said = |reader: std::io::Result<std::thread::ScopedJoinHandle<'_, String>>| {
            reader.map(|thread| thread.join().unwrap_or_default()).map_err(ModelError::no_thread)
        };
        Ok::<_, ModelError>((status, said(out)?, said(err)?, most))
    })?;
    let status = status.map_err(|e| ModelError::io(program, "waiting for", e))?;
    if task.is_cancelled() {
        return Err(crate::quality::pass::cancelled());
    }
    let status = status.ok_or_else(|| ModelError::request("the program did not end").in_file(program))?;
    Ok(Ended { status, out, err, seconds: begun.elapsed().as_secs_f64(), peak_bytes })
}

/// The beginning of what a program writes; the rest is read and dropped, so that the program does not wait.
fn text(pipe: Option<impl Read>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut bytes = Vec::new();
    let _ = pipe.by_ref().take(MAX_OUTPUT).read_to_end(&mut bytes);
    let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}
