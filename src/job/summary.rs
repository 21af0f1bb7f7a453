//! What a job's folder tells of it: state, title, how far it is.

use super::{JobFolder, Tail, queue};
use crate::engine::{Event, EventBody, Sample};
use std::fs;
use std::path::{Path, PathBuf};

/// State of a job as its folder tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Made, and waiting for its turn.
    Queued,
    /// A living process works on it.
    Running,
    /// A living process holds it until it is told to go on.
    Paused,
    /// Done.
    Finished,
    /// Ended with an error.
    Failed,
    /// Cancelled by the user.
    Cancelled,
    /// Its process was asked to end, kept what was done, and can go on.
    Interrupted,
    /// The process is gone without a last word (crash, kill, power).
    Lost,
}

impl JobState {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
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
    /// What is converted, for people.
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
    /// What it uses, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
}

/// A worker that has not begun after this time never will: it was killed before its first word.
const START_SECONDS: i64 = 60;

/// True for two spellings of one output: the plan in a job's folder has it absolute, the events of a job that was run in a shell as it
/// was given there.
pub fn is_same_output(one: &Path, other: &Path) -> bool {
    let plain = |p| Path::strip_prefix(p, ".").unwrap_or(p);
    let (one, other) = (plain(one), plain(other));
    match (one.is_absolute(), other.is_absolute()) {
        (true, false) => one.ends_with(other),
        (false, true) => other.ends_with(one),
        _ => one == other,
    }
}

/// A job as far as its events were read.
#[derive(Debug)]
pub(super) struct Story {
    folder: JobFolder,
    tail: Tail,
    told: JobSummary,
    /// When it was queued last.
    queued: jiff::Timestamp,
}

impl Story {
    /// Nothing read yet.
    pub(super) fn new(folder: JobFolder) -> Self {
        let meta = fs::metadata(folder.path("recipe.toml")).and_then(|m| m.modified()).ok();
        let created = meta.and_then(|t| jiff::Timestamp::try_from(t).ok()).unwrap_or_default();
        let told = JobSummary {
            id: folder.id(),
            dir: folder.dir.clone(),
            title: String::new(),
            state: JobState::Queued,
            created,
            fraction: 0.0,
            seconds: None,
            place: None,
            outputs: Vec::new(),
            sample: None,
        };
        Self { tail: Tail::new(&folder.dir), told, queued: created, folder }
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
                self.take(&event);
                if is_news(&event.body) {
                    news.push(event);
                }
            }
        }
    }

    /// The summary now; what came to be known on the way is added to `news`.
    pub(super) fn summary(&mut self, waiting: &[(String, usize)], news: &mut Vec<Event>) -> JobSummary {
        let mut lost = false;
        if self.wants_process() && !self.folder.is_locked() {
            // The lock is let go after the last word, which may have come since the events were read.
            news.append(&mut self.read());
            lost = self.wants_process();
        }
        let mut summary = self.told.clone();
        if lost {
            summary.state = JobState::Lost;
        }
        if summary.state == JobState::Queued {
            summary.place = waiting.iter().find(|(id, _)| *id == summary.id).map(|(_, place)| *place);
        }
        if summary.state != JobState::Running {
            summary.sample = None;
        }
        summary
    }

    /// When the job was queued last.
    pub(super) fn queued(&self) -> jiff::Timestamp {
        self.queued
    }

    fn take(&mut self, event: &Event) {
        let told = &mut self.told;
        let ended = match &event.body {
            EventBody::Queued { title } => {
                // Said once more when a job is resumed.
                if told.title.is_empty() {
                    told.created = event.t;
                }
                self.queued = event.t;
                told.title.clone_from(title);
                told.state = JobState::Queued;
                told.seconds = None;
                None
            }
            EventBody::Started { .. } | EventBody::Resumed => {
                told.state = JobState::Running;
                told.seconds = None;
                None
            }
            EventBody::Paused => {
                told.state = JobState::Paused;
                None
            }
            EventBody::Sample(s) => {
                told.fraction = s.fraction;
                told.sample = Some(s.clone());
                None
            }
            EventBody::OutputPublished { path, .. } => {
                let path = PathBuf::from(path);
                if !told.outputs.contains(&path) {
                    told.outputs.push(path);
                }
                None
            }
            EventBody::Finished { seconds, .. } => {
                told.fraction = 1.0;
                Some((JobState::Finished, seconds))
            }
            EventBody::Failed { seconds, .. } => Some((JobState::Failed, seconds)),
            EventBody::Cancelled { seconds } => Some((JobState::Cancelled, seconds)),
            EventBody::Interrupted { seconds, .. } => Some((JobState::Interrupted, seconds)),
            _ => None,
        };
        if let Some((state, seconds)) = ended {
            told.state = state;
            told.seconds = Some(*seconds);
        }
    }

    /// True if by what was told a process should hold the job's lock.
    fn wants_process(&self) -> bool {
        match self.told.state {
            JobState::Running | JobState::Paused => true,
            JobState::Queued => jiff::Timestamp::now().duration_since(self.queued).as_secs() > START_SECONDS,
            _ => false,
        }
    }
}

/// True for what concerns somebody who does not follow the job.
fn is_news(body: &EventBody) -> bool {
    match body {
        EventBody::Plan { warnings, .. } => !warnings.is_empty(),
        EventBody::Queued { .. }
        | EventBody::Started { .. }
        | EventBody::Paused
        | EventBody::Resumed
        | EventBody::Warning(_)
        | EventBody::OutputPublished { .. }
        | EventBody::Finished { .. }
        | EventBody::Failed { .. }
        | EventBody::Interrupted { .. }
        | EventBody::Cancelled { .. } => true,
        _ => false,
    }
}

impl JobFolder {
    /// What the folder tells of the job.
    pub fn summary(&self) -> JobSummary {
        let mut story = Story::new(self.clone());
        let waiting = self.dir.parent().map(queue::places).unwrap_or_default();
        story.read();
        story.summary(&waiting, &mut Vec::new())
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

    /// Somebody who looks whether a process lives holds the lock for a moment; the worker does not take it for another worker.
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
