//! Deriving the shape of a chat template in a process of its own.
//!
//! A chat template is a program from outside. Its interpreter counts instructions, but neither the depth of an expression nor the size of values that
//! share parts, so a template can overflow the stack, take all memory or never end. A process with limits contains that: this one only sees
//! that there was no answer.

use super::{ChatShape, ChatTokens};
use crate::model::{ModelError, Result};
use crate::task;
use crate::units::print::generated;
use crate::units::system_error;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// The hidden command of remold that does the work, see [`serve_shape`].
const COMMAND: &str = "chat-shape";

/// Seconds of computing. Templates of models need some milliseconds.
const CPU_SECONDS: u64 = 3;

/// How long the answer is waited for, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(30);

/// Address space, in bytes.
const MEMORY: u64 = 1 << 30;

/// Most bytes of a request and of an answer. Templates and the texts that they make are smaller.
const MAX_BYTES: u64 = 4 << 20;

/// How often a request to stop is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// What is asked, as the process gets it on stdin.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    template: String,
    bos: Option<String>,
    eos: Option<String>,
}

type Answer = std::result::Result<ChatShape, String>;

/// The shape of a template, or why it has none, as the end of a sentence. The last answer is remembered: a recipe is planned again with every
/// change.
///
/// # Errors
/// The work was cancelled.
pub(crate) fn derive_apart(template: &str, tokens: &ChatTokens, cancel: &AtomicBool) -> Result<Answer> {
    static LAST: Mutex<Option<(Question, Answer)>> = Mutex::new(None);
    let question = Question { template: template.to_owned(), bos: tokens.bos.clone(), eos: tokens.eos.clone() };
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, answer)) = last().as_ref().filter(|(known, _)| *known == question) {
        return Ok(answer.clone());
    }
    let answer = match cfg!(test) {
        // The program of unit tests has no commands.
        true => ChatShape::derive(template, tokens),
        false => asked(&question, cancel)?,
    };
    *last() = Some((question, answer.clone()));
    Ok(answer)
}

/// Asks a process.
fn asked(question: &Question, cancel: &AtomicBool) -> Result<Answer> {
    let json = serde_json::to_vec(question).unwrap_or_default();
    if json.len() as u64 > MAX_BYTES {
        return Ok(Err("it is too long".to_owned()));
    }
    let mut child = match start() {
        Ok(child) => child,
        Err(e) => return Ok(Err(format!("the process that renders it cannot be started: {e}"))),
    };
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (done, answers) = mpsc::channel();
    let talk = task::start(move || {
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(&json);
        }
        let mut answer = Vec::new();
        let _ = stdout.map(|pipe| pipe.take(MAX_BYTES).read_to_end(&mut answer));
        let _ = done.send(answer);
    });
    if let Err(e) = talk {
        end(&mut child);
        return Ok(Err(format!("a thread that waits for its process cannot be started: {}", system_error(&e))));
    }
    let begun = Instant::now();
    let answer = loop {
        match answers.recv_timeout(LOOK) {
            Ok(answer) => break answer,
            Err(mpsc::RecvTimeoutError::Disconnected) => break Vec::new(),
            Err(mpsc::RecvTimeoutError::Timeout) if cancel.load(Ordering::Relaxed) => {
                end(&mut child);
                return Err(ModelError::request("cancelled while the chat template was rendered"));
            }
            Err(mpsc::RecvTimeoutError::Timeout) if begun.elapsed() > PATIENCE => break Vec::new(),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    };
    end(&mut child);
    let unlimited = || Err("rendering it takes too much time or memory, or it is nested too deeply".to_owned());
    Ok(serde_json::from_slice(&answer).unwrap_or_else(|_| unlimited()))
}

fn start() -> std::io::Result<Child> {
    // The program that runs, also after another version has taken its name.
    let running = Path::new("/proc/self/exe");
    let program = if running.exists() { OsString::from(running) } else { std::env::current_exe()?.into() };
    let mut command = Command::new(program);
    command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Signals of the terminal are for this process, which ends that one.
    command.process_group(0).spawn()
}

/// Ends the process, if it has not ended, and forgets it.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Answers one question from stdin, on stdout, within limits. False if that could not be done.
pub(crate) fn serve_shape() -> bool {
    let limit = |resource: Resource, most: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    limit(Resource::As, MEMORY);
    limit(Resource::Cpu, CPU_SECONDS);
    // No file of this size is written, and no program that collects such files is called (core(5)).
    limit(Resource::Core, 1);
    let mut json = Vec::new();
    let Ok(_) = std::io::stdin().take(MAX_BYTES).read_to_end(&mut json) else { return false };
    let Ok(question) = serde_json::from_slice::<Question>(&json) else { return false };
    let tokens = ChatTokens { bos: question.bos, eos: question.eos, ..ChatTokens::default() };
    let answer = ChatShape::derive(&question.template, &tokens);
    let Ok(text) = serde_json::to_vec(&answer) else { return false };
    generated(&text);
    true
}
