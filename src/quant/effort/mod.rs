//! Beyond the reference: the same block formats with less noise, for users who accept a longer run.
//!
//! [`quantize_rows_max`] encodes rows as the reference does and then searches each block further: scales and minima around the
//! reference's, the codes of sub-blocks by their effect on the block as it will be read back, the scales above them by
//! least squares over the codes. The measure is the weighted square error, Σ w·(x − y)², w the importance of the column as
//! the matrix gives it, or 1. The result is scaled so that it does not shrink the elements (`unbias` says why), and a block is
//! replaced only if the error falls, so no block is ever worse than the reference's.
//!
//! A search for each kind of format: `scale`, `min`, `super_scale`, `super_min`, `grid`, `low_bit`, `fp4`; the formats' `Codec`s
//! call them. They compute in the lanes of `simd`, each block or sub-block on its own, every operation rounded by itself: the
//! bytes depend neither on the instruction set (machines without one use plain arrays) nor on how the rows are cut. There is
//! no byte oracle; `tests` checks what must be true of the errors. Test with `cargo test quant::effort`.
#![allow(clippy::needless_range_loop, reason = "several arrays are indexed in step")]

mod choice;
pub(super) mod fp4;
pub(super) mod grid;
mod lanes;
pub(super) mod levels;
pub(super) mod low_bit;
pub(super) mod min;
pub(super) mod scale;
mod select;
pub(super) mod super_min;
pub(super) mod super_scale;
#[cfg(test)]
mod tests;
mod unbias;

pub(crate) use choice::Effort;
pub(crate) use select::Noise;

use super::block_type::BlockType;
use super::blocks::Rows;
use super::error::QuantError;
use super::part::WholeRow;
use super::quantize::quantize;
use super::simd::{self, Level};
use super::validate::first_non_finite;

/// Quantizes whole rows like [`quantize_rows`](crate::quant::quantize_rows) and then lowers the error of each block if a further
/// search can; returns the noise before and after. Rows that are not finite keep the reference's bytes.
///
/// # Errors
/// As [`quantize_rows`](crate::quant::quantize_rows).
pub(crate) fn quantize_rows_max(
    ty: BlockType,
    src: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    dst: &mut [u8],
) -> Result<Noise, QuantError> {
    quantize_with(simd::best(), ty, src, cols, weights, None, dst)
}

/// As [`quantize_rows_max`], for a part of one row: see [`quantize_part`](super::quantize_part).
///
/// # Errors
/// As [`quantize_rows`](crate::quant::quantize_rows).
pub(crate) fn quantize_part_max(
    ty: BlockType,
    src: &[f32],
    weights: Option<&[f32]>,
    whole: WholeRow,
    dst: &mut [u8],
) -> Result<Noise, QuantError> {
    quantize_with(simd::best(), ty, src, src.len(), weights, Some(whole), dst)
}

fn quantize_with(
    level: Level,
    ty: BlockType,
    src: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    whole: Option<WholeRow>,
    dst: &mut [u8],
) -> Result<Noise, QuantError> {
    quantize(ty, src, cols, weights, whole, dst)?;
    if first_non_finite(src).is_some() || weights.is_some_and(|w| first_non_finite(w).is_some()) {
        return Ok(Noise::default());
    }
    let mut found = dst.to_vec();
    if let Some(functions) = ty.functions() {
        (functions.search)(level, Rows { x: src, cols, weights, mean_square: None, dst: &mut found });
    }
    select::better(ty, src, cols, weights, whole.map(|w| w.mean_weight), &mut found, dst)
}
