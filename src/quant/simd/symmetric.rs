//! A scale for levels around zero in each lane: `search::symmetric` and `search::symmetric_3bit`, many groups at a time.

use super::lanes::{Isa, Lanes};
use super::nearest::{MAGIC, levels_anywhere, within};
use crate::quant::search::ALL_ZERO;

/// The element of largest magnitude in each lane, with its sign and without.
#[inline(always)]
pub(in crate::quant) fn signed_max_abs<S: Isa, const N: usize>(s: S, x: &[S::F; N]) -> (S::F, S::F) {
    let (mut max, mut amax) = (s.splat(0.0), s.splat(0.0));
    for &v in x {
        let a = v.abs();
        let larger = amax.lt(a);
        max = v.or_else(larger, max);
        amax = a.or_else(larger, amax);
    }
    (max, amax)
}

/// Best scale of each lane and the inverse scale that gives its levels; both 0 where the lane counts as all zero.
///
/// The largest magnitude times the inverse scale is about `nmax`, so the rounding never leaves its range.
#[inline(always)]
pub(in crate::quant) fn symmetric<S: Isa, const N: usize>(
    s: S,
    nmax: i32,
    x: &[S::F; N],
    w: &[S::F; N],
) -> (S::F, S::F) {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let (max, amax) = signed_max_abs(s, x);
    let empty = amax.lt(s.splat(ALL_ZERO));
    let max = one.or_else(empty, max);
    let mut wx = *w;
    for i in 0..N {
        wx[i] = w[i] * x[i];
    }
    let mut level_iscale = s.splat(-nmax as f32) / max;
    let (sum_xl, sum_l2) = moments(s, nmax, x, w, &wx, level_iscale);
    let mut scale = zero.or_else(sum_l2.same(zero), sum_xl / sum_l2);
    let mut best = scale * sum_xl;
    for step in -9..=9 {
        if step == 0 {
            continue;
        }
        let iscale = s.splat(-(nmax as f32 + 0.1f32 * step as f32)) / max;
        let (sum_xl, sum_l2) = moments(s, nmax, x, w, &wx, iscale);
        let better = S::F::both(zero.lt(sum_l2), (best * sum_l2).lt(sum_xl * sum_xl));
        let this = sum_xl / sum_l2;
        scale = this.or_else(better, scale);
        best = (this * sum_xl).or_else(better, best);
        level_iscale = iscale.or_else(better, level_iscale);
    }
    (zero.or_else(empty, scale), zero.or_else(empty, level_iscale))
}

/// Σ w·x·l and Σ w·l² in index order at an inverse scale; `wx` is w·x.
#[inline(always)]
fn moments<S: Isa, const N: usize>(
    s: S,
    nmax: i32,
    x: &[S::F; N],
    w: &[S::F; N],
    wx: &[S::F; N],
    iscale: S::F,
) -> (S::F, S::F) {
    let (low, high) = (s.splat(-nmax as f32), s.splat((nmax - 1) as f32));
    let (mut sum_xl, mut sum_l2) = (s.splat(0.0), s.splat(0.0));
    for i in 0..N {
        let l = (iscale * x[i]).nearest().greater(low).lesser(high);
        sum_xl = sum_xl + wx[i] * l;
        sum_l2 = sum_l2 + w[i] * l * l;
    }
    (sum_xl, sum_l2)
}

/// Scale and levels −nmax … nmax−1 of each lane, improved one by one, and what shifts the levels to be written. All three are
/// 0 where the lane counts as all zero. Each step waits for a division of the one before, so `P` groups of lanes go together.
#[inline(always)]
pub(in crate::quant) fn symmetric_3bit<S: Isa, const N: usize, const P: usize>(
    s: S,
    nmax: i32,
    x: &[[S::F; N]; P],
    l: &mut [[S::F; N]; P],
) -> ([S::F; P], [S::F; P]) {
    let (zero, one, magic) = (s.splat(0.0), s.splat(1.0), s.splat(MAGIC));
    let (low, high) = (s.splat(MAGIC - nmax as f32), s.splat(MAGIC + (nmax - 1) as f32));
    let (mut w, mut wx) = (*x, *x);
    let (mut sum_xl, mut sum_l2, mut shift) = ([zero; P], [zero; P], [zero; P]);
    for p in 0..P {
        let (max, amax) = signed_max_abs(s, &x[p]);
        let empty = amax.lt(s.splat(ALL_ZERO));
        let iscale = s.splat(-nmax as f32) / one.or_else(empty, max);
        shift[p] = zero.or_else(empty, s.splat(nmax as f32));
        for i in 0..N {
            w[p][i] = x[p][i] * x[p][i];
            wx[p][i] = w[p][i] * x[p][i];
            l[p][i] = zero.or_else(empty, (iscale * x[p][i] + magic).greater(low).lesser(high) - magic);
            sum_xl[p] = sum_xl[p] + wx[p][i] * l[p][i];
            sum_l2[p] = sum_l2[p] + w[p][i] * l[p][i] * l[p][i];
        }
        // A sum that is not positive leaves a lane as it is.
        sum_xl[p] = zero.or_else(empty, sum_xl[p]);
        sum_l2[p] = zero.or_else(empty, sum_l2[p]);
    }
    for _ in 0..5 {
        let mut changed = false;
        for i in 0..N {
            changed |= improve_at(s, nmax, i, x, &w, &wx, l, &mut sum_xl, &mut sum_l2);
        }
        if !changed {
            break;
        }
    }
    let mut scale = [zero; P];
    for p in 0..P {
        scale[p] = (sum_xl[p] / sum_l2[p]).or_else(zero.lt(sum_l2[p]), zero);
    }
    (scale, shift)
}

/// Changes level `i` of each lane where it helps, and the sums Σ w·x·l and Σ w·l² with it. True if some level changed.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the state of one search")]
fn improve_at<S: Isa, const N: usize, const P: usize>(
    s: S,
    nmax: i32,
    i: usize,
    x: &[[S::F; N]; P],
    w: &[[S::F; N]; P],
    wx: &[[S::F; N]; P],
    l: &mut [[S::F; N]; P],
    sum_xl: &mut [S::F; P],
    sum_l2: &mut [S::F; P],
) -> bool {
    let (zero, magic) = (s.splat(0.0), s.splat(MAGIC));
    let (low, high) = (s.splat(MAGIC - nmax as f32), s.splat(MAGIC + (nmax - 1) as f32));
    let mut changed = false;
    let (mut xl, mut l2, mut target) = ([zero; P], [zero; P], [zero; P]);
    let mut fast = true;
    for p in 0..P {
        xl[p] = sum_xl[p] - wx[p][i] * l[p][i];
        l2[p] = sum_l2[p] - w[p][i] * l[p][i] * l[p][i];
        target[p] = (x[p][i] * l2[p] / xl[p]).or_else(zero.lt(xl[p]), zero);
        fast &= within(s, target[p], target[p]);
    }
    for p in 0..P {
        let positive = zero.lt(xl[p]);
        // Out of range only where sums under- or overflow; there the rounding goes the reference's way.
        let new = if fast {
            (target[p] + magic).greater(low).lesser(high) - magic
        } else {
            levels_anywhere(s, target[p], -nmax, nmax - 1)
        };
        let xl = xl[p] + wx[p][i] * new;
        let l2 = l2[p] + w[p][i] * new * new;
        let gain = (sum_xl[p] * sum_xl[p] * l2).lt(xl * xl * sum_l2[p]);
        let better = S::F::both(S::F::both(positive, zero.lt(l2)), gain);
        let better = S::F::but_not(better, new.same(l[p][i]));
        l[p][i] = new.or_else(better, l[p][i]);
        sum_xl[p] = xl.or_else(better, sum_xl[p]);
        sum_l2[p] = l2.or_else(better, sum_l2[p]);
        changed |= S::F::any(better);
    }
    changed
}

/// Levels of [`symmetric`] shifted by `nmax`, and 0 where the lane counts as all zero.
#[inline(always)]
pub(in crate::quant) fn symmetric_levels<S: Isa, const N: usize>(
    s: S,
    nmax: i32,
    x: &[S::F; N],
    iscale: S::F,
    out: &mut [S::F; N],
) {
    let (zero, magic) = (s.splat(0.0), s.splat(MAGIC));
    let (low, high) = (s.splat(MAGIC - nmax as f32), s.splat(MAGIC + (nmax - 1) as f32));
    let empty = iscale.same(zero);
    for i in 0..N {
        out[i] = zero.or_else(empty, (iscale * x[i] + magic).greater(low).lesser(high) - low);
    }
}
