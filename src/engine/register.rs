//! The last stage: outputs that are registered in Ollama once they are published.

use super::run::{RunError, RunOptions};
use crate::model::ModelError;
use crate::plan::{PlannedOutput, Registration, registration_program};
use crate::task::locked;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Longest line of the program's output that is looked at, in bytes.
const MAX_LINE: u64 = 4096;

/// How often the program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(50);

/// Registers an output.
///
/// # Errors
/// The program cannot be started, or fails. The output stays published.
pub(super) fn register(output: &PlannedOutput, asked: &Registration, options: &RunOptions<'_>) -> Result<(), RunError> {
    let failed = |why: &str| {
        let by_hand = format!("ollama create {} -f {}", asked.name, asked.modelfile.display());
        ModelError::bad(format!("the output is written, but `{by_hand}` failed: {why}"))
            .in_file(&output.path)
            .with_hint("Run the command again when its reason is gone; nothing has to be converted for that.")
    };
    let program = registration_program().ok_or_else(|| failed("there is no program `ollama` on the PATH"))?;
    let mut command = Command::new(&program);
    command.args(asked.arguments()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| failed(&e.to_string()))?;
    let last = Mutex::new(String::new());
    let stderr = child.stderr.take();
    let status = thread::scope(|scope| {
        // Its progress goes to stderr as well; the last line says what went wrong.
        scope.spawn(|| stderr.map(|pipe| read_lines(pipe, &last)));
        wait(&mut child, options)
    })?;
    match status.map_err(|e| failed(&e.to_string()))? {
        status if status.success() => Ok(()),
        status => Err(failed(&format!("{status}: {}", locked(&last))).into()),
    }
}

/// Waits for the program, and ends it when the run is to stop.
fn wait(child: &mut Child, options: &RunOptions<'_>) -> Result<std::io::Result<std::process::ExitStatus>, RunError> {
    loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Ok(Ok(status)),
            Err(e) => return Ok(Err(e)),
        }
        if let Some(reason) = options.stop.reason() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(reason.into());
        }
        thread::sleep(POLL);
    }
}

/// Keeps the last line that has text.
fn read_lines(pipe: impl Read, last: &Mutex<String>) {
    let mut pipe = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        match pipe.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text: String = String::from_utf8_lossy(&line).chars().filter(|c| !c.is_control()).collect();
        if !text.trim().is_empty() {
            *locked(last) = text.trim().to_owned();
        }
    }
}
