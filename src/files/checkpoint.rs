//! Unfinished work on disk, so that another process continues it: parts with checksums, and an index that names them and is written last.
//!
//! A part never changes: what was written once under a name is not written again, and parts that the index no longer names are removed. An index
//! or a part that is damaged, of other work (another key) or of another version counts as absent, and the work begins from the start.
//! Parts are not synced: after a power failure a checksum fails. The folder is bounded by a limit; work that needs more is not kept.

use super::{create_private_folder, open_private, private_options, read, remove_folder, write_whole};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const VERSION: u32 = 1;
const INDEX: &str = "index.json";
/// Most bytes of the index.
const MAX_INDEX: u64 = 16 << 20;
/// Shortest time between two saves.
const EVERY: Duration = Duration::from_secs(5);
/// Saving takes at most one part in this many of the time.
const SHARE: u32 = 20;

/// What a part holds.
pub(crate) enum Content<'a> {
    /// Little-endian `f32`.
    Floats(&'a [f32]),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
}

impl Content<'_> {
    fn bytes(&self) -> u64 {
        match self {
            Self::Floats(values) => size_of_val(*values) as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// A part: its name, of lower-case letters, digits and `-`, and what it holds.
pub(crate) type Part<'a> = (String, Content<'a>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    bytes: u64,
    crc32: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    version: u32,
    /// The work that it belongs to.
    key: String,
    /// Where the work was.
    at: Vec<u64>,
    parts: BTreeMap<String, Record>,
}

/// A folder for unfinished work.
pub(crate) struct Checkpoint {
    folder: PathBuf,
    key: String,
    limit: u64,
    every: Duration,
    /// True if work that is stopped now will be continued.
    wanted: Box<dyn Fn() -> bool + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    written: BTreeMap<String, Record>,
    saved: Instant,
    took: Duration,
    trouble: Option<String>,
}

/// Work that was kept.
pub(crate) struct Kept {
    folder: PathBuf,
    /// Where the work was.
    pub at: Vec<u64>,
    parts: BTreeMap<String, Record>,
}

impl Checkpoint {
    /// A folder, which need not exist, for the work that `key` names, with at most `limit` bytes.
    pub(crate) fn new(folder: &Path, key: &str, limit: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            key: key.to_owned(),
            limit,
            every: EVERY,
            wanted: Box::new(|| true),
            state: Mutex::new(State {
                written: BTreeMap::new(),
                saved: Instant::now(),
                took: Duration::ZERO,
                trouble: None,
            }),
        }
    }

    /// The same, where `wanted` says whether work that is stopped now will be continued.
    #[must_use]
    pub(crate) fn wanted(self, wanted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { wanted: Box::new(wanted), ..self }
    }

    /// The same with another shortest time between two saves.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// True if it is time to save.
    pub(crate) fn is_due(&self) -> bool {
        let state = self.lock();
        state.saved.elapsed() >= self.every.max(if self.every.is_zero() { Duration::ZERO } else { state.took * SHARE })
    }

    /// True if work that is stopped now will be continued.
    pub(crate) fn is_wanted(&self) -> bool {
        (self.wanted)()
    }

    /// Keeps the work: where it is, and everything that it needs to continue there. A failure is kept for [`Checkpoint::trouble`]: the
    /// work itself goes on.
    pub(crate) fn save(&self, at: &[u64], parts: &[Part<'_>]) {
        let begun = Instant::now();
        let mut state = self.lock();
        if let Err(e) = self.write(&mut state, at, parts) {
            state.trouble.get_or_insert(e.to_string());
        }
        state.took = begun.elapsed();
        state.saved = Instant::now();
    }

    fn write(&self, state: &mut State, at: &[u64], parts: &[Part<'_>]) -> io::Result<()> {
        let bytes: u64 = parts.iter().map(|(_, c)| c.bytes()).sum();
        if bytes > self.limit {
            let text = format!("the state has {bytes} bytes, more than the limit of {}", self.limit);
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        create_private_folder(&self.folder)?;
        let mut index = Index { version: VERSION, key: self.key.clone(), at: at.to_vec(), parts: BTreeMap::new() };
        for (name, content) in parts {
            let record = match state.written.get(name) {
                Some(record) if record.bytes == content.bytes() => *record,
                _ => write_part(&self.folder.join(name), content)?,
            };
            index.parts.insert(name.clone(), record);
        }
        write_whole(&self.folder.join(INDEX), &serde_json::to_vec(&index)?)?;
        for old in state.written.keys().filter(|name| !index.parts.contains_key(*name)) {
            let _ = fs::remove_file(self.folder.join(old));
        }
        state.written = index.parts;
        Ok(())
    }

    /// The work that an earlier process kept, if it is of the same key.
    pub(crate) fn load(&self) -> Option<Kept> {
        let index: Index = serde_json::from_slice(&read(&self.folder.join(INDEX), MAX_INDEX).ok()?).ok()?;
        let total: u64 = index.parts.values().try_fold(0u64, |sum, r| sum.checked_add(r.bytes))?;
        let named = |name: &String| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let fits = index.version == VERSION && index.key == self.key && total <= self.limit;
        if !fits || !index.parts.keys().all(named) {
            return None;
        }
        self.lock().written.clone_from(&index.parts);
        Some(Kept { folder: self.folder.clone(), at: index.at, parts: index.parts })
    }

    /// Removes the folder.
    pub(crate) fn remove(&self) {
        self.lock().written.clear();
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in names.filter(|e| e.file_type().is_ok_and(|t| t.is_file())) {
            let _ = fs::remove_file(entry.path());
        }
        let _ = remove_folder(&self.folder);
    }

    /// Why the work could not be kept, the first time.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }
}

fn write_part(path: &Path, content: &Content<'_>) -> io::Result<Record> {
    let file = open_private(private_options().create(true).truncate(true).write(true), path)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut crc = crc32fast::Hasher::new();
    match content {
        Content::Bytes(bytes) => {
            crc.update(bytes);
            out.write_all(bytes)?;
        }
        Content::Floats(values) => {
            let mut block = Vec::with_capacity(1 << 16);
            for values in values.chunks(1 << 14) {
                block.clear();
                block.extend(values.iter().flat_map(|v| v.to_le_bytes()));
                crc.update(&block);
                out.write_all(&block)?;
            }
        }
    }
    out.flush()?;
    Ok(Record { bytes: content.bytes(), crc32: crc.finalize() })
}

impl Kept {
    /// The bytes of a part; `None` if it is absent or damaged.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let record = self.parts.get(name)?;
        let bytes = read(&self.folder.join(name), record.bytes).ok()?;
        (bytes.len() as u64 == record.bytes && crc32fast::hash(&bytes) == record.crc32).then_some(bytes)
    }

    /// The values of a part.
    pub(crate) fn floats(&self, name: &str) -> Option<Vec<f32>> {
        let bytes = self.bytes(name)?;
        let (values, rest) = bytes.as_chunks::<4>();
        rest.is_empty().then(|| values.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(dir: &Path, key: &str) -> Checkpoint {
        Checkpoint::new(&dir.join("state"), key, 1000)
    }

    fn text(text: &str) -> Content<'_> {
        Content::Bytes(text.as_bytes().into())
    }

    #[test]
    fn what_was_saved_is_found_by_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let first = at(dir.path(), "a");
        assert!(first.load().is_none());
        first.save(&[1], &[("one".into(), text("x")), ("floats".into(), Content::Floats(&[1.5, f32::MIN_POSITIVE]))]);
        first.save(&[2], &[("floats".into(), Content::Floats(&[1.5, f32::MIN_POSITIVE])), ("two".into(), text("y"))]);
        assert_eq!(first.trouble(), None);
        let kept = at(dir.path(), "a").load().unwrap();
        assert_eq!(kept.at, [2]);
        assert_eq!(kept.floats("floats").unwrap(), [1.5, f32::MIN_POSITIVE]);
        assert_eq!((kept.bytes("two").unwrap(), kept.bytes("one")), (b"y".to_vec(), None));
        assert!(!dir.path().join("state/one").exists(), "parts that are not needed any more are removed");
        assert!(at(dir.path(), "b").load().is_none());
        // What a continued run saves again is not written again.
        let next = at(dir.path(), "a");
        next.load().unwrap();
        next.save(&[3], &[("two".into(), text("z"))]);
        assert_eq!(at(dir.path(), "a").load().unwrap().bytes("two").unwrap(), b"y");
        next.remove();
        assert!(!dir.path().join("state").exists());
    }

    #[test]
    fn damage_and_too_much_are_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let first = at(dir.path(), "a");
        first.save(&[1], &[("one".into(), text("abc"))]);
        fs::write(dir.path().join("state/one"), "abd").unwrap();
        assert_eq!(at(dir.path(), "a").load().unwrap().bytes("one"), None);
        let long = "x".repeat(1001);
        first.save(&[2], &[("long".into(), text(&long))]);
        assert!(first.trouble().unwrap().contains("limit"));
        assert_eq!(at(dir.path(), "a").load().unwrap().at, [1]);
        fs::write(dir.path().join("state/index.json"), "{").unwrap();
        assert!(at(dir.path(), "a").load().is_none());
    }
}
