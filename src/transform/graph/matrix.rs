//! Columns of a matrix, whichever way it is stored.

use super::draft::Weight;
use crate::model::{Piece, Result, TensorEntry};
use crate::transform::decode;
use std::ops::Range;

/// Elements that are decoded at once where whole rows are read.
const PIECE: u64 = 1 << 16;

/// A matrix of `k` rows and `n` columns.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    /// What holds it: `k` rows, or `n` rows of its transpose.
    entry: TensorEntry,
    transposed: bool,
    pub(super) k: u64,
    pub(super) n: u64,
}

/// Buffers that readers reuse.
#[derive(Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    row: Vec<f32>,
}

impl Matrix {
    /// The matrix that a weight is, if it has two dimensions and elements.
    pub(super) fn of(weight: &Weight) -> Option<Self> {
        let [k, n] = *weight.dims.as_slice() else { return None };
        if k == 0 || n == 0 {
            return None;
        }
        let inner = weight.entry.data.transpose_of().filter(|inner| inner.shape.0 == [n, k]);
        Some(match inner {
            Some(inner) => Self { entry: inner.clone(), transposed: true, k, n },
            None => Self { entry: weight.entry.clone(), transposed: false, k, n },
        })
    }

    /// The rows `ks` of the columns `ns`, one column after the other.
    ///
    /// # Errors
    /// Read errors.
    pub(super) fn columns(
        &self,
        ks: Range<u64>,
        ns: Range<u64>,
        scratch: &mut Scratch,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let (height, width) = ((ks.end - ks.start) as usize, (ns.end - ns.start) as usize);
        out.resize(height * width, 0.0);
        if self.transposed {
            if height as u64 == self.k {
                return decode(&self.entry, &Piece::rows(&self.entry, ns), &mut scratch.bytes, out);
            }
            for (n, column) in ns.zip(out.chunks_mut(height)) {
                self.part(n, ks.clone(), scratch)?;
                column.copy_from_slice(&scratch.row[..height]);
            }
            return Ok(());
        }
        let many = if width as u64 == self.n { (PIECE / self.n).max(1) } else { 1 };
        let mut k = ks.start;
        while k < ks.end {
            let rows = many.min(ks.end - k);
            if width as u64 == self.n {
                scratch.row.resize(rows as usize * width, 0.0);
                decode(&self.entry, &Piece::rows(&self.entry, k..k + rows), &mut scratch.bytes, &mut scratch.row)?;
            } else {
                self.part(k, ns.clone(), scratch)?;
            }
            for (i, row) in scratch.row.chunks(width).take(rows as usize).enumerate() {
                let at = (k - ks.start) as usize + i;
                for (column, v) in out.chunks_mut(height).zip(row) {
                    column[at] = *v;
                }
            }
            k += rows;
        }
        Ok(())
    }

    /// A part of a row of what is stored, in `scratch.row` from its beginning.
    fn part(&self, row: u64, cols: Range<u64>, scratch: &mut Scratch) -> Result<()> {
        // Blocks of the source are decoded whole.
        let (unit, _) = self.entry.encoding.unit();
        let whole = cols.start / unit * unit..cols.end.next_multiple_of(unit).min(self.entry.cols());
        let skip = (cols.start - whole.start) as usize;
        scratch.row.resize((whole.end - whole.start) as usize, 0.0);
        let piece = Piece::part(&self.entry, row, whole);
        decode(&self.entry, &piece, &mut scratch.bytes, &mut scratch.row)?;
        scratch.row.drain(..skip);
        scratch.row.truncate((cols.end - cols.start) as usize);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Elem, ValueId};
    use crate::model::{MemoryRows, Transposed};
    use crate::tensor::DType;
    use std::sync::Arc;

    fn entry(rows: u64, cols: u64, at: impl Fn(u64, u64) -> f32) -> TensorEntry {
        let bytes = (0..rows).flat_map(|r| (0..cols).map(move |c| (r, c))).flat_map(|(r, c)| at(r, c).to_le_bytes());
        let data = MemoryRows { bytes: bytes.collect(), row_bytes: cols * 4 };
        TensorEntry::new("m", [rows, cols], DType::F32, Arc::new(data))
    }

    #[test]
    fn columns_are_the_same_whichever_way_the_matrix_is_stored() {
        let (k, n) = (37, 300);
        let value = |k: u64, n: u64| (k * 1000 + n) as f32;
        let plain = entry(k, n, value);
        let inner = entry(n, k, |n, k| value(k, n));
        let view = TensorEntry::new("t", [k, n], DType::F32, Arc::new(Transposed { inner }));
        for (entry, transposed) in [(plain, false), (view, true)] {
            let m = Matrix::of(&Weight { value: ValueId(0), entry, elem: Elem::F32, dims: vec![k, n] }).unwrap();
            assert_eq!(m.transposed, transposed);
            let (mut scratch, mut out) = (Scratch::default(), Vec::new());
            for (ks, ns) in [(0..37, 0..300), (0..37, 3..5), (16..32, 0..300), (5..6, 299..300), (32..37, 1..2)] {
                m.columns(ks.clone(), ns.clone(), &mut scratch, &mut out).unwrap();
                let wanted: Vec<f32> = ns.clone().flat_map(|n| ks.clone().map(move |k| value(k, n))).collect();
                assert_eq!(out, wanted, "rows {ks:?}, columns {ns:?}");
            }
        }
    }
}
