//! MXFP4: x ≈ 2^(e − 127)·v.
//!
//! ```text
//! 0    1                   17
//! ├ e ─┼ 16 bytes nibbles ─┤     e: E8M0, a power of two
//! ```

use super::{decode_group, encode_group};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{c_int, max_abs};

const N: usize = 32;
const BYTES: usize = BlockType::MXFP4.block_bytes();
const _: () = assert!(BYTES == 1 + N / 2);

/// Half of 2^(e − 127); the two smallest are subnormal.
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

pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, |b, out| decode_group(&b[1..], half_scale(b[0]), out));
}
