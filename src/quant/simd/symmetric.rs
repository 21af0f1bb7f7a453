//! A scale for levels around zero in each lane: `search::symmetric` and `search::symmetric_3bit`, many groups at a time.

use super::lanes::{Isa, Lanes, MAX_LANES};
use super::nearest::MAGIC;
use super::transpose::numbers;
use crate::quant::number::{self, nearest_int};
use crate::quant::search::{self, ALL_ZERO};

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

/// A group of sixteen, as [`symmetric_3bit`] searches it.
const GROUP: usize = 16;

/// Numbers as large as this do not round by [`MAGIC`]. They occur only where sums under- or overflow.
const TOO_LARGE: f32 = 4_000_000.0;

/// The scale of each lane for levels −nmax … nmax−1 that are improved one by one; `group` gives the elements of a lane. 0 where the
/// lane counts as all zero.
///
/// A level is improved given all the others, so the reference goes from one to the next. But hardly any changes: of normally
/// distributed weights four groups in five keep all their levels. So all levels of all lanes are tried at once against the first
/// sums, and only lanes in which one would change go through the steps.
#[inline(always)]
pub(in crate::quant) fn symmetric_3bit<'a, S: Isa>(
    s: S,
    nmax: i32,
    x: &[S::F; GROUP],
    group: impl Fn(usize) -> &'a [f32; GROUP],
) -> S::F {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let (max, amax) = signed_max_abs(s, x);
    let empty = amax.lt(s.splat(ALL_ZERO));
    let iscale = s.splat(-nmax as f32) / one.or_else(empty, max);
    let levels = Levels::new(s, nmax);
    let (mut l, mut w, mut wx) = (*x, *x, *x);
    let (mut sum_xl, mut sum_l2) = (zero, zero);
    for i in 0..GROUP {
        w[i] = x[i] * x[i];
        wx[i] = w[i] * x[i];
        l[i] = levels.nearest(iscale * x[i]);
        sum_xl = sum_xl + wx[i] * l[i];
        sum_l2 = sum_l2 + w[i] * l[i] * l[i];
    }
    let mut settled = zero.same(zero);
    for i in 0..GROUP {
        let step = levels.step(s, x[i], w[i], wx[i], l[i], sum_xl, sum_l2);
        settled = S::F::but_not(S::F::but_not(settled, step.better), step.strange);
    }
    let all = u32::MAX >> (u32::BITS as usize - S::F::N);
    let mut open = !S::F::bits(settled) & !S::F::bits(empty) & all;
    let (mut sums_xl, mut sums_l2, iscales) = (numbers(sum_xl), numbers(sum_l2), numbers(iscale));
    while open != 0 {
        let lane = open.trailing_zeros() as usize % MAX_LANES;
        open &= open - 1;
        let x = group(lane);
        // A scale is a quotient; one that the scalar code found is divided by one.
        let found = improve(s.near(), nmax, x, iscales[lane], sums_xl[lane], sums_l2[lane]);
        (sums_xl[lane], sums_l2[lane]) =
            found.unwrap_or_else(|| (search::symmetric_3bit(nmax, x, &mut [0; GROUP]), 1.0));
    }
    let (sum_xl, sum_l2) = (s.load(&sums_xl), s.load(&sums_l2));
    zero.or_else(empty, (sum_xl / sum_l2).or_else(zero.lt(sum_l2), zero))
}

/// The levels of one group improved one by one, from the sums Σ w·x·l and Σ w·l² of those at `iscale`; returns the sums. An element
/// is in each lane: all are tried at once, the first that changes is taken, and those after it are tried again. `None` where a
/// number is too large.
#[inline(always)]
fn improve<S: Isa>(
    s: S,
    nmax: i32,
    x: &[f32; GROUP],
    iscale: f32,
    mut sum_xl: f32,
    mut sum_l2: f32,
) -> Option<(f32, f32)> {
    const { assert!(S::F::N == GROUP) };
    const INDEX: [f32; GROUP] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
    let levels = Levels::new(s, nmax);
    let index = s.load(&INDEX);
    let x = s.load(x);
    let w = x * x;
    let wx = w * x;
    let mut l = levels.nearest(s.splat(iscale) * x);
    let (mut round, mut at, mut changed) = (0, 0, false);
    loop {
        let step = levels.step(s, x, w, wx, l, s.splat(sum_xl), s.splat(sum_l2));
        if S::F::any(step.strange) {
            return None;
        }
        let better = S::F::bits(step.better);
        let mut left = better & u32::MAX << at;
        // A round without a change is the last; the sums are still those of `step`.
        while left == 0 {
            round += 1;
            if !changed || round == 5 {
                return Some((sum_xl, sum_l2));
            }
            (left, changed) = (better, false);
        }
        let i = left.trailing_zeros() as usize % GROUP;
        (sum_xl, sum_l2) = (numbers(step.xl)[i], numbers(step.l2)[i]);
        l = step.level.or_else(index.same(s.splat(INDEX[i])), l);
        (at, changed) = (i + 1, true);
    }
}

/// A level tried: what it would become and the sums with it.
struct Step<F: Lanes> {
    level: F,
    xl: F,
    l2: F,
    /// Where it improves the scale.
    better: F::Mask,
    /// Where a number is too large for this code.
    strange: F::Mask,
}

/// The levels from `low` to `high`.
struct Levels<F> {
    low: F,
    high: F,
    magic: F,
}

impl<F: Lanes> Levels<F> {
    #[inline(always)]
    fn new<S: Isa<F = F>>(s: S, nmax: i32) -> Self {
        Self { low: s.splat(MAGIC - nmax as f32), high: s.splat(MAGIC + (nmax - 1) as f32), magic: s.splat(MAGIC) }
    }

    /// The nearest level to a number that is not too large.
    #[inline(always)]
    fn nearest(&self, v: F) -> F {
        (v + self.magic).greater(self.low).lesser(self.high) - self.magic
    }

    /// Tries another level for an element, given those of the others.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "the state of one search")]
    fn step<S: Isa<F = F>>(&self, s: S, x: F, w: F, wx: F, l: F, sum_xl: F, sum_l2: F) -> Step<F> {
        let zero = s.splat(0.0);
        let (xl, l2) = (sum_xl - wx * l, sum_l2 - w * l * l);
        let positive = zero.lt(xl);
        let target = x * l2 / xl;
        let strange = F::but_not(positive, target.abs().lt(s.splat(TOO_LARGE)));
        let level = self.nearest(target);
        let (xl, l2) = (xl + wx * level, l2 + w * level * level);
        let gain = (sum_xl * sum_xl * l2).lt(xl * xl * sum_l2);
        let better = F::both(F::both(positive, zero.lt(l2)), F::but_not(gain, level.same(l)));
        Step { level, xl, l2, better, strange }
    }
}

/// The scale of least error for levels −nmax … nmax−1 of one group, and the levels shifted by `nmax` (`search::symmetric`), with a
/// candidate in each lane.
#[inline(always)]
pub(in crate::quant) fn symmetric_of_one<S: Isa>(
    s: S,
    nmax: i32,
    x: &[f32; GROUP],
    w: &[f32; GROUP],
    out: &mut [u8; GROUP],
) -> f32 {
    /// The first candidate; the others are at −9 … −1 and 1 … 9 steps from it.
    const STEPS: [i32; 19] = [0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let max = number::signed_max_abs(x);
    if !(ALL_ZERO..f32::INFINITY).contains(&max.abs()) || x.iter().any(|v| v.is_nan()) {
        return search::symmetric(nmax, x, w, out);
    }
    let mut candidates = [0f32; MAX_LANES];
    for (candidate, step) in candidates.iter_mut().zip(STEPS) {
        *candidate = -(nmax as f32 + 0.1f32 * step as f32) / max;
    }
    let (mut sums_xl, mut sums_l2) = ([0f32; MAX_LANES], [0f32; MAX_LANES]);
    for at in (0..STEPS.len()).step_by(S::F::N) {
        let iscale = s.load(&candidates[at..]);
        let (low, high) = (s.splat(-nmax as f32), s.splat((nmax - 1) as f32));
        let (mut sum_xl, mut sum_l2) = (s.splat(0.0), s.splat(0.0));
        for i in 0..GROUP {
            let l = (iscale * s.splat(x[i])).nearest().greater(low).lesser(high);
            sum_xl = sum_xl + s.splat(w[i] * x[i]) * l;
            sum_l2 = sum_l2 + s.splat(w[i]) * l * l;
        }
        sum_xl.store(&mut sums_xl[at..]);
        sum_l2.store(&mut sums_l2[at..]);
    }
    let mut found = 0;
    let mut scale = if sums_l2[0] != 0.0 { sums_xl[0] / sums_l2[0] } else { 0.0 };
    let mut best = scale * sums_xl[0];
    for i in 1..STEPS.len() {
        let (xl, l2) = (sums_xl[i], sums_l2[i]);
        if l2 > 0.0 && xl * xl > best * l2 {
            (found, scale) = (i, xl / l2);
            best = scale * xl;
        }
    }
    for (o, v) in out.iter_mut().zip(x) {
        *o = (nearest_int(candidates[found] * v).clamp(-nmax, nmax - 1) + nmax) as u8;
    }
    scale
}
