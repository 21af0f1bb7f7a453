//! `search` with a sub-block in each lane; the neighbours of a group that is not a grid point are in lanes of their own.

use super::nearest::Grid;
use super::search::{Found, How, Redo, split_signs};
use crate::quant::blocks::Rows;
use crate::quant::search::positive;
use crate::quant::simd::{self, Isa, Lanes, MAGIC, MAX_LANES, all_small, levels_anywhere, numbers, transpose};

/// The magnitude of each digit. Digits of two bits are picked by three, so their table repeats.
pub(super) const fn magnitudes(digits_of_two_bits: bool) -> [f32; 8] {
    if digits_of_two_bits {
        [1.0, 3.0, 5.0, 7.0, 1.0, 3.0, 5.0, 7.0]
    } else {
        [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]
    }
}

/// The codes of up to eight groups in each lane.
type Codes = [[u16; MAX_LANES]; 8];

/// The sub-blocks of a search: as lanes and, for one lane at a time, as numbers.
struct Subs<'a, I: Isa, const S: usize, const G: usize> {
    s: I,
    grid: &'a Grid<G>,
    how: How,
    /// Magnitudes and their weights.
    x: [I::F; S],
    w: [I::F; S],
    /// The smallest and the largest magnitude.
    range: (I::F, I::F),
    /// Magnitudes again, and the roots of the weights.
    values: [[f32; S]; MAX_LANES],
    roots: [[f32; S]; MAX_LANES],
}

impl<I: Isa, const S: usize, const G: usize> Subs<'_, I, S, G> {
    /// Chooses the point of each group in the lanes of `wanted` (one bit a lane), at these scales and their inverses. Returns the
    /// lanes of each group that had to be moved onto the grid.
    #[inline(always)]
    fn choose(&self, id: I::F, scale: I::F, wanted: [u32; 8], codes: &mut Codes) -> [u32; 8] {
        let s = self.s;
        let mut moved = [0u32; 8];
        let scales = numbers(scale);
        let (one, half) = (s.splat(1.0), s.splat(0.5));
        let fast = all_small(s, id * self.range.0, id * self.range.1);
        let (low, high, magic) = (s.splat(MAGIC), s.splat(MAGIC + (self.how.levels - 1) as f32), s.splat(MAGIC));
        let near = s.near();
        let values = near.table(&magnitudes(G == 8));
        for k in 0..S / G {
            // The code as a number beside 2²³, where the lowest bit counts one.
            let mut code = s.splat(8_388_608.0);
            let mut place = 1f32;
            for i in 0..G {
                let level = half * (id * self.x[G * k + i] - one);
                let digit = if fast {
                    (level + magic).greater(low).lesser(high) - magic
                } else {
                    levels_anywhere(s, level, 0, self.how.levels - 1)
                };
                code = code + digit * s.splat(place);
                place *= (1 << Grid::<G>::BITS) as f32;
            }
            let code = numbers(code);
            let mut lanes = wanted[k];
            while lanes != 0 {
                let lane = lanes.trailing_zeros() as usize % MAX_LANES;
                lanes &= lanes - 1;
                let x = &self.values[lane].as_chunks::<G>().0[k];
                let root = &self.roots[lane].as_chunks::<G>().0[k];
                let code = code[lane].to_bits() as u16;
                let point = self.grid.nearest_lanes(near, code, values, scales[lane], x, root);
                codes[k][lane] = point.unwrap_or(code);
                moved[k] |= u32::from(point.is_some()) << lane;
            }
        }
        moved
    }

    /// Σ w·x·q and Σ w·q² of each lane, in index order.
    #[inline(always)]
    fn moments(&self, codes: &Codes) -> (I::F, I::F) {
        let s = self.s;
        let values = s.table(&magnitudes(G == 8));
        let (mut qx, mut q2) = (s.splat(0.0), s.splat(0.0));
        for k in 0..S / G {
            let codes = s.codes(&codes[k]);
            for i in 0..G {
                let q = I::F::pick(values, codes, Grid::<G>::BITS * i as u32);
                let (x, w) = (self.x[G * k + i], self.w[G * k + i]);
                qx = qx + w * x * q;
                q2 = q2 + w * q * q;
            }
        }
        (qx, q2)
    }

    /// The first scale of each lane, and the magnitude that candidates are derived from. Removes lanes that count as all zero from
    /// `active`.
    #[inline(always)]
    fn start(&self, weights: &[[f32; S]; MAX_LANES], active: &mut u32) -> (I::F, I::F) {
        let (s, how, max) = (self.s, self.how, self.range.1);
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let (small, none) = (max.lt(s.splat(how.all_zero)), max.same(zero));
        *active &= !(I::F::bits(small) | I::F::bits(none));
        let (mut scale, mut reference) = (max / s.splat(how.top()), max);
        if how.start_fitted {
            scale = simd::positive(s, how.levels + 1, &self.x, &self.w).unwrap_or_else(|| {
                let mut scales = [0f32; MAX_LANES];
                for lane in 0..I::F::N {
                    scales[lane] = positive(how.levels + 1, &self.values[lane], &weights[lane], &mut [0; S]);
                }
                s.load(&scales)
            });
            reference = scale * s.splat(how.levels as f32);
            let hopeless = reference.le(zero);
            *active &= !I::F::bits(hopeless);
            reference = one.or_else(hopeless, reference);
        }
        // Lanes without a search get a harmless scale.
        (scale, one.or_else(small, one.or_else(none, reference)))
    }

    /// The best scale and codes of the active lanes.
    #[inline(always)]
    fn best(&self, mut scale: I::F, reference: I::F, active: u32) -> (I::F, Codes) {
        let (s, how) = (self.s, self.how);
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let mut codes: Codes = [[0; MAX_LANES]; 8];
        let mut moved = if how.redo == Redo::Moved { [0; 8] } else { [active; 8] };
        let mut best = zero;
        let mut candidate = codes;
        for step in -how.steps..=how.steps {
            let id = s.splat(how.top() + step as f32 * how.step) / reference;
            let this_scale = one / id;
            let candidate_moved = self.choose(id, this_scale, [active; 8], &mut candidate);
            let (qx, q2) = self.moments(&candidate);
            let better = I::F::both(zero.lt(q2), (best * q2).lt(qx * qx));
            let this = qx / q2;
            scale = this.or_else(better, scale);
            best = (this * qx).or_else(better, best);
            let better = I::F::bits(better);
            for k in 0..S / G {
                moved[k] = candidate_moved[k] & better | moved[k] & !better;
                for lane in 0..I::F::N {
                    codes[k][lane] = if better >> lane & 1 == 1 { candidate[k][lane] } else { codes[k][lane] };
                }
            }
        }
        (self.choose_again(scale, moved, active, &mut codes), codes)
    }

    /// Chooses groups again at the final scale, as `how.redo` says, and returns the scale that suits them.
    #[inline(always)]
    fn choose_again(&self, scale: I::F, moved: [u32; 8], active: u32, codes: &mut Codes) -> I::F {
        let (s, how) = (self.s, self.how);
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let any_moved = moved[..S / G].iter().fold(0, |any, m| any | m);
        let again = active & I::F::bits(zero.lt(scale)) & if how.redo == Redo::All { u32::MAX } else { any_moved };
        if again == 0 {
            return scale;
        }
        let wanted = moved.map(|m| again & if how.redo == Redo::Moved { m } else { u32::MAX });
        let harmless = scale.or_else(zero.lt(scale), one);
        self.choose(one / harmless, harmless, wanted, codes);
        let (qx, q2) = self.moments(codes);
        let fitted = numbers((qx / q2).or_else(zero.lt(q2), scale));
        let mut scales = numbers(scale);
        for lane in 0..I::F::N {
            scales[lane] = if again >> lane & 1 == 1 { fitted[lane] } else { scales[lane] };
        }
        s.load(&scales)
    }
}

/// Encodes rows, `SUBS` sub-blocks of `S` elements a block; `write` stores what was found for a block.
#[inline(always)]
pub(super) fn encode_lanes<I: Isa, const S: usize, const G: usize, const SUBS: usize, const B: usize>(
    s: I,
    mut rows: Rows<'_>,
    grid: &Grid<G>,
    how: How,
    write: impl Fn(&mut [u8; B], &[Option<Found>; SUBS]),
) {
    const N: usize = 256;
    let blocks = rows.blocks::<N>();
    let together = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(together) {
        let count = together.min(blocks.len() - first);
        let mut floors = [0f32; MAX_LANES];
        for (floor, x) in floors.iter_mut().zip(&blocks[first..][..count]) {
            *floor = how.floor(x);
        }
        let found = search_lanes(s, count * SUBS, grid, how, |lane| {
            let x = &blocks[first + lane / SUBS].as_chunks::<S>().0[lane % SUBS];
            let importance = rows.importance::<N>(first + lane / SUBS).map(|w| &w.as_chunks::<S>().0[lane % SUBS]);
            (*x, how.weights(x, importance, floors[lane / SUBS]))
        });
        for b in 0..count {
            write(rows.out(first + b), &std::array::from_fn(|j| found[b * SUBS + j]));
        }
    }
}

/// Searches `count` sub-blocks at once; `sub` gives the elements and weights of one.
#[inline(always)]
fn search_lanes<I: Isa, const S: usize, const G: usize>(
    s: I,
    count: usize,
    grid: &Grid<G>,
    how: How,
    sub: impl Fn(usize) -> ([f32; S], [f32; S]),
) -> [Option<Found>; MAX_LANES] {
    let mut weights = [[0f32; S]; MAX_LANES];
    let (mut values, mut roots) = ([[0f32; S]; MAX_LANES], [[0f32; S]; MAX_LANES]);
    let mut signs = [[0u8; 4]; MAX_LANES];
    for lane in 0..count.min(MAX_LANES) {
        let (x, w) = sub(lane);
        (values[lane], signs[lane]) = split_signs(&x, &w, how.even_signs);
        roots[lane] = w.map(f32::sqrt);
        weights[lane] = w;
    }
    let x: [I::F; S] = transpose(s, |lane| &values[lane]);
    let w: [I::F; S] = transpose(s, |lane| &weights[lane]);
    let (mut min, mut max) = (x[0], x[0]);
    for i in 1..S {
        min = min.lesser(x[i]);
        max = max.greater(x[i]);
    }
    let subs = Subs { s, grid, how, x, w, range: (min, max), values, roots };
    let mut active = ((1u64 << count.min(MAX_LANES)) - 1) as u32;
    let (scale, reference) = subs.start(&weights, &mut active);
    let (scale, codes) = subs.best(scale, reference, active);
    let scales = numbers(scale);
    let mut found = [None; MAX_LANES];
    for lane in (0..count.min(MAX_LANES)).filter(|lane| active >> lane & 1 == 1) {
        let (mut scale, mut signs) = (scales[lane], signs[lane]);
        if scale < 0.0 {
            scale = -scale;
            let mask = if how.even_signs { 127 } else { 255 };
            signs = signs.map(|s| !s & mask);
        }
        let points = std::array::from_fn(|k| if k < S / G { grid.point_of(codes[k][lane]) } else { 0 });
        found[lane] = Some(Found { scale, points, signs });
    }
    found
}
