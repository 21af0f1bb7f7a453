//! The best cuts of sorted elements into three, in each lane: the search of `iq1` for many sub-blocks at a time.

use super::ternary::{MINUS, PLUS, SHIFT};
use crate::quant::simd::{Isa, Lanes};

/// The best split of each lane so far.
pub(super) struct Best<F, const G: usize> {
    score: F,
    pub scale: F,
    /// The number of elements below each cut.
    pub cuts: (F, F),
    /// The shift of each group.
    pub shifts: [F; G],
    /// Lanes that have one.
    pub any: u32,
}

impl<F: Lanes, const G: usize> Best<F, G> {
    #[inline(always)]
    fn new<I: Isa<F = F>>(s: I) -> Self {
        let zero = s.splat(0.0);
        Self { score: s.splat(-f32::MAX), scale: zero, cuts: (zero, zero), shifts: [zero; G], any: 0 }
    }

    /// Keeps a split in the lanes where it is better.
    #[inline(always)]
    fn consider<I: Isa<F = F>>(&mut self, s: I, qx: F, q2: F, cuts: (usize, usize), shifts: [f32; G]) {
        let better = F::both(s.splat(0.0).lt(q2), (self.score * q2).lt(qx * qx));
        if F::any(better) {
            let scale = qx / q2;
            self.score = (scale * qx).or_else(better, self.score);
            self.scale = scale.or_else(better, self.scale);
            self.cuts.0 = s.splat(cuts.0 as f32).or_else(better, self.cuts.0);
            self.cuts.1 = s.splat(cuts.1 as f32).or_else(better, self.cuts.1);
            for k in 0..G {
                self.shifts[k] = s.splat(shifts[k]).or_else(better, self.shifts[k]);
            }
            self.any |= F::bits(better);
        }
    }
}

/// Elements in ascending order in each lane.
pub(super) struct Sorted<F, const S: usize> {
    /// Weights times elements, and weights.
    pub wx: [F; S],
    pub w: [F; S],
    /// 0 for elements of the first half, else 1.
    pub half: [F; S],
}

/// How the best split is searched. (A trait instead of closures: only functions marked for inlining are certain to be compiled for
/// the instruction set.)
pub(super) trait BestSplit<const S: usize, const G: usize> {
    /// The best split over every pair of cuts.
    fn search<I: Isa>(s: I, sorted: &Sorted<I::F, S>) -> Best<I::F, G>;
}

/// x·v
#[inline(always)]
fn times<I: Isa>(s: I, x: I::F, v: f32) -> I::F {
    x * s.splat(v)
}

/// w·v²
#[inline(always)]
fn squared<I: Isa>(s: I, w: I::F, v: f32) -> I::F {
    w * s.splat(v) * s.splat(v)
}

/// Sums of the elements before each index; one more than there are elements.
type Sums<F> = [F; 33];

/// One shift for all groups.
pub(super) struct OneShift;

impl<const S: usize, const G: usize> BestSplit<S, G> for OneShift {
    #[inline(always)]
    fn search<I: Isa>(s: I, sorted: &Sorted<I::F, S>) -> Best<I::F, G> {
        let zero = s.splat(0.0);
        let mut sx: Sums<I::F> = [zero; 33];
        let mut sw = sx;
        for j in 0..S {
            sx[j + 1] = sx[j] + sorted.wx[j];
            sw[j + 1] = sw[j] + sorted.w[j];
        }
        let mut above = [[zero; 4]; 33];
        for j in 0..=S {
            let (x2, w2) = (sx[S] - sx[j], sw[S] - sw[j]);
            above[j] =
                [times(s, x2, PLUS[2]), squared(s, w2, PLUS[2]), times(s, x2, MINUS[2]), squared(s, w2, MINUS[2])];
        }
        let mut best = Best::new(s);
        for i in 0..=S {
            let (x0, w0) = (sx[i], sw[i]);
            let below =
                [times(s, x0, PLUS[0]), squared(s, w0, PLUS[0]), times(s, x0, MINUS[0]), squared(s, w0, MINUS[0])];
            for j in i..=S {
                // The middle digit is the shift itself: both signs give the same numbers but for the sign.
                let (x1, w1) = (times(s, sx[j] - x0, SHIFT), squared(s, sw[j] - w0, SHIFT));
                let above = &above[j];
                best.consider(s, below[0] + x1 + above[0], below[1] + w1 + above[1], (i, j), [SHIFT; G]);
                best.consider(s, below[2] - x1 + above[2], below[3] + w1 + above[3], (i, j), [-SHIFT; G]);
            }
        }
        best
    }
}

/// Both halves may have different shifts.
pub(super) struct ShiftOfHalves;

impl<const S: usize> BestSplit<S, 2> for ShiftOfHalves {
    #[inline(always)]
    fn search<I: Isa>(s: I, sorted: &Sorted<I::F, S>) -> Best<I::F, 2> {
        const VALUES: [[f32; 3]; 2] = [PLUS, MINUS];
        let zero = s.splat(0.0);
        let mut px: [Sums<I::F>; 2] = [[zero; 33]; 2];
        let mut pw = px;
        for j in 0..S {
            let first = sorted.half[j].same(zero);
            let (x0, w0) = (px[0][j] + sorted.wx[j], pw[0][j] + sorted.w[j]);
            let (x1, w1) = (px[1][j] + sorted.wx[j], pw[1][j] + sorted.w[j]);
            px[0][j + 1] = x0.or_else(first, px[0][j]);
            pw[0][j + 1] = w0.or_else(first, pw[0][j]);
            px[1][j + 1] = px[1][j].or_else(first, x1);
            pw[1][j + 1] = pw[1][j].or_else(first, w1);
        }
        let mut above = [[[zero; 2]; 2]; 33];
        for j in 0..=S {
            for h in 0..2 {
                for v in 0..2 {
                    above[j][h][v] = times(s, pw[h][j], VALUES[v][1] * VALUES[v][1] - VALUES[v][2] * VALUES[v][2]);
                }
            }
        }
        let mut best = Best::new(s);
        for i in 0..=S {
            let (mut all, mut below) = ([[zero; 2]; 2], [[zero; 2]; 2]);
            for h in 0..2 {
                for v in 0..2 {
                    let change = VALUES[v][0] * VALUES[v][0] - VALUES[v][1] * VALUES[v][1];
                    all[h][v] = times(s, px[h][S], VALUES[v][2]);
                    below[h][v] = squared(s, pw[h][S], VALUES[v][2]) + times(s, pw[h][i], change);
                }
            }
            for j in i..=S {
                let (mut qx, mut q2) = ([[zero; 2]; 2], [[zero; 2]; 2]);
                for h in 0..2 {
                    let cut = px[h][i] + px[h][j];
                    for v in 0..2 {
                        qx[h][v] = all[h][v] - cut;
                        q2[h][v] = below[h][v] + above[j][h][v];
                    }
                }
                for (first, second) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let shifts = [[SHIFT, -SHIFT][first], [SHIFT, -SHIFT][second]];
                    best.consider(s, qx[0][first] + qx[1][second], q2[0][first] + q2[1][second], (i, j), shifts);
                }
            }
        }
        best
    }
}
