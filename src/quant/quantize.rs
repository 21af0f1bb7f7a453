//! Whole rows, or a part of one, to blocks and back.

use super::block_type::BlockType;
use super::blocks::Rows;
use super::error::QuantError;
use super::part::WholeRow;
use super::simd::{Level, best};
use super::support::needs_imatrix;
use super::validate::first_non_finite;

/// Quantizes whole rows of `cols` elements from `src` into `dst`.
///
/// `weights` is the importance of each column (an imatrix row of length `cols`); with it the reference runs another, weighted
/// algorithm. Formats without one (`Q8_0`, `MXFP4`, …) ignore it.
///
/// # Errors
/// `cols` is not a multiple of the block length, a length disagrees, the format is not supported or needs weights.
pub fn quantize_rows(
    ty: BlockType,
    src: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    dst: &mut [u8],
) -> Result<(), QuantError> {
    quantize(ty, src, cols, weights, None, dst)
}

/// Quantizes a part of one row, whole blocks of it; `weights` are the importance of the part's columns.
///
/// # Errors
/// As [`quantize_rows`].
pub(crate) fn quantize_part(
    ty: BlockType,
    src: &[f32],
    weights: Option<&[f32]>,
    whole: WholeRow,
    dst: &mut [u8],
) -> Result<(), QuantError> {
    quantize(ty, src, src.len(), weights, Some(whole), dst)
}

/// Quantizes rows of `cols` elements or, with `whole`, a part of one.
pub(in crate::quant) fn quantize(
    ty: BlockType,
    src: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    whole: Option<WholeRow>,
    dst: &mut [u8],
) -> Result<(), QuantError> {
    let functions = ty.functions().filter(|f| f.writes).ok_or(QuantError::NotWritable { ty })?;
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
    // The encoders in lanes are for finite numbers only.
    let finite = first_non_finite(src).is_none() && weights.is_none_or(|w| first_non_finite(w).is_none());
    let level = if finite { best() } else { Level::Scalar };
    (functions.encode)(level, Rows { x: src, cols, weights, mean_square: whole.map(|w| w.mean_square), dst });
    Ok(())
}

/// Dequantizes blocks (any number of whole rows) from `src` into `dst`.
///
/// # Errors
/// `src` is not a whole number of blocks, `dst` has another number of elements, or the format is not supported.
pub fn dequantize_rows(ty: BlockType, src: &[u8], dst: &mut [f32]) -> Result<(), QuantError> {
    let functions = ty.functions().ok_or(QuantError::NotReadable { ty })?;
    let blocks = src.len() / ty.block_bytes();
    if !src.len().is_multiple_of(ty.block_bytes()) {
        return Err(QuantError::Size { what: "bytes", expected: blocks * ty.block_bytes(), found: src.len() });
    }
    if dst.len() != blocks * ty.block_elems() {
        return Err(QuantError::Size { what: "elements", expected: blocks * ty.block_elems(), found: dst.len() });
    }
    (functions.decode)(best(), src, dst);
    Ok(())
}
