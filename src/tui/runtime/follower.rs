//! The worker that looks at jobs: all of them once a second, the selected one's events ten times a second, and what is asked of them.

use super::effects;
use super::threads::Outbox;
use crate::engine::{Event, EventBody};
use crate::job::{JobSummary, Tail};
use crate::tui::core::Action;
use crate::tui::tabs::jobs::JobAction;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the list is looked at.
const LIST: Duration = Duration::from_secs(1);
/// How often the events of a running job are read.
const EVENTS: Duration = Duration::from_millis(100);

/// A request to the follower of jobs.
pub(super) enum JobRequest {
    /// Follow this job: its identifier and folder.
    Follow(Option<(String, PathBuf)>),
    /// Look at the list now.
    Refresh,
    /// Ask this of the job with this title in this folder.
    Act(JobAction, String, PathBuf),
}

/// The job that is followed, and what of its folder was sent already.
struct Followed {
    id: String,
    dir: PathBuf,
    tail: Tail,
    planned: bool,
    reported: bool,
}

impl Followed {
    fn new((id, dir): (String, PathBuf)) -> Self {
        Self { tail: effects::tail(&dir), id, dir, planned: false, reported: true }
    }

    fn poll(&mut self, out: &Outbox) {
        if !self.planned && effects::job_measures(&self.dir) {
            self.planned = true;
            if let Some(command) = effects::job_command(&self.dir) {
                let _ = out.send(Action::JobCommand(self.id.clone(), command));
            }
        }
        if !self.planned
            && let Some(plan) = effects::job_plan(&self.dir)
        {
            self.planned = true;
            let _ = out.send(Action::JobPlan(self.id.clone(), plan));
            let _ = out.send(Action::JobRecipe(self.id.clone(), effects::job_recipe(&self.dir)));
            if let Some(command) = effects::job_command(&self.dir) {
                let _ = out.send(Action::JobCommand(self.id.clone(), command));
            }
        }
        let events: Vec<Event> = self.tail.poll().unwrap_or_default();
        if !events.is_empty() {
            // The report is written before this word.
            self.reported &= !events.iter().any(|e| matches!(e.body, EventBody::Finished { .. }));
            let _ = out.send(Action::JobEvents(self.id.clone(), events));
        }
        if !self.reported
            && let Some(report) = effects::job_measured(&self.dir)
        {
            self.reported = true;
            let _ = out.send(Action::JobMeasured(self.id.clone(), report));
        }
        if !self.reported
            && let Some(report) = effects::job_report(&self.dir)
        {
            self.reported = true;
            let _ = out.send(Action::JobReport(self.id.clone(), report));
        }
    }
}

/// Answers until the senders are gone.
pub(super) fn follower(requests: &Receiver<JobRequest>, root: &Path, out: &Outbox) {
    let mut jobs = effects::jobs(root);
    let mut known: Vec<JobSummary> = Vec::new();
    let mut following: Option<Followed> = None;
    let mut listed: Option<Instant> = None;
    let mut first = true;
    loop {
        if listed.is_none_or(|t| t.elapsed() >= LIST) {
            let (list, mut news) = jobs.look();
            if first {
                // Earlier events are news only for jobs that still run.
                news.retain(|e| list.iter().any(|j| j.id == e.job && !j.state.ended()));
            }
            if !news.is_empty() {
                let _ = out.send(Action::JobNews(news));
            }
            if first || list != known {
                known.clone_from(&list);
                let _ = out.send(Action::Jobs(list));
            }
            first = false;
            listed = Some(Instant::now());
        }
        if let Some(job) = &mut following {
            job.poll(out);
        }
        // A job that has ended says nothing more.
        let live = |id: &str| known.iter().any(|j| j.id == id && !j.state.ended());
        let often = following.as_ref().is_some_and(|job| live(&job.id));
        match requests.recv_timeout(if often { EVENTS } else { LIST }) {
            // Existing events are read immediately.
            Ok(JobRequest::Follow(job)) => following = job.map(Followed::new),
            Ok(JobRequest::Refresh) => listed = None,
            Ok(JobRequest::Act(action, title, dir)) => {
                let _ = out.send(Action::JobActionDone(action, title, effects::job(action, &dir)));
                listed = None;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
