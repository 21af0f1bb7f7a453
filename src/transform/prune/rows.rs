//! A tensor whose rows are pruned as they are read.

use super::select::mark_least;
use super::threshold::Ranking;
use crate::model::{Piece, Result, TensorData, TensorEntry};
use crate::quant::Encoding;
use crate::tensor::{DType, encode_f32};
use crate::transform::decode;
use std::ops::Range;
use std::sync::Arc;

/// Elements of the longest row that is ranked by itself: it is decoded as a whole.
pub(super) const MAX_ROW: u64 = 1 << 20;

/// Which elements are set to zero.
#[derive(Debug)]
pub(super) enum Rule {
    /// Those below a threshold; this is tensor `number` of the ranking.
    Ranked { ranking: Arc<Ranking>, number: usize },
    /// The least of each row.
    EachRow { zeros: usize },
    /// All but the `keep` largest of each `of` neighbours.
    Neighbours { keep: usize, of: usize },
}

/// `inner` with some elements set to zero: in its own type if that is plain, as f32 otherwise.
#[derive(Debug)]
pub(super) struct Pruned {
    pub(super) inner: TensorEntry,
    pub(super) rule: Rule,
}

impl TensorData for Pruned {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.pruned(&Piece::rows(&self.inner, rows), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let size = self.dtype().size_bytes() as u64;
        self.pruned(&Piece::part(&self.inner, row, bytes.start / size..bytes.end / size), dst)
    }
}

impl Pruned {
    /// The type of what is read.
    fn dtype(&self) -> DType {
        match self.inner.encoding {
            Encoding::Plain(dtype) => dtype,
            Encoding::Block(_) => DType::F32,
        }
    }

    /// What has to be read to prune a piece: a whole row, or whole groups and whole blocks.
    fn around(&self, piece: &Piece) -> Piece {
        let (unit, _) = self.inner.encoding.unit();
        let unit = match self.rule {
            Rule::Ranked { .. } => unit,
            Rule::EachRow { .. } => self.inner.cols(),
            Rule::Neighbours { of, .. } => least_common_multiple(unit, of as u64),
        };
        if !piece.is_part() {
            return piece.clone();
        }
        let start = piece.cols.start / unit * unit;
        let end = piece.cols.end.next_multiple_of(unit).min(self.inner.cols());
        Piece::part(&self.inner, piece.rows.start, start..end)
    }

    fn pruned(&self, piece: &Piece, dst: &mut [u8]) -> Result<()> {
        let around = self.around(piece);
        let (mut bytes, mut values) = (Vec::new(), vec![0f32; around.elems() as usize]);
        decode(&self.inner, &around, &mut bytes, &mut values)?;
        let skip = (piece.cols.start - around.cols.start) as usize;
        let size = self.dtype().size_bytes();
        match self.inner.encoding {
            Encoding::Plain(_) => dst.copy_from_slice(&bytes[skip * size..skip * size + dst.len()]),
            Encoding::Block(_) => {
                encode_f32(DType::F32, &values[skip..skip + dst.len() / size], dst);
            }
        }
        let mut clear = |i: usize| {
            if let Some(i) = i.checked_sub(skip)
                && let Some(bytes) = dst.get_mut(i * size..(i + 1) * size)
            {
                bytes.fill(0);
            }
        };
        let width = (around.width() as usize).max(1);
        let mut scratch = Vec::new();
        match &self.rule {
            Rule::Ranked { ranking, number } => {
                let threshold = ranking.threshold()?;
                let first = around.first_elem();
                for (i, x) in values.iter().enumerate() {
                    if threshold.prunes(*x, *number, first + i as u64) {
                        clear(i);
                    }
                }
            }
            Rule::EachRow { zeros } => {
                for (row, values) in values.chunks(width).enumerate() {
                    mark_least(values, *zeros, &mut scratch, |i| clear(row * width + i));
                }
            }
            Rule::Neighbours { keep, of } => {
                // Rows are whole groups, so groups do not cross rows.
                for (group, values) in values.chunks(*of).enumerate() {
                    mark_least(values, values.len().saturating_sub(*keep), &mut scratch, |i| clear(group * of + i));
                }
            }
        }
        Ok(())
    }
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a.max(1), b.max(1));
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a.max(1) / x * b.max(1)
}
