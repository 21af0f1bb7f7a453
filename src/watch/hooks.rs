//! User commands that run when an export ends.
//!
//! The shell gets the command as it was written: file names never become part of it. The details of the export are in the environment, and as
//! one JSON object on stdin.

use super::event::Exported;
use crate::{files, task};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// A running command: its end gives a message if it failed.
pub(crate) type Hook = JoinHandle<Option<String>>;

/// Starts `command` for an export that ended. It runs beside the watcher; its output goes to `log.txt` in `folder`.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(command: &str, export: &Exported, folder: &Path) -> std::io::Result<Hook> {
    let log = || files::private_options().create(true).append(true).open(folder.join("log.txt"));
    let outputs: Vec<_> = export.outputs.iter().map(|p| p.display().to_string()).collect();
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(command)
        .env("REMOLD_SOURCE", &export.source)
        .env("REMOLD_NAME", &export.name)
        .env("REMOLD_STEP", export.step.map(|s| s.to_string()).unwrap_or_default())
        .env("REMOLD_STATUS", &export.status)
        .env("REMOLD_WHY", export.why.as_deref().unwrap_or_default())
        .env("REMOLD_JOB", &export.job)
        .env("REMOLD_OUTPUT", export.outputs.first().map(|p| p.as_os_str()).unwrap_or_default())
        .env("REMOLD_OUTPUTS", outputs.join("\n"))
        .stdin(Stdio::piped())
        .stdout(log()?)
        .stderr(log()?)
        .process_group(0);
    let json = serde_json::to_vec(export).unwrap_or_default();
    let (command, name) = (command.to_owned(), export.name.clone());
    // A command that does not read its input must not block the watcher.
    // The thread comes first: without it the command is not started.
    let (started, child) = mpsc::channel::<Child>();
    let hook = task::start(move || {
        let mut child = child.recv().ok()?;
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(&json).and_then(|()| stdin.write_all(b"\n"));
        }
        match child.wait() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("the command for {name} failed, {status}: {command}")),
            Err(e) => Some(format!("the command for {name}: {}: {command}", crate::units::system_error(&e))),
        }
    })?;
    let _ = started.send(shell.spawn()?);
    Ok(hook)
}
