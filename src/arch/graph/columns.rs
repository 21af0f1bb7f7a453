//! The transpose of a weight, as f32, whatever its encoding: rows of the output are columns of the checkpoint's matrix.
//!
//! Reading one column of a large matrix would touch all of it, so columns are read in bands: each band is decoded once, transposed, and serves
//! all requests for its columns. All transposes of a model share one pool of a few bands, which bounds the memory.

use crate::arch::views::unblocked;
use crate::model::{ModelError, Piece, Result, TensorData, TensorEntry, decode_piece};
use crate::quant::Encoding;
use crate::tensor::{DType, encode_f32};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a band: 1024 columns of 4096 rows.
const BAND_BYTES: u64 = 16 << 20;
/// Bytes of the bands of matrices whose blocks do not let narrower ones be read.
const MOST_BAND_BYTES: u64 = 64 << 20;
/// Bytes of all bands that are kept. Threads work on neighbouring columns, so the last bands are those that are needed.
const POOL_BYTES: usize = 32 << 20;
/// Columns of a band are a multiple of this many; of block formats, a multiple of the longest block.
const ALIGN: u64 = 16;
/// Elements that are decoded together.
const STEP_ELEMS: u64 = 1 << 16;

/// The bands that are kept for all transposes of a model.
#[derive(Default)]
pub(super) struct Pool {
    bands: Mutex<VecDeque<Kept>>,
}

/// A band that is there or being read.
struct Kept {
    owner: usize,
    number: u64,
    bytes: usize,
    band: Arc<Mutex<Option<Arc<Vec<f32>>>>>,
}

impl Pool {
    /// The band of that number of a matrix; `read` makes it if it is not there, once, whoever asks meanwhile.
    fn band(
        &self,
        owner: usize,
        number: u64,
        bytes: usize,
        read: impl FnOnce() -> Result<Vec<f32>>,
    ) -> Result<Arc<Vec<f32>>> {
        let slot = {
            let mut bands = locked(&self.bands);
            match bands.iter().find(|k| k.owner == owner && k.number == number) {
                Some(kept) => kept.band.clone(),
                None => {
                    let band = Arc::new(Mutex::new(None));
                    bands.push_back(Kept { owner, number, bytes, band: band.clone() });
                    let mut total: usize = bands.iter().map(|k| k.bytes).sum();
                    while total > POOL_BYTES && bands.len() > 1 {
                        total -= bands.pop_front().map_or(0, |k| k.bytes);
                    }
                    band
                }
            }
        };
        let mut band = locked(&slot);
        if let Some(values) = &*band {
            return Ok(values.clone());
        }
        let values = Arc::new(read()?);
        *band = Some(values.clone());
        Ok(values)
    }
}

/// A panic of another thread leaves no band half read: it is set when it is whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The transpose of a matrix.
struct Columns {
    inner: TensorEntry,
    width: u64,
    pool: Arc<Pool>,
    owner: usize,
}

/// The transpose of `matrix` as f32, with the shape of the transpose. `owner` is a number that no other transpose of the pool has.
///
/// # Errors
/// No matrix, or one whose bands would be too large: block formats with very many rows.
pub(super) fn transposed(matrix: &TensorEntry, pool: &Arc<Pool>, owner: usize) -> Result<TensorEntry> {
    let [rows, cols] = matrix.shape.0[..] else {
        let what = format!("shape {} is not a matrix, as the network requires", matrix.shape);
        return Err(ModelError::bad(what).field(matrix.name.clone()));
    };
    let Some(width) = band_width(matrix) else {
        let what = format!("a matrix of {rows} rows in {} cannot be transposed in bounded memory", matrix.encoding);
        let hint = "Convert the model to a type without blocks, such as f16, first.";
        return Err(ModelError::unsupported(what).field(matrix.name.clone()).with_hint(hint));
    };
    let data = Columns { inner: unblocked(matrix), width, pool: pool.clone(), owner };
    Ok(TensorEntry::new(matrix.name.clone(), [cols, rows], DType::F32, Arc::new(data)))
}

/// True if [`transposed`] can transpose the matrix.
pub(super) fn can_transpose(matrix: &TensorEntry) -> bool {
    band_width(matrix).is_some()
}

/// Columns of a band; `None` if the smallest one is too large.
fn band_width(matrix: &TensorEntry) -> Option<u64> {
    let align = match matrix.encoding {
        Encoding::Plain(_) => ALIGN,
        Encoding::Block(block) => (block.block_elems() as u64).max(ALIGN),
    };
    let column = matrix.rows().max(1).saturating_mul(4);
    let width = (BAND_BYTES / column / align * align).max(align);
    (width.min(matrix.cols()).saturating_mul(column) <= MOST_BAND_BYTES || align == ALIGN).then_some(width)
}

impl Columns {
    /// The columns `cols` of the inner matrix, as rows one after the other.
    fn read(&self, cols: Range<u64>) -> Result<Vec<f32>> {
        let (rows, width) = (self.inner.rows(), cols.end - cols.start);
        let mut out = vec![0f32; usize::try_from(rows.saturating_mul(width)).unwrap_or(usize::MAX)];
        let whole = width == self.inner.cols();
        let step = if whole { (STEP_ELEMS / width.max(1)).clamp(1, rows.max(1)) } else { STEP_ELEMS / width.max(1) };
        let step = step.max(1).min(rows.max(1));
        let (mut raw, mut values) = (Vec::new(), vec![0f32; (step * width) as usize]);
        let (rows, width) = (rows as usize, width as usize);
        let mut first = 0;
        while first < rows {
            let n = (step as usize).min(rows - first);
            let (from, to) = (first as u64, (first + n) as u64);
            if whole {
                decode_piece(&self.inner, &Piece::rows(&self.inner, from..to), &mut raw, &mut values[..n * width])?;
            } else {
                for (row, values) in (from..to).zip(values.chunks_exact_mut(width)) {
                    decode_piece(&self.inner, &Piece::part(&self.inner, row, cols.clone()), &mut raw, values)?;
                }
            }
            for (c, out) in out.chunks_exact_mut(rows).enumerate() {
                for (i, out) in out[first..first + n].iter_mut().enumerate() {
                    *out = values[i * width + c];
                }
            }
            first += n;
        }
        Ok(out)
    }

    /// Elements `within` of output row `row`, and how many rows of the output follow in the same band.
    fn copy(&self, row: u64, within: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let number = row / self.width;
        let first = number * self.width;
        let cols = first..(first + self.width).min(self.inner.cols());
        let rows = self.inner.rows();
        let bytes = usize::try_from((cols.end - cols.start).saturating_mul(rows) * 4).unwrap_or(usize::MAX);
        let band = self.pool.band(self.owner, number, bytes, || self.read(cols))?;
        let at = ((row - first) * rows + within.start) as usize;
        let values = band.get(at..at + (within.end - within.start) as usize);
        let values = values.ok_or_else(|| ModelError::bad("row range out of bounds of the transposed matrix"))?;
        encode_f32(DType::F32, values, dst);
        Ok(())
    }
}

impl TensorData for Columns {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let len = self.inner.rows();
        let row_bytes = usize::try_from(len * 4).unwrap_or(usize::MAX);
        if row_bytes == 0 {
            return Ok(());
        }
        rows.zip(dst.chunks_exact_mut(row_bytes)).try_for_each(|(row, dst)| self.copy(row, 0..len, dst))
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.copy(row, bytes.start / 4..bytes.end / 4, dst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;
    use crate::quant::BlockType;

    fn matrix(rows: u64, cols: u64) -> TensorEntry {
        let values: Vec<f32> = (0..rows * cols).map(|v| (v % 1000) as f32).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        TensorEntry::new("m", [rows, cols], DType::F32, Arc::new(MemoryRows { bytes, row_bytes: cols * 4 }))
    }

    fn floats(bytes: &[u8]) -> Vec<f32> {
        bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    #[test]
    fn rows_are_the_columns_in_any_pieces_and_bands() {
        let pool = Arc::new(Pool::default());
        let m = matrix(70, 50);
        for (owner, width) in [(0, 16), (1, 32), (2, 64)] {
            let data = Columns { inner: m.clone(), width, pool: pool.clone(), owner };
            let t = TensorEntry::new("t", [50, 70], DType::F32, Arc::new(data));
            let all = floats(&t.read_all().unwrap());
            let wanted: Vec<f32> = (0..50 * 70).map(|i| ((i % 70 * 50 + i / 70) % 1000) as f32).collect();
            assert_eq!(all, wanted, "bands of {width}");
            assert_eq!(floats(&t.read(13..37).unwrap()), wanted[13 * 70..37 * 70]);
            let mut part = Vec::new();
            t.read_piece(&Piece::part(&t, 20, 5..9), &mut part).unwrap();
            assert_eq!(floats(&part), wanted[20 * 70 + 5..20 * 70 + 9]);
        }
    }

    #[test]
    fn blocks_are_decoded() {
        let values: Vec<f32> = (0..64 * 64).map(|v| (v % 7) as f32).collect();
        let mut blocks = vec![0; 64 * 2 * 34];
        crate::quant::quantize_rows(BlockType::Q8_0, &values, 64, None, &mut blocks).unwrap();
        let data = Arc::new(MemoryRows { bytes: blocks, row_bytes: 68 });
        let m = TensorEntry::new("m", [64, 64], BlockType::Q8_0, data);
        let t = transposed(&m, &Arc::new(Pool::default()), 0).unwrap();
        let got = floats(&t.read(3..4).unwrap());
        let near = |i: usize| (got[i] - values[i * 64 + 3]).abs() < 0.05;
        assert!((0..64).all(near), "{got:?}");
    }

    #[test]
    fn the_pool_keeps_few_bands() {
        let pool = Arc::new(Pool::default());
        for owner in 0..20 {
            pool.band(owner, 0, POOL_BYTES / 3, || Ok(Vec::new())).unwrap();
        }
        assert_eq!(locked(&pool.bands).len(), 3);
    }

    #[test]
    fn what_cannot_be_transposed_in_bounded_memory_is_refused() {
        let data = Arc::new(MemoryRows { bytes: Vec::new(), row_bytes: 0 });
        let m = TensorEntry::new("m", [200_000, 4096], BlockType::Q4_K, data.clone());
        assert!(!can_transpose(&m));
        let e = transposed(&m, &Arc::new(Pool::default()), 0).unwrap_err();
        assert!(e.to_string().contains("bounded memory"), "{e}");
        assert!(can_transpose(&TensorEntry::new("m", [200_000, 4096], DType::BF16, data)));
    }
}
