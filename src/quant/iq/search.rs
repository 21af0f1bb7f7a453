//! The search that the IQ2 and IQ3 formats share: magnitudes 2·digit + 1 from a grid, signs apart, one scale for a sub-block
//! (`quantize_row_iq2_*_impl`, `quantize_row_iq3_*_impl`).

use super::nearest::Grid;
use crate::quant::number::{nearest_int, sum_of_squares};
use crate::quant::search::positive;

/// How a format searches.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// Digits run from 0 to one below.
    pub(super) levels: i32,
    /// Candidates on either side of the first, and their distance.
    pub(super) steps: i32,
    pub(super) step: f32,
    /// A sub-block whose largest magnitude is smaller counts as all zero.
    pub(super) all_zero: f32,
    /// Only seven of eight signs are stored; the number of minus signs must be even.
    pub(super) even_signs: bool,
    /// Start from the best scale without a grid instead of the largest magnitude.
    pub(super) start_fitted: bool,
    /// Choose all groups again at the final scale, not only those that were moved onto the grid.
    pub(super) redo: Redo,
    /// The floor under the weights in mean squares of the block.
    pub(super) floor: f32,
    /// The weight of an element of this square without importance; the floor comes second.
    pub(super) plain: fn(f32, f32) -> f32,
}

impl How {
    /// The largest magnitude of a grid.
    #[inline(always)]
    pub(super) fn top(&self) -> f32 {
        (2 * self.levels - 1) as f32
    }

    /// The floor under the weights of a block.
    #[inline(always)]
    pub(super) fn floor(&self, x: &[f32; 256]) -> f32 {
        self.floor * sum_of_squares(x) / 256.0
    }

    /// [`How::floor`] of four blocks: four chains of sums hide each other's latency.
    #[inline(always)]
    pub(super) fn floors(&self, x: [&[f32; 256]; 4]) -> [f32; 4] {
        let mut sums = [0f32; 4];
        for i in 0..256 {
            for b in 0..4 {
                sums[b] += x[b][i] * x[b][i];
            }
        }
        sums.map(|sum| self.floor * sum / 256.0)
    }

    /// Weights of a sub-block's elements.
    #[inline(always)]
    pub(super) fn weights<const S: usize>(&self, x: &[f32; S], importance: Option<&[f32; S]>, floor: f32) -> [f32; S] {
        match importance {
            Some(w) => std::array::from_fn(|i| w[i] * (floor + x[i] * x[i]).sqrt()),
            None => x.map(|v| (self.plain)(v * v, floor)),
        }
    }

    /// Searches every sub-block of a block.
    pub(super) fn search_all<const S: usize, const G: usize, const SUBS: usize>(
        &self,
        x: &[f32; 256],
        importance: Option<&[f32; 256]>,
        grid: &Grid<G>,
    ) -> [Option<Found>; SUBS] {
        let floor = self.floor(x);
        std::array::from_fn(|j| {
            let x = &x.as_chunks::<S>().0[j];
            let importance = importance.map(|w| &w.as_chunks::<S>().0[j]);
            search(x, &self.weights(x, importance, floor), grid, *self)
        })
    }
}

/// Which groups are chosen again at the final scale.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Redo {
    /// Those the winning candidate had moved onto the grid.
    Moved,
    /// All, if the winning candidate had moved any.
    AllIfMoved,
    /// All.
    All,
}

/// What was found for a sub-block of up to 32 elements.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    /// Never negative.
    pub(super) scale: f32,
    /// A point for each group, in order.
    pub(super) points: [u16; 8],
    /// Signs of each eight elements.
    pub(super) signs: [u8; 4],
}

/// Magnitudes and signs. With even signs, where the number is odd the least important element changes its sign (and its
/// "magnitude" turns negative).
#[inline(always)]
pub(super) fn split_signs<const S: usize>(x: &[f32; S], w: &[f32; S], even: bool) -> ([f32; S], [u8; 4]) {
    let mut signs = [0u8; 4];
    let mut value = *x;
    for (k, value) in value.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let mut s = 0u8;
        for (i, v) in value.iter_mut().enumerate() {
            if *v < 0.0 {
                *v = -*v;
                s |= 1 << i;
            }
        }
        if even && s.count_ones() % 2 == 1 {
            let cost = |i: usize| w[8 * k + i] * x[8 * k + i] * x[8 * k + i];
            let mut least = 0;
            for i in 1..8 {
                if cost(i) < cost(least) {
                    least = i;
                }
            }
            value[least] = -value[least];
            s ^= 1 << least;
        }
        signs[k] = if even { s & 127 } else { s };
    }
    (value, signs)
}

#[inline(always)]
pub(super) fn digits_at<const G: usize>(x: &[f32], id: f32, levels: i32) -> [u8; G] {
    std::array::from_fn(|i| nearest_int(0.5 * (id * x[i] - 1.0)).clamp(0, levels - 1) as u8)
}

/// If `digits` are not a point, replaces them by the neighbour with the least error at this scale, weighted by `root`. True if
/// they were a point.
#[inline(always)]
fn snap<const G: usize>(digits: &mut [u8; G], x: &[f32], root: &[f32], grid: &Grid<G>, scale: f32) -> bool {
    let found = grid.nearest(digits, |i, digit| {
        let diff = scale * f32::from(2 * digit + 1) - x[i];
        root[i] * diff * diff
    });
    found.is_none_or(|point| {
        *digits = point;
        false
    })
}

/// Σ w·x·q and Σ w·q² in index order.
#[inline(always)]
fn moments<const S: usize, const G: usize>(x: &[f32; S], w: &[f32; S], digits: &[[u8; G]; 8]) -> (f32, f32) {
    let (mut qx, mut q2) = (0f32, 0f32);
    for i in 0..S {
        let q = f32::from(2 * digits[i / G][i % G] + 1);
        qx += w[i] * x[i] * q;
        q2 += w[i] * q * q;
    }
    (qx, q2)
}

/// Searches a sub-block. `None` where it counts as all zero: nothing of it is stored then, not even signs.
pub(super) fn search<const S: usize, const G: usize>(
    x: &[f32; S],
    w: &[f32; S],
    grid: &Grid<G>,
    how: How,
) -> Option<Found> {
    let root = w.map(f32::sqrt);
    let (x, mut signs) = split_signs(x, w, how.even_signs);
    let max = x.iter().skip(1).fold(x[0], |m, &v| if m > v { m } else { v });
    if max < how.all_zero || max == 0.0 {
        return None;
    }
    let top = how.top();
    let mut scale = max / top;
    let mut reference = max;
    if how.start_fitted {
        scale = positive(how.levels + 1, &x, w, &mut [0; S]);
        reference = scale * how.levels as f32;
        if reference <= 0.0 {
            return None;
        }
    }
    let groups = S / G;
    let mut digits = [[0u8; G]; 8];
    let mut moved = [how.redo != Redo::Moved; 8];
    let mut best = 0f32;
    for step in -how.steps..=how.steps {
        let id = (top + step as f32 * how.step) / reference;
        let this_scale = 1.0 / id;
        let mut candidate = [[0u8; G]; 8];
        let mut candidate_moved = [false; 8];
        for k in 0..groups {
            candidate[k] = digits_at(&x[G * k..], id, how.levels);
            candidate_moved[k] = !snap(&mut candidate[k], &x[G * k..], &root[G * k..], grid, this_scale);
        }
        let (qx, q2) = moments(&x, w, &candidate);
        if q2 > 0.0 && qx * qx > best * q2 {
            scale = qx / q2;
            best = scale * qx;
            digits = candidate;
            moved = candidate_moved;
        }
    }
    let again = |k: usize| how.redo != Redo::Moved || moved[k];
    if scale > 0.0 && (how.redo == Redo::All || moved[..groups].contains(&true)) {
        let id = 1.0 / scale;
        for k in (0..groups).filter(|&k| again(k)) {
            digits[k] = digits_at(&x[G * k..], id, how.levels);
            snap(&mut digits[k], &x[G * k..], &root[G * k..], grid, scale);
        }
        let (qx, q2) = moments(&x, w, &digits);
        if q2 > 0.0 {
            scale = qx / q2;
        }
    }
    if scale < 0.0 {
        scale = -scale;
        let mask = if how.even_signs { 127 } else { 255 };
        signs = signs.map(|s| !s & mask);
    }
    let points = std::array::from_fn(|k| if k < groups { grid.point(&digits[k]) } else { 0 });
    Some(Found { scale, points, signs })
}

/// The block's scale d for sub-block scales d·(½ + code)/…, and the four-bit code of each. `None` where all are zero.
pub(super) fn scale_codes<const SUBS: usize>(found: &[Found; SUBS]) -> Option<(f32, [u8; SUBS])> {
    let max = found.iter().fold(0f32, |m, f| if m > f.scale { m } else { f.scale });
    if max == 0.0 {
        return None;
    }
    let d = max / 31.0;
    let id = 1.0 / d;
    Some((d, std::array::from_fn(|j| nearest_int(0.5 * (id * found[j].scale - 1.0)).clamp(0, 15) as u8)))
}
