//! ggml's block formats as pure functions between `f32` rows and bytes.
//!
//! Must not know tensors' names, files or jobs. The types that matter: [`BlockType`] (a block format and its layout) and
//! [`Encoding`] (a plain dtype or a block format). [`quantize_rows`] gives the bytes of the public ggml reference
//! (`ggml-quants.c` of llama.cpp, autumn 2026, as its baseline x86-64 build computes them): strict `f32`, every operation
//! rounded by itself, sums in index order. No `mul_add`, no reordered sum: a compiler may use vectors only where that
//! changes no bit.
//!
//! A family of formats is a folder (`legacy`, `k`, `iq`, `low_bit`, `fp4`), a format a file with its byte diagram; the searches for scales that
//! several formats share stand in `search`, number conversions in `number`. Every format also has an encoder in lanes for AVX2,
//! AVX-512 and plain vectors, about ten times as fast with the first two and to the same bytes (`simd`; `cargo bench --bench
//! quantize`). Rows are independent of each other, so any chunking of rows gives the same bytes; `part` quantizes
//! rows piece by piece. Test with `cargo test quant::`.

mod block_type;
mod codec;
mod compare;
mod effort;
mod encoding;
mod error;
mod low_bit;
mod fp4;
mod iq;
mod k;
mod legacy;
mod number;
mod part;
mod search;
mod simd;
mod validate;

#[cfg(test)]
mod golden_tests;

pub use block_type::BlockType;
pub use compare::Sums;
pub use effort::{Effort, Noise, quantize_part_max, quantize_rows_max};
pub use encoding::Encoding;
pub use error::QuantError;
pub use part::{MeanSquare, WholeRow, mean_weight, needs_mean_square, quantize_part};
pub use validate::first_bad_block;

use codec::codec;

/// True if [`quantize_rows`] can write this format.
pub fn can_quantize(ty: BlockType) -> bool {
    codec(ty).is_some_and(|c| c.encode_row.is_some())
}

/// True if [`dequantize_rows`] can read this format.
pub fn can_dequantize(ty: BlockType) -> bool {
    codec(ty).is_some()
}

/// True if the format cannot be written without importance weights (`ggml_quantize_requires_imatrix`).
pub fn needs_imatrix(ty: BlockType) -> bool {
    matches!(ty, BlockType::IQ2_XXS | BlockType::IQ2_XS | BlockType::IQ1_S)
}

/// True if importance weights change what [`quantize_rows`] writes in this format.
pub fn uses_imatrix(ty: BlockType) -> bool {
    use BlockType as B;
    !matches!(ty, B::Q8_0 | B::MXFP4 | B::NVFP4 | B::TQ1_0 | B::TQ2_0)
}

/// The instruction sets this machine can quantize with, the plainest first: the names that the environment variable `REMOLD_ISA`
/// knows. Without it the last is used.
pub fn instruction_sets() -> Vec<&'static str> {
    simd::names()
}

/// The instruction set that is used: the last of [`instruction_sets`], or the one that `REMOLD_ISA` names.
pub fn instruction_set() -> &'static str {
    simd::best().name()
}

/// The index of the first NaN or infinity, if there is one. The reference refuses the blocks such a value leads to; callers
/// check their rows with this and name the place, and the blocks with [`first_bad_block`].
pub fn first_non_finite(values: &[f32]) -> Option<usize> {
    const CHUNK: usize = 64;
    const EXPONENT: u32 = 0x7f80_0000;
    let bad = |x: &f32| x.to_bits() & EXPONENT == EXPONENT;
    for (c, chunk) in values.chunks(CHUNK).enumerate() {
        // A branch-free pass over the chunk first: this runs over every weight of a model.
        if chunk.iter().fold(false, |any, x| any | bad(x)) {
            return chunk.iter().position(bad).map(|i| c * CHUNK + i);
        }
    }
    None
}

/// Quantizes whole rows of `cols` elements from `src` into `dst`.
///
/// `weights` is the importance of each column (an imatrix row of length `cols`); with it the reference runs another, weighted
/// algorithm. Formats without one (`Q8_0`, `MXFP4`, …) ignore it.
///
/// # Errors
/// `cols` is no multiple of the block length, a length disagrees, the format is not supported or needs weights.
pub fn quantize_rows(
    ty: BlockType,
    src: &[f32],
    cols: usize,
    weights: Option<&[f32]>,
    dst: &mut [u8],
) -> Result<(), QuantError> {
    part::quantize(ty, src, cols, weights, None, dst)
}

/// Dequantizes blocks (any number of whole rows) from `src` into `dst`.
///
/// # Errors
/// `src` is no whole number of blocks, `dst` has another number of elements, or the format is not supported.
pub fn dequantize_rows(ty: BlockType, src: &[u8], dst: &mut [f32]) -> Result<(), QuantError> {
    let codec = codec(ty).ok_or(QuantError::NotReadable { ty })?;
    let blocks = src.len() / ty.block_bytes();
    if !src.len().is_multiple_of(ty.block_bytes()) {
        return Err(QuantError::Size { what: "bytes", expected: blocks * ty.block_bytes(), found: src.len() });
    }
    if dst.len() != blocks * ty.block_elems() {
        return Err(QuantError::Size { what: "elements", expected: blocks * ty.block_elems(), found: dst.len() });
    }
    if !simd::decode(simd::best(), ty, src, dst) {
        (codec.decode)(src, dst);
    }
    Ok(())
}
