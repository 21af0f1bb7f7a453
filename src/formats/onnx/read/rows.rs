//! Rows of a tensor whose elements are stored as numbers of variable length (`int32_data`, `int64_data`, `uint64_data`).

use crate::formats::protobuf::{Span, Walker};
use crate::model::{ModelError, Result, TensorData};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A place is remembered every so many numbers.
const STEP: u64 = 4096;
/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Decodes numbers when rows are read; remembers where some of them are.
pub(super) struct VarintRows {
    file: Arc<File>,
    path: Arc<PathBuf>,
    /// Offset of each [`STEP`]th number.
    places: Vec<u64>,
    end: u64,
    count: u64,
    /// Bytes of an element: the lowest of each number.
    size: u64,
    row_bytes: u64,
}

impl VarintRows {
    /// Goes over all numbers once.
    pub(super) fn index(w: &mut Walker, file: Arc<File>, span: Span, size: u64, row_bytes: u64) -> Result<Self> {
        let (mut places, mut count) = (vec![span.offset], 0u64);
        w.varints(span, |_, after| {
            count += 1;
            if count.is_multiple_of(STEP) {
                places.push(after);
            }
            Ok(())
        })?;
        let path = w.path().clone();
        Ok(Self { file, path, places, end: span.offset + span.len, count, size, row_bytes })
    }

    /// How many numbers there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    fn read_at(&self, from: u64, dst: &mut [u8]) -> Result<()> {
        let first = from / self.size;
        let short = || ModelError::bad("row range out of bounds of the tensor").in_file(&self.path);
        let place = usize::try_from(first / STEP).ok().and_then(|i| self.places.get(i).copied());
        let mut at = place.ok_or_else(short)?;
        let mut skip = first % STEP;
        let mut elements = dst.chunks_mut(self.size as usize);
        let Some(mut next) = elements.next() else { return Ok(()) };
        let (mut value, mut shift) = (0u64, 0u32);
        let mut chunk = Vec::new();
        while at < self.end {
            let n = CHUNK.min(usize::try_from(self.end - at).unwrap_or(CHUNK));
            chunk.resize(n, 0);
            self.file.read_exact_at(&mut chunk, at).map_err(|e| ModelError::io(&self.path, "reading", e).at(at))?;
            at += n as u64;
            for byte in &chunk {
                value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
                shift += 7;
                if *byte >= 0x80 {
                    continue;
                }
                let bytes = value.to_le_bytes();
                (value, shift) = (0, 0);
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let n = next.len();
                next.copy_from_slice(&bytes[..n]);
                match elements.next() {
                    Some(element) => next = element,
                    None => return Ok(()),
                }
            }
        }
        Err(short())
    }
}

impl TensorData for VarintRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.read_at(rows.start.saturating_mul(self.row_bytes), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.read_at(row.saturating_mul(self.row_bytes).saturating_add(bytes.start), dst)
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }
}
