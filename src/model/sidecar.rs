//! The small files next to the tensors: `config.json`, tokenizer files, templates.

use super::{ModelError, Result, placeholder, python_json, read_request_file};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};

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
    /// When the file cannot be read, is larger than any real one, or is what a failed download left in its place.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Sidecar::Bytes(b)) => Ok(Some(b.clone())),
            Some(Sidecar::File(path)) => {
                let bytes = read_request_file(path, MAX_SIDECAR_BYTES)?;
                match placeholder(&bytes, true, is_prose(name)) {
                    Some(error) => Err(error.in_file(path)),
                    None => Ok(Some(bytes)),
                }
            }
        }
    }

    /// The contents of a JSON sidecar; `None` if the model has no such file. What Python writes beside strict JSON (NaN,
    /// Infinity, a byte-order mark) is read; see [`python_json`].
    ///
    /// # Errors
    /// As [`Sidecars::read`], and when it is not valid JSON (with line and column).
    pub fn json(&self, name: &str) -> Result<Option<serde_json::Value>> {
        self.parse(name, python_json::from_slice)
    }

    /// As [`Sidecars::json`], but NaN and Infinity become strings, so that they differ from null.
    ///
    /// # Errors
    /// As [`Sidecars::json`].
    pub(crate) fn json_with_words(&self, name: &str) -> Result<Option<serde_json::Value>> {
        self.parse(name, python_json::from_slice_with_words)
    }

    fn parse(
        &self,
        name: &str,
        parse: impl Fn(&[u8]) -> serde_json::Result<serde_json::Value>,
    ) -> Result<Option<serde_json::Value>> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        parse(&bytes).map(Some).map_err(|e| {
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

/// Files that hold text for people or templates, which may be HTML.
fn is_prose(name: &str) -> bool {
    let ext = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or_default();
    matches!(ext, "md" | "jinja") || name.starts_with("LICENSE") || name.starts_with("NOTICE")
}
