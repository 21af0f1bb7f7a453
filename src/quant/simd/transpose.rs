//! Groups of elements to lanes and back.

use super::lanes::{Isa, Lanes, MAX_LANES};

/// Lane j gets `groups(j)`: `result[i]` has element i of each group.
#[inline(always)]
pub(in crate::quant) fn transpose<'a, S: Isa, const G: usize>(
    s: S,
    groups: impl Fn(usize) -> &'a [f32; G],
) -> [S::F; G] {
    s.transpose(groups)
}

/// The lanes as numbers.
#[inline(always)]
pub(in crate::quant) fn numbers<F: Lanes>(lanes: F) -> [f32; MAX_LANES] {
    let mut out = [0f32; MAX_LANES];
    lanes.store(&mut out);
    out
}
