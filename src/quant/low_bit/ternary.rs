//! The encoder that Q2_0, TQ1_0 and TQ2_0 share: each element over the largest magnitude of its block, rounded to −1, 0 or 1.

use crate::quant::blocks::Rows;
use crate::quant::number::{inverse_or_zero, max_abs, round_away};
use crate::quant::simd::{Isa, within};

/// How a format stores its levels.
pub(super) trait Packing<const N: usize, const B: usize> {
    /// The stored form of a rounded element: −1, 0, 1 become 0, 1, 2. Other numbers come from blocks so small that the inverse of
    /// their scale overflows.
    fn level(q: i32) -> u8;

    /// Writes the scale and the levels of a block.
    fn write(out: &mut [u8; B], d: f32, l: &[u8; N]);
}

/// Encodes rows one block after the other.
pub(super) fn encode<T: Packing<N, B>, const N: usize, const B: usize>(rows: Rows<'_>) {
    rows.encode_each(|x: &[f32; N], _, out: &mut [u8; B]| {
        let d = max_abs(x);
        let id = inverse_or_zero(d);
        T::write(out, d, &x.map(|v| T::level(round_away(v * id))));
    });
}

/// [`encode`] compiled for the instruction set.
#[inline(always)]
pub(super) fn encode_lanes<T: Packing<N, B>, I: Isa, const N: usize, const B: usize>(s: I, mut rows: Rows<'_>) {
    for (b, x) in rows.blocks().iter().enumerate() {
        let d = within::max_abs(s, x);
        T::write(rows.out(b), d, &levels::<T, N, B>(x, inverse_or_zero(d)));
    }
}

/// The level of each element times `id`, the inverse of the largest magnitude. No product is far from −1 … 1, so two
/// comparisons round it, halves away from zero.
#[inline(always)]
fn levels<T: Packing<N, B>, const N: usize, const B: usize>(x: &[f32; N], id: f32) -> [u8; N] {
    if id == 0.0 || !id.is_finite() {
        // Zeros, or a block so small that the inverse overflows.
        return x.map(|v| T::level(round_away(v * id)));
    }
    x.map(|v| u8::from(v * id > -0.5) + u8::from(v * id >= 0.5))
}
