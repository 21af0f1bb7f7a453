//! Lanes inside one block, for the formats whose blocks need no sums: extremes and levels.

use super::lanes::{Isa, Lanes, Sixteen};

/// The largest magnitude.
#[inline(always)]
pub(in crate::quant) fn max_abs<S: Isa, const N: usize>(s: S, x: &[f32; N]) -> f32 {
    let mut m = s.splat(0.0);
    for i in 0..N / S::F::N {
        m = s.load(&x[i * S::F::N..]).abs().greater(m);
    }
    m.largest()
}

/// The first element that, or whose magnitude, is `value`.
#[inline(always)]
fn first<S: Isa, const N: usize, const MAGNITUDE: bool>(s: S, x: &[f32; N], value: f32) -> f32 {
    let value = s.splat(value);
    let mut found = 0u32;
    for i in 0..N / S::F::N {
        let v = s.load(&x[i * S::F::N..]);
        found |= S::F::bits(if MAGNITUDE { v.abs() } else { v }.same(value)) << (i * S::F::N);
    }
    x[found.trailing_zeros() as usize % N]
}

/// The first element of the largest magnitude, with its sign; `+0.0` where all are zeros.
#[inline(always)]
pub(in crate::quant) fn signed_max_abs<S: Isa, const N: usize>(s: S, x: &[f32; N]) -> f32 {
    let amax = max_abs(s, x);
    let max = first::<S, N, true>(s, x, amax);
    if amax == 0.0 { 0.0 } else { max }
}

/// The smallest and the largest element; of several zeros the first one.
#[inline(always)]
pub(in crate::quant) fn min_max<S: Isa, const N: usize>(s: S, x: &[f32; N]) -> (f32, f32) {
    let (mut max, mut min) = (s.splat(-f32::MAX), s.splat(-f32::MAX));
    for i in 0..N / S::F::N {
        let v = s.load(&x[i * S::F::N..]);
        max = v.greater(max);
        min = v.negate().greater(min);
    }
    let (mut min, mut max) = (-min.largest(), max.largest());
    // Equal zeros of different sign are the only ties that show in the bits.
    if min == 0.0 {
        min = first::<S, N, false>(s, x, min);
    }
    if max == 0.0 {
        max = first::<S, N, false>(s, x, max);
    }
    (min, max)
}

/// Each element changed by `f` and cut to an integer, as bytes.
#[inline(always)]
pub(in crate::quant) fn cut<S: Isa, const N: usize>(s: S, x: &[f32; N], out: &mut [u8; N], f: impl Fn(S::F) -> S::F) {
    for i in 0..N / S::F::N {
        f(s.load(&x[i * S::F::N..])).cut_to_bytes(&mut out[i * S::F::N..]);
    }
}

/// The place in `table` of the value nearest to each element times `id`.
#[inline(always)]
pub(in crate::quant) fn places<S: Isa, const N: usize>(
    s: S,
    x: &[f32; N],
    out: &mut [u8; N],
    id: f32,
    table: &Sixteen,
) {
    let id = s.splat(id);
    for i in 0..N / S::F::N {
        (id * s.load(&x[i * S::F::N..])).place_of_nearest(table).cut_to_bytes(&mut out[i * S::F::N..]);
    }
}
