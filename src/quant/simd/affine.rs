//! A scale and a minimum for each lane: `search::affine`, many groups at a time.

use super::lanes::{Isa, Lanes, MAX_LANES};
use super::nearest::{levels_anywhere, within};
use crate::quant::search::Candidates;

/// What was found in each lane. The levels are those at `iscale` and `offset`.
#[derive(Clone, Copy)]
pub(in crate::quant) struct AffineLanes<F> {
    /// The scale.
    pub(in crate::quant) scale: F,
    /// The minimum with its sign turned.
    pub(in crate::quant) min: F,
    /// The inverse scale that gave the levels.
    pub(in crate::quant) iscale: F,
    /// What was subtracted before.
    pub(in crate::quant) offset: F,
}

/// Best scale and minimum of each lane over the candidates, which must be constant where this is inlined.
#[inline(always)]
pub(in crate::quant) fn affine<S: Isa, const N: usize>(
    s: S,
    nmax: i32,
    x: &[S::F; N],
    w: &[S::F; N],
    how: Candidates,
) -> AffineLanes<S::F> {
    let (zero, one, top) = (s.splat(0.0), s.splat(1.0), s.splat(nmax as f32));
    let (mut min, mut max, sum_w, sum_x) = extremes_and_sums(x, w);
    min = zero.or_else(zero.lt(min), min);
    let flat = if how.weighted { max.le(min) } else { max.same(min) };
    let flat_min = min;
    // Flat lanes get a harmless range; their result is replaced at the end.
    min = zero.or_else(flat, min);
    max = one.or_else(flat, max);

    let mut levels = [zero; N];
    let mut level_iscale = top / (max - min);
    let mut level_offset = min;
    let mut scale = one / level_iscale;
    fill_levels(s, x, min, max, level_iscale, min, top, &mut levels);
    let mut best = error(s, x, w, &levels, scale, min, how.absolute);
    let mut best_min = min;
    for step in 0..=how.steps {
        let iscale = s.splat(how.rmin + how.rdelta * step as f32 + nmax as f32) / (max - best_min);
        let fast = within(s, iscale * (min - best_min), iscale * (max - best_min));
        let (sum_l, sum_l2, sum_xl) = if fast {
            sums(s, x, w, &mut levels, |x| (iscale * (x - best_min)).nearest().greater(zero).lesser(top))
        } else {
            sums(s, x, w, &mut levels, |x| levels_anywhere(s, iscale * (x - best_min), 0, nmax))
        };
        let det = sum_w * sum_l2 - sum_l * sum_l;
        let solved = zero.lt(det);
        let this_scale = (sum_w * sum_xl - sum_x * sum_l) / det;
        let this_min = (sum_l2 * sum_x - sum_l * sum_xl) / det;
        let above = zero.lt(this_min);
        let this_min = zero.or_else(above, this_min);
        let this_scale = (sum_xl / sum_l2).or_else(above, this_scale);
        let e = error(s, x, w, &levels, this_scale, this_min, how.absolute);
        let better = S::F::but_not(S::F::both(solved, e.lt(best)), flat);
        best = e.or_else(better, best);
        scale = this_scale.or_else(better, scale);
        level_iscale = iscale.or_else(better, level_iscale);
        level_offset = best_min.or_else(better, level_offset);
        best_min = this_min.or_else(better, best_min);
    }
    AffineLanes {
        scale: zero.or_else(flat, scale),
        min: flat_min.or_else(flat, best_min).negate(),
        iscale: zero.or_else(flat, level_iscale),
        offset: zero.or_else(flat, level_offset),
    }
}

/// The smallest and the largest element, Σ w and Σ w·x of each lane.
#[inline(always)]
fn extremes_and_sums<F: Lanes, const N: usize>(x: &[F; N], w: &[F; N]) -> (F, F, F, F) {
    let (mut min, mut max) = (x[0], x[0]);
    let mut sum_w = w[0];
    let mut sum_x = sum_w * x[0];
    for i in 1..N {
        min = x[i].lesser(min);
        max = x[i].greater(max);
        sum_w = sum_w + w[i];
        sum_x = sum_x + w[i] * x[i];
    }
    (min, max, sum_w, sum_x)
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the numbers of one candidate")]
fn fill_levels<S: Isa, const N: usize>(
    s: S,
    x: &[S::F; N],
    min: S::F,
    max: S::F,
    iscale: S::F,
    offset: S::F,
    top: S::F,
    out: &mut [S::F; N],
) {
    if within(s, iscale * (min - offset), iscale * (max - offset)) {
        for i in 0..N {
            out[i] = (iscale * (x[i] - offset)).nearest().greater(s.splat(0.0)).lesser(top);
        }
    } else {
        let mut nmax = [0f32; MAX_LANES];
        top.store(&mut nmax);
        for i in 0..N {
            out[i] = levels_anywhere(s, iscale * (x[i] - offset), 0, nmax[0] as i32);
        }
    }
}

/// Σ w·l, Σ w·l², Σ w·l·x in index order; keeps the levels.
#[inline(always)]
fn sums<S: Isa, const N: usize>(
    s: S,
    x: &[S::F; N],
    w: &[S::F; N],
    levels: &mut [S::F; N],
    level: impl Fn(S::F) -> S::F,
) -> (S::F, S::F, S::F) {
    let zero = s.splat(0.0);
    let (mut sum_l, mut sum_l2, mut sum_xl) = (zero, zero, zero);
    for i in 0..N {
        let l = level(x[i]);
        levels[i] = l;
        let wl = w[i] * l;
        sum_l = sum_l + wl;
        sum_l2 = sum_l2 + wl * l;
        sum_xl = sum_xl + wl * x[i];
    }
    (sum_l, sum_l2, sum_xl)
}

/// The weighted error, summed in index order.
#[inline(always)]
fn error<S: Isa, const N: usize>(
    s: S,
    x: &[S::F; N],
    w: &[S::F; N],
    l: &[S::F; N],
    scale: S::F,
    min: S::F,
    absolute: bool,
) -> S::F {
    let mut e = s.splat(0.0);
    for i in 0..N {
        let diff = scale * l[i] + min - x[i];
        e = e + w[i] * if absolute { diff.abs() } else { diff * diff };
    }
    e
}
