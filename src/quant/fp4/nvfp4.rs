//! NVFP4: x ≈ s·v, four groups of 16 elements with a scale each.
//!
//! ```text
//! 0          4                       36
//! ├ 4 × u8 s ┼ 4 × 8 bytes nibbles ──┤     s: unsigned E4M3 (bias 7)
//! ```

use super::group::{decode_group, encode_group, encode_group_fast};
use crate::quant::blocks::Rows;
use crate::quant::codec::{Codec, Importance};
use crate::quant::effort::fp4;
use crate::quant::number::max_abs;
use crate::quant::simd::Isa;

const N: usize = 64;
const GROUP: usize = 16;
const HEAD: usize = N / GROUP;
const BYTES: usize = HEAD + N / 2;

/// The format.
pub(in crate::quant) struct Nvfp4;

impl Codec<N, BYTES> for Nvfp4 {
    const IMPORTANCE: Importance = Importance::Ignored;
    /// Every scale is finite.
    const F16_SCALES: &'static [usize] = &[];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x, _, out| encode_block(x, out, |x, _, d, q| encode_group(x, d, q)));
    }

    #[inline(always)]
    fn encode_lanes<I: Isa>(_s: I, mut rows: Rows<'_>) {
        for (b, x) in rows.blocks().iter().enumerate() {
            encode_block(x, rows.out(b), encode_group_fast);
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        for (g, out) in out.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
            decode_group(&b[HEAD + g * GROUP / 2..][..GROUP / 2], half_scale(b[g]), out);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        fp4::search_scales(s, rows, half_scale);
    }
}

/// Half of each scale's value; the sign bit is ignored, and 0x7f, a NaN, counts as zero.
const HALF_SCALES: [f32; 256] = {
    let mut values = [0f32; 256];
    let mut s = 0;
    while s < 256 {
        let (exponent, mantissa) = ((s >> 3 & 15) as u32, (s & 7) as f32);
        values[s] = match exponent {
            0 => mantissa * f32::from_bits((127 - 10) << 23),
            _ => (1.0 + mantissa / 8.0) * f32::from_bits((127 - 8 + exponent) << 23),
        };
        s += 1;
    }
    values[0x7f] = 0.0;
    values
};

/// Half of a scale's value.
#[inline(always)]
fn half_scale(s: u8) -> f32 {
    HALF_SCALES[usize::from(s)]
}

/// The nearest scale, halves upwards, at most 448 (`ggml_fp32_to_ue4m3`).
#[inline(always)]
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

/// Encodes a block; `group` gets elements, their largest magnitude, the scale and the bytes of the levels.
#[inline(always)]
fn encode_block(x: &[f32; N], out: &mut [u8; BYTES], group: impl Fn(&[f32; GROUP], f32, f32, &mut [u8])) {
    let (head, levels) = out.split_at_mut(HEAD);
    let groups = x.as_chunks::<GROUP>().0.iter().zip(levels.as_chunks_mut::<{ GROUP / 2 }>().0);
    for (s, (x, q)) in head.iter_mut().zip(groups) {
        let amax = max_abs(x);
        *s = scale_code(amax / 6.0);
        group(x, amax, half_scale(*s), q);
    }
}
