//! Lazy views: each wraps tensors and produces rows of a new one on demand, holding no more than a chunk.

use super::{ModelError, Piece, Result, TensorData, TensorEntry};
use crate::quant::Encoding;
use crate::tensor::{DType, decode_f32};
use std::ops::Range;
use std::sync::Arc;

/// Decodes a piece of a plain-typed entry to `f32` through `scratch`. Block formats are decoded by `transform`.
///
/// # Errors
/// As [`TensorData::read_rows`]; unsupported for block formats.
pub fn decode_piece(entry: &TensorEntry, piece: &Piece, scratch: &mut Vec<u8>, dst: &mut [f32]) -> Result<()> {
    let Encoding::Plain(dtype) = entry.encoding else {
        return Err(ModelError::unsupported(format!("{} must be dequantized first", entry.encoding)).field(&entry.name));
    };
    entry.read_piece(piece, scratch)?;
    decode_f32(dtype, scratch, dst);
    Ok(())
}

/// Rows held in memory: generated tensors (rope factors), small results.
#[derive(Debug)]
pub struct MemoryRows {
    /// All rows, encoded.
    pub bytes: Vec<u8>,
    /// Bytes of one row.
    pub row_bytes: u64,
}

impl MemoryRows {
    /// A vector of `f32` as an entry.
    pub(crate) fn f32_vector(name: &str, values: &[f32]) -> TensorEntry {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let row_bytes = bytes.len() as u64;
        TensorEntry::new(name, [values.len() as u64], DType::F32, Arc::new(Self { bytes, row_bytes }))
    }
}

impl TensorData for MemoryRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let start = usize::try_from(rows.start.saturating_mul(self.row_bytes)).unwrap_or(usize::MAX);
        let end = start.saturating_add(dst.len());
        let src = self
            .bytes
            .get(start..end)
            .ok_or_else(|| ModelError::bad("row range out of bounds of the tensor in memory"))?;
        dst.copy_from_slice(src);
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let at = usize::try_from(row.saturating_mul(self.row_bytes).saturating_add(bytes.start)).unwrap_or(usize::MAX);
        let src = self.bytes.get(at..at.saturating_add(dst.len()));
        dst.copy_from_slice(src.ok_or_else(|| ModelError::bad("row range out of bounds of the tensor in memory"))?);
        Ok(())
    }
}

/// Rows of `inner` in another order: output row `r` is row `map(r)` of `inner`. Runs of neighbouring rows are read at once.
/// Serves head permutation, row slices and layer cuts.
pub(crate) struct MapRows<F> {
    /// The tensor behind.
    pub inner: TensorEntry,
    /// The row of `inner` for each output row.
    pub map: F,
}

impl<F: Fn(u64) -> u64 + Send + Sync> TensorData for MapRows<F> {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let row_bytes = usize::try_from(self.inner.row_bytes()).unwrap_or(usize::MAX);
        let mut done = 0usize;
        let mut r = rows.start;
        while r < rows.end {
            let first = (self.map)(r);
            let mut n = 1u64;
            while r + n < rows.end && (self.map)(r + n) == first + n {
                n += 1;
            }
            let len = row_bytes * n as usize;
            self.inner.data.read_rows(first..first + n, &mut dst[done..done + len])?;
            done += len;
            r += n;
        }
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.inner.data.read_part((self.map)(row), bytes, dst)
    }
}

/// Tensors with equal row length and encoding, one below the other: expert stacking, row padding, fused projections.
#[derive(Debug)]
pub struct ConcatRows {
    /// The parts, top first; all of the same encoding and row length.
    pub parts: Vec<TensorEntry>,
}

impl TensorData for ConcatRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let (mut base, mut done) = (0u64, 0usize);
        for part in &self.parts {
            let n = part.rows();
            let from = rows.start.max(base);
            let to = rows.end.min(base + n);
            if from < to {
                let len = usize::try_from((to - from) * part.row_bytes()).unwrap_or(usize::MAX);
                part.data.read_rows(from - base..to - base, &mut dst[done..done + len])?;
                done += len;
            }
            base += n;
        }
        if done != dst.len() {
            return Err(ModelError::bad("row range out of bounds of the stacked tensors"));
        }
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let mut base = 0u64;
        for part in &self.parts {
            let n = part.rows();
            if row - base < n {
                return part.data.read_part(row - base, bytes, dst);
            }
            base += n;
        }
        Err(ModelError::bad("row range out of bounds of the stacked tensors"))
    }
}

/// The transpose of a plain-typed matrix `inner` of shape \[r, c\]: output shape \[c, r\]. A range of output rows is a range of
/// inner columns; the inner rows are streamed in stripes of about a megabyte or, where one row is longer, read in part.
#[derive(Debug)]
pub(crate) struct Transposed {
    /// The matrix behind; plain element type.
    pub inner: TensorEntry,
}

/// Bytes of inner rows that a transposition holds at a time.
const STRIPE_BYTES: u64 = 1 << 20;

impl TensorData for Transposed {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.gather(rows, 0..self.inner.rows(), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let size = self.elem_bytes()? as u64;
        self.gather(row..row + 1, bytes.start / size..bytes.end / size, dst)
    }

    fn transpose_of(&self) -> Option<&TensorEntry> {
        Some(&self.inner)
    }
}

impl Transposed {
    fn elem_bytes(&self) -> Result<usize> {
        match self.inner.encoding {
            Encoding::Plain(dtype) => Ok(dtype.size_bytes()),
            Encoding::Block(_) => {
                let what = "a block-quantized tensor cannot be transposed";
                Err(ModelError::unsupported(what).field(&self.inner.name))
            }
        }
    }

    /// Columns `out` of the rows `from` of the inner matrix, as rows.
    fn gather(&self, out: Range<u64>, from: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let size = self.elem_bytes()?;
        let in_cols = self.inner.cols();
        let (n_out, n_in) = ((out.end - out.start) as usize, (from.end - from.start) as usize);
        // Of rows longer than a stripe only the wanted columns are read, about a stripe of them at a time.
        let long = in_cols.saturating_mul(size as u64) > STRIPE_BYTES;
        let width = if long { (STRIPE_BYTES / size as u64).min(n_out as u64) } else { in_cols };
        let stripe =
            if long { 1 } else { (STRIPE_BYTES / (in_cols * size as u64).max(1)).clamp(1, (n_in as u64).max(1)) };
        let mut buf = vec![0u8; (stripe * width) as usize * size];
        let mut r = from.start;
        while r < from.end {
            let n = stripe.min(from.end - r);
            let mut first = 0;
            while first < n_out as u64 {
                let cols = if long { width.min(n_out as u64 - first) } else { n_out as u64 };
                // Offset of the first of these columns in the buffer, and the distance between its rows.
                let (skip, pitch) = if long { (0, cols as usize) } else { (out.start as usize, in_cols as usize) };
                if long {
                    let at = (out.start + first) * size as u64;
                    let part = &mut buf[..cols as usize * size];
                    self.inner.data.read_part(r, at..at + part.len() as u64, part)?;
                } else {
                    self.inner.data.read_rows(r..r + n, &mut buf[..(n * in_cols) as usize * size])?;
                }
                for i in 0..n as usize {
                    for o in 0..cols as usize {
                        let s = (i * pitch + skip + o) * size;
                        let d = ((first as usize + o) * n_in + (r - from.start) as usize + i) * size;
                        dst[d..d + size].copy_from_slice(&buf[s..s + size]);
                    }
                }
                first += cols;
            }
            r += n;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: u64, cols: u64) -> TensorEntry {
        let bytes: Vec<u8> = (0..rows * cols).flat_map(|v| (v as f32).to_le_bytes()).collect();
        TensorEntry::new("m", [rows, cols], DType::F32, Arc::new(MemoryRows { bytes, row_bytes: cols * 4 }))
    }

    fn floats(entry: &TensorEntry, rows: Range<u64>) -> Vec<f32> {
        let bytes = entry.read(rows).unwrap();
        bytes.chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect()
    }

    #[test]
    fn any_chunking_of_a_view_gives_the_same_rows() {
        let a = matrix(6, 3);
        let views = [
            TensorEntry::new("p", [6, 3], DType::F32, Arc::new(MapRows { inner: a.clone(), map: |r| 5 - r })),
            TensorEntry::new("c", [9, 3], DType::F32, Arc::new(ConcatRows { parts: vec![a.clone(), matrix(3, 3)] })),
            TensorEntry::new("t", [3, 6], DType::F32, Arc::new(Transposed { inner: a.clone() })),
        ];
        for v in views {
            let whole = floats(&v, 0..v.rows());
            for step in 1..=v.rows() {
                let mut parts = Vec::new();
                let mut r = 0;
                while r < v.rows() {
                    let end = (r + step).min(v.rows());
                    parts.extend(floats(&v, r..end));
                    r = end;
                }
                assert_eq!(parts, whole, "{v:?} in chunks of {step}");
            }
            for step in 1..=v.cols() {
                let mut parts = Vec::new();
                for r in 0..v.rows() {
                    for c in (0..v.cols()).step_by(step as usize) {
                        let mut bytes = Vec::new();
                        v.read_piece(&Piece::part(&v, r, c..(c + step).min(v.cols())), &mut bytes).unwrap();
                        parts.extend(bytes.chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())));
                    }
                }
                assert_eq!(parts, whole, "{v:?} in parts of {step}");
            }
        }
    }

    #[test]
    fn a_transpose_of_long_rows_reads_the_columns_asked_for() {
        let (rows, cols) = (3, STRIPE_BYTES / 4 + 5);
        let t = TensorEntry::new("t", [cols, rows], DType::F32, Arc::new(Transposed { inner: matrix(rows, cols) }));
        let last = floats(&t, cols - 2..cols);
        let at = |r: u64, c: u64| (r * cols + c) as f32;
        let c = cols - 2;
        assert_eq!(last, [at(0, c), at(1, c), at(2, c), at(0, c + 1), at(1, c + 1), at(2, c + 1)]);
        let all = floats(&t, 0..cols);
        assert!(all.iter().enumerate().all(|(i, v)| *v == at(i as u64 % 3, i as u64 / 3)));
    }

    #[test]
    fn a_transpose_swaps_indices() {
        let t = TensorEntry::new("t", [3, 2], DType::F32, Arc::new(Transposed { inner: matrix(2, 3) }));
        assert_eq!(floats(&t, 0..3), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }
}
