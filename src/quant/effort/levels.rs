//! The values an element can have under a scale, and the errors of candidate scales over a group of elements.

use super::lanes::clamp;
use crate::quant::simd::{Isa, Lanes, Sixteen};

/// A rising set of values.
pub(in crate::quant) trait Levels: Copy {
    /// The nearest value in each lane.
    fn nearest<I: Isa>(self, s: I, v: I::F) -> I::F;
}

/// All integers from `low` to `high`.
#[derive(Clone, Copy)]
pub(in crate::quant) struct Integers {
    pub(in crate::quant) low: i32,
    pub(in crate::quant) high: i32,
}

impl Levels for Integers {
    #[inline(always)]
    fn nearest<I: Isa>(self, s: I, v: I::F) -> I::F {
        clamp(v.nearest(), s.splat(self.low as f32), s.splat(self.high as f32))
    }
}

impl Levels for &Sixteen {
    #[inline(always)]
    fn nearest<I: Isa>(self, _s: I, v: I::F) -> I::F {
        v.nearest_of_sixteen(self)
    }
}

/// The error of each lane at these scales and their inverses; several at a time, because each addition to a sum waits for the one before.
#[inline(always)]
pub(super) fn errors<I: Isa, L: Levels, const S: usize, const K: usize>(
    s: I,
    levels: L,
    x: &[I::F; S],
    w: &[I::F; S],
    d: &[I::F; K],
    id: &[I::F; K],
) -> [I::F; K] {
    let mut e = [s.splat(0.0); K];
    for i in 0..S {
        for k in 0..K {
            let diff = x[i] - d[k] * levels.nearest(s, x[i] * id[k]);
            e[k] = e[k] + w[i] * (diff * diff);
        }
    }
    e
}

/// Σ w·x·l and Σ w·l² of each lane at an inverse scale: their quotient is the scale that suits the levels best.
#[inline(always)]
pub(super) fn moments<I: Isa, L: Levels, const S: usize>(
    s: I,
    levels: L,
    x: &[I::F; S],
    w: &[I::F; S],
    id: I::F,
) -> (I::F, I::F) {
    let (mut xl, mut l2) = (s.splat(0.0), s.splat(0.0));
    for i in 0..S {
        let l = levels.nearest(s, x[i] * id);
        let wl = w[i] * l;
        xl = xl + wl * x[i];
        l2 = l2 + wl * l;
    }
    (xl, l2)
}
