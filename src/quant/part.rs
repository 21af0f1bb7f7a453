//! Parts of rows: a row that is too long to be held whole is quantized piece by piece, to the same bytes.
//!
//! Blocks do not know each other, with one exception: with importance weights, Q4_0, Q4_1, Q5_0 and Q5_1 put the mean square of
//! the whole row under each weight (`quantize_row_q4_0_impl` and its kin in `ggml-quants.c`). [`MeanSquare`] computes it
//! beforehand, in the reference's order.

use super::codec::codec;
use super::{BlockType, QuantError, first_non_finite, legacy, needs_imatrix, simd};

/// What a part must know of the row it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WholeRow {
    /// The mean square of its elements; of use where [`needs_mean_square`] is true.
    pub mean_square: f32,
    /// The mean of its importance weights; of use for the noise that [`quantize_part_max`](super::quantize_part_max) tells.
    pub mean_weight: f64,
}

/// True if a format with importance weights needs the mean square of the whole row.
pub fn needs_mean_square(ty: BlockType) -> bool {
    matches!(ty, BlockType::Q4_0 | BlockType::Q4_1 | BlockType::Q5_0 | BlockType::Q5_1)
}

/// The mean of importance weights.
pub fn mean_weight(weights: &[f32]) -> f64 {
    weights.iter().map(|&w| f64::from(w)).sum::<f64>() / weights.len() as f64
}

/// The mean square of a row that comes in parts, summed in index order as the reference does.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanSquare {
    sum: f32,
    elems: u64,
}

impl MeanSquare {
    /// Takes the next elements of the row.
    pub fn add(&mut self, x: &[f32]) {
        self.sum = x.iter().fold(self.sum, |s, &v| s + v * v);
        self.elems += x.len() as u64;
    }

    /// The mean over all that was taken.
    pub fn value(&self) -> f32 {
        self.sum / self.elems as f32
    }
}

/// Quantizes a part of one row, whole blocks of it; `weights` are the importance of the part's columns.
///
/// # Errors
/// As [`quantize_rows`](super::quantize_rows).
pub fn quantize_part(
    ty: BlockType,
    src: &[f32],
    weights: Option<&[f32]>,
    whole: WholeRow,
    dst: &mut [u8],
) -> Result<(), QuantError> {
    quantize(ty, src, src.len(), weights, Some(whole), dst)
}

/// Quantizes rows of `cols` elements or, with `whole`, a part of one.
pub(super) fn quantize(
    ty: BlockType,
    src: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    whole: Option<WholeRow>,
    dst: &mut [u8],
) -> Result<(), QuantError> {
    let encode = codec(ty).and_then(|c| c.encode_row).ok_or(QuantError::NotWritable { ty })?;
    if cols == 0 || !cols.is_multiple_of(ty.block_elems()) {
        return Err(QuantError::RowLength { ty, cols });
    }
    let row_bytes = cols / ty.block_elems() * ty.block_bytes();
    if !src.len().is_multiple_of(cols) {
        return Err(QuantError::Size { what: "elements", expected: src.len() / cols * cols, found: src.len() });
    }
    let expected = src.len() / cols * row_bytes;
    if dst.len() != expected {
        return Err(QuantError::Size { what: "bytes", expected, found: dst.len() });
    }
    match weights {
        Some(w) if w.len() != cols => {
            return Err(QuantError::Size { what: "importance weights", expected: cols, found: w.len() });
        }
        None if needs_imatrix(ty) => return Err(QuantError::NeedsImatrix { ty }),
        _ => {}
    }
    let mean_square = whole.map(|w| w.mean_square);
    // Kernels in lanes are made for finite numbers; whatever else there is goes the plain way.
    let finite = first_non_finite(src).is_none() && weights.is_none_or(|w| first_non_finite(w).is_none());
    if finite && simd::encode(simd::best(), ty, simd::Rows { x: src, cols, weights, mean_square, dst }) {
        return Ok(());
    }
    if let (Some(weights), Some(floor)) = (weights, mean_square)
        && legacy::encode_part(ty, src, weights, floor, dst)
    {
        return Ok(());
    }
    for (row, out) in src.chunks_exact(cols).zip(dst.chunks_exact_mut(row_bytes)) {
        encode(row, weights, out);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{can_quantize, quantize_part_max, quantize_rows, quantize_rows_max};

    #[test]
    fn a_row_in_parts_has_the_bytes_of_the_whole_row_in_every_type() {
        const COLS: usize = 4096;
        let row: Vec<f32> = (0..COLS).map(|i| (i as f32 * 0.37).sin() * (1.0 + i as f32 / 900.0)).collect();
        let importance: Vec<f32> = (0..COLS).map(|i| ((i * 37 % 101) as f32 + 0.5) / 50.0).collect();
        let mut mean = MeanSquare::default();
        row.chunks(700).for_each(|part| mean.add(part));
        let whole = WholeRow { mean_square: mean.value(), mean_weight: mean_weight(&importance) };
        for &ty in BlockType::ALL.iter().filter(|t| can_quantize(**t)) {
            for weights in [None, Some(&importance[..])] {
                if weights.is_none() && needs_imatrix(ty) {
                    continue;
                }
                let mut want = vec![0; COLS / ty.block_elems() * ty.block_bytes()];
                quantize_rows(ty, &row, COLS, weights, &mut want).unwrap();
                let mut most = want.clone();
                quantize_rows_max(ty, &row, COLS, weights, &mut most).unwrap();
                for part in [256, 768, 2048] {
                    let (mut got, mut max) = (Vec::new(), Vec::new());
                    for (k, x) in row.chunks(part).enumerate() {
                        let weights = weights.map(|w| &w[k * part..][..x.len()]);
                        let mut out = vec![0; x.len() / ty.block_elems() * ty.block_bytes()];
                        quantize_part(ty, x, weights, whole, &mut out).unwrap();
                        got.extend_from_slice(&out);
                        quantize_part_max(ty, x, weights, whole, &mut out).unwrap();
                        max.extend_from_slice(&out);
                    }
                    assert_eq!(got, want, "{ty} in parts of {part}, weights: {}", weights.is_some());
                    assert_eq!(max, most, "{ty} with effort in parts of {part}, weights: {}", weights.is_some());
                }
            }
            if needs_mean_square(ty) {
                let (mut scalar, mut want) = (vec![0; COLS / 32 * ty.block_bytes()], vec![]);
                want.resize(scalar.len(), 0);
                assert!(legacy::encode_part(ty, &row, &importance, whole.mean_square, &mut scalar));
                quantize_rows(ty, &row, COLS, Some(&importance), &mut want).unwrap();
                assert_eq!(scalar, want, "{ty} without lanes");
            }
        }
    }
}
