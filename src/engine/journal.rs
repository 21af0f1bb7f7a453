//! Which tensors of a job are safely on disk: what `jobs resume` starts from.
//!
//! The first line is the plan's fingerprint; each further line is one finished tensor with its report and checksum, appended
//! only after the output files were synced. A torn last line is ignored.

use super::event::{TensorDone, from_json};
use crate::model::{ModelError, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A finished tensor as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Index of the tensor in its output.
    pub tensor: usize,
    /// CRC-32 of its encoded bytes, for formats that store it.
    pub crc: u32,
    /// Its report.
    pub done: TensorDone,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// What an earlier run finished, by (output, tensor).
    pub finished: HashMap<(usize, usize), Entry>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    fingerprint: String,
}

impl Journal {
    /// Opens the journal at `path`. Entries of an earlier run count only if its fingerprint is the same and `resume` is set;
    /// otherwise the journal starts anew.
    ///
    /// # Errors
    /// I/O errors; with `resume`, a bad-request error when the plan is no longer the same.
    pub fn open(path: &Path, fingerprint: &str, resume: bool) -> Result<Self> {
        let fail = |e| ModelError::io(path, "opening the journal", e);
        let mut finished = HashMap::new();
        if resume && path.exists() {
            let text = fs::read_to_string(path).map_err(fail)?;
            let mut lines = text.lines();
            let header = lines.next().and_then(|l| serde_json::from_str::<Header>(l).ok());
            match header {
                Some(h) if h.fingerprint == fingerprint => {
                    for entry in lines.filter_map(|l| from_json::<Entry>(l.as_bytes()).ok()) {
                        finished.insert((entry.done.tensor.output, entry.tensor), entry);
                    }
                }
                Some(_) => {
                    let hint = "The source or the recipe changed since; start a new conversion.";
                    return Err(ModelError::request("the plan is not the one this job began with")
                        .in_file(path)
                        .with_hint(hint));
                }
                None => {}
            }
        }
        let mut options = crate::files::options();
        options.create(true);
        if finished.is_empty() {
            options.write(true).truncate(true)
        } else {
            options.append(true)
        };
        let mut this = Self { file: options.open(path).map_err(fail)?, path: path.to_owned(), finished };
        if this.finished.is_empty() {
            this.line(&Header { fingerprint: fingerprint.to_owned() })?;
        }
        Ok(this)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).unwrap_or_default();
        line.push(b'\n');
        self.file.write_all(&line).map_err(|e| ModelError::io(&self.path, "writing the journal", e))
    }

    /// Records tensors whose bytes are synced.
    ///
    /// # Errors
    /// I/O errors.
    pub fn record(&mut self, entries: &[Entry]) -> Result<()> {
        entries.iter().try_for_each(|e| self.line(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tensor: usize) -> Entry {
        Entry { tensor, crc: 7, done: TensorDone { rmse: Some(0.125), ..TensorDone::default() } }
    }

    #[test]
    fn a_torn_line_is_dropped_and_another_plan_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut j = Journal::open(&path, "a", false).unwrap();
        j.record(&[entry(1), entry(2)]).unwrap();
        j.file.write_all(b"{\"tensor\":3,\"cr").unwrap();
        drop(j);
        let j = Journal::open(&path, "a", true).unwrap();
        assert_eq!(j.finished.len(), 2);
        drop(j);
        assert!(Journal::open(&path, "b", true).is_err());
        assert!(Journal::open(&path, "b", false).unwrap().finished.is_empty());
    }
}
