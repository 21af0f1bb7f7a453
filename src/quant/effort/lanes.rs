//! What the searches share: blocks to lanes, and arithmetic on lanes.

use crate::quant::blocks::Rows;
use crate::quant::simd::{Isa, Lanes, MAX_LANES, transpose};

/// Elements and weights of the sub-blocks of `S` elements, starting with number `first`, a sub-block in each lane; lanes beyond the
/// last repeat it.
#[inline(always)]
pub(super) fn gather<I: Isa, const S: usize>(s: I, rows: &Rows<'_>, first: usize) -> ([I::F; S], [I::F; S]) {
    let subs = rows.blocks::<S>();
    let at = |lane: usize| (first + lane).min(subs.len() - 1);
    let x = transpose(s, |lane| &subs[at(lane)]);
    let w = if rows.weights.is_some() {
        transpose(s, |lane| rows.importance::<S>(at(lane)).unwrap_or(&[1.0; S]))
    } else {
        [s.splat(1.0); S]
    };
    (x, w)
}

/// A number for each lane.
#[inline(always)]
pub(super) fn each<I: Isa>(s: I, f: impl Fn(usize) -> f32) -> I::F {
    let mut lanes = [0f32; MAX_LANES];
    for lane in 0..I::F::N {
        lanes[lane] = f(lane);
    }
    s.load(&lanes)
}

/// The inverse, or zero for zero.
#[inline(always)]
pub(super) fn inverse<I: Isa>(s: I, d: I::F) -> I::F {
    let zero = s.splat(0.0);
    zero.or_else(d.same(zero), s.splat(1.0) / d)
}

/// `x` within `low` and `high`; NaN becomes `low`.
#[inline(always)]
pub(super) fn clamp<F: Lanes>(x: F, low: F, high: F) -> F {
    x.greater(low).lesser(high)
}

/// The number cut to the eleven bits of an `f16` (Veltkamp's splitting); exact if the `f16` is normal, otherwise only close.
#[inline(always)]
pub(super) fn near_f16<I: Isa>(s: I, x: I::F) -> I::F {
    let c = x * s.splat(8193.0);
    c - (c - x)
}
