//! `ternary` with a sub-block in each lane; the neighbours of a group that is not a grid point are in lanes of their own.

use super::nearest::Grid;
use super::split_lanes::{Best, BestSplit, Sorted};
use super::ternary::{Found, GRID, MINUS, PLUS};
use crate::quant::simd::{Isa, Lanes, MAX_LANES, numbers, transpose};

/// The rank of each element in ascending order; equal elements keep their order.
#[inline(always)]
fn ranks<I: Isa, const S: usize>(s: I, x: &[I::F; S]) -> [I::F; S] {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let mut rank = [zero; S];
    for i in 0..S {
        // As if all later elements were smaller, until they are seen.
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
    x: &[[f32; S]; MAX_LANES],
    w: &[[f32; S]; MAX_LANES],
) -> Sorted<I::F, S> {
    let mut buffer = [[[0f32; MAX_LANES]; S]; 3];
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

/// Searches `count` sub-blocks at once, of elements `x` and weights `w`; `all_zero` as in the formats.
#[inline(always)]
pub(super) fn search_lanes<I: Isa, B: BestSplit<S, G>, const S: usize, const G: usize>(
    s: I,
    count: usize,
    x: &[[f32; S]; MAX_LANES],
    w: &[[f32; S]; MAX_LANES],
    all_zero: f32,
) -> [Option<Found<G>>; MAX_LANES] {
    let zero = s.splat(0.0);
    let lanes: [I::F; S] = transpose(s, |lane| &x[lane]);
    let mut max = zero;
    for v in lanes {
        max = v.abs().greater(max);
    }
    let rank = ranks(s, &lanes);
    let Best { scale, cuts, shifts, any, .. } = B::search(s, &sorted(s, &rank, x, w));
    let active = any & ((1u64 << count.min(MAX_LANES)) - 1) as u32 & !I::F::bits(max.lt(s.splat(all_zero)));
    let turned = scale.lt(zero);
    let scale = scale.negate().or_else(turned, scale);
    let (mut shifts, mut minus) = (shifts, [0u32; G]);
    for k in 0..G {
        shifts[k] = shifts[k].negate().or_else(turned, shifts[k]);
        minus[k] = I::F::bits(shifts[k].lt(zero));
    }

    let chosen = Chosen { active, turned, cuts, scales: numbers(scale), minus };
    let (codes, moved) = chosen.points(s, &rank, x, w);
    let (qx, q2) = moments(s, &lanes, w, &codes, &shifts);
    let fitted = numbers((qx / q2).or_else(I::F::both(zero.lt(qx), zero.lt(q2)), scale));
    let mut found = [None; MAX_LANES];
    for lane in (0..I::F::N).filter(|lane| active >> lane & 1 == 1) {
        found[lane] = Some(Found {
            scale: if moved >> lane & 1 == 1 { fitted[lane] } else { chosen.scales[lane] },
            points: std::array::from_fn(|k| GRID.point_of(codes[k][lane])),
            minus: std::array::from_fn(|k| minus[k] >> lane & 1 == 1),
        });
    }
    found
}

/// The best cuts of each lane, prepared for choosing points.
struct Chosen<I: Isa, const G: usize> {
    /// Lanes that have a split.
    active: u32,
    /// Lanes whose digits change sides.
    turned: <I::F as Lanes>::Mask,
    cuts: (I::F, I::F),
    scales: [f32; MAX_LANES],
    /// Lanes of each group whose digits are shifted down.
    minus: [u32; G],
}

impl<I: Isa, const G: usize> Chosen<I, G> {
    /// The code of each group's point, and the lanes in which some group had to be moved onto the grid.
    #[inline(always)]
    fn points<const S: usize>(
        &self,
        s: I,
        rank: &[I::F; S],
        x: &[[f32; S]; MAX_LANES],
        w: &[[f32; S]; MAX_LANES],
    ) -> ([[u16; MAX_LANES]; G], u32) {
        let (zero, one, two) = (s.splat(0.0), s.splat(1.0), s.splat(2.0));
        let near = s.near();
        let (plus, minus_values) = (near.table(&twice(PLUS)), near.table(&twice(MINUS)));
        let mut codes = [[0u16; MAX_LANES]; G];
        let mut moved = 0u32;
        for k in 0..G {
            let mut code = zero;
            for i in 0..8 {
                let rank = rank[8 * k + i];
                let digit = one.or_else(self.cuts.0.le(rank), zero) + one.or_else(self.cuts.1.le(rank), zero);
                let digit = (two - digit).or_else(self.turned, digit);
                code = code + digit * s.splat((1 << (2 * i)) as f32);
            }
            let code = numbers(code);
            for lane in (0..I::F::N).filter(|lane| self.active >> lane & 1 == 1) {
                let (x, w) = (&x[lane].as_chunks::<8>().0[k], &w[lane].as_chunks::<8>().0[k]);
                let values = if self.minus[k] >> lane & 1 == 1 { minus_values } else { plus };
                let code = code[lane] as u16;
                let point = GRID.nearest_lanes(near, code, values, self.scales[lane], x, w);
                codes[k][lane] = point.unwrap_or(code);
                moved |= u32::from(point.is_some()) << lane;
            }
        }
        (codes, moved)
    }
}

/// Σ w·x·q and Σ w·q² of each lane, in index order.
#[inline(always)]
fn moments<I: Isa, const S: usize, const G: usize>(
    s: I,
    lanes: &[I::F; S],
    w: &[[f32; S]; MAX_LANES],
    codes: &[[u16; MAX_LANES]; G],
    shifts: &[I::F; G],
) -> (I::F, I::F) {
    let zero = s.splat(0.0);
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
    (qx, q2)
}
