//! The watchers of this user, running or stopped, by the folders of their state.

use super::store::{Ended, Exports};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes of events that are read in one poll.
const MAX_POLL_BYTES: u64 = 8 << 20;

/// What a watcher's folder says of its rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleNote {
    /// The watched folder.
    pub root: PathBuf,
    /// Where exports go.
    pub output: PathBuf,
    /// The recipe's name.
    pub recipe: String,
}

/// A watcher.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KnownWatcher {
    /// Its identifier.
    pub id: String,
    /// Folder of its state.
    pub folder: PathBuf,
    /// Its process, while it runs.
    pub pid: Option<u32>,
    /// The watched folder.
    pub root: PathBuf,
    /// Where exports go.
    pub output: PathBuf,
    /// The recipe's name.
    pub recipe: String,
    /// Exports that succeeded.
    pub exported: usize,
}

/// Every watcher that was ever started with this folder of jobs, by the watched folder.
pub fn known(jobs_root: &Path) -> Vec<KnownWatcher> {
    let entries = fs::read_dir(jobs_root.join(".watch")).into_iter().flatten().flatten();
    let mut all: Vec<KnownWatcher> = entries.filter_map(|e| one(&e.path())).collect();
    all.sort_by(|a, b| (&a.root, &a.output).cmp(&(&b.root, &b.output)));
    all
}

fn one(folder: &Path) -> Option<KnownWatcher> {
    let note: RuleNote = serde_json::from_slice(&crate::files::read(&folder.join("rule.json"), 1 << 20).ok()?).ok()?;
    let locked =
        File::open(folder.join("lock")).is_ok_and(|f| matches!(f.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
    let pid = || crate::files::read_text(&folder.join("pid"), 32).ok()?.trim().parse().ok();
    let ended = |e: &super::store::Export| e.done.as_ref().is_some_and(|d| d.status == Ended::Ok);
    Some(KnownWatcher {
        id: folder.file_name()?.to_string_lossy().into_owned(),
        folder: folder.to_owned(),
        pid: if locked { pid() } else { None },
        root: note.root,
        output: note.output,
        recipe: note.recipe,
        exported: Exports::read(folder).all().iter().filter(|e| ended(e)).count(),
    })
}

/// Follows the events of a watcher, from their beginning.
#[derive(Debug)]
pub struct EventTail {
    path: PathBuf,
    offset: u64,
}

impl EventTail {
    /// For the folder of a watcher's state.
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join("events.jsonl"), offset: 0 }
    }

    /// The whole lines that came since the last call.
    pub fn poll(&mut self) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            file.take(MAX_POLL_BYTES).read_to_end(&mut bytes)
        });
        let Some(end) = read.ok().and_then(|_| bytes.iter().rposition(|b| *b == b'\n')) else { return Vec::new() };
        self.offset += end as u64 + 1;
        bytes[..end].split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
    }
}
