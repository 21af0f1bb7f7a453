//! Q6_K: x ≈ d·scale·(q − 32), sixteen sub-blocks of 16 with signed 8-bit scales, levels of six bits.
//!
//! ```text
//! 0                    128              192       208  210
//! ├ 128 bytes nibbles ─┼ 64 bytes, 4×2 ─┼ scales ─┼ d ─┤     d: f16
//! ```
//!
//! For each half h of 128 elements: nibble byte 64·h + j holds elements j and j + 64, byte 64·h + 32 + j holds j + 32 and
//! j + 96; the two top bits are packed as in `two_bits`.

use super::super_block::{N, sub, sub_mut};
use super::two_bits;
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::levels::Integers;
use crate::quant::effort::super_scale::{self, Scales, Steps};
use crate::quant::number::{from_f16, nearest_int, signed_max_abs, to_f16};
use crate::quant::search::{ALL_ZERO, symmetric};
use crate::quant::simd::{self, Isa, Lanes, numbers, transpose};

const S: usize = 16;
const SUBS: usize = N / S;
const HIGH: usize = N / 2;
const SCALES: usize = HIGH + N / 4;
const BYTES: usize = SCALES + SUBS + 2;

/// The format.
pub(in crate::quant) struct Q6K;

impl Codec<N, BYTES> for Q6K {
    const DECODES_IN_LANES: bool = true;
    const F16_SCALES: &'static [usize] = &[BYTES - 2];

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
            let x = transpose(s, |lane| sub::<S, _>(&blocks[block(lane)], lane % SUBS));
            let mut w = x;
            if rows.weights.is_none() {
                for i in 0..S {
                    w[i] = x[i] * x[i];
                }
            } else {
                let importance =
                    |lane: usize| rows.importance::<N>(block(lane)).map_or(&[0.0; S], |w| sub(w, lane % SUBS));
                w = transpose(s, importance);
            }
            let (scales, iscales) = simd::symmetric(s, 32, &x, &w);
            let (scales, iscales) = (numbers(scales), numbers(iscales));
            for i in 0..group.min(blocks.len() - first) {
                let x = &blocks[first + i];
                finish(x, &std::array::from_fn(|j| scales[i * SUBS + j]), rows.out(first + i), |j| {
                    let iscale = iscales[i * SUBS + j];
                    let level = |v: f32| (nearest_int(iscale * v).clamp(-32, 31) + 32) as u8;
                    if iscale == 0.0 { [0; S] } else { sub::<S, _>(x, j).map(level) }
                });
            }
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let Some(high) = b[HIGH..].first_chunk() else { return };
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        let mut l = two_bits::unpack(high);
        for (l, q) in l.as_chunks_mut::<128>().0.iter_mut().zip(b[..HIGH].as_chunks::<64>().0) {
            for j in 0..64 {
                l[j] = l[j] << 4 | (q[j] & 15);
                l[j + 64] = l[j + 64] << 4 | q[j] >> 4;
            }
        }
        for j in 0..SUBS {
            let d = d * f32::from(b[SCALES + j] as i8);
            for (o, &q) in sub_mut::<S, _>(out, j).iter_mut().zip(sub::<S, _>(&l, j)) {
                *o = d * (i32::from(q) - 32) as f32;
            }
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; BYTES], out: &mut [f32; N]) {
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        for j in 0..SUBS {
            let (half, in_half) = (j / 8, j % 8);
            let nibbles = s.bytes(&b[64 * half + S * (in_half % 4)..]);
            let l = I::F::bits_of(nibbles, 4 * (in_half / 4) as u32, 15);
            let l = I::F::with_bits(l, two_bits::of_sub(s, &b[HIGH..], j), 4);
            let d = s.splat(d * f32::from(b[SCALES + j] as i8));
            (d * (I::F::of_codes(l) - s.splat(32.0))).store(&mut out[S * j..]);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        const STEPS: Steps<Integers> =
            Steps { levels: Integers { low: -32, high: 31 }, codes: (-128, 127), turns: &[(-5, 6), (-2, 2)] };
        let read = |b: &[u8; BYTES]| Scales {
            d: from_f16([b[BYTES - 2], b[BYTES - 1]]),
            codes: std::array::from_fn(|j| b[SCALES + j] as i8),
        };
        super_scale::search::<I, _, S, SUBS, BYTES>(s, STEPS, rows, read, |scales, x, out| {
            write_levels(out, &scales.integer_levels::<S>(x, -32, 31));
            write_scales(out, scales.d, &scales.codes);
        });
    }
}

fn encode_block(x: &[f32; N], importance: Option<&[f32; N]>, out: &mut [u8; BYTES]) {
    let mut l = [0u8; N];
    let mut scales = [0f32; SUBS];
    for j in 0..SUBS {
        let x = sub::<S, _>(x, j);
        let squares;
        // The importance is taken as it is, without the square root of the other formats.
        let weights = match importance {
            Some(w) => sub(w, j),
            None => {
                squares = x.map(|v| v * v);
                &squares
            }
        };
        scales[j] = symmetric(32, x, weights, sub_mut(&mut l, j));
    }
    finish(x, &scales, out, |j| *sub(&l, j));
}

/// Quantizes the sub-blocks' scales and chooses the levels; `searched` gives a sub-block's levels of the search, which it keeps
/// if its scale comes out as zero.
#[inline(always)]
fn finish(x: &[f32; N], scales: &[f32; SUBS], out: &mut [u8; BYTES], searched: impl Fn(usize) -> [u8; S]) {
    let max = signed_max_abs(scales);
    if max.abs() < ALL_ZERO {
        *out = [0; BYTES];
        return;
    }
    let inverse = -128.0 / max;
    let q_scales = scales.map(|s| nearest_int(inverse * s).min(127) as i8);
    write_scales(out, 1.0 / inverse, &q_scales);
    let d = from_f16(to_f16(1.0 / inverse));
    let mut l = [0u8; N];
    for (j, scale) in q_scales.into_iter().enumerate() {
        let d = d * f32::from(scale);
        let l = sub_mut::<S, _>(&mut l, j);
        if d == 0.0 {
            *l = searched(j);
            continue;
        }
        for (l, &v) in l.iter_mut().zip(sub::<S, _>(x, j)) {
            *l = (nearest_int(v / d).clamp(-32, 31) + 32) as u8;
        }
    }
    write_levels(out, &l);
}

/// Writes d and the scales of the sub-blocks.
#[inline(always)]
fn write_scales(out: &mut [u8; BYTES], d: f32, scales: &[i8; SUBS]) {
    for (o, &s) in out[SCALES..].iter_mut().zip(scales) {
        *o = s as u8;
    }
    out[BYTES - 2..].copy_from_slice(&to_f16(d));
}

/// Writes the levels, shifted by 32.
#[inline(always)]
fn write_levels(out: &mut [u8; BYTES], l: &[u8; N]) {
    for (l, out) in l.as_chunks::<128>().0.iter().zip(out[..HIGH].as_chunks_mut::<64>().0) {
        for j in 0..64 {
            out[j] = (l[j] & 15) | l[j + 64] << 4;
        }
    }
    if let Some(high) = out[HIGH..].first_chunk_mut() {
        two_bits::pack(&l.map(|l| l >> 4), high);
    }
}
