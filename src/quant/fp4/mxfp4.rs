//! MXFP4: x ≈ 2^(e − 127)·v.
//!
//! ```text
//! 0    1                   17
//! ├ e ─┼ 16 bytes nibbles ─┤     e: E8M0, a power of two
//! ```

use super::group::{decode_group, encode_group, encode_group_fast};
use crate::quant::blocks::Rows;
use crate::quant::codec::{Codec, Importance};
use crate::quant::effort::fp4;
use crate::quant::number::{c_int, max_abs};
use crate::quant::simd::{Isa, within};

const N: usize = 32;
const BYTES: usize = 1 + N / 2;

/// The format.
pub(in crate::quant) struct Mxfp4;

impl Codec<N, BYTES> for Mxfp4 {
    const IMPORTANCE: Importance = Importance::Ignored;
    const F16_SCALES: &'static [usize] = &[];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x: &[f32; N], _, out: &mut [u8; BYTES]| {
            out[0] = exponent(max_abs(x));
            let d = half_scale(out[0]);
            encode_group(x, d, &mut out[1..]);
        });
    }

    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        for (b, x) in rows.blocks::<N>().iter().enumerate() {
            let out = rows.out::<BYTES>(b);
            let amax = within::max_abs(s, x);
            out[0] = exponent_fast(amax);
            encode_group_fast(x, amax, half_scale(out[0]), &mut out[1..]);
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        decode_group(&b[1..], half_scale(b[0]), out);
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        fp4::search_exponents(s, rows, half_scale);
    }

    #[inline(always)]
    fn has_bad_scale(block: &[u8; BYTES]) -> bool {
        block[0] == 0xff
    }
}

/// Half of 2^(e − 127); the two smallest are subnormal.
#[inline(always)]
fn half_scale(e: u8) -> f32 {
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { u32::from(e - 1) << 23 })
}

/// Two below the exponent of the largest magnitude. The logarithm is rounded to `f32` as in the reference, which raises it for
/// values just under a high power of two.
fn exponent(amax: f32) -> u8 {
    if amax > 0.0 { c_int((f64::from(amax).log2() as f32).floor() - 2.0 + 127.0) as u8 } else { 0 }
}

/// [`exponent`] from the bits, if the logarithm is not so near an integer that rounding could raise it.
#[inline(always)]
fn exponent_fast(amax: f32) -> u8 {
    const NEAR_THE_NEXT: u32 = 0x007f_ff00;
    let bits = amax.to_bits();
    if bits >= 0x0080_0000 && bits & 0x007f_ffff < NEAR_THE_NEXT {
        (bits >> 23).wrapping_sub(2) as u8
    } else {
        exponent(amax)
    }
}
