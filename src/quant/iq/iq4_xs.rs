//! IQ4_XS: x ≈ d·(scale − 32)·v(q), eight sub-blocks of 32, v one of sixteen values.
//!
//! ```text
//! 0    2          4               8                    136
//! ├ d ─┼ scales_h ┼ scales_l ─────┼ 128 bytes nibbles ─┤     d: f16
//! ```
//!
//! Scale j has its low four bits in nibble j of `scales_l` and its high two in bits 2·j of the little-endian `scales_h`.

use super::four_bits::{LEVELS, S, pack, pack_within, scale, scale_lanes, unpack, weights, weights_lanes};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::super_scale::{self, Scales, Steps};
use crate::quant::number::{from_f16, inverse_or_zero, nearest_int, signed_max_abs, sum_of_squares, to_f16};
use crate::quant::simd::{Isa, Lanes, MAX_LANES, Sixteen, numbers, transpose};

const N: usize = 256;
const SUBS: usize = N / S;
const NIBBLES: usize = 2 + 2 + SUBS / 2;
const BYTES: usize = NIBBLES + N / 2;

/// The format.
pub(in crate::quant) struct Iq4Xs;

impl Codec<N, BYTES> for Iq4Xs {
    const F16_SCALES: &'static [usize] = &[0];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(encode_block);
    }

    /// A sub-block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        let blocks = rows.blocks::<N>();
        let group = I::F::N / SUBS;
        for first in (0..blocks.len()).step_by(group) {
            // Lanes beyond the last block repeat it.
            let block = |lane: usize| (first + lane / SUBS).min(blocks.len() - 1);
            let x = transpose(s, |lane| &blocks[block(lane)].as_chunks::<S>().0[lane % SUBS]);
            let w = if rows.weights.is_none() {
                weights_lanes::<I>(&x, None, x[0])
            } else {
                let importance = |lane: usize| match rows.importance::<N>(block(lane)) {
                    Some(w) => &w.as_chunks::<S>().0[lane % SUBS],
                    None => &[0.0; S],
                };
                let mut floor = [0f32; MAX_LANES];
                for i in 0..group {
                    let mean = sum_of_squares(&blocks[block(i * SUBS)]) * (2.0 / N as f32);
                    floor[i * SUBS..][..SUBS].fill(mean);
                }
                weights_lanes::<I>(&x, Some(&transpose(s, importance)), s.load(&floor))
            };
            let scales = numbers(scale_lanes(s, &x, &w));
            for (i, x) in blocks[first..].iter().enumerate().take(group) {
                let scales = std::array::from_fn(|j| scales[i * SUBS + j]);
                finish(x.as_chunks().0, &scales, rows.out(first + i), |x, id, out| pack_within(s, x, id, out));
            }
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[0], b[1]]);
        for (j, out) in out.as_chunks_mut::<S>().0.iter_mut().enumerate() {
            unpack(&b[NIBBLES + j * S / 2..], d * scale_code(b, j) as f32, out);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        const STEPS: Steps<&Sixteen> = Steps { levels: &LEVELS, codes: (-32, 31), turns: &[(-5, 4), (-2, 1)] };
        super_scale::search::<I, _, S, SUBS, BYTES>(s, STEPS, rows, read_scales, |scales, x, out| {
            write(out, x.as_chunks().0, scales, |x, id, out| pack_within(s, x, id, out));
        });
    }
}

fn encode_block(x: &[f32; N], importance: Option<&[f32; N]>, out: &mut [u8; BYTES]) {
    let floor = sum_of_squares(x) * (2.0 / N as f32);
    let (subs, _) = x.as_chunks::<S>();
    let mut scales = [0f32; SUBS];
    for (j, (s, x)) in scales.iter_mut().zip(subs).enumerate() {
        let importance = importance.map(|w| &w.as_chunks::<S>().0[j]);
        *s = scale(x, &weights(x, importance, floor));
    }
    finish(subs, &scales, out, pack);
}

/// Quantizes the sub-blocks' scales and writes scales and levels.
#[inline(always)]
fn finish(subs: &[[f32; S]], scales: &[f32; SUBS], out: &mut [u8; BYTES], pack: impl Fn(&[f32; S], f32, &mut [u8])) {
    // The levels are chosen against this scale before it is rounded to f16.
    let d = -signed_max_abs(scales) / 32.0;
    let id = inverse_or_zero(d);
    let codes = scales.map(|s| nearest_int(id * s).clamp(-32, 31) as i8);
    write(out, subs, &Scales { d, codes }, pack);
}

/// Writes a super-block; `pack` chooses and writes the levels of a sub-block at an inverse scale.
#[inline(always)]
fn write(out: &mut [u8; BYTES], subs: &[[f32; S]], scales: &Scales<SUBS>, pack: impl Fn(&[f32; S], f32, &mut [u8])) {
    *out = [0; BYTES];
    out[..2].copy_from_slice(&to_f16(scales.d));
    let mut high = 0u16;
    for (j, x) in subs.iter().enumerate() {
        let code = (scales.codes[j] + 32) as u16;
        out[4 + j / 2] |= ((code & 15) as u8) << (4 * (j % 2));
        high |= (code >> 4) << (2 * j);
        pack(x, inverse_or_zero(scales.of_sub(j)), &mut out[NIBBLES + j * S / 2..]);
    }
    out[2..4].copy_from_slice(&high.to_le_bytes());
}

/// The scales of a stored super-block.
#[inline(always)]
fn read_scales(b: &[u8; BYTES]) -> Scales<SUBS> {
    Scales { d: from_f16([b[0], b[1]]), codes: std::array::from_fn(|j| scale_code(b, j) as i8) }
}

/// The code of the scale of sub-block `j`.
#[inline(always)]
fn scale_code(b: &[u8; BYTES], j: usize) -> i32 {
    let high = u16::from_le_bytes([b[2], b[3]]);
    let low = u16::from(b[4 + j / 2] >> (4 * (j % 2)) & 15);
    i32::from(low | (high >> (2 * j) & 3) << 4) - 32
}
