//! TQ2_0: x ≈ d·(q − 1), d the largest magnitude of 256 elements.
//!
//! ```text
//! 0                64   66
//! ├ 64 bytes, 4×2 ─┼ d ─┤     d: f16; byte 32·h + j holds elements 128·h + j, +32, +64, +96 from low to high bits
//! ```

use super::ternary::{self, Packing};
use crate::quant::blocks::Rows;
use crate::quant::codec::{Codec, Importance};
use crate::quant::effort::low_bit;
use crate::quant::number::{from_f16, to_f16};
use crate::quant::simd::{Isa, Lanes};

const N: usize = 256;
const BYTES: usize = N / 4 + 2;

/// The format.
pub(in crate::quant) struct Tq2;

impl Packing<N, BYTES> for Tq2 {
    #[inline(always)]
    fn level(q: i32) -> u8 {
        ((q + 1) & 3) as u8
    }

    #[inline(always)]
    fn write(out: &mut [u8; BYTES], d: f32, l: &[u8; N]) {
        for (l, out) in l.as_chunks::<128>().0.iter().zip(out.as_chunks_mut::<32>().0) {
            for (j, o) in out.iter_mut().enumerate() {
                *o = l[j] | l[j + 32] << 2 | l[j + 64] << 4 | l[j + 96] << 6;
            }
        }
        out[BYTES - 2..].copy_from_slice(&to_f16(d));
    }
}

impl Codec<N, BYTES> for Tq2 {
    const IMPORTANCE: Importance = Importance::Ignored;
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[BYTES - 2];

    fn encode(rows: Rows<'_>) {
        ternary::encode::<Self, N, BYTES>(rows);
    }

    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, rows: Rows<'_>) {
        ternary::encode_lanes::<Self, I, N, BYTES>(s, rows);
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        for (q, out) in b.as_chunks::<32>().0.iter().zip(out.as_chunks_mut::<128>().0) {
            for (n, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                for (o, &q) in out.iter_mut().zip(q) {
                    *o = (i32::from(q >> (2 * n) & 3) - 1) as f32 * d;
                }
            }
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; BYTES], out: &mut [f32; N]) {
        let (d, one) = (s.splat(from_f16([b[BYTES - 2], b[BYTES - 1]])), s.splat(1.0));
        for (j, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let q = s.bytes(&b[32 * (j / 8) + 16 * (j % 2)..]);
            let l = I::F::bits_of(q, 2 * (j / 2 % 4) as u32, 3);
            ((I::F::of_codes(l) - one) * d).store(out);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(_s: I, rows: Rows<'_>) {
        low_bit::search(rows, -1, 1, Self::write);
    }
}
