//! Views of a storage that are not row-major: transposes, column-major tensors, slices with steps, expanded dimensions.
//!
//! A request for rows becomes boxes (ranges in every dimension); a box whose span in the file is small or well used is read
//! at once and scattered, any other is halved along its longest stride. Memory is one span, at most [`MAX_SPAN_BYTES`].

use crate::model::{ModelError, Result, TensorData};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A span this short is read whole, however little of it is used: one read costs about as much.
const SMALL_SPAN_BYTES: u64 = 64 << 10;

/// No longer span is read at once.
const MAX_SPAN_BYTES: u64 = 4 << 20;

/// A strided tensor in a file. The constructor of entries has checked that every index is inside the storage.
#[derive(Debug)]
pub(crate) struct Strided {
    /// The open file.
    pub file: Arc<File>,
    /// Its path, for errors.
    pub path: Arc<PathBuf>,
    /// Absolute byte offset of element (0, 0, …).
    pub offset: u64,
    /// Bytes of one element.
    pub elem_bytes: u64,
    /// Dimensions, outermost first.
    pub size: Vec<u64>,
    /// Elements in the file from one index to the next.
    pub stride: Vec<u64>,
}

/// One dimension of a box: indices, elements between them in the file and in the output.
#[derive(Clone, Copy, Debug)]
struct Dim {
    n: u64,
    from_stride: u64,
    to_stride: u64,
}

impl TensorData for Strided {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let cols = self.size.last().map_or(1, |&n| n);
        self.gather(rows, 0..cols, dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.gather(row..row + 1, bytes.start / self.elem_bytes..bytes.end / self.elem_bytes, dst)
    }
}

impl Strided {
    /// Elements `within` of each of the rows.
    fn gather(&self, rows: Range<u64>, within: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let Some((&row_len, outer)) = self.size.split_last() else {
            return self.read_box(0, &mut [], dst, 0);
        };
        let cols = within.end.saturating_sub(within.start);
        let row = Dim { n: cols, from_stride: self.stride[outer.len()], to_stride: 1 };
        let total: u64 = outer.iter().product();
        let first_col = within.start * row.from_stride;
        if rows.start > rows.end
            || rows.end > total
            || within.end > row_len
            || dst.len() as u64 != (rows.end - rows.start) * cols * self.elem_bytes
        {
            return Err(ModelError::bad("row range out of bounds of the tensor").in_file(&self.path));
        }
        let mut written = 0u64;
        self.rows_in(0, 0, rows, &mut |first, mut dims| {
            let n: u64 = dims.iter().map(|d| d.n).product();
            dims.push(row);
            let mut step = 1;
            for d in dims.iter_mut().rev() {
                d.to_stride = step;
                step *= d.n;
            }
            self.read_box(first + first_col, &mut dims, dst, written * cols)?;
            written += n;
            Ok(())
        })
    }

    /// Cuts flat rows `rows` of the outer dimensions from `dim` on into boxes, in order; `first` is the file element that the
    /// indices chosen so far lead to. Recursion is as deep as there are dimensions.
    fn rows_in(
        &self,
        dim: usize,
        first: u64,
        rows: Range<u64>,
        emit: &mut dyn FnMut(u64, Vec<Dim>) -> Result<()>,
    ) -> Result<()> {
        let outer = &self.size[..self.size.len() - 1];
        if rows.is_empty() {
            return Ok(());
        }
        if dim == outer.len() {
            return emit(first, Vec::new());
        }
        let inner: u64 = outer[dim + 1..].iter().product();
        let mut at = rows.start;
        while at < rows.end {
            let (index, within) = (at / inner, at % inner);
            let base = first + index * self.stride[dim];
            let whole = (rows.end - at) / inner;
            if within == 0 && whole > 0 {
                let mut dims = vec![Dim { n: whole, from_stride: self.stride[dim], to_stride: 0 }];
                dims.extend(outer[dim + 1..].iter().zip(&self.stride[dim + 1..]).map(|(&n, &from_stride)| Dim {
                    n,
                    from_stride,
                    to_stride: 0,
                }));
                emit(base, dims)?;
                at += whole * inner;
            } else {
                let n = (inner - within).min(rows.end - at);
                self.rows_in(dim + 1, base, within..within + n, emit)?;
                at += n;
            }
        }
        Ok(())
    }

    fn read_box(&self, first: u64, dims: &mut [Dim], dst: &mut [u8], to: u64) -> Result<()> {
        if dims.iter().any(|d| d.n == 0) {
            return Ok(());
        }
        let span = dims.iter().map(|d| (d.n - 1) * d.from_stride).sum::<u64>() + 1;
        let span_bytes = span * self.elem_bytes;
        let used: u64 = dims.iter().map(|d| d.n).product::<u64>() * self.elem_bytes;
        let widest = (0..dims.len()).filter(|&i| dims[i].n > 1).max_by_key(|&i| dims[i].from_stride);
        if span_bytes <= SMALL_SPAN_BYTES || (span_bytes <= MAX_SPAN_BYTES && span_bytes / 4 <= used) {
            return self.scatter(first, span_bytes, dims, dst, to);
        }
        let Some(i) = widest else {
            return self.scatter(first, span_bytes, dims, dst, to);
        };
        // Each halving at least halves one count: as deep as the tensor has index bits.
        let Dim { n, from_stride, to_stride } = dims[i];
        dims[i].n = n / 2;
        self.read_box(first, dims, dst, to)?;
        dims[i].n = n - n / 2;
        self.read_box(first + n / 2 * from_stride, dims, dst, to + n / 2 * to_stride)?;
        dims[i].n = n;
        Ok(())
    }

    fn scatter(&self, first: u64, span_bytes: u64, dims: &[Dim], dst: &mut [u8], to: u64) -> Result<()> {
        let at = self.offset + first * self.elem_bytes;
        let mut span = vec![0u8; span_bytes as usize];
        self.file.read_exact_at(&mut span, at).map_err(|e| ModelError::io(&self.path, "reading", e).at(at))?;
        let size = self.elem_bytes as usize;
        let mut index = vec![0u64; dims.len()];
        let (mut from, mut to) = (0u64, to);
        loop {
            // The innermost dimension in a tight loop, the others as an odometer.
            let (inner, rest) = match dims.split_last() {
                Some((inner, rest)) => (*inner, rest),
                None => (Dim { n: 1, from_stride: 0, to_stride: 0 }, dims),
            };
            for k in 0..inner.n {
                let s = (from + k * inner.from_stride) as usize * size;
                let d = (to + k * inner.to_stride) as usize * size;
                dst[d..d + size].copy_from_slice(&span[s..s + size]);
            }
            let Some(i) = (0..rest.len()).rev().find(|&i| index[i] + 1 < rest[i].n) else {
                return Ok(());
            };
            for j in i + 1..rest.len() {
                from -= index[j] * rest[j].from_stride;
                to -= index[j] * rest[j].to_stride;
                index[j] = 0;
            }
            index[i] += 1;
            from += rest[i].from_stride;
            to += rest[i].to_stride;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn naive(values: &[u16], offset: usize, size: &[u64], stride: &[u64]) -> Vec<u16> {
        let mut out = Vec::new();
        let total: u64 = size.iter().product();
        for flat in 0..total {
            let (mut rest, mut at) = (flat, offset as u64);
            for (n, s) in size.iter().zip(stride).rev() {
                at += rest % n * s;
                rest /= n;
            }
            out.push(values[at as usize]);
        }
        out
    }

    proptest! {
        #[test]
        fn any_view_in_any_chunks_equals_the_naive_gather(
            dims in prop::collection::vec((1u64..7, 0u64..40), 1..5),
            offset in 0usize..20,
            step in 1u64..9,
        ) {
            let size: Vec<u64> = dims.iter().map(|d| d.0).collect();
            let stride: Vec<u64> = dims.iter().map(|d| d.1).collect();
            let values: Vec<u16> = (0..1200).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
            let t = Strided {
                file: Arc::new(file), path: Arc::new(PathBuf::from("t")), offset: 2 * offset as u64, elem_bytes: 2,
                size: size.clone(), stride: stride.clone(),
            };
            let expected = naive(&values, offset, &size, &stride);
            let rows: u64 = size[..size.len() - 1].iter().product();
            let cols = size[size.len() - 1];
            let mut got = Vec::new();
            let mut r = 0;
            while r < rows {
                let end = (r + step).min(rows);
                let mut part = vec![0u8; ((end - r) * cols * 2) as usize];
                t.read_rows(r..end, &mut part).unwrap();
                got.extend(part.chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])));
                r = end;
            }
            prop_assert_eq!(&got, &expected);
            let mut parts = Vec::new();
            for r in 0..rows {
                for c in (0..cols).step_by(step as usize) {
                    let end = (c + step).min(cols);
                    let mut part = vec![0u8; ((end - c) * 2) as usize];
                    t.read_part(r, c * 2..end * 2, &mut part).unwrap();
                    parts.extend(part.chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])));
                }
            }
            prop_assert_eq!(parts, expected);
        }
    }

    #[test]
    fn a_large_transpose_is_read_in_bounded_spans() {
        let (rows, cols) = (700u64, 600u64);
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..rows * cols).flat_map(|v| (v as u32).to_le_bytes()).collect();
        file.write_all(&bytes).unwrap();
        let t = Strided {
            file: Arc::new(file),
            path: Arc::new(PathBuf::from("t")),
            offset: 0,
            elem_bytes: 4,
            size: vec![cols, rows],
            stride: vec![1, cols],
        };
        let mut out = vec![0u8; 5 * rows as usize * 4];
        t.read_rows(17..22, &mut out).unwrap();
        for (i, c) in out.chunks(4).enumerate() {
            let (r, k) = (17 + i as u64 / rows, i as u64 % rows);
            assert_eq!(u64::from(u32::from_le_bytes([c[0], c[1], c[2], c[3]])), k * cols + r);
        }
    }
}
