//! Lazy views that only architectures need: elements of a vector in another order, norms shifted by one.

use crate::model::{ModelError, Piece, Result, TensorData, TensorEntry, decode_piece};
use crate::quant::{BlockType, Encoding, dequantize_rows};
use crate::tensor::{DType, encode_f32};
use half::f16;
use std::ops::Range;
use std::sync::Arc;

/// Elements of each row of a plain-typed tensor in another order (biases of permuted projections).
pub(super) struct MapElems<F> {
    pub inner: TensorEntry,
    /// The source index of each element within the inner row.
    pub map: F,
}

/// Rows up to this length are read whole to reorder their elements.
const MAPPED_ROW_BYTES: u64 = 4 << 20;
/// Elements of a longer row that are fetched together.
const FETCHED_ELEMS: usize = 16 << 10;
/// Bytes between two wanted elements that are read along with them: one read costs about as much.
const FETCHED_GAP_BYTES: u64 = 4 << 10;
/// Bytes of one such read.
const FETCHED_BYTES: u64 = 1 << 20;

impl<F: Fn(u64) -> u64 + Send + Sync> MapElems<F> {
    fn elem_bytes(&self) -> Result<usize> {
        match self.inner.encoding {
            Encoding::Plain(dtype) => Ok(dtype.size_bytes()),
            Encoding::Block(_) => {
                let what = "elements of a block-quantized row cannot be reordered";
                Err(ModelError::unsupported(what).field(&self.inner.name))
            }
        }
    }

    /// Fetches elements `first`, `first + 1`, … of a row one by one, neighbours in the inner row together.
    fn fetch(&self, row: u64, first: u64, dst: &mut [u8]) -> Result<()> {
        let size = self.elem_bytes()?;
        let mut span = Vec::new();
        for (k, dst) in dst.chunks_mut(FETCHED_ELEMS * size).enumerate() {
            let base = first + (k * FETCHED_ELEMS) as u64;
            let mut wanted: Vec<(u64, usize)> =
                (0..dst.len() / size).map(|i| ((self.map)(base + i as u64) * size as u64, i * size)).collect();
            wanted.sort_unstable();
            let mut rest = &wanted[..];
            while let Some(&(start, _)) = rest.first() {
                let mut end = start;
                let together = rest.iter().take_while(|(at, _)| {
                    let near = *at <= end.saturating_add(FETCHED_GAP_BYTES) && *at - start < FETCHED_BYTES;
                    end = *at + size as u64;
                    near
                });
                let n = together.count();
                let (now, later) = rest.split_at(n);
                let end = now.last().map_or(start, |(at, _)| at + size as u64);
                span.resize((end - start) as usize, 0);
                self.inner.data.read_part(row, start..end, &mut span)?;
                for &(at, to) in now {
                    let from = (at - start) as usize;
                    dst[to..to + size].copy_from_slice(&span[from..from + size]);
                }
                rest = later;
            }
        }
        Ok(())
    }
}

impl<F: Fn(u64) -> u64 + Send + Sync> TensorData for MapElems<F> {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let size = self.elem_bytes()?;
        let row = self.inner.cols() as usize * size;
        if row == 0 {
            return Ok(());
        }
        // A view may have fewer elements than the inner row.
        let count = usize::try_from(rows.end - rows.start).unwrap_or(usize::MAX).max(1);
        let out = (dst.len() / count).max(1);
        if row as u64 > MAPPED_ROW_BYTES {
            return rows.zip(dst.chunks_exact_mut(out)).try_for_each(|(r, dst)| self.fetch(r, 0, dst));
        }
        let mut src = vec![0u8; row.saturating_mul(count)];
        self.inner.data.read_rows(rows, &mut src)?;
        for (d, s) in dst.chunks_exact_mut(out).zip(src.chunks_exact(row)) {
            for (i, out) in d.chunks_exact_mut(size).enumerate() {
                let at = (self.map)(i as u64) as usize * size;
                out.copy_from_slice(&s[at..at + size]);
            }
        }
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.fetch(row, bytes.start / self.elem_bytes()? as u64, dst)
    }
}

/// `inner + value` rounded as PyTorch does: in f16 when the source is f16, in f32 otherwise. Gives f32.
struct ShiftNorm {
    inner: TensorEntry,
    value: f32,
}

/// The shifted norm as an f32 entry of the same name and shape.
pub(super) fn shift_norm(inner: &TensorEntry, value: f32) -> TensorEntry {
    let data = Arc::new(ShiftNorm { inner: inner.clone(), value });
    TensorEntry::new(inner.name.clone(), inner.shape.clone(), DType::F32, data)
}

impl TensorData for ShiftNorm {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.shifted(&Piece::rows(&self.inner, rows), dst)
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.shifted(&Piece::part(&self.inner, row, bytes.start / 4..bytes.end / 4), dst)
    }
}

impl ShiftNorm {
    fn shifted(&self, piece: &Piece, dst: &mut [u8]) -> Result<()> {
        let mut floats = vec![0f32; dst.len() / 4];
        decode_piece(&self.inner, piece, &mut Vec::new(), &mut floats)?;
        let half = self.inner.encoding == Encoding::Plain(DType::F16);
        for x in &mut floats {
            *x += self.value;
            if half {
                *x = f16::from_f32(*x).to_f32();
            }
        }
        encode_f32(DType::F32, &floats, dst);
        Ok(())
    }
}

/// The tensor as f32 when it is block-quantized, else as it is: for views that move single elements.
pub(super) fn unblocked(inner: &TensorEntry) -> TensorEntry {
    let Encoding::Block(_) = inner.encoding else {
        return inner.clone();
    };
    let data = Arc::new(Unblocked { inner: inner.clone() });
    TensorEntry::new(inner.name.clone(), inner.shape.clone(), DType::F32, data)
}

struct Unblocked {
    inner: TensorEntry,
}

impl TensorData for Unblocked {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let Encoding::Block(block) = self.inner.encoding else {
            return self.inner.data.read_rows(rows, dst);
        };
        self.decode(block, &Piece::rows(&self.inner, rows), dst)
    }

    /// The bounds need not be block bounds, since this returns single elements.
    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let Encoding::Block(block) = self.inner.encoding else {
            return self.inner.data.read_part(row, bytes, dst);
        };
        let (elems, n) = (bytes.start / 4..bytes.end / 4, block.block_elems() as u64);
        let whole = elems.start / n * n..elems.end.next_multiple_of(n);
        let piece = Piece::part(&self.inner, row, whole.clone());
        if whole == elems {
            return self.decode(block, &piece, dst);
        }
        let mut all = vec![0u8; (whole.end - whole.start) as usize * 4];
        self.decode(block, &piece, &mut all)?;
        dst.copy_from_slice(&all[(elems.start - whole.start) as usize * 4..][..dst.len()]);
        Ok(())
    }
}

impl Unblocked {
    fn decode(&self, block: BlockType, piece: &Piece, dst: &mut [u8]) -> Result<()> {
        let mut src = Vec::new();
        self.inner.read_piece(piece, &mut src)?;
        let mut floats = vec![0f32; dst.len() / 4];
        dequantize_rows(block, &src, &mut floats)
            .map_err(|e| ModelError::unsupported(e.to_string()).field(&self.inner.name))?;
        encode_f32(DType::F32, &floats, dst);
        Ok(())
    }
}

/// Where row `r` of a projection of `rows` rows and `heads` heads comes from when Hugging Face's halves of each head become
/// GGUF's interleaved pairs (`LlamaModel.permute` of the converter).
pub(super) fn interleave(r: u64, rows: u64, heads: u64) -> u64 {
    let head = rows / heads;
    let (h, i) = (r / head, r % head);
    h * head + (i % 2) * (head / 2) + i / 2
}

/// Inverse of [`interleave`].
pub(super) fn deinterleave(r: u64, rows: u64, heads: u64) -> u64 {
    let head = rows / heads;
    let (h, i) = (r / head, r % head);
    h * head + (i % (head / 2)) * 2 + i / (head / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemoryRows;

    #[test]
    fn interleaving_inverts() {
        for (rows, heads) in [(8, 2), (64, 4), (6, 1), (12, 3)] {
            for r in 0..rows {
                assert_eq!(deinterleave(interleave(r, rows, heads), rows, heads), r);
            }
        }
        let order: Vec<u64> = (0..8).map(|r| interleave(r, 8, 1)).collect();
        assert_eq!(order, [0, 4, 1, 5, 2, 6, 3, 7]);
    }

    #[test]
    fn parts_of_reordered_rows_are_those_of_whole_rows() {
        let values: Vec<f32> = (0..4096).map(|v| v as f32).collect();
        let v = MemoryRows::f32_vector("b", &values);
        let mut blocks = vec![0; 4096 / 32 * 34];
        crate::quant::quantize_rows(BlockType::Q8_0, &values, 4096, None, &mut blocks).unwrap();
        let row_bytes = blocks.len() as u64;
        let q8 = TensorEntry::new("b", [4096], BlockType::Q8_0, Arc::new(MemoryRows { bytes: blocks, row_bytes }));
        let mapped = |inner| {
            TensorEntry::new("b", [4096], DType::F32, Arc::new(MapElems { inner, map: |i| interleave(i, 4096, 2) }))
        };
        for t in [mapped(v.clone()), mapped(unblocked(&q8)), unblocked(&q8), shift_norm(&v, 1.0)] {
            let whole = t.read_all().unwrap();
            for (from, to) in [(0, 4096), (0, 1), (256, 512), (3000, 4096), (7, 40)] {
                let mut part = Vec::new();
                t.read_piece(&Piece::part(&t, 0, from..to), &mut part).unwrap();
                assert_eq!(part, whole[from as usize * 4..to as usize * 4], "{t:?} {from}..{to}");
                let mut fetched = vec![0; part.len()];
                t.data.read_part(0, from * 4..to * 4, &mut fetched).unwrap();
                assert_eq!(fetched, part, "{t:?} {from}..{to}");
            }
        }
    }

    #[test]
    fn vectors_are_permuted_and_shifted() {
        let v = MemoryRows::f32_vector("b", &[0.0, 1.0, 2.0, 3.0]);
        let data = Arc::new(MapElems { inner: v.clone(), map: |i| interleave(i, 4, 1) });
        let p = TensorEntry::new("b", [4], DType::F32, data);
        let floats = |e: &TensorEntry| -> Vec<f32> {
            e.read_all().unwrap().chunks(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect()
        };
        assert_eq!(floats(&p), [0.0, 2.0, 1.0, 3.0]);
        assert_eq!(floats(&shift_norm(&v, 1.0)), [1.0, 2.0, 3.0, 4.0]);
    }
}
