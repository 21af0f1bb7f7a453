//! NVFP4: x ≈ s·v, four groups of 16 elements with a scale each.
//!
//! ```text
//! 0          4                       36
//! ├ 4 × u8 s ┼ 4 × 8 bytes nibbles ──┤     s: unsigned E4M3 (bias 7)
//! ```

use super::{decode_group, encode_group};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::max_abs;

const N: usize = 64;
const GROUP: usize = 16;
const BYTES: usize = BlockType::NVFP4.block_bytes();
const HEAD: usize = N / GROUP;
const _: () = assert!(BYTES == HEAD + N / 2);

/// Half of a scale's value; 0x7f is no number and counts as zero.
pub(in crate::quant) fn half_scale(s: u8) -> f32 {
    if s == 0 || s == 0x7f {
        return 0.0;
    }
    let (exponent, mantissa) = (i32::from(s >> 3 & 15), f32::from(s & 7));
    let raw =
        if exponent == 0 { mantissa * (-9f32).exp2() } else { (1.0 + mantissa / 8.0) * ((exponent - 7) as f32).exp2() };
    raw * 0.5
}

/// The nearest scale, halves upwards, at most 448 (`ggml_fp32_to_ue4m3`).
fn scale_code(x: f32) -> u8 {
    if x.is_nan() || x <= 0.0 {
        return 0;
    }
    let x = if x > 448.0 { 448.0 } else { x };
    let bits = x.to_bits();
    let exponent = (bits >> 23 & 0xff) as i32 - 127 + 7;
    if exponent <= 0 {
        return ((x * 512.0 + 0.5) as i32).min(7) as u8;
    }
    if exponent >= 15 {
        return 0x7e;
    }
    let mantissa = (bits >> 20 & 7) as i32 + (bits >> 19 & 1) as i32;
    let code = (exponent << 3) + mantissa;
    if code >> 3 >= 15 { 0x7e } else { code as u8 }
}

pub(in crate::quant) fn encode_row(x: &[f32], _weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, None, dst, |x, _, out| {
        let (head, levels) = out.split_at_mut(HEAD);
        let groups = x.as_chunks::<GROUP>().0.iter().zip(levels.as_chunks_mut::<{ GROUP / 2 }>().0);
        for (s, (x, q)) in head.iter_mut().zip(groups) {
            *s = scale_code(max_abs(x) / 6.0);
            encode_group(x, half_scale(*s), q);
        }
    });
}

pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, |b, out| {
        for (g, out) in out.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
            decode_group(&b[HEAD + g * GROUP / 2..][..GROUP / 2], half_scale(b[g]), out);
        }
    });
}
