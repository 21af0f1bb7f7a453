//! IQ4_NL: x ≈ d·v(q), v one of sixteen values.
//!
//! ```text
//! 0    2                   18
//! ├ d ─┼ 16 bytes nibbles ─┤     d: f16
//! ```

use super::four_bits::{S, pack, pack_within, scale, scale_lanes, unpack, weights, weights_lanes};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, inverse_or_zero, sum_of_squares, to_f16};
use crate::quant::simd::{Isa, Lanes, Rows, numbers, transpose};

const BYTES: usize = BlockType::IQ4_NL.block_bytes();
const _: () = assert!(BYTES == 2 + S / 2);

pub(in crate::quant) fn encode_row(x: &[f32], weights_row: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<S, BYTES>(x, weights_row, dst, |x, importance, out| {
        let floor = sum_of_squares(x) * (2.0 / S as f32);
        let d = scale(x, &weights(x, importance, floor));
        out[..2].copy_from_slice(&to_f16(d));
        pack(x, inverse_or_zero(d), &mut out[2..]);
    });
}

/// [`encode_row`] for many rows, a block in each lane.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
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
            let d = scales[lane];
            let out: &mut [u8; BYTES] = rows.out(first + lane);
            out[..2].copy_from_slice(&to_f16(d));
            pack_within(s, x, inverse_or_zero(d), &mut out[2..]);
        }
    }
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, S>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; S]) {
    unpack(&b[2..], from_f16([b[0], b[1]]), out);
}
