//! Lists the models under a folder: one entry for each model folder, single file, shard set or split GGUF.
//!
//! Only headers are read, from several threads; vocabularies are skipped. Links are followed, but no folder is entered
//! twice. A broken model is an entry with its error, not an error of the scan.

mod describe;
mod walk;

pub(crate) use walk::set_of as shard_set;

use crate::model::{Defect, ErrorKind, FormatId, ModelError};
use crate::quant::Encoding;
use crate::task::together;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// A model folder with configuration and weights.
    Folder,
    /// A file, or a set of files that are one model; the path is the first of them.
    File,
    /// Not a model: a folder that could not be listed.
    Nothing,
}

/// One model under the scanned folder. [`open`](crate::formats::open) of `path` opens it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The folder or (first) file.
    pub path: PathBuf,
    /// Its kind.
    pub kind: FoundKind,
    /// Its format, when it was recognised.
    pub format: Option<FormatId>,
    /// Bytes of all its weights files.
    pub bytes: u64,
    /// A name for people: the one in the model, otherwise the folder's or file's.
    pub title: String,
    /// `llama`, `bert`, … from the model's metadata or configuration.
    pub architecture: Option<String>,
    /// Number of tensors; 0 if unknown.
    pub tensors: usize,
    /// Number of elements over all tensors; 0 if unknown.
    pub parameters: u64,
    /// The encoding of the most bytes.
    pub encoding: Option<Encoding>,
    /// Number of files of a set; 1 otherwise.
    pub files: usize,
    /// When a weights file was last written to, in seconds since 1970; 0 if unknown.
    pub modified: i64,
    /// A defect that people know a word for.
    pub defect: Option<Defect>,
    /// Warnings that reading it gave.
    pub warnings: usize,
    /// What is wrong with it, one line.
    pub error: Option<String>,
    /// The fact of `error` alone, without file and place.
    pub fact: Option<String>,
    /// True if `error` says that the file is fine, and this version cannot read it or has a limit that it exceeds.
    pub unsupported: bool,
}

impl Found {
    fn wrong(&mut self, e: &ModelError) {
        (self.error, self.fact) = (Some(e.to_string()), Some(e.fact().to_owned()));
        self.defect = e.known_defect();
        self.unsupported = matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::Limit);
    }
}

/// Something that may be a model, before its headers were read.
#[derive(Debug)]
struct Unit {
    path: PathBuf,
    kind: FoundKind,
    files: Vec<PathBuf>,
    error: Option<ModelError>,
}

/// Every model in `dir` and in folders up to `max_depth` below it, by path. If `dir` is a file, only that file is
/// read.
pub fn scan(dir: &Path, max_depth: usize) -> Vec<Found> {
    let found = Mutex::new(Vec::new());
    scan_each(dir, max_depth, &|one| {
        if let Ok(mut found) = found.lock() {
            found.push(one);
        }
        true
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by(|a: &Found, b| a.path.cmp(&b.path));
    found
}

/// The same, reported one by one as they are read, from several threads and roughly in the order of their paths; `take`
/// returns whether to continue.
pub(crate) fn scan_each(dir: &Path, max_depth: usize, take: &(dyn Fn(Found) -> bool + Sync)) {
    let units = walk::units(dir, max_depth);
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(8).min(units.len());
    together(threads, || {
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(one) = describe::describe(unit)
                && !take(one)
            {
                next.store(units.len(), Ordering::Relaxed);
            }
        }
    });
}

/// True for a file, and for a folder that is a model itself, judged by the names in it.
pub(crate) fn is_model(path: &Path) -> bool {
    walk::units(path, 0).iter().any(|u| u.path == path && u.kind != FoundKind::Nothing)
}
