//! Groups of elements to lanes and back.

use super::lanes::{Isa, Lanes, MAX_LANES};

/// Lane j gets `groups(j)`: `result[i]` has element i of each group.
#[inline(always)]
pub(in crate::quant) fn transpose<'a, S: Isa, const G: usize>(
    s: S,
    groups: impl Fn(usize) -> &'a [f32; G],
) -> [S::F; G] {
    let mut buffer = [[0f32; MAX_LANES]; G];
    for lane in 0..S::F::N {
        let group = groups(lane);
        for i in 0..G {
            buffer[i][lane] = group[i];
        }
    }
    let mut out = [s.splat(0.0); G];
    for i in 0..G {
        out[i] = s.load(&buffer[i]);
    }
    out
}

/// The lanes as numbers.
#[inline(always)]
pub(in crate::quant) fn numbers<F: Lanes>(lanes: F) -> [f32; MAX_LANES] {
    let mut out = [0f32; MAX_LANES];
    lanes.store(&mut out);
    out
}
