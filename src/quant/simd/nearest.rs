//! Rounding to levels in lanes.

use super::lanes::{Isa, Lanes, MAX_LANES};
use crate::quant::number::nearest_int;

/// 1.5·2²³: added to a small number it leaves the nearest integer, ties to even, in the low bits.
pub(in crate::quant) const MAGIC: f32 = 12_582_912.0;

/// True if all numbers between `a` and `b`, lane by lane, are small enough for [`MAGIC`] in floating point.
#[inline(always)]
pub(in crate::quant) fn within<S: Isa>(s: S, a: S::F, b: S::F) -> bool {
    let bound = s.splat(4_000_000.0);
    S::F::all(S::F::both(a.abs().lt(bound), b.abs().lt(bound)))
}

/// The level of any number, infinite ones and NaN too; one at a time, for the rare groups of extreme numbers.
#[inline(always)]
pub(in crate::quant) fn levels_anywhere<S: Isa>(s: S, v: S::F, low: i32, high: i32) -> S::F {
    let mut lanes = [0f32; MAX_LANES];
    v.store(&mut lanes);
    s.load(&lanes.map(|v| nearest_int(v).clamp(low, high) as f32))
}
