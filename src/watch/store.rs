//! The state of a rule on disk: which version of which source was exported by which job.
//!
//! One JSON object per line, synced before the action that it records, so that after a kill or a power failure nothing is exported twice
//! and nothing is forgotten.

use super::{ExportedState, Fingerprint};
use crate::engine::{Identity, from_json};
use crate::files::{self, FileStamp};
use crate::model::{ModelError, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Longest state file that is read: some ten million exports.
const MAX_BYTES: u64 = 4 << 30;
/// Bytes of the state that are counted at a time.
const MAX_PIECE_BYTES: u64 = 8 << 20;

/// How an export ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ended {
    /// The outputs are published.
    Ok,
    /// The job failed. It is not tried again before the source changes.
    Failed,
    /// The job failed for a temporary reason, such as a full disk. It is retried.
    Passing,
    /// A user cancelled the job.
    Cancelled,
    /// The source changed or went away before it was completely read: this version was never exported.
    Changed,
    /// The job is gone; its outputs are unknown. The version is exported again.
    Lost,
    /// Not exported for a reason other than a failure: superseded, or the same contents as another.
    Skipped,
}

/// An export that was decided on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Picked {
    /// Name of the source relative to the watched folder.
    pub unit: String,
    /// Path of the source.
    pub source: PathBuf,
    /// Its version.
    pub fingerprint: String,
    /// The hash of its recipe.
    pub recipe: String,
    /// The training step, if the name says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// The job; empty for a version that is skipped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub job: String,
    /// When, seconds since 1970.
    pub picked: f64,
    /// Where the outputs go.
    pub outputs: Vec<PathBuf>,
    /// The files of each output.
    #[serde(default)]
    pub written: Vec<Vec<PathBuf>>,
    /// The files it was made from.
    pub files: Vec<SourceStamp>,
    /// The folder with the watcher's own names for these files, while the export runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PathBuf>,
    /// A user asked for it although it would not be made, or would not be kept: once more, or of an older checkpoint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extra: bool,
}

/// A source file as it was when its export was decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceStamp {
    /// Name relative to the unit.
    pub name: String,
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time, nanoseconds since 1970.
    pub ctime_ns: i64,
}

/// How an export ended, and when that was reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Done {
    /// The job; empty for a version that was skipped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub job: String,
    /// The source's name, for exports without a job.
    pub unit: String,
    /// Its version.
    pub fingerprint: String,
    /// The outcome.
    pub status: Ended,
    /// Why, for anything but success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When, seconds since 1970.
    pub done: f64,
    /// The files that were published. Only a file that is still the same is replaced or removed later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PublishedFile>,
    /// Figures of the export, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
}

/// A file of an export as it was when it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublishedFile {
    /// Its path.
    pub path: PathBuf,
    /// Its stamp.
    pub identity: Identity,
}

impl Done {
    /// True if `path` is a file that this export published and that was not changed or replaced since.
    pub(crate) fn owns(&self, path: &Path) -> bool {
        self.files.iter().any(|f| f.path == path && f.identity.is_at(path))
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Record {
    Picked(Picked),
    Done(Done),
}

/// An export and, once it ended, its outcome.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Export {
    /// The export.
    pub picked: Picked,
    /// Its outcome; `None` while its job is running.
    pub done: Option<Done>,
}

impl Picked {
    /// The source as it was.
    pub(crate) fn seen(&self) -> ExportedState {
        let stamp = |f: &SourceStamp| FileStamp {
            dev: f.dev,
            ino: f.ino,
            bytes: f.bytes,
            mtime_ns: f.mtime_ns.into(),
            ctime_ns: f.ctime_ns.into(),
            mode: 0,
        };
        ExportedState { files: self.files.iter().map(|f| (f.name.clone(), stamp(f))).collect() }
    }
}

impl SourceStamp {
    /// A file with its stamp.
    pub(crate) fn new(name: &str, stamp: &FileStamp) -> Self {
        let short = |ns: i128| i64::try_from(ns).unwrap_or_default();
        Self {
            name: name.to_owned(),
            dev: stamp.dev,
            ino: stamp.ino,
            bytes: stamp.bytes,
            mtime_ns: short(stamp.mtime_ns),
            ctime_ns: short(stamp.ctime_ns),
        }
    }
}

/// The state of one rule. Only one process at a time holds it.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    file: File,
    _lock: File,
    exports: Exports,
}

/// Every export of a rule.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    all: Vec<Export>,
    /// Indices of the exports of each unit, oldest first.
    known: HashMap<String, Vec<usize>>,
}

impl Store {
    /// Opens, or creates, the state in `folder`.
    ///
    /// # Errors
    /// A request error when another watcher holds it; I/O errors.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let fail = |what: &'static str| move |e: io::Error| ModelError::io(folder, what, e);
        files::create_private_folder(folder).map_err(|e| {
            let error = match e.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    let what = format!("creating the folder of the watcher: {}", crate::units::system_error(&e));
                    ModelError::would_be_refused(what, e).in_file(folder)
                }
                _ => ModelError::io(folder, "creating the folder of the watcher", e),
            };
            error.with_hint("It is in the folder of jobs: choose another one with --jobs-root or REMOLD_JOBS; without them it is below XDG_STATE_HOME or ~/.local/state.")
        })?;
        let lock = files::private_options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))
            .map_err(fail("locking"))?;
        if !files::lock(&lock, std::time::Duration::from_secs(3)) {
            let pid = std::fs::read_to_string(folder.join("pid")).unwrap_or_default();
            let who = pid.trim().parse::<u32>().map_or_else(|_| String::new(), |pid| format!(" (process {pid})"));
            let error = ModelError::request(format!("another watcher{who} exports this folder to the same place"));
            return Err(error.with_hint("Stop it, or choose another folder for the exports with -o."));
        }
        files::write_private(&folder.join("pid"), std::process::id().to_string().as_bytes())
            .map_err(fail("writing"))?;
        let path = folder.join("state.jsonl");
        let existed = path.exists();
        let mut file =
            files::private_options().create(true).read(true).append(true).open(&path).map_err(fail("opening"))?;
        if !existed {
            files::sync_folder(folder).map_err(fail("syncing"))?;
        }
        let mut bytes = Vec::new();
        (&mut file).take(MAX_BYTES).read_to_end(&mut bytes).map_err(fail("reading"))?;
        if bytes.last().is_some_and(|b| *b != b'\n') {
            // A line that was cut off by a power failure must not swallow the next.
            file.write_all(b"\n").map_err(fail("writing"))?;
        }
        Ok(Self { folder: folder.to_owned(), file, _lock: lock, exports: Exports::parse(&bytes) })
    }

    /// Records, and syncs, that a version is about to be exported.
    ///
    /// # Errors
    /// I/O errors: then it must not be exported.
    pub(crate) fn pick(&mut self, picked: Picked) -> Result<()> {
        self.write(Record::Picked(picked))
    }

    /// Records, and syncs, how an export ended.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn finish(&mut self, done: Done) -> Result<()> {
        self.write(Record::Done(done))
    }

    /// Every export.
    pub(crate) fn exports(&self) -> &Exports {
        &self.exports
    }

    /// The state folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn write(&mut self, record: Record) -> Result<()> {
        let path = self.folder.join("state.jsonl");
        let mut line = serde_json::to_vec(&record).map_err(|e| ModelError::bad(e.to_string()).in_file(&path))?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|e| ModelError::io(&path, "writing", e))?;
        self.exports.take(record);
        Ok(())
    }
}

impl Exports {
    /// The exports recorded in a state folder; none if there is no readable state.
    pub(crate) fn read(folder: &Path) -> Self {
        Self::parse(&files::read(&folder.join("state.jsonl"), MAX_BYTES).unwrap_or_default())
    }

    /// These, for tests.
    #[cfg(test)]
    pub(super) fn of(all: Vec<Export>) -> Self {
        Self { all, known: HashMap::new() }
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut this = Self::default();
        for record in bytes.split(|b| *b == b'\n').filter_map(|line| from_json::<Record>(line).ok()) {
            this.take(record);
        }
        this
    }

    /// The last export of a version under a recipe, however it ended.
    pub(crate) fn export_of(&self, unit: &str, fingerprint: &Fingerprint, recipe: &str) -> Option<&Export> {
        let is = |e: &&Export| e.picked.fingerprint == fingerprint.as_str() && e.picked.recipe == recipe;
        self.of_unit(unit).find(is)
    }

    /// The last export of a unit that succeeded.
    pub(crate) fn last_of(&self, unit: &str) -> Option<&Export> {
        self.of_unit(unit).find(|e| e.done.as_ref().is_some_and(|d| d.status == Ended::Ok))
    }

    /// The last export of a unit, however it ended.
    pub(crate) fn latest_of(&self, unit: &str) -> Option<&Export> {
        self.of_unit(unit).next()
    }

    /// Exports of a unit, newest first.
    fn of_unit(&self, unit: &str) -> impl Iterator<Item = &Export> {
        self.known.get(unit).into_iter().flatten().rev().filter_map(|i| self.all.get(*i))
    }

    /// Every export, oldest first.
    pub(crate) fn all(&self) -> &[Export] {
        &self.all
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Picked(picked) => {
                self.known.entry(picked.unit.clone()).or_default().push(self.all.len());
                self.all.push(Export { picked, done: None });
            }
            Record::Done(done) => {
                let open = |e: &&mut Export| {
                    let p = &e.picked;
                    (p.job == done.job && p.unit == done.unit && p.fingerprint == done.fingerprint) && e.done.is_none()
                };
                if let Some(export) = self.all.iter_mut().rev().find(open) {
                    export.done = Some(done);
                }
            }
        }
    }
}

/// Counts the exports of a rule that succeeded, continuing from where it stopped the last time.
#[derive(Debug, Default)]
pub(crate) struct ExportCount {
    offset: u64,
    ok: usize,
}

impl ExportCount {
    /// How many there are now.
    pub(crate) fn look(&mut self, folder: &Path) -> usize {
        let Ok(mut file) = File::open(folder.join("state.jsonl")) else { return self.ok };
        if file.metadata().is_ok_and(|m| m.len() < self.offset) {
            // The file was replaced by another one.
            *self = Self::default();
        }
        while let Some(read) = self.piece(&mut file).filter(|n| *n > 0) {
            self.offset += read;
        }
        self.ok
    }

    /// Counts the complete lines of the next piece; returns their bytes.
    fn piece(&mut self, file: &mut File) -> Option<u64> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.offset)).ok()?;
        file.take(MAX_PIECE_BYTES).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().rposition(|b| *b == b'\n')? + 1;
        let done = bytes[..end].split(|b| *b == b'\n').filter(|line| line.starts_with(b"{\"done\""));
        let ok = |line: &&[u8]| matches!(from_json::<Record>(line), Ok(Record::Done(d)) if d.status == Ended::Ok);
        self.ok += done.filter(ok).count();
        Some(end as u64)
    }
}

/// Appends a line to the events of a watcher. Not synced: what must survive is in the state.
///
/// # Errors
/// I/O errors.
pub(crate) fn append_event(folder: &Path, line: &[u8]) -> io::Result<()> {
    let mut whole = line.to_vec();
    whole.push(b'\n');
    let mut file = files::private_options().create(true).append(true).open(folder.join("events.jsonl"))?;
    // One write: readers never see half a line of a running watcher.
    file.write_all(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(unit: &str, version: u8, job: &str) -> Picked {
        Picked {
            unit: unit.into(),
            source: PathBuf::from("/run").join(unit),
            fingerprint: format!("{version:032x}"),
            recipe: "r".into(),
            step: Some(100),
            job: job.into(),
            picked: 1.5,
            outputs: vec!["/out/x.gguf".into()],
            written: vec![vec!["/out/x.gguf".into()]],
            files: vec![SourceStamp { name: "a".into(), dev: 1, ino: 2, bytes: 3, mtime_ns: -4, ctime_ns: 5 }],
            pin: None,
            extra: false,
        }
    }

    fn done(p: &Picked, status: Ended) -> Done {
        Done {
            job: p.job.clone(),
            unit: p.unit.clone(),
            fingerprint: p.fingerprint.clone(),
            status,
            why: None,
            done: 2.5,
            files: Vec::new(),
            metrics: BTreeMap::new(),
        }
    }

    #[test]
    fn what_was_written_is_there_after_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("rule");
        let (a, b) = (picked("a", 1, "7"), picked("a", 2, "8"));
        let mut store = Store::open(&folder).unwrap();
        store.pick(a.clone()).unwrap();
        store.finish(done(&a, Ended::Ok)).unwrap();
        assert!(Store::open(&folder).unwrap_err().to_string().contains("another watcher"));
        drop(store);
        // A power failure in the middle of a line.
        File::options()
            .append(true)
            .open(folder.join("state.jsonl"))
            .unwrap()
            .write_all(b"{\"picked\":{\"unit\":\"z")
            .unwrap();
        let mut store = Store::open(&folder).unwrap();
        store.pick(b.clone()).unwrap();
        drop(store);
        let held = Store::open(&folder).unwrap();
        let store = held.exports();
        assert_eq!(store.all().len(), 2);
        assert_eq!(store.all()[0].done.as_ref().unwrap().status, Ended::Ok);
        let version = Fingerprint::parse(&b.fingerprint).unwrap();
        assert_eq!(store.export_of("a", &version, "r").unwrap().picked, b);
        assert_eq!(store.export_of("a", &version, "r").unwrap().done, None);
        assert_eq!(store.export_of("a", &version, "another recipe"), None);
        assert_eq!(store.last_of("a").unwrap().picked, a);
        assert_eq!(store.last_of("b"), None);
        assert_eq!(a.seen().files["a"].mtime_ns, -4);
        drop(held);
        // Counting continues from where it stopped; a shorter file is a different one.
        let mut count = ExportCount::default();
        assert_eq!(count.look(&folder), 1);
        let mut store = Store::open(&folder).unwrap();
        store.finish(done(&b, Ended::Ok)).unwrap();
        assert_eq!((count.look(&folder), count.look(&folder)), (2, 2));
        store.pick(a.clone()).unwrap();
        store.finish(done(&a, Ended::Failed)).unwrap();
        assert_eq!(count.look(&folder), 2);
        std::fs::write(folder.join("state.jsonl"), b"").unwrap();
        assert_eq!(count.look(&folder), 0);
    }
}
