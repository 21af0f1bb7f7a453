//! The worker that compares models. It reads whole models, which may take minutes: a later request, or none, cancels it.

use super::effects;
use super::threads::Outbox;
use crate::evaluate::MeasurementCache;
use crate::tui::core::{Action, BaselineChoice};
use crate::tui::tabs::compare::Compared;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two words of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// What is to be compared.
pub(super) struct Request {
    /// The models.
    pub paths: Vec<PathBuf>,
    /// Which of them is the baseline.
    pub baseline: BaselineChoice,
    /// Tokens for which memory is reported.
    pub context: Option<u64>,
}

/// What is to be done.
pub(super) enum Task {
    /// Compare these under this number until the flag is set.
    Compare(u64, Request, Arc<AtomicBool>),
    /// Take a model out of a comparison.
    TakeOut(u64, Arc<Compared>, PathBuf),
    /// Write a comparison.
    Export(Arc<Compared>, PathBuf),
}

/// The end that gives tasks.
pub(super) struct Comparer {
    sender: Sender<Task>,
    current: Arc<AtomicBool>,
}

impl Comparer {
    pub(super) fn new() -> (Self, Receiver<Task>) {
        let (sender, tasks) = unbounded();
        (Self { sender, current: Arc::default() }, tasks)
    }

    /// Compares; what is compared now stops.
    pub(super) fn start(&mut self, id: u64, request: Request) {
        self.stop();
        self.current = Arc::default();
        let _ = self.sender.send(Task::Compare(id, request, self.current.clone()));
    }

    /// Stops what is compared now.
    pub(super) fn stop(&mut self) {
        self.current.store(true, Ordering::Relaxed);
    }

    pub(super) fn take_out(&self, id: u64, compared: Arc<Compared>, path: PathBuf) {
        let _ = self.sender.send(Task::TakeOut(id, compared, path));
    }

    pub(super) fn export(&self, compared: Arc<Compared>, path: PathBuf) {
        let _ = self.sender.send(Task::Export(compared, path));
    }
}

/// Carries tasks out in their order; those that were cancelled meanwhile are passed over.
pub(super) fn work(tasks: &Receiver<Task>, out: &Outbox) {
    // Of the models that stay while others come and go nothing is read again.
    let mut known = MeasurementCache::default();
    while let Ok(task) = tasks.recv() {
        match task {
            Task::Compare(id, request, cancel) => compare(id, &request, &mut known, &cancel, out),
            Task::TakeOut(id, compared, path) => {
                let _ = out.send(Action::Compared(id, Ok(effects::take_out(&compared, &path))));
            }
            Task::Export(compared, path) => {
                let _ = out.send(Action::Exported(effects::export(&compared, &path)));
            }
        }
    }
}

fn compare(id: u64, request: &Request, known: &mut MeasurementCache, cancel: &AtomicBool, out: &Outbox) {
    if cancel.load(Ordering::Relaxed) {
        return;
    }
    let last_sent = Mutex::new(None::<Instant>);
    let progress = |done, all| {
        let mut last_sent = last_sent.lock().unwrap_or_else(PoisonError::into_inner);
        if last_sent.is_none_or(|t| t.elapsed() >= PROGRESS_INTERVAL) {
            *last_sent = Some(Instant::now());
            let _ = out.send(Action::CompareProgress(id, done, all));
        }
    };
    let overview = |compared| {
        let _ = out.send(Action::CompareOverview(id, compared));
    };
    let answer = effects::compare(
        &request.paths,
        request.baseline,
        request.context,
        known,
        &overview,
        crate::task::Task { threads: 0, progress: &progress, cancel },
    );
    // A cancelled request has no answer.
    if !cancel.load(Ordering::Relaxed) {
        let _ = out.send(Action::Compared(id, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_request_cancels_and_only_the_last_is_answered() {
        let (mut comparer, tasks) = Comparer::new();
        let (out, mut answers) = tokio::sync::mpsc::unbounded_channel();
        for id in 1..=3 {
            let paths = vec!["/not/there".into(), "/nor/there".into()];
            comparer.start(id, Request { paths, baseline: BaselineChoice::Find, context: None });
        }
        drop(comparer);
        work(&tasks, &out);
        drop(out);
        let mut ids = Vec::new();
        while let Ok(action) = answers.try_recv() {
            match action {
                Action::Compared(id, Err(_)) => ids.push(id),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ids, [3]);
    }
}
