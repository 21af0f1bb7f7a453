//! Requests of a user to a running watcher, from another process: small files in its state folder. Lasting requests (a pause, ignored
//! sources) are stored there too, so that they survive a restart.

use crate::files;
use crate::model::{ModelError, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes of one request, and of the stored state.
const MAX_REQUEST_BYTES: u64 = 64 << 10;
const MAX_KEPT_BYTES: u64 = 16 << 20;
/// Most requests handled at a time.
const MAX_REQUESTS: usize = 1000;

/// A user's request. Sources are given by their names relative to the watched folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Request {
    /// Start no export until [`Request::Resume`]; the running one continues.
    Pause,
    /// Start exports again.
    Resume,
    /// Export a source now, whatever its state: before its trainer's marker is there, again after a success, once more after a failure.
    Export {
        /// The source.
        name: String,
    },
    /// Stop exporting a source.
    Ignore {
        /// The source.
        name: String,
    },
    /// Export an ignored source again.
    Unignore {
        /// The source.
        name: String,
    },
}

/// The requests that last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Control {
    /// No export is started.
    #[serde(default)]
    pub paused: bool,
    /// Names of sources that are not exported.
    #[serde(default)]
    pub ignored: BTreeSet<String>,
}

fn requests(folder: &Path) -> PathBuf {
    folder.join("requests")
}

/// Leaves a request for the watcher whose state is in `folder`.
///
/// # Errors
/// I/O errors.
pub(crate) fn ask(folder: &Path, request: &Request) -> Result<()> {
    let folder = requests(folder);
    let fail = |e| ModelError::io(&folder, "writing a request into", e);
    files::create_private_folder(&folder).map_err(fail)?;
    let now = jiff::Timestamp::now().as_nanosecond();
    // Names sort by time: requests are handled in the order they were made.
    let path = folder.join(format!("{now:020}-{}.json", files::random_token()));
    let text = serde_json::to_vec(request).unwrap_or_default();
    files::write_whole(&path, &text).map_err(fail)
}

/// Takes the pending requests, oldest first. Invalid files are removed.
pub(crate) fn take(folder: &Path) -> Vec<Request> {
    let Ok(entries) = fs::read_dir(requests(folder)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "json"));
    paths.sort();
    paths.truncate(MAX_REQUESTS);
    let read = |path: &PathBuf| {
        let bytes = files::read(path, MAX_REQUEST_BYTES);
        // Removed before it is carried out: a request that kills the watcher must not be handled at every start.
        let removed = fs::remove_file(path).is_ok();
        bytes.ok().filter(|_| removed).and_then(|b| serde_json::from_slice(&b).ok())
    };
    paths.iter().filter_map(read).collect()
}

impl Control {
    /// The lasting requests in the state folder of a watcher; the default if there is no file.
    pub(crate) fn read(folder: &Path) -> Self {
        let bytes = files::read(&folder.join("control.json"), MAX_KEPT_BYTES);
        bytes.ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default()
    }

    /// Writes them there.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join("control.json");
        let text = serde_json::to_vec(self).unwrap_or_default();
        files::write_whole(&path, &text).map_err(|e| ModelError::io(&path, "writing", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_once_and_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let all = [
            Request::Pause,
            Request::Export { name: "checkpoint-1".into() },
            Request::Ignore { name: "a b/ü".into() },
            Request::Resume,
        ];
        all.iter().for_each(|r| ask(dir.path(), r).unwrap());
        fs::write(requests(dir.path()).join("9-x.json"), b"{\"ask\":\"dance\"}").unwrap();
        fs::write(requests(dir.path()).join("half.tmp"), b"{").unwrap();
        assert_eq!(take(dir.path()), all);
        assert_eq!(take(dir.path()), []);
        assert!(requests(dir.path()).join("half.tmp").exists(), "what is not a request is left alone");
    }

    #[test]
    fn what_lasts_is_read_back_and_damage_counts_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Control::read(dir.path()), Control::default());
        let kept = Control { paused: true, ignored: ["a/b".to_owned()].into() };
        kept.write(dir.path()).unwrap();
        assert_eq!(Control::read(dir.path()), kept);
        fs::write(dir.path().join("control.json"), b"[").unwrap();
        assert_eq!(Control::read(dir.path()), Control::default());
    }
}
