//! Q4_0, Q5_0, Q8_0, IQ4_NL: x ≈ d·v(q), a block in each lane.
//!
//! Scales that put the largest magnitude on and around the outermost levels, with either sign where the levels are not symmetric, measured
//! exactly; then the scale that suits the best one's levels.

use super::lanes::{gather, inverse, near_f16};
use super::levels::{Integers, Levels, errors, moments};
use crate::quant::iq::four_bits;
use crate::quant::legacy::{q4_0, q5_0};
use crate::quant::number::{from_f16, inverse_or_zero, nearest_int, to_f16};
use crate::quant::simd::{Isa, Lanes, Rows, Sixteen, numbers};

/// Elements of a block.
const N: usize = 32;

/// The scales tried: those that put the largest magnitude on `first`, `first + step`, …
#[derive(Clone, Copy)]
struct How<L> {
    levels: L,
    first: f32,
    step: f32,
    /// A multiple of [`AT_ONCE`].
    count: usize,
    both_signs: bool,
}

/// Scales measured together.
const AT_ONCE: usize = 4;

const Q4: How<Integers> =
    How { levels: Integers { low: -8, high: 7 }, first: 6.6, step: 0.2, count: 24, both_signs: true };
const Q5: How<Integers> =
    How { levels: Integers { low: -16, high: 15 }, first: 14.4, step: 0.2, count: 24, both_signs: true };
const Q8: How<Integers> =
    How { levels: Integers { low: -127, high: 127 }, first: 121.0, step: 0.3, count: 24, both_signs: false };
const IQ4: How<&Sixteen> = How { levels: &four_bits::LEVELS, first: 96.0, step: 3.0, count: 20, both_signs: true };

/// Improves Q4_0.
#[inline(always)]
pub(super) fn q4<I: Isa>(s: I, rows: Rows<'_>) {
    search(s, Q4, rows, |d, x, out| q4_0::write(out, d, &integer_levels(x, d, -8, 7)));
}

/// Improves Q5_0.
#[inline(always)]
pub(super) fn q5<I: Isa>(s: I, rows: Rows<'_>) {
    search(s, Q5, rows, |d, x, out| q5_0::write(out, d, &integer_levels(x, d, -16, 15)));
}

/// Improves Q8_0.
#[inline(always)]
pub(super) fn q8<I: Isa>(s: I, rows: Rows<'_>) {
    search::<_, _, 34>(s, Q8, rows, |d, x, out| {
        out[..2].copy_from_slice(&to_f16(d));
        for (o, l) in out[2..].iter_mut().zip(integer_levels(x, d, -127, 127)) {
            *o = l.wrapping_sub(127);
        }
    });
}

/// Improves IQ4_NL.
#[inline(always)]
pub(super) fn iq4_nl<I: Isa>(s: I, rows: Rows<'_>) {
    search::<_, _, 18>(s, IQ4, rows, |d, x, out| {
        out[..2].copy_from_slice(&to_f16(d));
        four_bits::pack_within(s, x, inverse_or_zero(d), &mut out[2..]);
    });
}

/// Levels from `low` to `high`, counted from `low`.
#[inline(always)]
fn integer_levels(x: &[f32; N], d: f32, low: i32, high: i32) -> [u8; N] {
    let id = inverse_or_zero(d);
    x.map(|v| (nearest_int(v * id).clamp(low, high) - low) as u8)
}

#[inline(always)]
fn search<I: Isa, L: Levels, const B: usize>(
    s: I,
    how: How<L>,
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
fn best<I: Isa, L: Levels>(s: I, how: How<L>, x: &[I::F; N], w: &[I::F; N]) -> I::F {
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

/// Takes a scale wherever its error is smaller.
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
