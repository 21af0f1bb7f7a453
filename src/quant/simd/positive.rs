//! A scale in each lane for values that are hardly ever negative: `search::positive`, many groups at a time.

use super::lanes::{Isa, Lanes};
use super::nearest::{MAGIC, within};
use crate::quant::search::ALL_ZERO;

/// A negative level wraps in its byte as in the reference; none may be as low as this.
const LOWEST: f32 = -200.0;

/// Best weighted scale of each lane. `None` if the scalar search is needed because some level would be far out of range.
#[inline(always)]
pub(in crate::quant) fn positive<S: Isa, const N: usize>(
    s: S,
    nmax: i32,
    x: &[S::F; N],
    w: &[S::F; N],
) -> Option<S::F> {
    let (zero, one, top) = (s.splat(0.0), s.splat(1.0), s.splat(nmax as f32));
    let (mut min, mut max) = (zero, zero);
    for &v in x {
        max = v.greater(max);
        min = v.lesser(min);
    }
    let empty = max.lt(s.splat(ALL_ZERO));
    let range = one.or_else(empty, max);
    let iscale = top / range;
    if !within(s, iscale * max, iscale * min) || S::F::any((iscale * min).lt(s.splat(LOWEST))) {
        return None;
    }
    let iscale = best_inverse(s, nmax, x, w, range, iscale);
    let (mut sum_xl, mut sum_l2) = (zero, zero);
    let (mut out, mut wx) = (*x, *w);
    for i in 0..N {
        let l = level(s, nmax, iscale * x[i]);
        wx[i] = w[i] * x[i];
        sum_xl = sum_xl + wx[i] * l;
        sum_l2 = sum_l2 + w[i] * l * l;
        out[i] = wrapped(s, l);
    }
    improve(s, nmax, x, w, &wx, &mut out, &mut sum_xl, &mut sum_l2)?;
    let scale = (sum_xl / sum_l2).or_else(zero.lt(sum_l2), zero);
    Some(zero.or_else(empty, scale))
}

/// The inverse scale of least error in each lane, of those around `iscale`.
#[inline(always)]
fn best_inverse<S: Isa, const N: usize>(
    s: S,
    nmax: i32,
    x: &[S::F; N],
    w: &[S::F; N],
    range: S::F,
    mut iscale: S::F,
) -> S::F {
    let (zero, one, magic) = (s.splat(0.0), s.splat(1.0), s.splat(MAGIC));
    let scale = one / iscale;
    let mut best = zero;
    for i in 0..N {
        let diff = x[i] - scale * wrapped(s, (iscale * x[i] + magic) - magic);
        best = best + w[i] * diff * diff;
    }
    for step in (-4..=4).filter(|&step| step != 0) {
        let candidate = s.splat(0.1f32 * step as f32 + nmax as f32) / range;
        let scale = one / candidate;
        let mut error = zero;
        for i in 0..N {
            let diff = x[i] - scale * level(s, nmax, candidate * x[i]);
            error = error + w[i] * diff * diff;
        }
        let better = error.lt(best);
        best = error.or_else(better, best);
        iscale = candidate.or_else(better, iscale);
    }
    iscale
}

/// Changes levels one by one as long as it helps, five rounds at most; keeps the sums Σ w·x·l and Σ w·l² up to date. `None` if
/// some level would be far out of range.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the state of one search")]
fn improve<S: Isa, const N: usize>(
    s: S,
    nmax: i32,
    x: &[S::F; N],
    w: &[S::F; N],
    wx: &[S::F; N],
    out: &mut [S::F; N],
    sum_xl: &mut S::F,
    sum_l2: &mut S::F,
) -> Option<()> {
    let zero = s.splat(0.0);
    for _ in 0..5 {
        let mut changed = false;
        for i in 0..N {
            let old = out[i];
            let xl = *sum_xl - wx[i] * old;
            let l2 = *sum_l2 - w[i] * old * old;
            let positive = S::F::both(zero.lt(xl), zero.lt(l2));
            let target = (x[i] * l2 / xl).or_else(positive, zero);
            if !within(s, target, target) || S::F::any(target.lt(s.splat(LOWEST))) {
                return None;
            }
            let new = level(s, nmax, target);
            let xl = xl + wx[i] * new;
            let l2 = l2 + w[i] * new * new;
            let gain = (*sum_xl * *sum_xl * l2).lt(xl * xl * *sum_l2);
            let better = S::F::but_not(S::F::both(positive, gain), new.same(old));
            out[i] = wrapped(s, new).or_else(better, old);
            *sum_xl = xl.or_else(better, *sum_xl);
            *sum_l2 = l2.or_else(better, *sum_l2);
            changed |= S::F::any(better);
        }
        if !changed {
            break;
        }
    }
    Some(())
}

/// The nearest level.
#[inline(always)]
fn level<S: Isa>(s: S, nmax: i32, v: S::F) -> S::F {
    let magic = s.splat(MAGIC);
    ((v + magic) - magic).lesser(s.splat(nmax as f32))
}

/// A level as its byte keeps it.
#[inline(always)]
fn wrapped<S: Isa>(s: S, l: S::F) -> S::F {
    (l + s.splat(256.0)).or_else(l.lt(s.splat(0.0)), l)
}
