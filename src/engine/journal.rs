//! What of a job is safely on disk: what `jobs resume` starts from.
//!
//! One JSON object a line. `begin` starts an attempt: the plan's fingerprint, the token in the names of its part files, and those names.
//! `tensor` is a finished tensor with its report and the CRC-32 of its encoded bytes, appended only after the part files were synced.
//! `publish` says that an output is complete and is about to get its final name. A new attempt that cannot continue from the old one
//! appends another `begin`, so that the names of all part files this job ever made stay known. `forget` says that the files with the tensors
//! so far are gone (the job was cancelled). A torn line is ignored.

use super::event::TensorDone;
use super::metrics::ErrorStats;
use super::part_file::Identity;
use super::source_hash::{Hash128, SourceHash};
use crate::files::{self, ReadError};
use crate::model::{ModelError, OutputIndex, Result, TensorIndex};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

/// No journal is read beyond this size. A million tensors need about 300 MB.
const MAX_JOURNAL_BYTES: u64 = 2 << 30;

/// Bytes of lines that are written at once.
const LINES_BYTES: usize = 256 << 10;

/// A finished tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// Index of the tensor in its output.
    pub tensor: TensorIndex,
    /// CRC-32 of its encoded bytes.
    pub crc: u32,
    /// The sums behind its report; absent when the bytes were copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<ErrorStats>,
    /// Hash of its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Hash128>,
    /// The hashes of its pieces, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(clippy::box_collection, reason = "as in `SourceHash`")]
    pub pieces: Option<Box<Vec<Hash128>>>,
    /// True if its bytes were copied from an earlier output.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// Its report.
    pub done: TensorDone,
}

/// How an attempt began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// remold's version: another one may encode differently.
    pub version: String,
    /// Fingerprint of the plan.
    pub fingerprint: String,
    /// Random part of the names of this attempt's files.
    pub token: String,
    /// Where each output is written until it is published.
    pub outputs: Vec<StagedPaths>,
}

/// Where an output is written until it is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StagedPaths {
    /// The hidden folder that holds the part files, for outputs that are folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// True if that folder becomes the output by being renamed; else its files are renamed one by one.
    #[serde(default)]
    pub whole: bool,
    /// The part files, in the order of the plan.
    pub parts: Vec<PathBuf>,
    /// The part file of the manifest, where one is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<PathBuf>,
}

/// An output that is about to be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Publish {
    /// Index of the output.
    pub output: OutputIndex,
    /// Its files, in the order of the plan.
    pub files: Vec<Identity>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Begin(Begin),
    Tensor(Box<Entry>),
    Publish(Publish),
    Forget,
}

/// A line as it is read: of a tensor's report, which follows from the plan and the sums, only the output's number. Read without a
/// `serde_json::Value` in between, unlike [`from_json`](super::from_json): there may be a million lines.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Read {
    Begin(Begin),
    Tensor(ReadEntry),
    Publish(Publish),
    Forget,
}

#[derive(Deserialize)]
struct ReadEntry {
    tensor: TensorIndex,
    crc: u32,
    #[serde(default)]
    stats: Option<ErrorStats>,
    #[serde(default)]
    source: Option<Hash128>,
    #[serde(default)]
    #[expect(clippy::box_collection, reason = "as in `SourceHash`")]
    pieces: Option<Box<Vec<Hash128>>>,
    #[serde(default)]
    reused: bool,
    done: ReadDone,
}

#[derive(Deserialize)]
struct ReadDone {
    output: OutputIndex,
}

/// What is kept of a finished tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    /// CRC-32 of its encoded bytes.
    pub crc: u32,
    /// True if its bytes were copied from an earlier output.
    pub reused: bool,
    /// The sums behind its report; absent when the bytes were copied.
    pub stats: Option<Box<ErrorStats>>,
    /// The hash of its source; absent in the journals of versions that did not hash.
    pub source: Option<SourceHash>,
}

/// Finished tensors, by (output, tensor).
pub(crate) type Finished = HashMap<(OutputIndex, TensorIndex), Written>;

/// What a journal says.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Every attempt, the last one last.
    pub attempts: Vec<Begin>,
    /// What the last attempt finished, by (output, tensor).
    pub finished: Finished,
    /// The files of outputs that the last attempt was publishing, by output.
    pub publishing: HashMap<OutputIndex, Vec<Identity>>,
}

/// Reads a journal; an absent one says nothing.
///
/// # Errors
/// I/O errors.
pub(crate) fn read(path: &Path) -> Result<Recorded> {
    let fail = |e| ModelError::io(path, "reading the journal", e);
    let mut recorded = Recorded::default();
    let file = match files::open(path) {
        Ok(file) => file,
        Err(ReadError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => return Ok(recorded),
        Err(ReadError::Io(e)) => return Err(fail(e)),
        Err(e) => {
            let hint = "The folder of the job is damaged; start a new conversion.";
            return Err(ModelError::bad(format!("this is not the journal of a job: {e}"))
                .in_file(path)
                .with_hint(hint));
        }
    };
    let mut lines = BufReader::new(file.take(MAX_JOURNAL_BYTES));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).map_err(fail)? > 0 {
        match serde_json::from_slice::<Read>(&line) {
            Ok(Read::Begin(begin)) => {
                recorded.finished.clear();
                recorded.publishing.clear();
                recorded.attempts.push(begin);
            }
            Ok(Read::Tensor(e)) => {
                let source = e.source.map(|whole| SourceHash { whole, pieces: e.pieces });
                let written = Written { crc: e.crc, reused: e.reused, stats: e.stats.map(Box::new), source };
                recorded.finished.insert((e.done.output, e.tensor), written);
            }
            Ok(Read::Forget) => recorded.finished.clear(),
            Ok(Read::Publish(p)) => {
                recorded.publishing.insert(p.output, p.files);
            }
            // A line that a crash cut off, or an empty one.
            Err(_) => {}
        }
        line.clear();
    }
    Ok(recorded)
}

/// A journal that is written to.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal for appending, on a line of its own.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let fail = |e| ModelError::io(path, "opening the journal", e);
        files::point("open journal", path).map_err(fail)?;
        let new = !path.exists();
        let file =
            files::open_private(files::private_options().create(true).append(true).read(true), path).map_err(fail)?;
        let mut this = Self { file, path: path.to_owned() };
        if new {
            files::sync_folder(files::parent_of(path)).map_err(fail)?;
        } else if this.file.metadata().map_err(fail)?.len() > 0 {
            // A line that a crash cut off must not swallow the next one.
            this.file.write_all(b"\n").map_err(fail)?;
        }
        Ok(this)
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let fail = |e| ModelError::io(&self.path, "writing the journal", e);
        let mut bytes = serde_json::to_vec(line).map_err(|e| fail(e.into()))?;
        bytes.push(b'\n');
        self.file.write_all(&bytes).map_err(fail)
    }

    fn sync(&self) -> Result<()> {
        files::sync_file(&self.file, &self.path).map_err(|e| ModelError::io(&self.path, "syncing the journal", e))
    }

    /// Starts an attempt. The names of its files are on disk before any of them is created.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn begin(&mut self, begin: Begin) -> Result<()> {
        self.line(&Line::Begin(begin))?;
        self.sync()
    }

    /// Records that none of the tensors so far can be used: their files are gone.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.line(&Line::Forget)?;
        self.sync()
    }

    /// Records tensors whose bytes are synced.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn record(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<()> {
        let fail = |e| ModelError::io(&self.path, "writing the journal", e);
        let mut lines = BufWriter::with_capacity(LINES_BYTES, &self.file);
        for entry in entries {
            let _ = serde_json::to_writer(&mut lines, &Line::Tensor(Box::new(entry)));
            lines.write_all(b"\n").map_err(fail)?;
        }
        lines.flush().map_err(fail)
    }

    /// Records that an output is about to be published.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn publish(&mut self, output: OutputIndex, files: Vec<Identity>) -> Result<()> {
        self.line(&Line::Publish(Publish { output, files }))?;
        self.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tensor: usize) -> Entry {
        let stats = ErrorStats::compare(&[0.1, 0.2, 1e-30], &[0.1, 0.25, 0.0]);
        let (source, pieces) = (Some(Hash128([9; 16])), Some(Box::new(vec![Hash128([1; 16]), Hash128([2; 16])])));
        let done = TensorDone { rmse: Some(0.125), ..TensorDone::default() };
        Entry { tensor: TensorIndex(tensor), crc: 7, stats: Some(stats), source, pieces, reused: false, done }
    }

    fn begin(token: &str) -> Begin {
        Begin { token: token.into(), ..Begin::default() }
    }

    #[test]
    fn a_torn_line_swallows_neither_the_line_before_nor_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        assert!(read(&path).unwrap().attempts.is_empty());
        let mut j = Journal::open(&path).unwrap();
        j.begin(begin("a")).unwrap();
        j.record(vec![entry(1), entry(2)]).unwrap();
        j.file.write_all(b"{\"tensor\":{\"tensor\":3,\"cr").unwrap();
        drop(j);
        let mut j = Journal::open(&path).unwrap();
        j.record(vec![entry(4)]).unwrap();
        let file = Identity { inode: 17, bytes: 3, mtime_ns: 1_700_000_000_123_456_789 };
        j.publish(OutputIndex(0), vec![file]).unwrap();
        let recorded = read(&path).unwrap();
        let mut finished: Vec<usize> = recorded.finished.keys().map(|k| k.1.0).collect();
        finished.sort_unstable();
        assert_eq!(finished, [1, 2, 4]);
        let Entry { stats, source, pieces, .. } = entry(4);
        let source = source.map(|whole| SourceHash { whole, pieces });
        let written = Written { crc: 7, reused: false, stats: stats.map(Box::new), source };
        assert_eq!(recorded.finished[&(OutputIndex(0), TensorIndex(4))], written, "the sums survive to the last bit");
        assert_eq!(recorded.publishing[&OutputIndex(0)], [file]);
        // The files are gone: what they held does not count; the attempt stays.
        j.forget().unwrap();
        j.record(vec![entry(5)]).unwrap();
        let recorded = read(&path).unwrap();
        assert_eq!(recorded.finished.keys().map(|k| k.1.0).collect::<Vec<_>>(), [5]);
        assert_eq!(recorded.attempts.len(), 1);
        // Another attempt: what the first one finished does not count, its token stays known.
        j.begin(begin("b")).unwrap();
        let recorded = read(&path).unwrap();
        assert!(recorded.finished.is_empty() && recorded.publishing.is_empty());
        assert_eq!(recorded.attempts, [begin("a"), begin("b")]);
    }
}
