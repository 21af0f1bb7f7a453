//! `search` with a candidate scale in each lane, for grids of few digits.
//!
//! The candidates lie close together, so a group has the same digits at several of them in a row: thirty-one candidates have about
//! five runs. All candidates of a run share the list of neighbours, and each neighbour is compared at up to sixteen scales at once.
//! The best candidate is then chosen one after the other, as in `search`.

use super::nearest::Grid;
use super::search::{self, Found, How, Redo};
use super::search_lanes::magnitudes;
use crate::quant::blocks::Rows;
use crate::quant::simd::{Isa, Lanes, MAGIC, all_small};

/// Candidates that are compared at once.
const WINDOW: usize = 16;

/// Candidates at most.
const MOST: usize = 2 * WINDOW;

/// A number for each candidate; a window may begin at any of them.
type Each = [f32; MOST + WINDOW];

/// Codes are kept as numbers beside 2²³, where the lowest bit counts one.
const CODE: f32 = 8_388_608.0;

/// Encodes rows, `SUBS` sub-blocks of `S` elements a block; `write` stores what was found for a block.
#[inline(always)]
pub(super) fn encode<I: Isa, const S: usize, const G: usize, const SUBS: usize, const B: usize>(
    s: I,
    mut rows: Rows<'_>,
    grid: &Grid<G>,
    how: How,
    write: impl Fn(&mut [u8; B], &[Option<Found>; SUBS]),
) {
    const N: usize = 256;
    let candidates = Candidates::new(how);
    let blocks = rows.blocks::<N>();
    let mut floors = [0f32; 4];
    for (b, x) in blocks.iter().enumerate() {
        if b % floors.len() == 0 {
            floors = how.floors(std::array::from_fn(|i| &blocks[(b + i).min(blocks.len() - 1)]));
        }
        let floor = floors[b % floors.len()];
        let importance = rows.importance::<N>(b);
        let mut found = [None; SUBS];
        for (j, found) in found.iter_mut().enumerate() {
            let x = &x.as_chunks::<S>().0[j];
            let w = how.weights(x, importance.map(|w| &w.as_chunks::<S>().0[j]), floor);
            *found = candidates.search(s.near(), x, &w, grid);
        }
        write(rows.out(b), &found);
    }
}

/// The candidates of a format.
struct Candidates {
    how: How,
    /// How many.
    count: usize,
    /// What each makes of the largest magnitude; the last is repeated.
    tops: [f32; MOST],
}

/// A sub-block: magnitudes, weights and their roots, and the products of both.
struct Sub<const S: usize> {
    x: [f32; S],
    w: [f32; S],
    wx: [f32; S],
    root: [f32; S],
}

impl Candidates {
    fn new(how: How) -> Self {
        let count = (2 * how.steps as usize + 1).min(MOST);
        let step = |c: usize| c.min(count - 1) as i32 - how.steps;
        let tops = std::array::from_fn(|c| how.top() + step(c) as f32 * how.step);
        Self { how, count, tops }
    }

    /// [`search::search`] of a sub-block.
    #[inline(always)]
    fn search<I: Isa, const S: usize, const G: usize>(
        &self,
        s: I,
        x: &[f32; S],
        w: &[f32; S],
        grid: &Grid<G>,
    ) -> Option<Found> {
        const { assert!(I::F::N == WINDOW) };
        let how = self.how;
        let (values, mut signs) = split_signs(s, x, w, how.even_signs);
        let (mut min, mut max) = (values[0], values[0]);
        for &v in &values[1..] {
            min = if min < v { min } else { v };
            max = if max > v { max } else { v };
        }
        if max < how.all_zero || max == 0.0 {
            return None;
        }
        let (one, reference) = (s.splat(1.0), s.splat(max));
        let (mut ids, mut scales) = ([0f32; MOST], [0f32; MOST + WINDOW]);
        for at in (0..self.count).step_by(WINDOW) {
            let id = s.load(&self.tops[at..]) / reference;
            if !all_small(s, id * s.splat(min), id * reference) {
                // A sub-block so small that inverse scales overflow.
                return search::search(x, w, grid, how);
            }
            id.store(&mut ids[at..]);
            (one / id).store(&mut scales[at..]);
        }
        let mut sub = Sub { x: values, w: *w, wx: *w, root: *w };
        for i in 0..S {
            sub.wx[i] = w[i] * values[i];
            sub.root[i] = w[i].sqrt();
        }
        let (chosen, moved) = self.choose(s, &sub, &ids, &scales, grid);
        let (mut scale, best) = self.best::<I, S, G>(s, &sub, &chosen, max / how.top());
        let mut codes = [0u16; 8];
        let mut again = if how.redo == Redo::Moved { 0 } else { (1 << (S / G)) - 1 };
        if let Some(best) = best {
            again = 0;
            for k in 0..S / G {
                codes[k] = chosen[k][best].to_bits() as u16;
                again |= (moved[k] >> best & 1) << k;
            }
        }
        if scale > 0.0 && (how.redo == Redo::All || again != 0) {
            if how.redo != Redo::Moved {
                again = (1 << (S / G)) - 1;
            }
            scale = choose_again(s, how, &sub, scale, again, grid, &mut codes);
        }
        if scale < 0.0 {
            scale = -scale;
            let mask = if how.even_signs { 127 } else { 255 };
            signs = signs.map(|s| !s & mask);
        }
        let mut points = [0; 8];
        for k in 0..S / G {
            points[k] = grid.point_of(codes[k]);
        }
        Some(Found { scale, points, signs })
    }

    /// The code of each group at each candidate, and at which candidates it was moved onto the grid.
    #[inline(always)]
    fn choose<I: Isa, const S: usize, const G: usize>(
        &self,
        s: I,
        sub: &Sub<S>,
        ids: &[f32; MOST],
        scales: &Each,
        grid: &Grid<G>,
    ) -> ([Each; 8], [u32; 8]) {
        let (codes, runs) = self.runs::<I, S, G>(s, sub, ids);
        let one = s.splat(1.0);
        let mut chosen = [[CODE; MOST + WINDOW]; 8];
        let mut moved = [0u32; 8];
        // Two groups at a time: the end of a loop is hard to predict.
        for pair in 0..S / G / 2 {
            let mut starts = u64::from(runs[2 * pair]) | u64::from(runs[2 * pair + 1]) << MOST;
            // The first candidate that there is not ends the last run.
            let ends = starts | 1 << self.count | 1 << (MOST + self.count);
            while starts != 0 {
                let start = starts.trailing_zeros() as usize;
                starts &= starts - 1;
                let length = (ends >> start >> 1).trailing_zeros() as usize + 1;
                let (k, first) = (2 * pair + start / MOST, start % MOST);
                let (near, off_grid) = grid.eights(codes[k][first + 1].to_bits() as u16);
                moved[k] |= (u32::from(off_grid) << (length % MOST)).wrapping_sub(u32::from(off_grid)) << first;
                let (mut x, mut root) = ([one; G], [one; G]);
                for i in 0..G {
                    (x[i], root[i]) = (s.splat(sub.x[G * k + i]), s.splat(sub.root[G * k + i]));
                }
                for at in (first..first + length).step_by(WINDOW) {
                    let scale = s.load(&scales[at..]);
                    let mut steps = [one; 8];
                    for (step, magnitude) in steps.iter_mut().zip(magnitudes(false)) {
                        *step = scale * s.splat(magnitude);
                    }
                    // What is written beyond the run is overwritten by the next one.
                    nearest::<I, G>(s, near, &steps, &x, &root).store(&mut chosen[k][at..]);
                }
            }
        }
        (chosen, moved)
    }

    /// The code of each group at each candidate, one place later, and the candidates that begin a run of equal codes.
    #[inline(always)]
    fn runs<I: Isa, const S: usize, const G: usize>(
        &self,
        s: I,
        sub: &Sub<S>,
        ids: &[f32; MOST],
    ) -> ([Each; 8], [u32; 8]) {
        let (one, half, magic) = (s.splat(1.0), s.splat(0.5), s.splat(MAGIC));
        let (low, high) = (magic, s.splat(MAGIC + (self.how.levels - 1) as f32));
        let mut codes = [[0f32; MOST + WINDOW]; 8];
        let mut starts = [0u32; 8];
        for k in 0..S / G {
            for at in (0..self.count).step_by(WINDOW) {
                let id = s.load(&ids[at..]);
                let mut code = s.splat(CODE);
                let mut place = 1f32;
                for i in 0..G {
                    let level = half * (id * s.splat(sub.x[G * k + i]) - one);
                    let digit = (level + magic).greater(low).lesser(high) - magic;
                    code = code + digit * s.splat(place);
                    place *= (1 << Grid::<G>::BITS) as f32;
                }
                code.store(&mut codes[k][at + 1..]);
                starts[k] |= (!I::F::bits(code.same(s.load(&codes[k][at..]))) & 0xffff) << at;
            }
            starts[k] &= u32::MAX >> (MOST - self.count);
        }
        (codes, starts)
    }

    /// The scale and the number of the best candidate; `first` and none where no candidate has one.
    #[inline(always)]
    fn best<I: Isa, const S: usize, const G: usize>(
        &self,
        s: I,
        sub: &Sub<S>,
        chosen: &[Each; 8],
        first: f32,
    ) -> (f32, Option<usize>) {
        let values = s.table(&magnitudes(G == 8));
        let (mut qx, mut q2) = ([0f32; MOST], [0f32; MOST]);
        for at in (0..self.count).step_by(WINDOW) {
            let (mut sum_qx, mut sum_q2) = (s.splat(0.0), s.splat(0.0));
            for k in 0..S / G {
                let codes = s.load(&chosen[k][at..]).as_codes();
                for i in 0..G {
                    let q = I::F::pick(values, codes, Grid::<G>::BITS * i as u32);
                    sum_qx = sum_qx + s.splat(sub.wx[G * k + i]) * q;
                    sum_q2 = sum_q2 + s.splat(sub.w[G * k + i]) * q * q;
                }
            }
            sum_qx.store(&mut qx[at..]);
            sum_q2.store(&mut q2[at..]);
        }
        let (mut scale, mut best, mut found) = (first, 0f32, None);
        for c in 0..self.count {
            if q2[c] > 0.0 && qx[c] * qx[c] > best * q2[c] {
                scale = qx[c] / q2[c];
                best = scale * qx[c];
                found = Some(c);
            }
        }
        (scale, found)
    }
}

/// The code of the neighbour of least error at each of sixteen scales, the first of several; `steps` are the magnitudes of the
/// digits at these scales.
#[inline(always)]
fn nearest<I: Isa, const G: usize>(s: I, near: &[[u16; 8]], steps: &[I::F; 8], x: &[I::F; G], w: &[I::F; G]) -> I::F {
    let number = |code: u16| f32::from_bits(CODE.to_bits() | u32::from(code));
    let mut best = s.splat(f32::MAX);
    let mut found = s.splat(number(near.first().map_or(0, |eight| eight[0])));
    for eight in near {
        for j in 0..8 {
            let code = eight[j];
            // The sign of the difference does not matter.
            let diff = x[0] - steps[digit::<G>(code, 0)];
            let mut error = w[0] * diff * diff;
            for i in 1..G {
                let diff = x[i] - steps[digit::<G>(code, i)];
                error = error + w[i] * diff * diff;
            }
            found = s.splat(number(code)).or_else(error.lt(best), found);
            best = error.lesser(best);
        }
    }
    found
}

/// Digit `i` of a code.
#[inline(always)]
fn digit<const G: usize>(code: u16, i: usize) -> usize {
    usize::from(code >> (Grid::<G>::BITS * i as u32) & ((1 << Grid::<G>::BITS) - 1))
}

/// [`split_signs`](super::search::split_signs), but for the signs of zeros.
#[inline(always)]
fn split_signs<I: Isa, const S: usize>(s: I, x: &[f32; S], w: &[f32; S], even: bool) -> ([f32; S], [u8; 4]) {
    let (mut values, mut costs) = ([0f32; S], [0f32; S]);
    let mut negative = 0u32;
    for at in (0..S).step_by(WINDOW) {
        let (x, w) = (s.load(&x[at..]), s.load(&w[at..]));
        negative |= (I::F::bits(x.lt(s.splat(0.0))) & 0xffff) << at;
        x.abs().store(&mut values[at..]);
        (w * x * x).store(&mut costs[at..]);
    }
    let mut signs = negative.to_le_bytes();
    if even {
        for k in 0..S / 8 {
            let mut least = 8 * k;
            for i in 8 * k + 1..8 * k + 8 {
                least = if costs[i] < costs[least] { i } else { least };
            }
            let odd = signs[k].count_ones() & 1;
            values[least] = f32::from_bits(values[least].to_bits() ^ odd << 31);
            signs[k] = (signs[k] ^ (odd as u8) << (least % 8)) & 127;
        }
    }
    (values, signs)
}

/// Chooses the groups of `again` again, at the final scale, and returns the scale that suits them.
#[inline(always)]
fn choose_again<I: Isa, const S: usize, const G: usize>(
    s: I,
    how: How,
    sub: &Sub<S>,
    scale: f32,
    again: u32,
    grid: &Grid<G>,
    codes: &mut [u16; 8],
) -> f32 {
    let table = magnitudes(G == 8);
    let values = s.table(&table);
    let id = 1.0 / scale;
    let (mut qx, mut q2) = (0f32, 0f32);
    for k in 0..S / G {
        let x = &sub.x.as_chunks::<G>().0[k];
        if again >> k & 1 == 1 {
            let code = grid.code_at(x, id, how.levels);
            let root = &sub.root.as_chunks::<G>().0[k];
            codes[k] = grid.nearest_lanes(s, code, values, scale, x, root).unwrap_or(code);
        }
        for i in 0..G {
            let q = table[usize::from(codes[k] >> (Grid::<G>::BITS * i as u32) & 7)];
            qx += sub.wx[G * k + i] * q;
            q2 += sub.w[G * k + i] * q * q;
        }
    }
    if q2 > 0.0 { qx / q2 } else { scale }
}
