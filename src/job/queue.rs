//! The queue: a detached worker takes one of a few slots of the jobs' root before it works, first come, first served.
//!
//! Jobs of a watcher have a queue and a slot of their own, so that a night's backlog does not keep the jobs that a user starts waiting.
//!
//! A slot is a lock on a file, so a worker that is killed gives it back. A job that waits has a ticket (`tickets`).

use super::JobFolder;
use super::owner::queue_suffix;
use super::summary::FollowedJob;
use super::tickets::{self, Ticket};
use crate::files;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Detached jobs that run at once where `REMOLD_JOBS_AT_ONCE` says nothing. A job takes every core and streams from the disk:
/// two at once would each need twice the time and hold memory twice.
const AT_ONCE: usize = 1;
/// More than this would only be a slip of the finger.
const MAX_AT_ONCE: usize = 64;

/// Names the number of jobs that run at once.
const VARIABLE: &str = "REMOLD_JOBS_AT_ONCE";

/// Jobs that run at once: `$REMOLD_JOBS_AT_ONCE`, else one.
pub(crate) fn at_once() -> usize {
    std::env::var(VARIABLE).ok().and_then(|text| number(&text)).unwrap_or(AT_ONCE)
}

/// What the variable says, if it is a number of jobs; more than [`MAX_AT_ONCE`] are none.
fn number(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|n| (1..=MAX_AT_ONCE).contains(n))
}

/// What to say of a variable whose value is not used.
pub(crate) fn unused_at_once() -> Option<String> {
    let value = std::env::var_os(VARIABLE)?.to_string_lossy().into_owned();
    let unused = !value.trim().is_empty() && number(&value).is_none();
    unused.then(|| format!("{VARIABLE}={value} is not a number from 1 to {MAX_AT_ONCE}: {AT_ONCE} job runs at a time"))
}

/// Who a job was started by; each class has its own queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum JobClass {
    /// A user, at the command line or in the workbench.
    #[default]
    Interactive,
    /// A watcher.
    Watch,
}

impl JobClass {
    /// Name in the job's folder.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Watch => "watch",
        }
    }

    /// The class of that name; jobs without one were started by a user.
    pub(super) fn parse(name: &str) -> Self {
        if name.trim() == Self::Watch.name() { Self::Watch } else { Self::Interactive }
    }

    /// The folder of the tickets.
    pub(super) fn tickets_folder(self, root: &Path) -> PathBuf {
        let name = match self {
            Self::Interactive => ".queue",
            Self::Watch => ".queue-watch",
        };
        root.join(format!("{name}{}", queue_suffix(root)))
    }

    /// The folder of the slots, and their number.
    fn slots(self, root: &Path) -> (PathBuf, usize) {
        let (name, slots) = match self {
            Self::Interactive => (".slots", at_once()),
            Self::Watch => (".slots-watch", 1),
        };
        (root.join(format!("{name}{}", queue_suffix(root))), slots)
    }
}

/// True if a job of that class that is detached now would have to wait.
pub(crate) fn is_full(root: &Path, class: JobClass) -> bool {
    !tickets::waiting(root, class).is_empty() || take_slot(root, class).is_none()
}

/// The lock of a free slot. A root that takes no locks (some network file systems) has no queue: `None` would
/// wait for ever. Neither has a shared root where another user has made something of that name.
fn take_slot(root: &Path, class: JobClass) -> Option<Option<File>> {
    let (folder, slots) = class.slots(root);
    let Ok(folder) = files::OwnFolder::create(&folder) else { return Some(None) };
    for n in 1..=slots {
        let Ok(file) = folder.file(&n.to_string()) else { return Some(None) };
        match file.try_lock() {
            Ok(()) => return Some(Some(file)),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(_)) => return Some(None),
        }
    }
    None
}

/// A job's turn: its ticket while it waits, its slot while it works. Both go when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    root: PathBuf,
    class: JobClass,
    ticket: Ticket,
    slot: Option<File>,
}

impl Turn {
    /// For a job whose lock is held by this process; it neither waits nor works yet.
    pub(crate) fn new(folder: &JobFolder) -> Self {
        let root = folder.dir.parent().unwrap_or(Path::new(".")).to_owned();
        let mut job = FollowedJob::new(folder.clone());
        job.read();
        let class = folder.class();
        let ticket = Ticket::new(&root, class, job.queued(), &folder.id());
        Self { root, class, ticket, slot: None }
    }

    /// Takes a slot if it is this job's turn and one is free; true when it may work. Else it waits in the queue.
    pub(crate) fn take(&mut self) -> bool {
        if self.ticket.draw().is_err() {
            return true;
        }
        let first = self.ticket.is_first(&self.root, self.class);
        let Some(slot) = first.then(|| take_slot(&self.root, self.class)).flatten() else { return false };
        self.slot = slot;
        self.leave();
        true
    }

    /// Leaves the queue.
    pub(crate) fn leave(&mut self) {
        self.ticket.give_up();
    }

    /// Gives the slot to the next.
    pub(crate) fn give_back(&mut self) {
        self.slot = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tickets::waiting;
    use super::*;
    use crate::engine::{EventBody, EventSink};

    fn job(root: &Path, id: &str) -> (JobFolder, File) {
        let folder = JobFolder { dir: root.join(id) };
        fs::create_dir(&folder.dir).unwrap();
        let sink = EventSink::new(id).with_file(&folder.path("events.jsonl")).unwrap();
        sink.send(EventBody::Queued { title: id.into() });
        let lock = folder.lock().unwrap();
        (folder, lock)
    }

    #[test]
    fn first_come_first_served_and_the_dead_do_not_count() {
        let root = tempfile::tempdir().unwrap();
        let jobs: Vec<_> = ["1", "2", "3", "4"].map(|id| job(root.path(), id)).into();
        let mut turns: Vec<Turn> = jobs.iter().map(|(f, _)| Turn::new(f)).collect();
        assert!(turns[0].take() && !is_full_of_waiting(root.path()));
        assert!(!turns[2].take() && !turns[1].take() && !turns[3].take());
        assert_eq!(
            waiting(root.path(), JobClass::Interactive),
            ["2", "3", "4"],
            "by the time they were queued, not by when they asked"
        );
        assert_eq!(jobs[2].0.summary().place, Some(2));
        // The second is killed: its lock goes, its ticket stays.
        let mut jobs = jobs;
        drop(jobs.remove(1));
        turns[0].give_back();
        assert!(!turns[3].take(), "the third was there before");
        assert!(turns[2].take());
        assert_eq!(waiting(root.path(), JobClass::Interactive), ["4"]);
        drop(turns.remove(2));
        let last = turns.len() - 1;
        assert!(turns[last].take());
    }

    #[test]
    fn jobs_of_a_watcher_and_of_a_user_do_not_wait_for_each_other() {
        let root = tempfile::tempdir().unwrap();
        let jobs: Vec<_> = ["1", "2", "3"].map(|id| job(root.path(), id)).into();
        for (folder, _) in &jobs[..2] {
            fs::write(folder.path("class"), "watch").unwrap();
        }
        let mut turns: Vec<Turn> = jobs.iter().map(|(f, _)| Turn::new(f)).collect();
        assert!(turns[0].take() && !turns[1].take(), "one at a time");
        assert!(turns[2].take(), "the user's job does not wait for them");
        assert!(is_full(root.path(), JobClass::Watch));
        assert_eq!(jobs[1].0.summary().place, Some(1));
        turns[0].give_back();
        assert!(turns[1].take());
    }

    fn is_full_of_waiting(root: &Path) -> bool {
        !waiting(root, JobClass::Interactive).is_empty()
    }
}
