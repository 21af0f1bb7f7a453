//! The watchers of this user, running or stopped, by their state folders.

use super::store::ExportCount;
use super::watcher::limits::HOLD;
use crate::model::{Hint, ModelError, Remedy, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Most bytes of events that are read in one poll.
const MAX_POLL_BYTES: u64 = 8 << 20;
/// Most bytes searched for the last events.
const MAX_HISTORY_BYTES: u64 = 1 << 20;
/// Most bytes of the file that describes a rule.
const MAX_NOTE_BYTES: u64 = 1 << 20;
/// Most watchers that are listed.
const MAX_WATCHERS: usize = 10_000;

/// The description of the rule in a watcher's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuleNote {
    /// The watched folder.
    pub root: PathBuf,
    /// Where exports go.
    pub output: PathBuf,
    /// The recipe's name.
    pub recipe: String,
    /// The command that started it, quoted for a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The same for a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<WatcherStart>,
}

/// How a watcher was started, to start it again without a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatcherStart {
    /// The folder in which it was started: relative paths are relative to it.
    pub folder: PathBuf,
    /// The arguments of the program, without its name.
    pub arguments: Vec<String>,
}

impl WatcherStart {
    /// The arguments that start it in the background, without output of its events.
    pub(crate) fn detached(&self) -> Vec<&str> {
        const ADDED: &str = "--detach";
        let kept = self.arguments.iter().map(String::as_str).filter(|a| ![ADDED, "--json"].contains(a));
        let mut arguments: Vec<&str> = kept.collect();
        // Behind the name of the command: what is behind `--` is a path.
        let at = arguments.iter().position(|a| *a == "watch").map_or(0, |at| at + 1);
        arguments.insert(at, ADDED);
        arguments
    }
}

/// A watcher.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatcherInfo {
    /// Its identifier.
    pub id: String,
    /// Its state folder.
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
    /// The limit that keeps it from exporting now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// A user paused it.
    pub paused: bool,
    /// The command that started it, quoted for a shell; absent if an earlier version started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How it was started; absent if an earlier version started it.
    #[serde(skip)]
    pub start: Option<WatcherStart>,
}

impl WatcherInfo {
    /// Asks its process to end; false if there is none. Its running export continues.
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

impl WatcherInfo {
    /// Removes its state. Exports and jobs stay.
    ///
    /// # Errors
    /// A request error while it runs; I/O errors.
    pub(crate) fn forget(&self) -> Result<()> {
        let lock = File::open(self.folder.join("lock"));
        if self.pid.is_some() || lock.as_ref().is_ok_and(|f| f.try_lock().is_err()) {
            let e = ModelError::request(format!("watcher {} is running", self.id));
            return Err(e.with_hint(
                Hint::from("Stop it first with ").then(Remedy::Run(format!("watch stop {}", self.id))).then("."),
            ));
        }
        // The rule's file first: a folder without it is not a watcher.
        let gone = fs::remove_file(self.folder.join("rule.json")).and_then(|()| fs::remove_dir_all(&self.folder));
        gone.map_err(|e| ModelError::io(&self.folder, "removing", e))
    }
}

/// The folder with the state of this user's watchers. In a folder of jobs that several users share, the first user has `.watch`; others have
/// one with their number, since nobody may change the watchers of others.
pub(crate) fn folder_of(jobs_root: &Path) -> PathBuf {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    let first = jobs_root.join(".watch");
    match fs::symlink_metadata(&first) {
        Ok(meta) if meta.uid() != me => jobs_root.join(format!(".watch-{me}")),
        _ => first,
    }
}

/// Every watcher that was ever started with this folder of jobs, by the watched folder.
pub fn list_watchers(jobs_root: &Path) -> Vec<WatcherInfo> {
    Watchers::new(jobs_root).look()
}

/// The watchers of a folder of jobs, for repeated listing: files that were read are not read again.
#[derive(Debug)]
pub(crate) struct Watchers {
    folder: PathBuf,
    counts: HashMap<PathBuf, ExportCount>,
}

impl Watchers {
    /// Of this folder of jobs.
    pub(crate) fn new(jobs_root: &Path) -> Self {
        Self { folder: folder_of(jobs_root), counts: HashMap::new() }
    }

    /// All of them now, by the watched folder.
    pub(crate) fn look(&mut self) -> Vec<WatcherInfo> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().take(MAX_WATCHERS);
        let mut all: Vec<WatcherInfo> = entries.filter_map(|e| self.one(&e.path())).collect();
        all.sort_by(|a, b| (&a.root, &a.output).cmp(&(&b.root, &b.output)));
        all
    }

    fn one(&mut self, folder: &Path) -> Option<WatcherInfo> {
        let note = crate::files::read(&folder.join("rule.json"), MAX_NOTE_BYTES).ok()?;
        let note: RuleNote = serde_json::from_slice(&note).ok()?;
        let locked = File::open(folder.join("lock"))
            .is_ok_and(|f| matches!(f.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
        let pid = || crate::files::read_text(&folder.join("pid"), 32).ok()?.trim().parse().ok();
        let hold = || crate::files::read_text(&folder.join(HOLD), 4096).ok();
        Some(WatcherInfo {
            hold: if locked { hold() } else { None },
            id: folder.file_name()?.to_string_lossy().into_owned(),
            folder: folder.to_owned(),
            pid: if locked { pid() } else { None },
            root: note.root,
            output: note.output,
            recipe: note.recipe,
            paused: super::Control::read(folder).paused,
            exported: self.counts.entry(folder.to_owned()).or_default().look(folder),
            command: note.command,
            start: note.start,
        })
    }
}

/// Follows the events of a watcher from the beginning.
#[derive(Debug)]
pub(crate) struct EventTail {
    path: PathBuf,
    offset: u64,
}

impl EventTail {
    /// For the state folder of a watcher.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { path: folder.join("events.jsonl"), offset: 0 }
    }

    /// For the state folder of a watcher, starting with the last lines; `usize::MAX` for all.
    pub(crate) fn of_last(folder: &Path, lines: usize) -> Self {
        let mut this = Self::new(folder);
        if lines < usize::MAX {
            this.offset = start_of_last(&this.path, lines).unwrap_or(0);
        }
        this
    }

    /// The complete lines added since the last call.
    pub(crate) fn poll(&mut self) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            if file.metadata()?.len() < self.offset {
                // The file was replaced by another one.
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

/// Where the last lines of a file begin. Lines longer than the part that is read do not count.
fn start_of_last(path: &Path, lines: usize) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let from = length.saturating_sub(MAX_HISTORY_BYTES);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_HISTORY_BYTES).read_to_end(&mut bytes).ok()?;
    let ends: Vec<u64> = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i as u64 + 1).collect();
    // The line before the first that is shown ends where that one begins.
    let start = ends.len().checked_sub(lines + 1).and_then(|i| ends.get(i).copied());
    let first = if from == 0 { 0 } else { ends.first().copied().unwrap_or(0) };
    Some(from + start.unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_is_started_again_in_the_background() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&["watch", "runs", "--to", "gguf:q8_0"], &["watch", "--detach", "runs", "--to", "gguf:q8_0"]),
            (&["-q", "watch", "--json", "runs"], &["-q", "watch", "--detach", "runs"]),
            (&["watch", "--detach", "--", "-runs"], &["watch", "--detach", "--", "-runs"]),
            (&["watch", "watch"], &["watch", "--detach", "watch"]),
        ];
        for (arguments, expected) in cases {
            let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
            let start = WatcherStart { folder: PathBuf::from("/"), arguments };
            assert_eq!(start.detached(), expected);
        }
    }
}
