//! The workers behind the details pane: values of tensors, tokenizers, the check of every value. Each carries out the newest
//! request and gives up older ones.

use super::effects::inspect::{self, Tensors};
use super::threads::{Outbox, give_way, thread};
use crate::task::{Task, locked};
use crate::tui::core::Action;
use crate::tui::tabs::models::{Check, InspectRequest, InspectResponse};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Time between two reports of a check.
const REPORT: Duration = Duration::from_millis(250);

/// A request to look at values.
enum ValuesRequest {
    Values(PathBuf, usize),
    MiniHistograms(PathBuf, Vec<usize>),
}

/// Hands requests out.
pub(super) struct Inspector {
    outbox: Outbox,
    look: Sender<(ValuesRequest, Arc<AtomicBool>)>,
    encode: Sender<(PathBuf, String)>,
    /// Stops the values being looked at.
    looking: Arc<AtomicBool>,
    /// Stops the check that runs.
    checking: Arc<AtomicBool>,
}

impl Inspector {
    pub(super) fn start(outbox: Outbox) -> Self {
        let (look, looks) = unbounded();
        let (encode, encodes) = unbounded();
        let out = outbox.clone();
        thread("values", outbox.clone(), move || {
            give_way();
            looker(&looks, &out);
        });
        let out = outbox.clone();
        thread("tokenizer", outbox.clone(), move || encoder(&encodes, &out));
        Self { outbox, look, encode, looking: Arc::default(), checking: Arc::default() }
    }

    pub(super) fn ask(&mut self, ask: InspectRequest) {
        match ask {
            InspectRequest::Values(path, tensor) => {
                self.looking.store(true, Ordering::Relaxed);
                self.looking = Arc::default();
                let _ = self.look.send((ValuesRequest::Values(path, tensor), self.looking.clone()));
            }
            InspectRequest::MiniHistograms(path, tensors) => {
                let _ = self.look.send((ValuesRequest::MiniHistograms(path, tensors), Arc::default()));
            }
            InspectRequest::Encode(path, text) => {
                let _ = self.encode.send((path, text));
            }
            InspectRequest::Check(path) => {
                self.checking.store(true, Ordering::Relaxed);
                self.checking = Arc::default();
                let (out, cancel) = (self.outbox.clone(), self.checking.clone());
                thread("check", self.outbox.clone(), move || {
                    give_way();
                    checker(path, &cancel, &out);
                });
            }
            InspectRequest::StopCheck => self.checking.store(true, Ordering::Relaxed),
        }
    }
}

/// Looks at the tensor asked for last; small histograms come after it and are interrupted by new requests.
fn looker(requests: &Receiver<(ValuesRequest, Arc<AtomicBool>)>, out: &Outbox) {
    let mut tensors = Tensors::default();
    let (mut values, mut mini_histograms) = (None, None);
    loop {
        let first =
            if values.is_none() && mini_histograms.is_none() { requests.recv().ok() } else { requests.try_recv().ok() };
        if first.is_none() && values.is_none() && mini_histograms.is_none() {
            return;
        }
        for (look, cancel) in first.into_iter().chain(requests.try_iter()) {
            match look {
                ValuesRequest::Values(path, tensor) => values = Some((path, tensor, cancel)),
                ValuesRequest::MiniHistograms(path, rows) => mini_histograms = Some((path, rows)),
            }
        }
        if let Some((path, tensor, cancel)) = values.take() {
            let found = inspect::values(&mut tensors, &path, tensor, &cancel).map(Arc::new);
            // One that was given up is asked for again when it is selected again.
            if found.is_ok() || !cancel.load(Ordering::Relaxed) {
                let _ = out.send(Action::Inspected(InspectResponse::Values(path, tensor, found)));
            }
        } else if let Some((path, rows)) = mini_histograms.take() {
            let mut made = Vec::with_capacity(rows.len());
            for row in rows {
                if !requests.is_empty() {
                    break;
                }
                made.push((row, inspect::mini_histogram(&mut tensors, &path, row)));
            }
            let _ = out.send(Action::Inspected(InspectResponse::MiniHistograms(path, made)));
        }
    }
}

/// Runs the tokenizer asked for last on the text asked for last.
fn encoder(requests: &Receiver<(PathBuf, String)>, out: &Outbox) {
    let mut tokenizer = None;
    while let Ok(first) = requests.recv() {
        let (path, text) = requests.try_iter().last().unwrap_or(first);
        let tried = inspect::try_text(&mut tokenizer, &path, &text).map(Arc::new);
        let _ = out.send(Action::Inspected(InspectResponse::Encoded(path, text, tried)));
    }
}

/// Looks at every value of a model.
fn checker(path: PathBuf, cancel: &AtomicBool, out: &Outbox) {
    let reported: Mutex<Option<Instant>> = Mutex::default();
    let progress = |done: usize, total: usize| {
        let mut reported = locked(&reported);
        if reported.is_none_or(|t| t.elapsed() >= REPORT) {
            *reported = Some(Instant::now());
            let (done, total) = (done as u64, total as u64);
            let check = Check { path: path.clone(), done, total, findings: Vec::new(), ended: None };
            let _ = out.send(Action::Inspected(InspectResponse::Checked(check)));
        }
    };
    // Two at a time keep a disk busy and leave the rest of the machine to others.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 2);
    let result = inspect::check(&path, Task { threads, progress: &progress, cancel });
    if cancel.load(Ordering::Relaxed) {
        return;
    }
    let (findings, total, ended) = match result {
        Ok((findings, total)) => (findings, total, Ok(())),
        Err(card) => (Vec::new(), 0, Err(card)),
    };
    let check = Check { path, done: total, total, findings, ended: Some(ended) };
    let _ = out.send(Action::Inspected(InspectResponse::Checked(check)));
}
