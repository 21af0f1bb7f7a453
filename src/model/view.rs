//! Lazy views: each wraps tensors and produces rows of a new one on demand, holding no more than a chunk.

use super::{ModelError, Result, TensorData, TensorEntry};
use crate::quant::Encoding;
use crate::tensor::{DType, decode_f32, encode_f32};
use std::ops::Range;
use std::sync::Arc;

/// Decodes rows of a plain-typed entry to `f32` through `scratch`. Block formats are decoded by `transform`.
///
/// # Errors
/// As [`TensorData::read_rows`]; unsupported for block formats.
pub fn decode_rows(entry: &TensorEntry, rows: Range<u64>, scratch: &mut Vec<u8>, dst: &mut [f32]) -> Result<()> {
    let Encoding::Plain(dtype) = entry.encoding else {
        return Err(ModelError::unsupported(format!("{} must be dequantized first", entry.encoding)).field(&entry.name));
    };
    scratch.resize(dst.len() * dtype.size_bytes(), 0);
    entry.data.read_rows(rows, scratch)?;
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
    pub fn f32_vector(name: &str, values: &[f32]) -> TensorEntry {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let row_bytes = bytes.len() as u64;
        TensorEntry::new(name, [values.len() as u64], DType::F32, Arc::new(Self { bytes, row_bytes }))
    }
}

impl TensorData for MemoryRows {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let start = usize::try_from(rows.start.saturating_mul(self.row_bytes)).unwrap_or(usize::MAX);
        let end = start.saturating_add(dst.len());
        let src = self.bytes.get(start..end).ok_or_else(|| ModelError::bad("row range beyond the tensor in memory"))?;
        dst.copy_from_slice(src);
        Ok(())
    }
}

/// Rows of `inner` in another order: output row `r` is row `map(r)` of `inner`. Runs of neighbouring rows are read at once.
/// Serves head permutation, row slices and layer cuts.
pub struct MapRows<F> {
    /// The tensor behind.
    pub inner: TensorEntry,
    /// Which row of `inner` stands at each output row.
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
            return Err(ModelError::bad("row range beyond the stacked tensors"));
        }
        Ok(())
    }
}

/// The transpose of a plain-typed matrix `inner` of shape \[r, c\]: output shape \[c, r\]. A range of output rows is a range of
/// inner columns; the inner rows are streamed in stripes of about a megabyte.
#[derive(Debug)]
pub struct Transposed {
    /// The matrix behind; plain element type.
    pub inner: TensorEntry,
}

impl TensorData for Transposed {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let Encoding::Plain(dtype) = self.inner.encoding else {
            return Err(
                ModelError::unsupported("a block-quantized tensor cannot be transposed").field(&self.inner.name)
            );
        };
        let size = dtype.size_bytes();
        let (in_rows, in_cols) = (self.inner.rows(), self.inner.cols());
        let n_out = (rows.end - rows.start) as usize;
        let stripe = ((1u64 << 20) / (in_cols * size as u64).max(1)).clamp(1, in_rows.max(1));
        let mut buf = vec![0u8; (stripe * in_cols) as usize * size];
        let mut r = 0;
        while r < in_rows {
            let n = stripe.min(in_rows - r);
            let part = &mut buf[..(n * in_cols) as usize * size];
            self.inner.data.read_rows(r..r + n, part)?;
            for i in 0..n as usize {
                let row = &part[i * in_cols as usize * size..];
                for o in 0..n_out {
                    let s = (rows.start as usize + o) * size;
                    let d = (o * in_rows as usize + r as usize + i) * size;
                    dst[d..d + size].copy_from_slice(&row[s..s + size]);
                }
            }
            r += n;
        }
        Ok(())
    }
}

/// `inner + value` for a plain float tensor, computed in `f32` and given as `f32` (Gemma's norms store weight − 1).
#[derive(Debug)]
pub struct AddScalar {
    /// The tensor behind; plain element type.
    pub inner: TensorEntry,
    /// What is added to each element.
    pub value: f32,
}

impl AddScalar {
    /// The sum as an `f32` entry of the same name and shape.
    pub fn entry(inner: &TensorEntry, value: f32) -> TensorEntry {
        let data = Arc::new(Self { inner: inner.clone(), value });
        TensorEntry::new(inner.name.clone(), inner.shape.clone(), DType::F32, data)
    }
}

impl TensorData for AddScalar {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let mut floats = vec![0f32; dst.len() / 4];
        decode_rows(&self.inner, rows, &mut Vec::new(), &mut floats)?;
        for x in &mut floats {
            *x += self.value;
        }
        encode_f32(DType::F32, &floats, dst);
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
            AddScalar::entry(&a, 1.0),
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
        }
    }

    #[test]
    fn a_transpose_swaps_indices() {
        let t = TensorEntry::new("t", [3, 2], DType::F32, Arc::new(Transposed { inner: matrix(2, 3) }));
        assert_eq!(floats(&t, 0..3), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    }
}
