//! Where folders were left, on disk: a small JSON file for each, replaced whole, the oldest going when there are many.

use crate::files::{self, ReadError};
use crate::tui::core::Session;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Folders remembered.
const MAX_SESSIONS: usize = 200;
/// No session is longer; what is, was not written by this program.
const MAX_BYTES: u64 = 1 << 20;

/// The file of a workbench's folder.
pub(super) fn file(sessions: &Path, dir: &Path) -> PathBuf {
    // One folder under two names is one folder.
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let hash = Sha256::digest(dir.as_os_str().as_encoded_bytes());
    let hex: String = hash.iter().take(8).map(|b| format!("{b:02x}")).collect();
    sessions.join(format!("{hex}.json"))
}

/// The latest session of the folder. The loop updates it before each frame that answers the user, so that it can be saved without the loop
/// when the process ends while the terminal blocks.
#[derive(Clone, Debug)]
pub(super) struct SessionSaver {
    file: Option<PathBuf>,
    latest: Arc<Mutex<Option<Session>>>,
}

impl SessionSaver {
    /// For the session of this file; without one nothing is kept.
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, latest: Arc::default() }
    }

    /// The file.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Takes what is to be kept if the process ends now; nothing where the user wants nothing kept.
    pub(super) fn take(&self, session: Option<Session>) {
        if let Ok(mut latest) = self.latest.lock() {
            *latest = session;
        }
    }

    /// Writes it. A write error does not keep the program running; if two threads leave together, one writes.
    pub(super) fn keep(&self) {
        if let (Some(file), Ok(latest)) = (&self.file, self.latest.try_lock())
            && let Some(session) = &*latest
        {
            let _ = save(file, session);
        }
    }
}

/// What was kept, if anything was.
///
/// # Errors
/// A file that cannot be read or understood, in a sentence.
pub(super) fn load(file: &Path) -> Result<Option<Session>, String> {
    let failure = |e: &dyn std::fmt::Display| format!("cannot restore the last session: {}: {e}", file.display());
    let bytes = match files::read(file, MAX_BYTES) {
        Err(ReadError::Io(e)) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|e| failure(&e))?,
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| failure(&e))
}

/// Keeps it: written beside, then put in its place.
///
/// # Errors
/// Those of the disk.
pub(super) fn save(file: &Path, session: &Session) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    files::create_private_folder(folder)?;
    // Versions before this one made it with the umask's rights.
    files::tighten(folder);
    let part = file.with_extension(format!("{}.part", std::process::id()));
    let written = serde_json::to_vec_pretty(session)
        .map_err(io::Error::from)
        .and_then(|bytes| files::write_private(&part, &bytes));
    let placed = written.and_then(|()| fs::rename(&part, file));
    if placed.is_err() {
        let _ = fs::remove_file(&part);
    }
    forget_oldest(folder);
    placed
}

/// Removes the files beyond [`MAX_SESSIONS`] that were written longest ago.
fn forget_oldest(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let dated = |e: fs::DirEntry| Some((e.metadata().ok()?.modified().ok()?, e.path()));
    let mut all: Vec<_> = entries.filter_map(dated).collect();
    all.sort();
    for (_, path) in all.iter().take(all.len().saturating_sub(MAX_SESSIONS)) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_come_back_and_old_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = dir.path().join("a/b");
        let at = file(&sessions, dir.path());
        assert_eq!(load(&at), Ok(None));
        let mut session = Session::default();
        session.dir = dir.path().to_owned();
        for i in 0..MAX_SESSIONS + 5 {
            fs::create_dir_all(&sessions).unwrap();
            fs::write(sessions.join(format!("{i}.json")), "{}").unwrap();
        }
        save(&at, &session).unwrap();
        assert_eq!(load(&at), Ok(Some(session)));
        assert_eq!(fs::read_dir(&sessions).unwrap().count(), MAX_SESSIONS);
        assert_ne!(at, file(&sessions, &sessions));
    }

    #[test]
    fn a_broken_file_says_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("x.json");
        for bytes in [b"{\"tab\": 3}".as_slice(), b"", b"\xff\xfe", b"[3]"] {
            fs::write(&at, bytes).unwrap();
            let e = load(&at).unwrap_err();
            assert!(e.starts_with(&format!("cannot restore the last session: {}: ", at.display())), "{e}");
        }
        fs::write(&at, "{\"from\": \"a later version\"}").unwrap();
        assert_eq!(load(&at), Ok(Some(Session::default())));
    }
}
