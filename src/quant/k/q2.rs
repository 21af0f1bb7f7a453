//! Q2_K: x ≈ (d·scale)·q − (dmin·min), sixteen sub-blocks of 16, levels of two bits.
//!
//! ```text
//! 0                            16               80   82      84
//! ├ 16 bytes: scale, min << 4 ─┼ 64 bytes, 4×2 ─┼ d ─┼ dmin ─┤     d, dmin: f16; levels: see `two_bits`
//! ```

use super::{N, mean_square, sub, sub_mut, sum, two_bits, weighted, weighted_lanes, with_min};
use crate::quant::BlockType;
use crate::quant::codec::{decode_blocks, encode_blocks};
use crate::quant::number::{from_f16, nearest_int, to_f16};
use crate::quant::search::{Candidates, affine, positive};
use crate::quant::simd::{self, Isa, Lanes, MOST, Rows, numbers, transpose};

const S: usize = 16;
const SUBS: usize = N / S;
const BYTES: usize = BlockType::Q2_K.block_bytes();
const _: () = assert!(BYTES == SUBS + N / 4 + 2 + 2);

const PLAIN: Candidates = Candidates { rmin: -0.5, rdelta: 0.1, steps: 15, absolute: true, weighted: false };

pub(in crate::quant) fn encode_row(x: &[f32], weights: Option<&[f32]>, dst: &mut [u8]) {
    encode_blocks::<N, BYTES>(x, weights, dst, encode_block);
}

fn encode_block(x: &[f32; N], importance: Option<&[f32; N]>, out: &mut [u8; BYTES]) {
    let mut l = [0u8; N];
    let (mut scales, mut mins) = ([0f32; SUBS], [0f32; SUBS]);
    let mut weight_sums = None;
    match importance {
        None => {
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let found = affine(3, x, &x.map(f32::abs), sub_mut(&mut l, j), PLAIN);
                (scales[j], mins[j]) = (found.scale, found.min);
            }
        }
        Some(importance) => {
            let floor = mean_square(x, 1.0);
            let sums = weight_sums.insert([0f32; SUBS]);
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let w = weighted(x, sub(importance, j), floor);
                sums[j] = sum(&w);
                let found = affine(3, x, &w, sub_mut(&mut l, j), with_min::WEIGHTED);
                (scales[j], mins[j]) = (found.scale, found.min);
            }
        }
    }
    finish(x, &scales, &mins, weight_sums.as_ref(), out, |j| *sub(&l, j));
}

/// [`encode_row`] for many rows, a sub-block in each lane.
#[inline(always)]
pub(in crate::quant) fn encode_lanes<I: Isa>(s: I, mut rows: Rows<'_>) {
    let blocks = rows.blocks::<N>();
    let group = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(group) {
        // Lanes beyond the last block repeat it.
        let block = |lane: usize| (first + lane / SUBS).min(blocks.len() - 1);
        let x = transpose(s, |lane| sub::<S, _>(&blocks[block(lane)], lane % SUBS));
        let mut weight_sums = None;
        let found = if rows.weights.is_none() {
            let mut w = x;
            for i in 0..S {
                w[i] = x[i].abs();
            }
            simd::affine::<_, S, false, true>(s, 3, &x, &w, PLAIN)
        } else {
            let w = weighted_lanes(s, &rows, &x, 1.0, block);
            let mut sums = s.splat(0.0);
            for i in 0..S {
                sums = sums + w[i];
            }
            weight_sums = Some(numbers(sums));
            simd::affine::<_, S, true, false>(s, 3, &x, &w, with_min::WEIGHTED)
        };
        let (scales, mins) = (numbers(found.scale), numbers(found.min));
        let (iscales, offsets) = (numbers(found.iscale), numbers(found.offset));
        for i in 0..group.min(blocks.len() - first) {
            let of = |v: &[f32; MOST]| std::array::from_fn(|j| v[i * SUBS + j]);
            let x = &blocks[first + i];
            let sums = weight_sums.as_ref().map(of);
            finish(x, &of(&scales), &of(&mins), sums.as_ref(), rows.out(first + i), |j| {
                let (iscale, offset) = (iscales[i * SUBS + j], offsets[i * SUBS + j]);
                sub::<S, _>(x, j).map(|v| nearest_int(iscale * (v - offset)).clamp(0, 3) as u8)
            });
        }
    }
}

/// Quantizes the sub-blocks' scales and chooses the levels; `searched` gives a sub-block's levels of the search, which stay
/// where its scale came out as zero.
#[inline(always)]
fn finish(
    x: &[f32; N],
    scales: &[f32; SUBS],
    mins: &[f32; SUBS],
    weight_sums: Option<&[f32; SUBS]>,
    out: &mut [u8; BYTES],
    searched: impl Fn(usize) -> [u8; S],
) {
    let (mut q_scales, mut q_mins) = ([0u8; SUBS], [0u8; SUBS]);
    let (d, dmin) = match weight_sums {
        None => (against_largest(scales, &mut q_scales), against_largest(mins, &mut q_mins)),
        Some(weight_sums) => {
            (positive(15, scales, weight_sums, &mut q_scales), positive(15, mins, weight_sums, &mut q_mins))
        }
    };
    for j in 0..SUBS {
        out[j] = q_scales[j] | q_mins[j] << 4;
    }
    let (d, dmin) = (to_f16(d), to_f16(dmin));
    out[BYTES - 4..BYTES - 2].copy_from_slice(&d);
    out[BYTES - 2..].copy_from_slice(&dmin);
    let (d, dmin) = (from_f16(d), from_f16(dmin));
    let mut l = [0u8; N];
    for j in 0..SUBS {
        let d = d * f32::from(out[j] & 15);
        let l = sub_mut::<S, _>(&mut l, j);
        if d == 0.0 {
            *l = searched(j);
            continue;
        }
        let m = dmin * f32::from(out[j] >> 4);
        for (l, &v) in l.iter_mut().zip(sub::<S, _>(x, j)) {
            *l = nearest_int((v + m) / d).clamp(0, 3) as u8;
        }
    }
    if let Some(q) = out[SUBS..].first_chunk_mut() {
        two_bits::pack(&l, q);
    }
}

/// Each value in fifteenths of the largest; returns a fifteenth.
fn against_largest(v: &[f32; SUBS], out: &mut [u8; SUBS]) -> f32 {
    let max = v.iter().fold(0f32, |m, &v| if v > m { v } else { m });
    if max <= 0.0 {
        return 0.0;
    }
    let inverse = 15.0 / max;
    *out = v.map(|v| nearest_int(inverse * v) as u8);
    max / 15.0
}

#[inline(always)]
pub(in crate::quant) fn decode(src: &[u8], dst: &mut [f32]) {
    decode_blocks::<BYTES, N>(src, dst, decode_block);
}

#[inline(always)]
fn decode_block(b: &[u8; BYTES], out: &mut [f32; N]) {
    let (d, dmin) = (from_f16([b[80], b[81]]), from_f16([b[82], b[83]]));
    let Some(q) = b[SUBS..].first_chunk() else { return };
    let l = two_bits::unpack(q);
    for j in 0..SUBS {
        let (d, m) = (d * f32::from(b[j] & 15), dmin * f32::from(b[j] >> 4));
        for (o, &q) in sub_mut::<S, _>(out, j).iter_mut().zip(sub::<S, _>(&l, j)) {
            *o = d * f32::from(q) - m;
        }
    }
}
