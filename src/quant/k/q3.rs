//! Q3_K: x ≈ d·(scale − 32)·(q − 4), sixteen sub-blocks of 16, levels of three bits.
//!
//! ```text
//! 0                   32               96        108  110
//! ├ 32 bytes top bit ─┼ 64 bytes, 4×2 ─┼ scales ─┼ d ─┤     d: f16; see `top_bits`, `two_bits`, `scales`
//! ```

use super::scales::{pack16, unpack16};
use super::super_block::{N, mean_square, sub, sub_mut, sum, weighted, weighted_lanes};
use super::{top_bits, two_bits};
use crate::quant::blocks::Rows;
use crate::quant::codec::Codec;
use crate::quant::effort::levels::Integers;
use crate::quant::effort::super_scale::{self, Scales, Steps};
use crate::quant::number::{from_f16, nearest_int, signed_max_abs, to_f16};
use crate::quant::search::{symmetric, symmetric_3bit};
use crate::quant::simd::{self, Isa, Lanes, MAX_LANES, numbers, transpose};

const S: usize = 16;
const SUBS: usize = N / S;
const LEVELS: usize = N / 8;
const SCALES: usize = LEVELS + N / 4;
const BYTES: usize = SCALES + 12 + 2;

/// The format.
pub(in crate::quant) struct Q3K;

impl Codec<N, BYTES> for Q3K {
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
            let sub_of = |lane: usize| sub::<S, _>(&blocks[block(lane)], lane % SUBS);
            let x = transpose(s, sub_of);
            let (scales, weights) = if rows.weights.is_none() {
                (simd::symmetric_3bit(s, 4, &x, sub_of), None)
            } else {
                let w = weighted_lanes(s, &rows, &x, 2.0, block);
                let mut sums = s.splat(0.0);
                for i in 0..S {
                    sums = sums + w[i];
                }
                let (scales, iscales) = simd::symmetric(s, 4, &x, &w);
                (scales, Some((numbers(sums), numbers(iscales))))
            };
            let scales = numbers(scales);
            for i in 0..group.min(blocks.len() - first) {
                let (x, out) = (&blocks[first + i], rows.out(first + i));
                let of = |v: &[f32; MAX_LANES]| std::array::from_fn(|j| v[i * SUBS + j]);
                match &weights {
                    None => {
                        let (d, q_scales) = plain_scales(&of(&scales));
                        finish(x, d, &q_scales, out, |j| {
                            let mut l = [0; S];
                            symmetric_3bit(4, sub(x, j), &mut l);
                            l
                        });
                    }
                    Some((sums, iscales)) => {
                        let mut q_scales = [0; SUBS];
                        let d = simd::symmetric_of_one(s, 32, &of(&scales), &of(sums), &mut q_scales);
                        finish(x, d, &q_scales, out, |j| {
                            let iscale = iscales[i * SUBS + j];
                            let level = |v: f32| (nearest_int(iscale * v).clamp(-4, 3) + 4) as u8;
                            if iscale == 0.0 { [0; S] } else { sub::<S, _>(x, j).map(level) }
                        });
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
        let (Some(q), Some(scales)) = (b[LEVELS..].first_chunk(), b[SCALES..].first_chunk()) else { return };
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        let (l, scales) = (two_bits::unpack(q), unpack16(scales));
        for (j, scale) in scales.into_iter().enumerate() {
            let d = d * (i32::from(scale) - 32) as f32;
            let top = &b[S * (j % 2)..];
            for ((o, &q), t) in sub_mut::<S, _>(out, j).iter_mut().zip(sub::<S, _>(&l, j)).zip(top) {
                *o = d * (i32::from(q) - if t >> (j / 2) & 1 == 0 { 4 } else { 0 }) as f32;
            }
        }
    }

    #[inline(always)]
    fn decode_lanes<I: Isa>(s: I, b: &[u8; BYTES], out: &mut [f32; N]) {
        let Some(scales) = b[SCALES..].first_chunk() else { return };
        let d = from_f16([b[BYTES - 2], b[BYTES - 1]]);
        let scales = unpack16(scales);
        let top = [s.bytes(b), s.bytes(&b[S..])];
        for j in 0..SUBS {
            let l = two_bits::of_sub(s, &b[LEVELS..], j);
            let l = I::F::with_bits(l, I::F::bits_of(top[j % 2], (j / 2) as u32, 1), 2);
            let d = s.splat(d * (i32::from(scales[j]) - 32) as f32);
            (d * (I::F::of_codes(l) - s.splat(4.0))).store(&mut out[S * j..]);
        }
    }

    #[inline(always)]
    fn search<I: Isa>(s: I, rows: Rows<'_>) {
        const STEPS: Steps<Integers> =
            Steps { levels: Integers { low: -4, high: 3 }, codes: (-32, 31), turns: &[(-5, 6), (-2, 3), (-2, 1)] };
        let read = |b: &[u8; BYTES]| {
            let mut packed = [0; 12];
            packed.copy_from_slice(&b[SCALES..BYTES - 2]);
            Scales { d: from_f16([b[BYTES - 2], b[BYTES - 1]]), codes: unpack16(&packed).map(|c| c as i8 - 32) }
        };
        super_scale::search::<I, _, S, SUBS, BYTES>(s, STEPS, rows, read, |scales, x, out| {
            write_scales(out, scales.d, &scales.codes.map(|c| (c + 32) as u8));
            write_levels(out, &scales.integer_levels::<S>(x, -4, 3));
        });
    }
}

fn encode_block(x: &[f32; N], importance: Option<&[f32; N]>, out: &mut [u8; BYTES]) {
    let mut l = [0u8; N];
    let mut scales = [0f32; SUBS];
    let mut weight_sums = None;
    match importance {
        None => {
            for j in 0..SUBS {
                scales[j] = symmetric_3bit(4, sub::<S, _>(x, j), sub_mut(&mut l, j));
            }
        }
        Some(importance) => {
            let floor = mean_square(x, 2.0);
            let sums = weight_sums.insert([0f32; SUBS]);
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let w = weighted(x, sub(importance, j), floor);
                sums[j] = sum(&w);
                scales[j] = symmetric(4, x, &w, sub_mut(&mut l, j));
            }
        }
    }
    let mut q_scales = [0u8; SUBS];
    let d = match weight_sums {
        None => {
            let d;
            (d, q_scales) = plain_scales(&scales);
            d
        }
        Some(sums) => symmetric(32, &scales, &sums, &mut q_scales),
    };
    finish(x, d, &q_scales, out, |j| *sub(&l, j));
}

/// The scale of the sub-blocks' scales and their codes, without importance.
#[inline(always)]
fn plain_scales(scales: &[f32; SUBS]) -> (f32, [u8; SUBS]) {
    let max = signed_max_abs(scales);
    if max == 0.0 {
        return (0.0, [0; SUBS]);
    }
    let inverse = -32.0 / max;
    let codes = scales.map(|s| ((nearest_int(inverse * s) as i8).clamp(-32, 31) + 32) as u8);
    (1.0 / inverse, codes)
}

/// Stores a block and chooses the levels for its scales; `searched` gives a sub-block's levels of the search, which it keeps
/// if its scale comes out as zero.
#[inline(always)]
fn finish(x: &[f32; N], d: f32, q_scales: &[u8; SUBS], out: &mut [u8; BYTES], searched: impl Fn(usize) -> [u8; S]) {
    write_scales(out, d, q_scales);
    let d = from_f16(to_f16(d));
    let mut l = [0u8; N];
    for j in 0..SUBS {
        let d = d * (i32::from(q_scales[j]) - 32) as f32;
        let l = sub_mut::<S, _>(&mut l, j);
        if d == 0.0 {
            *l = searched(j);
            continue;
        }
        for (l, &v) in l.iter_mut().zip(sub::<S, _>(x, j)) {
            *l = (nearest_int(v / d).clamp(-4, 3) + 4) as u8;
        }
    }
    write_levels(out, &l);
}

/// Writes d and the scales of the sub-blocks, shifted by 32.
#[inline(always)]
fn write_scales(out: &mut [u8; BYTES], d: f32, scales: &[u8; SUBS]) {
    out[SCALES..SCALES + 12].copy_from_slice(&pack16(scales));
    out[SCALES + 12..].copy_from_slice(&to_f16(d));
}

/// Writes the levels, shifted by 4.
#[inline(always)]
fn write_levels(out: &mut [u8; BYTES], l: &[u8; N]) {
    if let Some(top) = out.first_chunk_mut() {
        top_bits::pack::<2>(l, top);
    }
    if let Some(q) = out[LEVELS..].first_chunk_mut() {
        two_bits::pack(l, q);
    }
}
