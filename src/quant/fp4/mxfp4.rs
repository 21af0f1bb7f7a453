//! MXFP4: x ≈ 2^(e − 127)·v.
//!
//! ```text
//! 0    1                   17
//! ├ e ─┼ 16 bytes nibbles ─┤     e: E8M0, a power of two
//! ```

use super::{decode_group, encode_group, encode_group_fast};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{c_int, max_abs};
use crate::quant::simd::{Isa, Rows, within};

const N: usize = 32;
const BYTES: usize = BlockType::MXFP4.block_bytes();
const _: () = assert!(BYTES == 1 + N / 2);

/// Half of 2^(e − 127); the two smallest are subnormal.
#[inline(always)]
pub(in crate::quant) fn half_scale(e: u8) -> f32 {
    f32::from_bits(if e < 2 { 0x0020_0000 << e } else { u32::from(e - 1) << 23 })
}

/// Two below the exponent of the largest magnitude. The logarithm is rounded to `f32` as in the reference, which lifts values
/// just under a high power of two.
fn exponent(amax: f32) -> u8 {
    if amax > 0.0 { c_int((f64::from(amax).log2() as f32).floor() - 2.0 + 127.0) as u8 } else { 0 }
}

pub(in crate::quant) fn encode_row(x: &[f32], _weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, None, dst, |x, _, out| {
        out[0] = exponent(max_abs(x));
        let d = half_scale(out[0]);
        encode_group(x, d, &mut out[1..]);
    });
}

/// [`exponent`] from the bits, where the logarithm is not so near to an integer that rounding could lift it.
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

/// [`encode_row`] for many rows, compiled for the instruction set.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
    for (b, x) in rows.blocks::<N>().iter().enumerate() {
        let out = rows.out::<BYTES>(b);
        let amax = within::max_abs(s, x);
        out[0] = exponent_fast(amax);
        encode_group_fast(x, amax, half_scale(out[0]), &mut out[1..]);
    }
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    decode_group(&b[1..], half_scale(b[0]), out);
}
