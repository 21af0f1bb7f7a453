//! IQ4_NL: x ≈ d·v(q), v one of sixteen values.
//!
//! ```text
//! 0    2                   18
//! ├ d ─┼ 16 bytes nibbles ─┤     d: f16
//! ```

use super::four_bits::{LEVELS, S, pack, pack_within, scale, scale_lanes, unpack, weights, weights_lanes};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::scale::{self as further, Candidates};
use crate::quant::number::{from_f16, inverse_or_zero, sum_of_squares, to_f16};
use crate::quant::simd::{Isa, Lanes, Sixteen, numbers, transpose};

const BYTES: usize = 2 + S / 2;

/// The scales that `effort = "max"` tries.
const CANDIDATES: Candidates<&Sixteen> =
    Candidates { levels: &LEVELS, first: 96.0, step: 3.0, count: 20, both_signs: true };

/// The format.
pub(in crate::quant) struct Iq4Nl;

impl Codec<S, BYTES> for Iq4Nl {
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(|x, importance, out: &mut [u8; BYTES]| {
            let floor = sum_of_squares(x) * (2.0 / S as f32);
            let d = scale(x, &weights(x, importance, floor));
            out[..2].copy_from_slice(&to_f16(d));
            pack(x, inverse_or_zero(d), &mut out[2..]);
        });
    }

    /// A block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        let blocks = rows.blocks::<S>();
        for first in (0..blocks.len()).step_by(I::F::N) {
            // Lanes beyond the last block repeat it.
            let block = |lane: usize| (first + lane).min(blocks.len() - 1);
            let x = transpose(s, |lane| &blocks[block(lane)]);
            let w = if rows.weights.is_none() {
                weights_lanes::<I>(&x, None, x[0])
            } else {
                let importance = transpose(s, |lane| rows.importance::<S>(block(lane)).unwrap_or(&[0.0; S]));
                let mut squares = s.splat(0.0);
                for i in 0..S {
                    squares = squares + x[i] * x[i];
                }
                weights_lanes::<I>(&x, Some(&importance), squares * s.splat(2.0 / S as f32))
            };
            let scales = numbers(scale_lanes(s, &x, &w));
            for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
                write_within(s, rows.out(first + lane), scales[lane], x);
            }
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; S]) {
        unpack(&b[2..], from_f16([b[0], b[1]]), out);
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        further::search(s, CANDIDATES, rows, |d, x, out| write_within(s, out, d, x));
    }
}

/// Writes a block at a scale, with the lanes inside the block.
#[inline(always)]
fn write_within<I: Isa>(s: I, out: &mut [u8; BYTES], d: f32, x: &[f32; S]) {
    out[..2].copy_from_slice(&to_f16(d));
    pack_within(s, x, inverse_or_zero(d), &mut out[2..]);
}
