//! The worker that looks at watchers through their files, once a second while their tab is shown.

use super::effects::watchers::{self as effects, Followed};
use super::threads::Outbox;
use crate::tui::core::Action;
use crate::tui::tabs::watch::WatcherQuery;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::path::Path;
use std::time::{Duration, Instant};

/// Time between two looks.
const OFTEN: Duration = Duration::from_secs(1);

/// Sends the query to the worker when it changes.
pub(super) struct Watching {
    wanted: Option<WatcherQuery>,
    to: Sender<Option<WatcherQuery>>,
}

impl Watching {
    pub(super) fn new(to: Sender<Option<WatcherQuery>>) -> Self {
        Self { wanted: None, to }
    }

    pub(super) fn give(&mut self, wanted: Option<WatcherQuery>) {
        if self.wanted != wanted {
            self.wanted.clone_from(&wanted);
            let _ = self.to.send(wanted);
        }
    }
}

/// Sleeps until there is a query, then reads.
pub(super) fn follower(requests: &Receiver<Option<WatcherQuery>>, jobs_root: &Path, out: &Outbox) {
    let mut watchers = effects::watchers(jobs_root);
    let mut sent = None;
    let mut listed: Option<Instant> = None;
    let mut followed: Option<(u64, Followed)> = None;
    let mut query: Option<WatcherQuery> = None;
    loop {
        let request = match &query {
            None => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => requests.recv_timeout(OFTEN),
        };
        match request {
            // Only the latest is wanted.
            Ok(new) => query = requests.try_iter().last().unwrap_or(new),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(WatcherQuery { request, folder }) = &query else { continue };
        if listed.is_none_or(|t| t.elapsed() >= OFTEN) {
            let list = watchers.look();
            listed = Some(Instant::now());
            if sent.as_ref() != Some(&list) {
                sent = Some(list.clone());
                let _ = out.send(Action::Watchers(list));
            }
        }
        let Some(folder) = folder else { continue };
        if followed.as_ref().is_none_or(|(of, _)| of != request) {
            followed = Some((*request, Followed::new(folder, jobs_root)));
        }
        if let Some((of, one)) = &mut followed {
            let events = one.events();
            if !events.is_empty() {
                let _ = out.send(Action::WatcherEvents(*of, events));
            }
            let reports = one.reports();
            if !reports.is_empty() {
                let _ = out.send(Action::WatcherMeasured(*of, reports));
            }
        }
    }
}
