//! The small files that stand beside the tensors: `config.json`, tokenizer files, templates.

use super::{ModelError, Result, read_request_file};
use indexmap::IndexMap;
use std::path::PathBuf;

/// No sidecar is read beyond this size (the largest tokenizer.json in the wild is about 35 MB).
const MAX_SIDECAR_BYTES: u64 = 256 << 20;

/// One sidecar file: on disk, or made by a step.
#[derive(Clone, Debug)]
pub enum Sidecar {
    /// A file that is read when needed.
    File(PathBuf),
    /// Contents made in memory.
    Bytes(Vec<u8>),
}

/// Sidecar files by file name.
#[derive(Clone, Debug, Default)]
pub struct Sidecars(pub IndexMap<String, Sidecar>);

impl Sidecars {
    /// The contents of a sidecar; `None` if the model has no such file.
    ///
    /// # Errors
    /// When the file cannot be read or is larger than any real one.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Sidecar::Bytes(b)) => Ok(Some(b.clone())),
            Some(Sidecar::File(path)) => read_request_file(path, MAX_SIDECAR_BYTES).map(Some),
        }
    }

    /// The contents of a JSON sidecar; `None` if the model has no such file.
    ///
    /// # Errors
    /// As [`Sidecars::read`], and when it is not valid JSON (with line and column).
    pub fn json(&self, name: &str) -> Result<Option<serde_json::Value>> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            let error = ModelError::bad(format!("not valid JSON: {e}"));
            match self.0.get(name) {
                Some(Sidecar::File(path)) => error.in_file(path),
                _ => error.field(name),
            }
        })
    }

    /// True if the model has that file.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
