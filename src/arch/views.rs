//! Lazy views that only architectures need: elements of a vector in another order, norms shifted by one.

use crate::model::{ModelError, Result, TensorData, TensorEntry, decode_rows};
use crate::quant::{Encoding, dequantize_rows};
use crate::tensor::{DType, encode_f32};
use half::f16;
use std::ops::Range;
use std::sync::Arc;

/// Elements of each row of a plain-typed tensor in another order (biases of permuted projections).
pub(super) struct MapElems<F> {
    pub inner: TensorEntry,
    /// Which element of the inner row stands at each place.
    pub map: F,
}

impl<F: Fn(u64) -> u64 + Send + Sync> TensorData for MapElems<F> {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let Encoding::Plain(dtype) = self.inner.encoding else {
            let what = "elements of a block-quantized row cannot be reordered";
            return Err(ModelError::unsupported(what).field(&self.inner.name));
        };
        let size = dtype.size_bytes();
        let mut src = vec![0u8; dst.len()];
        self.inner.data.read_rows(rows, &mut src)?;
        let row = self.inner.cols() as usize * size;
        if row == 0 {
            return Ok(());
        }
        for (d, s) in dst.chunks_exact_mut(row).zip(src.chunks_exact(row)) {
            for (i, out) in d.chunks_exact_mut(size).enumerate() {
                let at = (self.map)(i as u64) as usize * size;
                out.copy_from_slice(&s[at..at + size]);
            }
        }
        Ok(())
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
        let mut floats = vec![0f32; dst.len() / 4];
        decode_rows(&self.inner, rows, &mut Vec::new(), &mut floats)?;
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
        let src = self.inner.read(rows)?;
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
