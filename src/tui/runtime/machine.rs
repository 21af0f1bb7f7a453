//! The worker that samples the machine while its figures are shown.

use super::threads::Outbox;
use super::{caps, effects};
use crate::tui::core::Action;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::path::PathBuf;
use std::time::Duration;

/// Time between two samples.
const OFTEN: Duration = Duration::from_secs(2);
/// The same over SSH.
const OFTEN_SSH: Duration = Duration::from_secs(5);

/// Whether to sample, and the folder whose disk is asked.
type Watched = Option<Option<PathBuf>>;

/// Sends the request to the sampler when it changes.
pub(super) struct Watch {
    wanted: Watched,
    to: Sender<Watched>,
}

impl Watch {
    pub(super) fn new(to: Sender<Watched>) -> Self {
        Self { wanted: None, to }
    }

    pub(super) fn give(&mut self, watched: Watched) {
        if self.wanted != watched {
            self.wanted.clone_from(&watched);
            let _ = self.to.send(watched);
        }
    }
}

/// Sleeps until there is a request, then samples.
pub(super) fn sampler(requests: &Receiver<Watched>, out: &Outbox) {
    let often = if caps::var("SSH_CONNECTION").is_some() { OFTEN_SSH } else { OFTEN };
    let mut sampler = None;
    let mut watched: Watched = None;
    loop {
        let request = match &watched {
            None => requests.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => requests.recv_timeout(often),
        };
        match request {
            Ok(new) => {
                if watched.is_none() {
                    // The load is counted from here.
                    sampler.get_or_insert_with(effects::machine).sample();
                }
                watched = new;
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if let Some(folder) = &watched {
            let sampler = sampler.get_or_insert_with(effects::machine);
            let free = folder.as_ref().and_then(|f| effects::free(f));
            let _ = out.send(Action::Machine(sampler.sample(), free));
        }
    }
}
