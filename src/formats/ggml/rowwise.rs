//! The first layout of `Q4_0` and `Q4_1`: all scales of a row, then all nibbles (until 007a8f6f4, 2023-03-11, and 904d2a8d6, 2023-03-17).
//!
//! ```text
//! Q4_0 row   n × d: f32, n × 16 bytes nibbles                     n = elements / 32
//! Q4_1 row   n × m: f32, n × d: f32, n × 16 bytes nibbles
//! ```
//!
//! Nothing in the file distinguishes it from blocks one after the other: sizes and codes are the same. The scales do: read the right way, all of
//! them are small numbers; the wrong way, about half are (measured on files of both layouts: 1.00 against 0.53 to 0.55).

use crate::model::{FileSlice, Result, TensorData};
use crate::quant::{BlockType, Encoding};
use std::ops::Range;

/// Elements of a block.
const BLOCK: u64 = 32;
/// Bytes of a block's nibbles.
const NIBBLES: u64 = 16;

/// A tensor in the row-wise layout, read as blocks one after the other.
#[derive(Debug)]
pub(super) struct RowWise {
    pub inner: FileSlice,
    /// Blocks of a row.
    pub blocks: u64,
    /// Numbers of a block: scale, or minimum and scale.
    pub numbers: u64,
}

/// Numbers of a block of these types; `None` for others.
pub(super) fn numbers(encoding: Encoding) -> Option<u64> {
    match encoding {
        Encoding::Block(BlockType::Q4_0_V1) => Some(1),
        Encoding::Block(BlockType::Q4_1_V1) => Some(2),
        _ => None,
    }
}

impl RowWise {
    fn block_bytes(&self) -> usize {
        (4 * self.numbers + NIBBLES) as usize
    }

    /// Puts numbers and nibbles of a run of `n` blocks together. The numbers are `n` minimums (if there are two), then `n` scales.
    fn weave(&self, numbers: &[u8], nibbles: &[u8], dst: &mut [u8]) {
        let n = dst.len() / self.block_bytes();
        for (b, block) in dst.chunks_exact_mut(self.block_bytes()).enumerate() {
            let head = 4 * self.numbers as usize;
            for i in 0..self.numbers as usize {
                // The scale, which comes last in the row, comes first in a block.
                let from = ((self.numbers as usize - 1 - i) * n + b) * 4;
                block[4 * i..4 * i + 4].copy_from_slice(&numbers[from..from + 4]);
            }
            block[head..].copy_from_slice(&nibbles[b * NIBBLES as usize..][..NIBBLES as usize]);
        }
    }
}

impl TensorData for RowWise {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let mut raw = vec![0; dst.len()];
        self.inner.read_rows(rows, &mut raw)?;
        let row = (self.blocks as usize * self.block_bytes()).max(1);
        let head = (4 * self.numbers * self.blocks) as usize;
        for (raw, dst) in raw.chunks_exact(row).zip(dst.chunks_exact_mut(row)) {
            self.weave(&raw[..head], &raw[head..], dst);
        }
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let size = self.block_bytes() as u64;
        let (first, n) = (bytes.start / size, (bytes.end - bytes.start) / size);
        let mut numbers = vec![0; (4 * self.numbers * n) as usize];
        for (i, part) in numbers.chunks_exact_mut((4 * n).max(1) as usize).enumerate() {
            let at = 4 * (i as u64 * self.blocks + first);
            self.inner.read_part(row, at..at + 4 * n, part)?;
        }
        let mut nibbles = vec![0; (NIBBLES * n) as usize];
        let at = 4 * self.numbers * self.blocks + NIBBLES * first;
        self.inner.read_part(row, at..at + NIBBLES * n, &mut nibbles)?;
        self.weave(&numbers, &nibbles, dst);
        Ok(())
    }
}

/// Counts plausible scales of a row in both layouts: (blocks one after the other, row-wise).
pub(super) fn plausible(row: &[u8], numbers: u64) -> (usize, usize) {
    let size = (4 * numbers + NIBBLES) as usize;
    let n = row.len() / size;
    let good = |at: usize| {
        let number = row.get(at..at + 4).and_then(<[u8]>::first_chunk).map(|b| f32::from_le_bytes(*b).abs());
        number.is_some_and(|x| (1e-8..100.0).contains(&x))
    };
    // Of Q4_1 only scales count: a minimum may be zero. They come first in a block, and second in a row.
    let in_rows = 4 * n * (numbers as usize - 1);
    ((0..n).filter(|b| good(b * size)).count(), (0..n).filter(|b| good(in_rows + 4 * b)).count())
}

/// Blocks of a row of so many elements.
pub(super) const fn blocks(cols: u64) -> u64 {
    cols / BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::path::PathBuf;
    use std::sync::Arc;

    #[test]
    fn rows_and_parts_of_rows_are_the_same_blocks() {
        for numbers in [1u64, 2] {
            let (blocks, rows) = (5u64, 3u64);
            let row = blocks * (4 * numbers + NIBBLES);
            let mut bytes = Vec::new();
            for r in 0..rows {
                for i in 0..numbers * blocks {
                    bytes.extend(((r * 100 + i) as f32 + 0.5).to_le_bytes());
                }
                bytes.extend((0..NIBBLES * blocks).map(|i| (i + r) as u8));
            }
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes).unwrap();
            let inner = FileSlice {
                file: Arc::new(file.reopen().unwrap()),
                path: Arc::new(PathBuf::from("x")),
                offset: 0,
                row_bytes: row,
            };
            let data = RowWise { inner, blocks, numbers };
            let mut whole = vec![0; bytes.len()];
            data.read_rows(0..rows, &mut whole).unwrap();
            let size = data.block_bytes() as u64;
            let scale = f32::from_le_bytes(*whole[size as usize..].first_chunk().unwrap());
            assert_eq!(scale, if numbers == 1 { 1.5 } else { blocks as f32 + 1.5 });
            let mut parts = Vec::new();
            for r in 0..rows {
                for (from, to) in [(0, 2), (2, 5)] {
                    let mut part = vec![0; ((to - from) * size) as usize];
                    data.read_part(r, from * size..to * size, &mut part).unwrap();
                    parts.extend(part);
                }
            }
            assert_eq!(parts, whole);
            let (one_by_one, by_rows) = plausible(&bytes[..row as usize], numbers);
            assert!(by_rows == blocks as usize && one_by_one < by_rows);
        }
    }
}
