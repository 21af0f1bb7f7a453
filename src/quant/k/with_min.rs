//! What Q4_K and Q5_K share: eight sub-blocks of 32 with a 6-bit scale and minimum each, x ≈ (d·scale)·q − (dmin·min).

use super::scales::{pack8, unpack8};
use super::{N, mean_square, sub, sub_mut, sum, weighted, weighted_lanes};
use crate::quant::number::{from_f16, nearest_int, sum_of_squares, to_f16};
use crate::quant::search::{Candidates, affine, positive};
use crate::quant::simd::{self, Isa, Lanes, MOST, Rows, numbers, transpose};

/// Bytes before the levels: d, dmin (f16), twelve bytes of scales.
pub(in crate::quant) const HEADER: usize = 16;

/// Elements of a sub-block and number of sub-blocks.
const S: usize = 32;
const SUBS: usize = N / S;

/// The weighted search of all K formats with a minimum.
pub(super) const WEIGHTED: Candidates =
    Candidates { rmin: -0.9, rdelta: 0.05, steps: 36, absolute: false, weighted: true };

/// What the search found for the sub-blocks of a super-block.
pub(super) struct Found {
    scales: [f32; SUBS],
    mins: [f32; SUBS],
    /// Sums of the sub-blocks' weights where an importance is given.
    weight_sums: Option<[f32; SUBS]>,
}

/// Chooses scales and levels 0 ..= nmax of a super-block and writes its header. `plain` is the search without weights.
pub(super) fn encode(
    nmax: i32,
    x: &[f32; N],
    importance: Option<&[f32; N]>,
    plain: Candidates,
    header: &mut [u8; HEADER],
) -> [u8; N] {
    let mut l = [0u8; N];
    let (mut scales, mut mins) = ([0f32; SUBS], [0f32; SUBS]);
    let mut weight_sums = None;
    match importance {
        None => {
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let rms = (sum_of_squares(x) / S as f32).sqrt();
                let found = affine(nmax, x, &x.map(|v| rms + v.abs()), sub_mut(&mut l, j), plain);
                (scales[j], mins[j]) = (found.scale, found.min);
            }
        }
        Some(importance) => {
            let floor = mean_square(x, 2.0);
            let sums = weight_sums.insert([0f32; SUBS]);
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let w = weighted(x, sub(importance, j), floor);
                sums[j] = sum(&w);
                let found = affine(nmax, x, &w, sub_mut(&mut l, j), WEIGHTED);
                (scales[j], mins[j]) = (found.scale, found.min);
            }
        }
    }
    finish(nmax, x, &Found { scales, mins, weight_sums }, header, |j| *sub(&l, j))
}

/// Quantizes the sub-blocks' scales, writes the header and chooses the levels; `searched` gives a sub-block's levels of the
/// search, which stay where its scale came out as zero.
#[inline(always)]
fn finish(
    nmax: i32,
    x: &[f32; N],
    found: &Found,
    header: &mut [u8; HEADER],
    searched: impl Fn(usize) -> [u8; S],
) -> [u8; N] {
    let Found { scales, mins, weight_sums } = found;
    let (d, dmin, packed) = match weight_sums {
        None => {
            let (max_scale, q_scales) = against_largest(scales);
            let (max_min, q_mins) = against_largest(mins);
            (max_scale / 63.0, max_min / 63.0, pack8(&q_scales, &q_mins))
        }
        Some(weight_sums) => {
            let (mut q_scales, mut q_mins) = ([0u8; SUBS], [0u8; SUBS]);
            let d = positive(63, scales, weight_sums, &mut q_scales);
            let dmin = positive(63, mins, weight_sums, &mut q_mins);
            if nmax == 31 {
                // Q5_K clamps here, Q4_K does not; it shows where a negative level wrapped.
                q_scales = q_scales.map(|v| v.min(63));
                q_mins = q_mins.map(|v| v.min(63));
            }
            (d, dmin, pack8(&q_scales, &q_mins))
        }
    };
    header[..2].copy_from_slice(&to_f16(d));
    header[2..4].copy_from_slice(&to_f16(dmin));
    header[4..].copy_from_slice(&packed);
    let mut l = [0u8; N];
    for (j, (d, dm)) in read_header(header).into_iter().enumerate() {
        let l = sub_mut::<S, _>(&mut l, j);
        if d == 0.0 {
            *l = searched(j);
            continue;
        }
        for (l, &v) in l.iter_mut().zip(sub::<S, _>(x, j)) {
            *l = nearest_int((v + dm) / d).clamp(0, nmax) as u8;
        }
    }
    l
}

/// Encodes rows with a sub-block in each lane; `put` gets each super-block's number, header and levels.
#[inline(always)]
pub(super) fn encode_lanes<I: Isa>(
    s: I,
    nmax: i32,
    plain: Candidates,
    mut rows: Rows<'_>,
    put: impl Fn(&mut Rows<'_>, usize, &[u8; HEADER], &[u8; N]),
) {
    let blocks = rows.blocks::<N>();
    let group = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(group) {
        // Lanes beyond the last block repeat it.
        let block = |lane: usize| (first + lane / SUBS).min(blocks.len() - 1);
        let x = transpose(s, |lane| sub::<S, _>(&blocks[block(lane)], lane % SUBS));
        let mut w = x;
        let mut weight_sums = None;
        let found = if rows.weights.is_none() {
            let mut squares = s.splat(0.0);
            for i in 0..S {
                squares = squares + x[i] * x[i];
            }
            let rms = (squares / s.splat(S as f32)).sqrt();
            for i in 0..S {
                w[i] = rms + x[i].abs();
            }
            simd::affine::<_, S, false, false>(s, nmax, &x, &w, plain)
        } else {
            w = weighted_lanes(s, &rows, &x, 2.0, block);
            let mut sums = s.splat(0.0);
            for i in 0..S {
                sums = sums + w[i];
            }
            weight_sums = Some(numbers(sums));
            simd::affine::<_, S, true, false>(s, nmax, &x, &w, WEIGHTED)
        };
        let (scales, mins) = (numbers(found.scale), numbers(found.min));
        let (iscales, offsets) = (numbers(found.iscale), numbers(found.offset));
        for i in 0..group.min(blocks.len() - first) {
            let of = |v: &[f32; MOST]| std::array::from_fn(|j| v[i * SUBS + j]);
            let x = &blocks[first + i];
            let found = Found { scales: of(&scales), mins: of(&mins), weight_sums: weight_sums.as_ref().map(of) };
            let mut header = [0; HEADER];
            let l = finish(nmax, x, &found, &mut header, |j| {
                let (iscale, offset) = (iscales[i * SUBS + j], offsets[i * SUBS + j]);
                sub::<S, _>(x, j).map(|v| nearest_int(iscale * (v - offset)).clamp(0, nmax) as u8)
            });
            put(&mut rows, first + i, &header, &l);
        }
    }
}

/// The largest value and each value in sixty-thirds of it.
#[inline(always)]
fn against_largest(v: &[f32; SUBS]) -> (f32, [u8; SUBS]) {
    let max = v.iter().fold(0f32, |m, &v| if v > m { v } else { m });
    let inverse = if max > 0.0 { 63.0 / max } else { 0.0 };
    (max, v.map(|v| (nearest_int(inverse * v) as u8).min(63)))
}

/// Scale and minimum of each sub-block, in elements' units.
#[inline(always)]
pub(super) fn read_header(header: &[u8; HEADER]) -> [(f32, f32); SUBS] {
    let (d, dmin) = (from_f16([header[0], header[1]]), from_f16([header[2], header[3]]));
    let mut packed = [0; 12];
    packed.copy_from_slice(&header[4..]);
    let (scales, mins) = unpack8(&packed);
    std::array::from_fn(|j| (d * f32::from(scales[j]), dmin * f32::from(mins[j])))
}

/// Levels to elements.
#[inline(always)]
pub(super) fn decode(header: &[u8; HEADER], l: &[u8; N], out: &mut [f32; N]) {
    for (j, (d, m)) in read_header(header).into_iter().enumerate() {
        for (o, &q) in sub_mut::<S, _>(out, j).iter_mut().zip(sub::<S, _>(l, j)) {
            *o = d * f32::from(q) - m;
        }
    }
}

/// Packs the low nibbles: byte 32·p + j holds elements 64·p + j and 64·p + 32 + j.
#[inline(always)]
pub(super) fn pack_nibbles(l: &[u8; N], out: &mut [u8]) {
    for (l, out) in l.as_chunks::<64>().0.iter().zip(out.as_chunks_mut::<32>().0) {
        for (j, o) in out.iter_mut().enumerate() {
            *o = (l[j] & 15) | l[j + 32] << 4;
        }
    }
}

/// Inverse of [`pack_nibbles`].
#[inline(always)]
pub(super) fn unpack_nibbles(q: &[u8]) -> [u8; N] {
    let mut l = [0; N];
    for (q, l) in q.as_chunks::<32>().0.iter().zip(l.as_chunks_mut::<64>().0) {
        for (j, &q) in q.iter().enumerate() {
            l[j] = q & 15;
            l[j + 32] = q >> 4;
        }
    }
    l
}
