//! Summary of a job's folder: state, title, progress.

use super::{JobFolder, JobHistory, JobKind, Owner, Tail, tickets};
use crate::engine::{Event, EventBody, Sample};
use crate::model::Result;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// State of a job, derived from its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Made, and waiting for its turn.
    Queued,
    /// A living process works on it.
    Running,
    /// A living process holds it until it is resumed.
    Paused,
    /// Done.
    Finished,
    /// Ended with an error.
    Failed,
    /// Cancelled by the user.
    Cancelled,
    /// Its process was asked to end, kept what was done, and can continue.
    Interrupted,
    /// The process is gone without a last word (crash, kill, power).
    Lost,
}

impl JobState {
    /// Lower-case name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
        }
    }

    /// True when nothing more will happen by itself.
    pub const fn ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Paused)
    }
}

/// One line of `remold jobs`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct JobSummary {
    /// Identifier: the folder's name.
    pub id: String,
    /// The folder.
    pub dir: PathBuf,
    /// What it does.
    #[serde(default, skip_serializing_if = "is_conversion")]
    pub kind: JobKind,
    /// What is converted or measured, for people.
    pub title: String,
    /// State now.
    pub state: JobState,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// 0 to 1.
    pub fraction: f64,
    /// Wall seconds, once ended.
    pub seconds: Option<f64>,
    /// Place among those that wait for their turn, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// The outputs that it has put in their places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<PathBuf>,
    /// Checks of the recipe that failed; the outputs are there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_checks: usize,
    /// Who made it, and where; absent for jobs of versions that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// What it uses, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_conversion(kind: &JobKind) -> bool {
    *kind == JobKind::Conversion
}

/// A worker that has not begun after this time never will: it was killed before its first word.
const START_SECONDS: i64 = 60;

/// A job whose events are read on.
#[derive(Debug)]
pub(super) struct FollowedJob {
    folder: JobFolder,
    tail: Tail,
    history: JobHistory,
    owner: Option<Owner>,
    kind: JobKind,
    /// When its request was written; `None` while the job is being made.
    made: Option<jiff::Timestamp>,
}

impl FollowedJob {
    /// Nothing read yet.
    pub(super) fn new(folder: JobFolder) -> Self {
        let kind = folder.kind();
        let made = modified(&folder.path(kind.request_file()));
        let owner = folder.owner();
        Self { tail: Tail::new(&folder.dir), history: JobHistory::default(), owner, kind, made, folder }
    }

    /// Reads on; gives what is new.
    pub(super) fn read(&mut self) -> Vec<Event> {
        let mut news = Vec::new();
        loop {
            let events = self.tail.poll().unwrap_or_default();
            if events.is_empty() {
                return news;
            }
            for event in events {
                self.history.apply(&event);
                if is_news(&event.body) {
                    news.push(event);
                }
            }
        }
    }

    /// The summary now; what came to be known on the way is added to `news`.
    pub(super) fn summary(&mut self, waiting: &[(String, usize)], news: &mut Vec<Event>) -> JobSummary {
        let mut lost = false;
        if self.made.is_none() || self.owner.as_ref().is_none_or(|o| o.host.is_empty()) {
            // It was being made when it was looked at first.
            self.kind = self.folder.kind();
            self.made = modified(&self.folder.path(self.kind.request_file()));
            self.owner = self.folder.owner();
        }
        // A lock says nothing on another machine.
        let here = self.owner.as_ref().is_none_or(Owner::is_of_this_machine);
        if here && self.wants_process() && !self.folder.is_locked() {
            // The lock is let go after the last word, which may have come since the events were read.
            news.append(&mut self.read());
            lost = self.wants_process();
        }
        let history = &self.history;
        let mut summary = JobSummary {
            id: self.folder.id(),
            dir: self.folder.dir.clone(),
            kind: self.kind,
            title: history.title.clone(),
            state: if lost { JobState::Lost } else { history.state },
            created: history.created.unwrap_or_else(|| self.made()),
            fraction: history.fraction,
            seconds: history.seconds,
            place: None,
            failed_checks: history.failed_checks().count(),
            owner: self.owner.clone(),
            outputs: history.published().into_iter().map(|(path, _)| path).collect(),
            sample: history.sample.clone().filter(|_| !lost && history.state == JobState::Running),
        };
        if summary.state == JobState::Queued {
            summary.place = waiting.iter().find(|(id, _)| *id == summary.id).map(|(_, place)| *place);
        }
        summary
    }

    /// When the job was queued last.
    pub(super) fn queued(&self) -> jiff::Timestamp {
        self.history.queued.unwrap_or_else(|| self.made())
    }

    /// When its folder was made, as far as that is known.
    fn made(&self) -> jiff::Timestamp {
        self.made.or_else(|| modified(&self.folder.dir)).unwrap_or_default()
    }

    /// True if a process should hold the job's lock, according to the events.
    fn wants_process(&self) -> bool {
        match self.history.state {
            JobState::Running | JobState::Paused => true,
            JobState::Queued => jiff::Timestamp::now().duration_since(self.queued()).as_secs() > START_SECONDS,
            _ => false,
        }
    }
}

/// When a file was last written to.
fn modified(path: &Path) -> Option<jiff::Timestamp> {
    jiff::Timestamp::try_from(fs::metadata(path).and_then(|m| m.modified()).ok()?).ok()
}

/// True for what is of interest to people who do not follow the job.
fn is_news(body: &EventBody) -> bool {
    match body {
        EventBody::Plan { warnings, .. } => !warnings.is_empty(),
        EventBody::Warning(_) | EventBody::OutputPublished { .. } => true,
        EventBody::Check(check) => !check.passed,
        other => other.changes_state(),
    }
}

impl JobFolder {
    /// The history from the events of the job, without tensors. Events that cannot be read are ignored.
    pub(crate) fn history(&self) -> JobHistory {
        let mut job = FollowedJob::new(self.clone());
        job.read();
        job.history
    }

    /// Its lock, if nothing more will happen to the job: it has ended, or it wants a process and has none.
    ///
    /// # Errors
    /// As [`JobFolder::lock`].
    pub(super) fn lock_if_over(&self) -> Result<Option<File>> {
        let mut job = FollowedJob::new(self.clone());
        // The lock may be a new file, which makes the folder look new.
        job.made = Some(job.made());
        let lock = self.lock()?;
        job.read();
        Ok((job.history.state.ended() || job.wants_process()).then_some(lock))
    }

    /// Summary of the folder.
    pub(crate) fn summary(&self) -> JobSummary {
        let mut job = FollowedJob::new(self.clone());
        let waiting = self.dir.parent().map(tickets::places).unwrap_or_default();
        job.read();
        job.summary(&waiting, &mut Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EventSink;

    /// Looked at while it ends, a job is running or finished, never lost.
    #[test]
    fn a_job_that_ends_under_the_eyes_is_not_lost() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..400 {
            let folder = JobFolder { dir: root.path().join(n.to_string()) };
            fs::create_dir(&folder.dir).unwrap();
            let lock = folder.lock().unwrap();
            let sink = EventSink::new("1").with_file(&folder.path("events.jsonl")).unwrap();
            sink.send(EventBody::Started { pid: 1, threads: 1 });
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    sink.send(EventBody::Finished { seconds: 0.0, peak_rss: 0 });
                    drop(lock);
                });
                loop {
                    match folder.summary().state {
                        JobState::Finished => break,
                        state => assert_eq!(state, JobState::Running, "job {n}"),
                    }
                }
            });
        }
        // One that is begun again an hour later has its time to start.
        let folder = JobFolder { dir: root.path().join("again") };
        fs::create_dir(&folder.dir).unwrap();
        let now = jiff::Timestamp::now();
        let line = |t: jiff::Timestamp| {
            let body = EventBody::Queued { title: "x".into() };
            serde_json::to_string(&crate::engine::Event { t, job: "1".into(), body }).unwrap()
        };
        let earlier = now - jiff::SignedDuration::from_hours(1);
        fs::write(folder.path("events.jsonl"), format!("{}\n", line(earlier))).unwrap();
        assert_eq!(folder.summary().state, JobState::Lost);
        fs::write(folder.path("events.jsonl"), format!("{}\n{}\n", line(earlier), line(now))).unwrap();
        assert_eq!((folder.summary().state, folder.summary().created), (JobState::Queued, earlier));
        // One that really ended without a word is lost.
        let folder = JobFolder { dir: root.path().join("gone") };
        fs::create_dir(&folder.dir).unwrap();
        let sink = EventSink::new("1").with_file(&folder.path("events.jsonl")).unwrap();
        drop(folder.lock().unwrap());
        sink.send(EventBody::Started { pid: 1, threads: 1 });
        assert_eq!(folder.summary().state, JobState::Lost);
    }

    /// A process that checks whether a worker lives holds the lock for a moment; the worker does not take it for another worker.
    #[test]
    fn looking_at_a_lock_does_not_keep_a_worker_from_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = JobFolder { dir: root.path().to_owned() };
        drop(folder.lock().unwrap());
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(std::sync::atomic::Ordering::Relaxed) {
                        folder.is_locked();
                    }
                });
            }
            for n in 0..500 {
                drop(folder.lock().unwrap_or_else(|e| panic!("try {n}: {e}")));
            }
            over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
