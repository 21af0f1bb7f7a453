//! Beyond the reference: the same block formats with less noise, for whoever gives the time.
//!
//! [`quantize_rows_max`] encodes rows as the reference does and then searches each block further: scales and minima around the
//! reference's, the codes of sub-blocks by what they make of the block as it will be read back, the scales above them by
//! least squares over the codes. The measure is the weighted square error, Σ w·(x − y)², w the importance of the column as
//! the matrix gives it, or 1. What is found is scaled so that it shrinks nothing (`unbias`, which says why), and a block is replaced
//! only where the error falls, so no block is ever worse than the reference's.
//!
//! A file a family of formats. The searches compute in the lanes of `simd`, the lanes of each block or sub-block on their own,
//! every operation rounded by itself: the bytes do not depend on the instruction set (plain arrays stand in where there is none), nor
//! on how the rows are cut. There is no byte oracle; `tests` holds what must be true of the errors. Test with
//! `cargo test quant::effort`.
#![allow(clippy::needless_range_loop, reason = "several arrays run in step; the index says so plainly")]

mod choice;
mod low_bit;
mod fp4;
mod grid;
mod keep;
mod lanes;
mod levels;
mod min;
mod scale;
mod super_min;
mod super_scale;
#[cfg(test)]
mod tests;
mod unbias;

pub use choice::Effort;
pub use keep::Noise;

use super::part::{WholeRow, quantize};
use super::simd::{self, Isa, Kernel, Level, Rows};
use super::{BlockType, QuantError, first_non_finite};

/// Quantizes whole rows like [`quantize_rows`](crate::quant::quantize_rows) and then lowers the error of each block where a further search can; says what the noise was
/// and is. Rows that are not finite, and formats without a further search, keep the reference's bytes.
///
/// # Errors
/// As [`quantize_rows`](crate::quant::quantize_rows).
pub fn quantize_rows_max(
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
/// As [`quantize_rows`](crate::quant::quantize_rows)(super::quantize_rows).
pub fn quantize_part_max(
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
    let search = Search { ty, rows: Rows { x: src, cols, weights, mean_square: None, dst: &mut found } };
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(isa) => isa.run(search),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(isa) => isa.run(search),
        _ => search.run(simd::Portable),
    }
    keep::better(ty, src, cols, weights, whole.map(|w| w.mean_weight), &mut found, dst)
}

/// The search of a format; the rows' bytes are the reference's and become the ones found.
struct Search<'a> {
    ty: BlockType,
    rows: Rows<'a>,
}

impl Kernel for Search<'_> {
    #[inline(always)]
    fn run<S: Isa>(self, isa: S) {
        use BlockType as B;
        match self.ty {
            B::Q4_K => super_min::q4(isa, self.rows),
            B::Q5_K => super_min::q5(isa, self.rows),
            B::Q2_K => super_min::q2(isa, self.rows),
            B::Q6_K => super_scale::q6(isa, self.rows),
            B::Q3_K => super_scale::q3(isa, self.rows),
            B::IQ4_XS => super_scale::iq4_xs(isa, self.rows),
            B::Q4_0 => scale::q4(isa, self.rows),
            B::Q5_0 => scale::q5(isa, self.rows),
            B::Q8_0 => scale::q8(isa, self.rows),
            B::IQ4_NL => scale::iq4_nl(isa, self.rows),
            B::Q4_1 => min::q4(isa, self.rows),
            B::Q5_1 => min::q5(isa, self.rows),
            B::MXFP4 => fp4::mx(isa, self.rows),
            B::NVFP4 => fp4::nv(isa, self.rows),
            B::Q2_0 => low_bit::q2(self.rows),
            B::TQ1_0 => low_bit::tq1(self.rows),
            B::TQ2_0 => low_bit::tq2(self.rows),
            ty => grid::grid(ty, self.rows),
        }
    }
}
