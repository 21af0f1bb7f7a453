//! The watchers of this user, running or stopped, by the folders of their state.

use super::store::ExportCount;
use crate::model::{ModelError, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes of events that are read in one poll.
const MAX_POLL_BYTES: u64 = 8 << 20;
/// Most bytes of the file that tells of a rule.
const MAX_NOTE_BYTES: u64 = 1 << 20;
/// Most watchers that are listed.
const MAX_WATCHERS: usize = 10_000;

/// What a watcher's folder says of its rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleNote {
    /// The watched folder.
    pub root: PathBuf,
    /// Where exports go.
    pub output: PathBuf,
    /// The recipe's name.
    pub recipe: String,
    /// The command that started it, fit for a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
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
    /// A user paused it.
    pub paused: bool,
    /// The command that started it, fit for a shell; absent where an earlier version started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl KnownWatcher {
    /// Asks its process to end; false if there is none. Its running export goes on.
    ///
    /// # Errors
    /// When the process cannot be signalled.
    pub fn ask_to_end(&self) -> Result<bool> {
        let Some(pid) = self.pid.and_then(|p| rustix::process::Pid::from_raw(i32::try_from(p).ok()?)) else {
            return Ok(false);
        };
        let asked = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        asked.map_err(|e| ModelError::io(&self.folder, "asking the watcher to end", e.into()))?;
        Ok(true)
    }
}

/// Every watcher that was ever started with this folder of jobs, by the watched folder.
pub fn known(jobs_root: &Path) -> Vec<KnownWatcher> {
    Watchers::new(jobs_root).look()
}

/// The watchers of a folder of jobs, to be looked at again and again: what was read is not read again.
#[derive(Debug)]
pub struct Watchers {
    folder: PathBuf,
    counts: HashMap<PathBuf, ExportCount>,
}

impl Watchers {
    /// Of this folder of jobs.
    pub fn new(jobs_root: &Path) -> Self {
        Self { folder: jobs_root.join(".watch"), counts: HashMap::new() }
    }

    /// All of them now, by the watched folder.
    pub fn look(&mut self) -> Vec<KnownWatcher> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().take(MAX_WATCHERS);
        let mut all: Vec<KnownWatcher> = entries.filter_map(|e| self.one(&e.path())).collect();
        all.sort_by(|a, b| (&a.root, &a.output).cmp(&(&b.root, &b.output)));
        all
    }

    fn one(&mut self, folder: &Path) -> Option<KnownWatcher> {
        let note = crate::files::read(&folder.join("rule.json"), MAX_NOTE_BYTES).ok()?;
        let note: RuleNote = serde_json::from_slice(&note).ok()?;
        let locked = File::open(folder.join("lock"))
            .is_ok_and(|f| matches!(f.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
        let pid = || crate::files::read_text(&folder.join("pid"), 32).ok()?.trim().parse().ok();
        Some(KnownWatcher {
            id: folder.file_name()?.to_string_lossy().into_owned(),
            folder: folder.to_owned(),
            pid: if locked { pid() } else { None },
            root: note.root,
            output: note.output,
            recipe: note.recipe,
            paused: super::Control::read(folder).paused,
            exported: self.counts.entry(folder.to_owned()).or_default().look(folder),
            command: note.command,
        })
    }
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
            if file.metadata()?.len() < self.offset {
                // Another file than the one that was read.
                self.offset = 0;
            }
            file.seek(SeekFrom::Start(self.offset))?;
            file.take(MAX_POLL_BYTES).read_to_end(&mut bytes)
        });
        let Some(end) = read.ok().and_then(|_| bytes.iter().rposition(|b| *b == b'\n')) else { return Vec::new() };
        self.offset += end as u64 + 1;
        bytes[..end].split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
    }
}
