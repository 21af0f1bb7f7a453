//! Tickets of the queue: empty files whose names say which job waits and since when.
//!
//! A ticket counts while its job's own lock is held, so those of killed workers do not.

use super::{JobClass, JobFolder};
use crate::files;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The ticket of one job.
#[derive(Debug)]
pub(super) struct Ticket {
    path: PathBuf,
    /// True while the file is there.
    drawn: bool,
}

impl Ticket {
    /// The ticket of a job that waits since then; its file is not made yet.
    pub(super) fn new(root: &Path, class: JobClass, since: jiff::Timestamp, id: &str) -> Self {
        let name = format!("{:024}-{id}", since.as_nanosecond());
        Self { path: class.tickets_folder(root).join(name), drawn: false }
    }

    /// Makes its file, if it is not there yet.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub(super) fn draw(&mut self) -> io::Result<()> {
        if !self.drawn {
            files::create_private_folder(self.path.parent().unwrap_or(Path::new(".")))?;
            files::write_private(&self.path, b"")?;
            self.drawn = true;
        }
        Ok(())
    }

    /// True if no ticket of its class is older.
    pub(super) fn is_first(&self, root: &Path, class: JobClass) -> bool {
        all(root, class).first().is_none_or(|(path, _)| *path == self.path)
    }

    /// Removes its file.
    pub(super) fn give_up(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Every ticket that counts, first come first: its path and its job.
fn all(root: &Path, class: JobClass) -> Vec<(PathBuf, String)> {
    let mut all: Vec<(PathBuf, String)> = Vec::new();
    for entry in fs::read_dir(class.tickets_folder(root)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((_, id)) = name.split_once('-') else { continue };
        if (JobFolder { dir: root.join(id) }).is_locked() {
            all.push((entry.path(), id.to_owned()));
        } else {
            // Its worker was killed. Tickets are made under the job's lock, so no living one has this one.
            let _ = fs::remove_file(entry.path());
        }
    }
    all.sort();
    all
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
