//! `remold worker`: carries out the job of a folder, without a terminal.

use super::{Exit, convert, measure, parse, refuse, signals};
use crate::engine::{EventBody, EventSink, StopReason};
use crate::job::{self, JobFolder, JobKind, RunJob};
use std::path::Path;

/// Waits for the turn of a job and carries it out.
pub(crate) fn run(dir: &Path, resume: bool) -> Exit {
    let folder = JobFolder { dir: dir.to_owned() };
    if let Err(e) = folder.check_here() {
        return refuse(&e);
    }
    let stop = signals::stop_on_signal();
    if folder.path("watch").exists() {
        parse::name_flags_of_watch();
    }
    if folder.nice() > 0 {
        // Before any worker thread starts: each inherits it. If the system refuses it, the job runs anyway.
        let _ = rustix::process::setpriority_process(None, folder.nice().min(19).into());
    }
    // Held while it waits, too: the job is not lost.
    let lock = match folder.lock() {
        Ok(lock) => lock,
        Err(e) => return refuse(&e),
    };
    let turn = match job::wait_for_turn(&folder, &stop) {
        Ok(turn) => turn,
        Err(reason) => {
            let seconds = 0.0;
            last_word(
                &folder,
                match reason {
                    StopReason::Cancel => EventBody::Cancelled { seconds },
                    StopReason::Interrupt(signal) => EventBody::Interrupted { seconds, signal },
                },
            );
            return Exit::stopped(&stop);
        }
    };
    let run = RunJob { threads: folder.threads(), resume, stop, listener: None, lock: Some(lock), turn: Some(turn) };
    let done = match folder.kind() {
        JobKind::Conversion => convert::work(&folder, run),
        JobKind::Evaluation | JobKind::Imatrix => measure::work(&folder, run),
    };
    done.unwrap_or_else(|e| {
        // Found before the work began; the events do not say it yet.
        last_word(&folder, EventBody::Failed { seconds: 0.0, error: job::failure(&e) });
        refuse(&e)
    })
}

/// Says how a job ended that never began.
fn last_word(folder: &JobFolder, body: EventBody) {
    if let Ok(sink) = EventSink::new(&folder.id()).with_file(&folder.path("events.jsonl")) {
        sink.send(body);
    }
}
