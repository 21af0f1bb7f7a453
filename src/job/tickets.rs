//! Tickets of the queue: empty files whose names say which job waits and since when.
//!
//! A ticket counts while its job's own lock is held, so those of killed workers do not.

use super::number::number;
use super::{JobClass, JobFolder};
use crate::files::OwnFolder;
use std::io;
use std::path::{Path, PathBuf};

/// Digits of the time in a ticket's name, in nanoseconds.
const TIME_DIGITS: usize = 24;

/// The ticket of one job.
#[derive(Debug)]
pub(super) struct Ticket {
    folder: PathBuf,
    name: String,
    /// True while the file is there.
    drawn: bool,
}

impl Ticket {
    /// The ticket of a job that waits since then; its file is not made yet.
    pub(super) fn new(root: &Path, class: JobClass, since: jiff::Timestamp, id: &str) -> Self {
        let name = format!("{:0TIME_DIGITS$}-{id}", since.as_nanosecond().max(0));
        Self { folder: class.tickets_folder(root), name, drawn: false }
    }

    /// Makes its file, if it is not there yet.
    ///
    /// # Errors
    /// When the folder or the file cannot be written; a folder that is not this user's.
    pub(super) fn draw(&mut self) -> io::Result<()> {
        if !self.drawn {
            OwnFolder::create(&self.folder)?.file(&self.name)?;
            self.drawn = true;
        }
        Ok(())
    }

    /// True if no ticket of its class is older.
    pub(super) fn is_first(&self, root: &Path, class: JobClass) -> bool {
        all(root, class).first().is_none_or(|(name, _)| *name == self.name)
    }

    /// Removes its file.
    pub(super) fn give_up(&mut self) {
        if std::mem::take(&mut self.drawn)
            && let Ok(folder) = OwnFolder::open(&self.folder)
        {
            folder.remove_empty(&self.name);
        }
    }
}

/// Every ticket that counts, first come first: its name and its job.
fn all(root: &Path, class: JobClass) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let Ok(folder) = OwnFolder::open(&class.tickets_folder(root)) else { return all };
    for name in folder.names() {
        let Some(id) = job_of(&name) else { continue };
        if (JobFolder { dir: root.join(id) }).is_locked() {
            all.push((name.clone(), id.to_owned()));
        } else {
            // Its worker was killed. Tickets are made under the job's lock, so no living one has this one.
            folder.remove_empty(&name);
        }
    }
    all.sort();
    all
}

/// The job of a ticket; `None` for names that no ticket has.
fn job_of(name: &str) -> Option<&str> {
    let (time, id) = name.split_once('-')?;
    let is_time = time.len() == TIME_DIGITS && time.bytes().all(|b| b.is_ascii_digit());
    (is_time && number(id).is_some()).then_some(id)
}

/// The jobs of a class that wait for their turn, first come first.
pub(super) fn waiting(root: &Path, class: JobClass) -> Vec<String> {
    all(root, class).into_iter().map(|(_, id)| id).collect()
}

/// Every job that waits, with its place among those of its class, from 1.
pub(super) fn places(root: &Path) -> Vec<(String, usize)> {
    let of = |class| waiting(root, class).into_iter().zip(1..);
    of(JobClass::Interactive).chain(of(JobClass::Watch)).collect()
}
