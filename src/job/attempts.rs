//! How often a job was begun, and how each time ended. A job that is begun again keeps its number and its folder: what happened
//! before stays in its events and is read here.

use super::JobState;
use super::history::{bounded_failure, sane_seconds};
use crate::engine::{Event, EventBody, Failure};

/// Attempts of one job that are kept, the latest ones.
const MAX_ATTEMPTS: usize = 100;

/// Once that a process worked on a job.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Attempt {
    /// When it began.
    pub begun: jiff::Timestamp,
    /// How it ended; absent while it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Wall seconds without pauses; for one that was lost, those until it was last heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// The attempts of a job, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    all: Vec<Attempt>,
    /// How many of them came before the one that counts.
    earlier: usize,
    /// When the latest event was.
    heard: Option<jiff::Timestamp>,
    /// Since when the latest attempt is paused, and for how long it was before.
    paused: (Option<jiff::Timestamp>, f64),
}

impl Attempts {
    /// Takes one event in.
    pub(crate) fn apply(&mut self, event: &Event) {
        if event.body.changes_state() && !matches!(event.body, EventBody::Paused) {
            self.end_pause(event.t);
        }
        match &event.body {
            EventBody::Queued { .. } => self.close(),
            EventBody::Started { .. } => {
                self.close();
                if self.all.len() >= MAX_ATTEMPTS {
                    self.all.remove(0);
                    self.earlier = self.earlier.saturating_sub(1);
                }
                self.paused = (None, 0.0);
                self.all.push(Attempt { begun: event.t, state: None, seconds: None, error: None });
            }
            EventBody::Paused => self.paused.0 = Some(event.t),
            EventBody::Finished { seconds, .. } => self.end(JobState::Finished, *seconds, None),
            EventBody::Failed { seconds, error } => self.end(JobState::Failed, *seconds, Some(bounded_failure(error))),
            EventBody::Cancelled { seconds } => self.end(JobState::Cancelled, *seconds, None),
            EventBody::Interrupted { seconds, .. } => self.end(JobState::Interrupted, *seconds, None),
            _ => {}
        }
        self.heard = Some(event.t);
    }

    /// All, the latest last.
    pub(crate) fn all(&self) -> &[Attempt] {
        &self.all
    }

    /// Those before the one that counts.
    pub(crate) fn earlier(&self) -> &[Attempt] {
        &self.all[..self.earlier.min(self.all.len())]
    }

    /// The job is begun again. A process that left without a word was lost.
    fn close(&mut self) {
        if let Some(last) = self.all.last_mut().filter(|last| last.state.is_none()) {
            last.state = Some(JobState::Lost);
            last.seconds = self.heard.map(|t| sane_seconds(t.duration_since(last.begun).as_secs_f64()));
        }
        self.earlier = self.all.len();
    }

    fn end(&mut self, state: JobState, seconds: f64, error: Option<Failure>) {
        if let Some(last) = self.all.last_mut() {
            let worked = (sane_seconds(seconds) - self.paused.1).max(0.0);
            (last.state, last.seconds, last.error) = (Some(state), Some(worked), error);
        }
    }

    fn end_pause(&mut self, t: jiff::Timestamp) {
        if let Some(since) = self.paused.0.take() {
            self.paused.1 += t.duration_since(since).as_secs_f64().max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_before_is_kept() {
        let failure = Failure { code: crate::model::ErrorCode::DiskFull, message: "no space left".into(), hint: None };
        let mut attempts = Attempts::default();
        let mut say = |body| {
            attempts.apply(&Event { t: jiff::Timestamp::UNIX_EPOCH, job: "1".into(), body });
            let ends = |all: &[Attempt]| all.iter().map(|a| a.state).collect::<Vec<_>>();
            (ends(attempts.all()), attempts.earlier().len())
        };
        let queued = || EventBody::Queued { title: "x".into() };
        let started = || EventBody::Started { pid: 1, threads: 1 };
        assert_eq!(say(queued()), (vec![], 0));
        assert_eq!(say(started()), (vec![None], 0));
        assert_eq!(say(EventBody::Failed { seconds: 3.0, error: failure.clone() }), (vec![Some(JobState::Failed)], 0));
        assert_eq!(say(queued()).1, 1, "queued once more it is earlier already");
        say(started());
        let lost = Some(JobState::Lost);
        assert_eq!(say(started()), (vec![Some(JobState::Failed), lost, None], 2), "one left without a word");
        say(EventBody::Finished { seconds: 1.0, peak_rss: 0 });
        assert_eq!(attempts.earlier()[0].error, Some(failure));
        assert_eq!(attempts.all()[2].state, Some(JobState::Finished));
    }

    #[test]
    fn pauses_do_not_count() {
        let mut attempts = Attempts::default();
        let mut say = |second: i64, body| {
            let t = jiff::Timestamp::from_second(second).unwrap();
            attempts.apply(&Event { t, job: "1".into(), body });
            attempts.all().last().and_then(|a| a.seconds)
        };
        say(0, EventBody::Started { pid: 1, threads: 1 });
        say(2, EventBody::Paused);
        say(5, EventBody::Resumed);
        say(6, EventBody::Paused);
        assert_eq!(say(7, EventBody::Cancelled { seconds: 7.0 }), Some(3.0));
        say(8, EventBody::Started { pid: 1, threads: 1 });
        assert_eq!(say(10, EventBody::Finished { seconds: 2.0, peak_rss: 0 }), Some(2.0));
    }

    #[test]
    fn they_are_bounded() {
        let mut attempts = Attempts::default();
        for _ in 0..MAX_ATTEMPTS * 2 {
            let body = EventBody::Started { pid: 1, threads: 1 };
            attempts.apply(&Event { t: jiff::Timestamp::UNIX_EPOCH, job: "1".into(), body });
        }
        assert_eq!((attempts.all().len(), attempts.earlier().len()), (MAX_ATTEMPTS, MAX_ATTEMPTS - 1));
    }
}
