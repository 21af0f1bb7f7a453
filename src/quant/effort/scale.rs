//! Q4_0, Q5_0, Q8_0, IQ4_NL: x ≈ d·v(q), a block in each lane.
//!
//! Scales that put the largest magnitude on and around the outermost levels, with either sign where the levels are not symmetric, measured
//! exactly; then the scale that suits the best one's levels.

use super::lanes::{gather, inverse, near_f16};
use super::levels::{Levels, errors, moments};
use crate::quant::blocks::Rows;
use crate::quant::number::{from_f16, inverse_or_zero, nearest_int, to_f16};
use crate::quant::simd::{Isa, Lanes, numbers};

/// Elements of a block.
const N: usize = 32;

/// The scales tried: those that put the largest magnitude on `first`, `first + step`, …
#[derive(Clone, Copy)]
pub(in crate::quant) struct Candidates<L> {
    /// The values of an element.
    pub(in crate::quant) levels: L,
    pub(in crate::quant) first: f32,
    pub(in crate::quant) step: f32,
    /// A multiple of [`AT_ONCE`].
    pub(in crate::quant) count: usize,
    pub(in crate::quant) both_signs: bool,
}

/// Scales measured at a time.
const AT_ONCE: usize = 4;

/// Levels from `low` to `high`, counted from `low`.
#[inline(always)]
pub(in crate::quant) fn integer_levels(x: &[f32; N], d: f32, low: i32, high: i32) -> [u8; N] {
    let id = inverse_or_zero(d);
    x.map(|v| (nearest_int(v * id).clamp(low, high) - low) as u8)
}

/// Searches every block; `write` gets a scale as an `f16` stores it, the elements and the bytes of a block.
#[inline(always)]
pub(in crate::quant) fn search<I: Isa, L: Levels, const B: usize>(
    s: I,
    how: Candidates<L>,
    mut rows: Rows<'_>,
    write: impl Fn(f32, &[f32; N], &mut [u8; B]),
) {
    let blocks = rows.blocks::<N>();
    for first in (0..blocks.len()).step_by(I::F::N) {
        let (x, w) = gather::<I, N>(s, &rows, first);
        let d = numbers(best(s, how, &x, &w));
        for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
            write(from_f16(to_f16(d[lane])), x, rows.out(first + lane));
        }
    }
}

/// The best scale of each lane.
#[inline(always)]
fn best<I: Isa, L: Levels>(s: I, how: Candidates<L>, x: &[I::F; N], w: &[I::F; N]) -> I::F {
    let mut amax = s.splat(0.0);
    for i in 0..N {
        amax = x[i].abs().greater(amax);
    }
    let (mut best, mut best_d) = (s.splat(f32::MAX), s.splat(0.0));
    for signs in 0..if how.both_signs { 2 } else { 1 } {
        let amax = if signs == 0 { amax } else { amax.negate() };
        for step in (0..how.count).step_by(AT_ONCE) {
            let mut d = [amax; AT_ONCE];
            for k in 0..AT_ONCE {
                d[k] = near_f16(s, amax / s.splat(how.first + how.step * (step + k) as f32));
            }
            measure(s, how.levels, x, w, &d, &mut best, &mut best_d);
        }
    }
    for _ in 0..2 {
        let (xl, l2) = moments(s, how.levels, x, w, inverse(s, best_d));
        measure(s, how.levels, x, w, &[near_f16(s, xl / l2)], &mut best, &mut best_d);
    }
    best_d
}

/// Keeps a scale in the lanes where its error is smaller.
#[inline(always)]
fn measure<I: Isa, L: Levels, const K: usize>(
    s: I,
    levels: L,
    x: &[I::F; N],
    w: &[I::F; N],
    d: &[I::F; K],
    best: &mut I::F,
    best_d: &mut I::F,
) {
    let mut id = *d;
    for k in 0..K {
        id[k] = inverse(s, d[k]);
    }
    let e = errors(s, levels, x, w, d, &id);
    for k in 0..K {
        let better = e[k].lt(*best);
        *best = e[k].or_else(better, *best);
        *best_d = d[k].or_else(better, *best_d);
    }
}
