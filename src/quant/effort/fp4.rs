//! MXFP4, NVFP4: x ≈ s·v(q), v a 4-bit float, a group in each lane.
//!
//! The exponents next to the reference's (MXFP4) or the scales around it (NVFP4), measured exactly.

use super::lanes::{each, gather, inverse};
use super::levels::errors;
use crate::quant::blocks::Rows;
use crate::quant::fp4::group::encode_group;
use crate::quant::simd::{Isa, Lanes, MAX_LANES, Sixteen, numbers};

/// Twice the values of E2M1 in rising order, with one zero, and the middles between them.
const LEVELS: Sixteen = {
    const VALUES: [f32; 15] = [-12.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0];
    let mut table = Sixteen { values: [12.0; 16], bounds: [f32::INFINITY; 16] };
    let mut i = 0;
    while i < 15 {
        table.values[i] = VALUES[i];
        if i < 14 {
            table.bounds[i] = (VALUES[i] + VALUES[i + 1]) / 2.0;
        }
        i += 1;
    }
    table
};

/// Searches the exponents of MXFP4; `half_scale` gives half of an exponent's scale.
#[inline(always)]
pub(in crate::quant) fn search_exponents<I: Isa>(s: I, mut rows: Rows<'_>, half_scale: impl Fn(u8) -> f32) {
    const BYTES: usize = 1 + 16;
    let blocks = rows.blocks::<32>();
    for first in (0..blocks.len()).step_by(I::F::N) {
        let (x, w) = gather::<I, 32>(s, &rows, first);
        let mut own = [0u8; MAX_LANES];
        for (lane, own) in own.iter_mut().enumerate().take(I::F::N) {
            *own = rows.out::<BYTES>((first + lane).min(blocks.len() - 1))[0];
        }
        let code = |lane: usize, step: i32| (i32::from(own[lane]) + step).clamp(0, 254) as u8;
        let found = best::<I, 32, 3>(s, &x, &w, |k, lane| half_scale(code(lane, k as i32 - 1)));
        for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
            let out = rows.out::<BYTES>(first + lane);
            out[0] = code(lane, found[lane] as i32 - 1);
            encode_group(x, half_scale(out[0]), &mut out[1..]);
        }
    }
}

/// Searches the scales of NVFP4; `half_scale` gives half of a scale's value.
#[inline(always)]
pub(in crate::quant) fn search_scales<I: Isa>(s: I, mut rows: Rows<'_>, half_scale: impl Fn(u8) -> f32) {
    const BYTES: usize = 4 + 32;
    /// Scales tried, and how many of them are smaller than the reference's.
    const TRIED: usize = 12;
    const BELOW: i32 = 5;
    let groups = rows.blocks::<16>();
    for first in (0..groups.len()).step_by(I::F::N) {
        let (x, w) = gather::<I, 16>(s, &rows, first);
        let mut own = [0u8; MAX_LANES];
        for (lane, own) in own.iter_mut().enumerate().take(I::F::N) {
            let at = (first + lane).min(groups.len() - 1);
            *own = rows.out::<BYTES>(at / 4)[at % 4];
        }
        let code = |lane: usize, step: i32| (i32::from(own[lane]) + step - BELOW).clamp(0, 0x7e) as u8;
        let found = best::<I, 16, TRIED>(s, &x, &w, |k, lane| half_scale(code(lane, k as i32)));
        for (lane, x) in groups[first..].iter().enumerate().take(I::F::N) {
            let (block, g) = ((first + lane) / 4, (first + lane) % 4);
            let out = rows.out::<BYTES>(block);
            out[g] = code(lane, found[lane] as i32);
            let d = half_scale(out[g]);
            encode_group(x, d, &mut out[4 + 8 * g..][..8]);
        }
    }
}

/// Which of `K` candidate scales is the best in each lane; `scale` gives a candidate's of a lane, halved.
#[inline(always)]
fn best<I: Isa, const S: usize, const K: usize>(
    s: I,
    x: &[I::F; S],
    w: &[I::F; S],
    scale: impl Fn(usize, usize) -> f32,
) -> [f32; MAX_LANES] {
    let (mut best, mut found) = (s.splat(f32::MAX), s.splat(0.0));
    for k in 0..K {
        let d = each(s, |lane| scale(k, lane));
        let e = errors(s, &LEVELS, x, w, &[d], &[inverse(s, d)])[0];
        let better = e.lt(best);
        best = e.or_else(better, best);
        found = s.splat(k as f32).or_else(better, found);
    }
    numbers(found)
}
