//! Q2_0: x ≈ d·(q − 1), d the largest magnitude of 64 elements.
//!
//! ```text
//! 0    2                18
//! ├ d ─┼ 16 bytes, 4×2 ─┤     d: f16; byte j holds elements 4·j … 4·j + 3 from low to high bits
//! ```

use super::ternary::{self, Packing};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::low_bit;
use crate::quant::number::{from_f16, to_f16};
use crate::quant::simd::Isa;

const N: usize = 64;
const BYTES: usize = 2 + N / 4;

/// The format.
pub(in crate::quant) struct Q2_0;

impl Packing<N, BYTES> for Q2_0 {
    #[inline(always)]
    fn level(q: i32) -> u8 {
        (q + 1).clamp(0, 3) as u8
    }

    #[inline(always)]
    fn write(out: &mut [u8; BYTES], d: f32, l: &[u8; N]) {
        out[..2].copy_from_slice(&to_f16(d));
        for (o, l) in out[2..].iter_mut().zip(l.as_chunks::<4>().0) {
            *o = l[0] | l[1] << 2 | l[2] << 4 | l[3] << 6;
        }
    }
}

impl Codec<N, BYTES> for Q2_0 {
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        ternary::encode::<Self, N, BYTES>(rows);
    }

    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        ternary::encode_lanes::<Self, I, N, BYTES>(s, rows);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        let values = [-d, 0.0 * d, d, 2.0 * d];
        for (out, &q) in out.as_chunks_mut::<4>().0.iter_mut().zip(&b[2..]) {
            *out = [q & 3, q >> 2 & 3, q >> 4 & 3, q >> 6].map(|q| values[usize::from(q)]);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        low_bit::search(rows, -1, 2, Self::write);
    }
}
