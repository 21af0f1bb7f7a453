//! The last stage: outputs that are registered in Ollama once they are published.

use super::run::{RunError, RunOptions};
use crate::model::ModelError;
use crate::plan::{PlannedOutput, Registration, registration_program};
use crate::task::{self, locked};
use crate::units::{quoted, without_sequences};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Longest line of the program's output that is looked at, in bytes.
const MAX_LINE: usize = 4096;

/// How often the program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(50);

/// How long the last words of a program that has ended are waited for. A server that it left behind may hold the pipe for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a program that was ended by a signal is taken to be ended by the same that will stop the run: one signal may go to both.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// Registers an output.
///
/// # Errors
/// The program cannot be started, or fails. The output stays published.
pub(super) fn register(output: &PlannedOutput, asked: &Registration, options: &RunOptions<'_>) -> Result<(), RunError> {
    let failed = |why: &str| {
        let path = asked.modelfile.display().to_string();
        let by_hand = format!("ollama create {} -f {}", quoted(&asked.name), quoted(&path));
        ModelError::bad(format!("the output is written, but `{by_hand}` failed: {why}"))
            .in_file(&output.path)
            .with_hint("Run the command again when its reason is gone; nothing has to be converted for that.")
    };
    let program = registration_program().ok_or_else(|| failed("there is no program `ollama` on the PATH"))?;
    let mut command = Command::new(&program);
    command.args(asked.arguments()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // A group of its own: it is ended with what it has started, and signals of the terminal are for this process.
    let mut child = command.process_group(0).spawn().map_err(|e| failed(&e.to_string()))?;
    let last = Arc::new(Mutex::new(String::new()));
    let (done, ended) = mpsc::channel::<()>();
    if let Some(pipe) = child.stderr.take() {
        let last = last.clone();
        // Its progress goes to stderr as well; the last line says what went wrong.
        let reader = task::start(move || {
            read_lines(pipe, &last);
            drop(done);
        });
        if let Err(e) = reader {
            end(&mut child);
            return Err(failed(&ModelError::no_thread(e).to_string()).into());
        }
    }
    let status = wait(&mut child, options)?.map_err(|e| failed(&e.to_string()))?;
    if status.success() {
        return Ok(());
    }
    let _ = ended.recv_timeout(LAST_WORDS);
    Err(failed(&format!("{status}: {}", locked(&last))).into())
}

/// Waits for the program, and ends it when the run is to stop.
fn wait(child: &mut Child, options: &RunOptions<'_>) -> Result<std::io::Result<ExitStatus>, RunError> {
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        if let Some(reason) = options.stop.reason() {
            end(child);
            return Err(reason.into());
        }
        match ended {
            None => match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) if status.signal().is_some() => ended = Some((status, Instant::now())),
                other => return Ok(other.and_then(|s| s.ok_or_else(|| std::io::ErrorKind::Other.into()))),
            },
            Some((status, at)) if at.elapsed() > SAME_SIGNAL => return Ok(Ok(status)),
            Some(_) => {}
        }
        thread::sleep(POLL);
    }
}

/// Ends the program and what it has started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Keeps the last line that has text. Progress ends its lines with a carriage return.
fn read_lines(pipe: impl Read, last: &Mutex<String>) {
    let mut line = Vec::new();
    let keep = |line: &mut Vec<u8>| {
        let text = without_sequences(&String::from_utf8_lossy(line));
        if !text.trim().is_empty() {
            *locked(last) = text.trim().to_owned();
        }
        line.clear();
    };
    let mut pipe = BufReader::new(pipe);
    loop {
        let bytes = pipe.fill_buf().unwrap_or_default();
        let read = bytes.len();
        if read == 0 {
            return keep(&mut line);
        }
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => keep(&mut line),
                _ if line.len() < MAX_LINE => line.push(*byte),
                _ => {}
            }
        }
        pipe.consume(read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_without_progress_and_sequences() {
        for (text, last) in [
            ("pulling 10%\rpulling 20%\x1b[K\r\x1b[2K\x1b]0;evil\x07Error: no space left\n", "Error: no space left"),
            ("one\ntwo\n\r\n \n", "two"),
            ("\x1b[1A\x1b[2KError: x\x1b[?25h", "Error: x"),
        ] {
            let found = Mutex::new(String::new());
            read_lines(text.as_bytes(), &found);
            assert_eq!(*locked(&found), last, "{text:?}");
        }
        let long = Mutex::new(String::new());
        read_lines(format!("{}\nend", "x".repeat(100_000)).as_bytes(), &long);
        assert_eq!(*locked(&long), "end");
    }
}
