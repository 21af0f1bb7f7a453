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

/// Groups of lanes searched at the same time.
const AT_ONCE: usize = 2;

/// The format.
pub(in crate::quant) struct Q3K;

impl Codec<N, BYTES> for Q3K {
    const F16_SCALES: &'static [usize] = &[BYTES - 2];

    fn encode(rows: Rows<'_>) {
        rows.encode_each(encode_block);
    }

    /// A sub-block is in each lane.
    #[inline(always)]
    fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
        let blocks = rows.blocks::<N>();
        let group = I::F::N / SUBS;
        let zero = s.splat(0.0);
        for first in (0..blocks.len()).step_by(AT_ONCE * group) {
            // Lanes beyond the last block repeat it.
            let block = |p: usize, lane: usize| (first + p * group + lane / SUBS).min(blocks.len() - 1);
            let (mut x, mut levels) = ([[zero; S]; AT_ONCE], [[zero; S]; AT_ONCE]);
            let mut weight_sums = [None; AT_ONCE];
            let mut scales = [zero; AT_ONCE];
            for p in 0..AT_ONCE {
                x[p] = transpose(s, |lane| sub::<S, _>(&blocks[block(p, lane)], lane % SUBS));
            }
            if rows.weights.is_none() {
                let shift;
                (scales, shift) = simd::symmetric_3bit(s, 4, &x, &mut levels);
                for p in 0..AT_ONCE {
                    for l in &mut levels[p] {
                        *l = *l + shift[p];
                    }
                }
            } else {
                for p in 0..AT_ONCE {
                    let w = weighted_lanes(s, &rows, &x[p], 2.0, |lane| block(p, lane));
                    let mut sums = zero;
                    for i in 0..S {
                        sums = sums + w[i];
                    }
                    weight_sums[p] = Some(numbers(sums));
                    let iscales;
                    (scales[p], iscales) = simd::symmetric(s, 4, &x[p], &w);
                    simd::symmetric_levels(s, 4, &x[p], iscales, &mut levels[p]);
                }
            }
            for b in 0..(AT_ONCE * group).min(blocks.len() - first) {
                let (p, i) = (b / group, b % group);
                let of = |v: &[f32; MAX_LANES]| std::array::from_fn(|j| v[i * SUBS + j]);
                let (scales, sums) = (of(&numbers(scales[p])), weight_sums[p].as_ref().map(of));
                finish(&blocks[first + b], &scales, sums.as_ref(), rows.out(first + b), |j| {
                    let mut l = [0; S];
                    for e in 0..S {
                        l[e] = numbers(levels[p][e])[i * SUBS + j] as u8;
                    }
                    l
                });
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
    finish(x, &scales, weight_sums.as_ref(), out, |j| *sub(&l, j));
}

/// Quantizes the sub-blocks' scales and chooses the levels; `searched` gives a sub-block's levels of the search, which it keeps
/// if its scale comes out as zero.
#[inline(always)]
fn finish(
    x: &[f32; N],
    scales: &[f32; SUBS],
    weight_sums: Option<&[f32; SUBS]>,
    out: &mut [u8; BYTES],
    searched: impl Fn(usize) -> [u8; S],
) {
    let mut q_scales = [0u8; SUBS];
    let d = match weight_sums {
        None => {
            let max = signed_max_abs(scales);
            if max == 0.0 {
                0.0
            } else {
                let inverse = -32.0 / max;
                q_scales = scales.map(|s| ((nearest_int(inverse * s) as i8).clamp(-32, 31) + 32) as u8);
                1.0 / inverse
            }
        }
        Some(weight_sums) => symmetric(32, scales, weight_sums, &mut q_scales),
    };
    write_scales(out, d, &q_scales);
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
