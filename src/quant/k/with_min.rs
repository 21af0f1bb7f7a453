//! What Q4_K and Q5_K share: eight sub-blocks of 32 with a 6-bit scale and minimum each, x ≈ (d·scale)·q − (dmin·min).

use super::scales::{pack8, unpack8};
use super::{N, mean_square, sub, sub_mut, sum, weighted};
use crate::quant::number::{from_f16, nearest_int, sum_of_squares, to_f16};
use crate::quant::search::{Candidates, affine, positive};

/// Bytes before the levels: d, dmin (f16), twelve bytes of scales.
pub(super) const HEADER: usize = 16;

/// Elements of a sub-block and number of sub-blocks.
const S: usize = 32;
const SUBS: usize = N / S;

/// The weighted search of all K formats with a minimum.
pub(super) const WEIGHTED: Candidates =
    Candidates { rmin: -0.9, rdelta: 0.05, steps: 36, absolute: false, weighted: true };

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
    let (d, dmin, packed) = match importance {
        None => {
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let rms = (sum_of_squares(x) / S as f32).sqrt();
                let found = affine(nmax, x, &x.map(|v| rms + v.abs()), sub_mut(&mut l, j), plain);
                (scales[j], mins[j]) = (found.scale, found.min);
            }
            let (max_scale, q_scales) = against_largest(&scales);
            let (max_min, q_mins) = against_largest(&mins);
            (max_scale / 63.0, max_min / 63.0, pack8(&q_scales, &q_mins))
        }
        Some(importance) => {
            let floor = mean_square(x, 2.0);
            let mut weight_sums = [0f32; SUBS];
            for j in 0..SUBS {
                let x = sub::<S, _>(x, j);
                let w = weighted(x, sub(importance, j), floor);
                weight_sums[j] = sum(&w);
                let found = affine(nmax, x, &w, sub_mut(&mut l, j), WEIGHTED);
                (scales[j], mins[j]) = (found.scale, found.min);
            }
            let (mut q_scales, mut q_mins) = ([0u8; SUBS], [0u8; SUBS]);
            let d = positive(63, &scales, &weight_sums, &mut q_scales);
            let dmin = positive(63, &mins, &weight_sums, &mut q_mins);
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
    for (j, (d, dm)) in read_header(header).into_iter().enumerate() {
        if d != 0.0 {
            for (l, &v) in sub_mut::<S, _>(&mut l, j).iter_mut().zip(sub::<S, _>(x, j)) {
                *l = nearest_int((v + dm) / d).clamp(0, nmax) as u8;
            }
        }
    }
    l
}

/// The largest value and each value in sixty-thirds of it.
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
