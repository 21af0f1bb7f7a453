//! How changed folders are noticed: by the system's events where it sends them, otherwise by listing every folder from time to time.
//!
//! Events only mark folders as dirty, and every folder is listed once a minute anyway, so a lost event delays an export but loses nothing. Each
//! folder has a separate watch, set before the folder is listed: a recursive watch of the library loses files that are written right after
//! their folder is made (notify#727).

use super::mount;
use super::{Dirty, Tree};
use crossbeam_channel::{Receiver, Sender, bounded};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Everything is listed again after this time, even where the system sends events.
const SWEEP: Duration = Duration::from_secs(60);
/// Time between two polls where no events come, on a local disk and on one that other machines write to.
const LOCAL_POLL: Duration = Duration::from_millis(700);
const REMOTE_POLL: Duration = Duration::from_secs(5);
/// Polling a large tree must not take more than this share of the time.
const POLL_SHARE: u32 = 50;
/// If more folders than this change at once, all folders are listed.
const MAX_DIRTY: usize = 4096;

/// How changes are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Backend {
    /// By events where the file system sends them.
    #[default]
    Auto,
    /// By events.
    Native,
    /// By polling.
    Poll,
}

impl Backend {
    /// The names on the command line.
    pub(crate) const NAMES: [&'static str; 3] = ["auto", "native", "poll"];

    /// The backend of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Auto, Self::Native, Self::Poll].into_iter().zip(Self::NAMES).find(|(_, n)| *n == name).map(|(b, _)| b)
    }
}

#[derive(Debug, Default)]
struct Pending {
    all: bool,
    folders: BTreeSet<PathBuf>,
}

/// Reports which folders may have changed.
#[derive(Debug)]
pub(crate) struct ChangeSource {
    native: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
    pending: Arc<Mutex<Pending>>,
    wake: Receiver<()>,
    /// Kept so that the channel stays open while polling.
    _waker: Sender<()>,
    remote: bool,
    /// The watched folder does not exist, so no event can announce it.
    absent: bool,
    last_sweep: Option<Instant>,
    sweep_took: Duration,
    /// Why the folder is polled instead of watched by events, and what to do about it.
    note: Option<String>,
}

impl ChangeSource {
    /// For a folder that may not exist yet.
    pub(crate) fn new(root: &Path, backend: Backend) -> Self {
        let (waker, wake) = bounded(1);
        let pending = Arc::new(Mutex::new(Pending::default()));
        let kind = mount::file_system(root);
        let remote = kind.as_deref().is_some_and(mount::is_remote);
        let mut this = Self {
            native: None,
            watched: HashSet::new(),
            pending: pending.clone(),
            wake,
            _waker: waker.clone(),
            remote,
            absent: false,
            last_sweep: None,
            sweep_took: Duration::ZERO,
            note: None,
        };
        match backend {
            Backend::Poll => {}
            Backend::Auto if remote => {
                let kind = kind.unwrap_or_default();
                this.note = Some(format!(
                    "{kind} sends no events for changes by other machines: polling every {} s",
                    REMOTE_POLL.as_secs()
                ));
            }
            Backend::Auto | Backend::Native => {
                let handler = move |event: notify::Result<notify::Event>| {
                    let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
                    if pending.note(event) {
                        let _ = waker.try_send(());
                    }
                };
                match notify::recommended_watcher(handler) {
                    Ok(watcher) => this.native = Some(watcher),
                    Err(e) => this.fall_back(&e),
                }
            }
        }
        this
    }

    /// Sets a watch on every folder of the tree that has none, and drops those of folders that are gone. True if a watch was set: earlier
    /// changes in those folders are unknown.
    pub(crate) fn follow(&mut self, tree: &Tree) -> bool {
        let Some(mut native) = self.native.take() else { return false };
        let now: HashSet<PathBuf> = tree.folders().map(Path::to_owned).collect();
        for gone in self.watched.difference(&now) {
            // The system drops the watch of a removed folder.
            let _ = native.unwatch(gone);
        }
        let mut new = false;
        for folder in now.difference(&self.watched) {
            match native.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => new = true,
                Err(e) if is_limit(&e) => {
                    self.fall_back(&e);
                    self.watched.clear();
                    return true;
                }
                // It is already gone or not readable; the next listing reports it.
                Err(_) => {}
            }
        }
        self.watched = now;
        self.native = Some(native);
        new
    }

    /// A folder that was removed and made again has no watch, although one was set for its path.
    pub(crate) fn forget(&mut self, folders: &[PathBuf]) {
        for folder in folders {
            if self.watched.remove(folder)
                && let Some(native) = &mut self.native
            {
                let _ = native.unwatch(folder);
            }
        }
    }

    /// Waits for changes, at most this long.
    pub(crate) fn wait(&self, at_most: Duration) {
        let _ = self.wake.recv_timeout(at_most);
    }

    /// What may have changed since the last call; `None` if nothing has.
    pub(crate) fn take(&mut self) -> Option<Dirty> {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.all || self.until_sweep().is_zero() {
            return Some(Dirty::All);
        }
        (!pending.folders.is_empty()).then_some(Dirty::Folders(pending.folders))
    }

    /// Records whether the watched folder exists. While it does not, it is polled for.
    pub(crate) fn set_absent(&mut self, absent: bool) {
        self.absent = absent;
    }

    /// Call after everything was listed, with the time that it took.
    pub(crate) fn swept(&mut self, took: Duration) {
        self.last_sweep = Some(Instant::now());
        self.sweep_took = took;
    }

    /// Time until everything is listed again.
    pub(crate) fn until_sweep(&self) -> Duration {
        let interval = match (&self.native, self.remote) {
            (Some(_), _) if !self.absent => SWEEP,
            (Some(_), _) => LOCAL_POLL,
            (None, true) => REMOTE_POLL.max(self.sweep_took * POLL_SHARE),
            (None, false) => LOCAL_POLL.max(self.sweep_took * POLL_SHARE),
        };
        self.last_sweep.map_or(Duration::ZERO, |last| interval.saturating_sub(last.elapsed()))
    }

    /// True if other machines may write to the folder.
    pub(crate) fn is_remote(&self) -> bool {
        self.remote
    }

    /// Why the folder is polled although events were requested.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn fall_back(&mut self, e: &notify::Error) {
        let raise = |what: &str| format!("raise it with `sudo sysctl fs.inotify.{what}`");
        let (limit, remedy) = match (&e.kind, os_code(e)) {
            (notify::ErrorKind::MaxFilesWatch, _) | (_, Some(28)) => {
                ("the inotify watch limit is reached", raise("max_user_watches=524288"))
            }
            (_, Some(24)) => ("the inotify instance limit is reached", raise("max_user_instances=1024")),
            _ => ("the system sends no events", format!("{e}")),
        };
        self.native = None;
        self.note = Some(format!("{limit}: polling every folder instead; {remedy}"));
    }
}

fn os_code(e: &notify::Error) -> Option<i32> {
    match &e.kind {
        notify::ErrorKind::Io(e) => e.raw_os_error(),
        _ => None,
    }
}

/// ENOSPC and EMFILE, as inotify(7) uses them.
fn is_limit(e: &notify::Error) -> bool {
    matches!(e.kind, notify::ErrorKind::MaxFilesWatch) || matches!(os_code(e), Some(24 | 28))
}

impl Pending {
    /// Handles an event; true if there is something to do.
    fn note(&mut self, event: notify::Result<notify::Event>) -> bool {
        let Ok(event) = event else {
            self.all = true;
            return true;
        };
        if event.need_rescan() || (event.paths.is_empty() && matches!(event.kind, EventKind::Other)) {
            // The queue overflowed: there are no paths.
            self.all = true;
            return true;
        }
        use notify::event::{AccessKind, AccessMode};
        match event.kind {
            // Reads, including those of the exports, change nothing.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
            EventKind::Access(_) => return false,
            _ => {}
        }
        for path in event.paths {
            // A change of a folder is a change of its parent's entries, and may be in its own listing.
            self.folders.extend(path.parent().map(Path::to_owned));
            if matches!(
                event.kind,
                EventKind::Remove(_) | EventKind::Create(_) | EventKind::Modify(notify::event::ModifyKind::Name(_))
            ) {
                self.folders.insert(path);
            }
        }
        if self.folders.len() > MAX_DIRTY {
            self.all = true;
            self.folders.clear();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, AccessMode, CreateKind, Flag};

    #[test]
    fn an_overflow_is_a_look_at_everything_and_reading_is_nothing() {
        let mut pending = Pending::default();
        let read = notify::Event::new(EventKind::Access(AccessKind::Open(AccessMode::Any))).add_path("/a/b".into());
        assert!(!pending.note(Ok(read)) && pending.folders.is_empty());
        let closed =
            notify::Event::new(EventKind::Access(AccessKind::Close(AccessMode::Write))).add_path("/a/b".into());
        assert!(pending.note(Ok(closed)) && pending.folders.contains(Path::new("/a")) && !pending.all);
        let made = notify::Event::new(EventKind::Create(CreateKind::Folder)).add_path("/a/c".into());
        assert!(pending.note(Ok(made)) && pending.folders.contains(Path::new("/a/c")));
        let overflow = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(pending.note(Ok(overflow)) && pending.all);
    }

    #[test]
    fn many_folders_at_once_are_all() {
        let mut pending = Pending::default();
        for i in 0..=MAX_DIRTY {
            let event = notify::Event::new(EventKind::Any).add_path(format!("/{i}/x").into());
            pending.note(Ok(event));
        }
        assert!(pending.all && pending.folders.is_empty());
    }

    #[test]
    fn files_written_right_after_their_folder_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(dir.path());
        let mut source = ChangeSource::new(dir.path(), Backend::Native);
        tree.refresh(&Dirty::All);
        assert!(source.follow(&tree));
        source.swept(Duration::ZERO);
        for i in 0..20 {
            let folder = dir.path().join(format!("a{i}/b"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("x"), b"x").unwrap();
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        let files = |tree: &Tree| {
            tree.listings().map(|(_, l)| l.entries.iter().filter(|e| e.name == "x").count()).sum::<usize>()
        };
        while files(&tree) < 20 {
            assert!(Instant::now() < deadline, "{} of 20 files were seen", files(&tree));
            source.wait(Duration::from_millis(200));
            let mut dirty = source.take();
            while let Some(what) = dirty {
                let changes = tree.refresh(&what);
                dirty = source.follow(&tree).then(|| Dirty::Folders(changes.added.into_iter().collect()));
            }
        }
    }
}
