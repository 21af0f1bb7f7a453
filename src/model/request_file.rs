//! Files that a user or a model names, with errors that say what is wrong with them.

use super::{ModelError, Result};
use crate::files::{self, ReadError};
use std::fs::File;
use std::path::Path;

/// The contents of a file that is read whole: an importance matrix, a recipe, a list of tensor types, a sidecar, an index. Every such
/// file is read through this function, so that none can block or grow without end.
///
/// # Errors
/// Pipes, devices, sockets and folders; files of more than `limit` bytes; I/O errors.
pub(crate) fn read_request_file(path: &Path, limit: u64) -> Result<Vec<u8>> {
    files::read(path, limit).map_err(|e| refused(path, "reading", e))
}

/// As [`read_request_file`], for text.
///
/// # Errors
/// As [`read_request_file`], and bytes that are not UTF-8.
pub(crate) fn read_request_text(path: &Path, limit: u64) -> Result<String> {
    files::read_text(path, limit).map_err(|e| refused(path, "reading", e))
}

/// Opens a file that is read in parts, as model files are.
///
/// # Errors
/// Pipes, devices, sockets and folders; I/O errors.
pub(crate) fn open_request_file(path: &Path) -> Result<File> {
    files::open(path).map_err(|e| refused(path, "opening", e))
}

fn refused(path: &Path, doing: &str, e: ReadError) -> ModelError {
    match e {
        ReadError::Io(e) => ModelError::io(path, doing, e),
        ReadError::NotAFile("a folder") => ModelError::request(e.to_string()).in_file(path),
        ReadError::NotAFile(_) => ModelError::request(e.to_string())
            .in_file(path)
            .with_hint("Save its contents to a file and name that file."),
        ReadError::TooLarge(_) => ModelError::limit(e.to_string()).in_file(path),
        ReadError::NotText => ModelError::bad(e.to_string()).in_file(path),
    }
}
