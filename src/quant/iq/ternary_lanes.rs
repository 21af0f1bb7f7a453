//! `ternary` with a sub-block in each lane, and the neighbours of a group that is no grid point in the lanes of a second kind.

use super::nearest::Grid;
use super::ternary::{Found, GRID, MINUS, PLUS, SHIFT};
use crate::quant::simd::{Isa, Lanes, MOST, numbers, transpose};

/// The best split of each lane so far.
pub(super) struct Best<F, const G: usize> {
    score: F,
    scale: F,
    /// How many elements stand below each cut.
    cuts: (F, F),
    /// The shift of each group.
    shifts: [F; G],
    /// Lanes that have one.
    any: u32,
}

impl<F: Lanes, const G: usize> Best<F, G> {
    #[inline(always)]
    fn new<I: Isa<F = F>>(s: I) -> Self {
        let zero = s.splat(0.0);
        Self { score: s.splat(-f32::MAX), scale: zero, cuts: (zero, zero), shifts: [zero; G], any: 0 }
    }

    /// Takes a split where it is better.
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
    wx: [F; S],
    w: [F; S],
    /// 0 for elements of the first half, else 1.
    half: [F; S],
}

/// The place of each element in ascending order, equal ones as they stand.
#[inline(always)]
fn ranks<I: Isa, const S: usize>(s: I, x: &[I::F; S]) -> [I::F; S] {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let mut rank = [zero; S];
    for i in 0..S {
        // As if all later elements stood before it, until they are seen.
        rank[i] = s.splat((S - 1 - i) as f32);
        for j in 0..i {
            let first = one.or_else(x[j].le(x[i]), zero);
            rank[i] = rank[i] + first;
            rank[j] = rank[j] - first;
        }
    }
    rank
}

#[inline(always)]
fn sorted<I: Isa, const S: usize>(
    s: I,
    rank: &[I::F; S],
    x: &[[f32; S]; MOST],
    w: &[[f32; S]; MOST],
) -> Sorted<I::F, S> {
    let mut buffer = [[[0f32; MOST]; S]; 3];
    for i in 0..S {
        let rank = numbers(rank[i]);
        for lane in 0..I::F::N {
            let at = rank[lane] as usize % S;
            buffer[0][at][lane] = w[lane][i] * x[lane][i];
            buffer[1][at][lane] = w[lane][i];
            buffer[2][at][lane] = (i / (S / 2)) as f32;
        }
    }
    let zero = [s.splat(0.0); S];
    let mut out = Sorted { wx: zero, w: zero, half: zero };
    for i in 0..S {
        out.wx[i] = s.load(&buffer[0][i]);
        out.w[i] = s.load(&buffer[1][i]);
        out.half[i] = s.load(&buffer[2][i]);
    }
    out
}

/// The values of three digits as they are picked.
const fn twice(v: [f32; 3]) -> [f32; 8] {
    [v[0], v[1], v[2], 0.0, v[0], v[1], v[2], 0.0]
}

/// How the best split is searched. (A trait and no closures: only what is marked is sure to be compiled for the instruction set.)
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

/// Sums below each place; one more than there are elements.
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

/// Searches `count` sub-blocks at once, of elements `x` and weights `w`; `all_zero` as in the formats.
#[inline(always)]
pub(super) fn search_lanes<I: Isa, B: BestSplit<S, G>, const S: usize, const G: usize>(
    s: I,
    count: usize,
    x: &[[f32; S]; MOST],
    w: &[[f32; S]; MOST],
    all_zero: f32,
) -> [Option<Found<G>>; MOST] {
    let (zero, one, two) = (s.splat(0.0), s.splat(1.0), s.splat(2.0));
    let lanes: [I::F; S] = transpose(s, |lane| &x[lane]);
    let mut max = zero;
    for v in lanes {
        max = v.abs().greater(max);
    }
    let rank = ranks(s, &lanes);
    let Best { scale, cuts, shifts, any, .. } = B::search(s, &sorted(s, &rank, x, w));
    let active = any & ((1u64 << count.min(MOST)) - 1) as u32 & !I::F::bits(max.lt(s.splat(all_zero)));
    let turned = scale.lt(zero);
    let scale = scale.negate().or_else(turned, scale);
    let (mut shifts, mut minus) = (shifts, [0u32; G]);
    for k in 0..G {
        shifts[k] = shifts[k].negate().or_else(turned, shifts[k]);
        minus[k] = I::F::bits(shifts[k].lt(zero));
    }

    let scales = numbers(scale);
    let near = s.near();
    let (plus, minus_values) = (near.table(&twice(PLUS)), near.table(&twice(MINUS)));
    let mut codes = [[0u16; MOST]; G];
    let mut moved = 0u32;
    for k in 0..G {
        let mut code = zero;
        for i in 0..8 {
            let rank = rank[8 * k + i];
            let digit = one.or_else(cuts.0.le(rank), zero) + one.or_else(cuts.1.le(rank), zero);
            let digit = (two - digit).or_else(turned, digit);
            code = code + digit * s.splat((1 << (2 * i)) as f32);
        }
        let code = numbers(code);
        for lane in (0..I::F::N).filter(|lane| active >> lane & 1 == 1) {
            let (x, w) = (&x[lane].as_chunks::<8>().0[k], &w[lane].as_chunks::<8>().0[k]);
            let values = if minus[k] >> lane & 1 == 1 { minus_values } else { plus };
            let code = code[lane] as u16;
            let point = GRID.nearest_lanes(near, code, values, scales[lane], x, w);
            codes[k][lane] = point.unwrap_or(code);
            moved |= u32::from(point.is_some()) << lane;
        }
    }

    // The scale that suits the points.
    let digits = s.table(&twice([-1.0, 0.0, 1.0]));
    let (mut qx, mut q2) = (zero, zero);
    let weights: [I::F; S] = transpose(s, |lane| &w[lane]);
    for k in 0..G {
        let codes = s.codes(&codes[k]);
        for i in 0..8 {
            let q = I::F::pick(digits, codes, Grid::<8>::BITS * i as u32) + shifts[k];
            let (x, w) = (lanes[8 * k + i], weights[8 * k + i]);
            qx = qx + w * q * x;
            q2 = q2 + w * q * q;
        }
    }
    let fitted = numbers((qx / q2).or_else(I::F::both(zero.lt(qx), zero.lt(q2)), scale));
    let mut found = [None; MOST];
    for lane in (0..I::F::N).filter(|lane| active >> lane & 1 == 1) {
        found[lane] = Some(Found {
            scale: if moved >> lane & 1 == 1 { fitted[lane] } else { scales[lane] },
            points: std::array::from_fn(|k| GRID.point_of(codes[k][lane])),
            minus: std::array::from_fn(|k| minus[k] >> lane & 1 == 1),
        });
    }
    found
}
