//! What IQ1_S and IQ1_M share: digits −1, 0, 1 with a shift, found by cutting the sorted elements in three.

use super::grids::IQ1;
use super::nearest::Grid;
use std::sync::LazyLock;

/// What is added to or taken from the digits of a group.
pub(super) const SHIFT: f32 = 0.125;

/// The values of the digits shifted up and down.
pub(super) const PLUS: [f32; 3] = [-1.0 + SHIFT, SHIFT, 1.0 + SHIFT];
pub(super) const MINUS: [f32; 3] = [-1.0 - SHIFT, -SHIFT, 1.0 - SHIFT];

/// What was found for a sub-block of `G` groups.
#[derive(Clone, Copy)]
pub(super) struct Found<const G: usize> {
    /// The scale.
    pub scale: f32,
    /// A point for each group, in order.
    pub points: [u16; G],
    /// Groups whose digits are shifted down.
    pub minus: [bool; G],
}

impl<const G: usize> Default for Found<G> {
    fn default() -> Self {
        Self { scale: 0.0, points: [0; G], minus: [false; G] }
    }
}

impl<const G: usize> Found<G> {
    /// The values of the digits in each group.
    pub(super) fn shifts(&self) -> [[f32; 3]; G] {
        self.minus.map(|minus| if minus { MINUS } else { PLUS })
    }
}

pub(super) static GRID: LazyLock<Grid<8>> = LazyLock::new(|| Grid::new(&IQ1, 2, 3));

/// Sorted elements cut in three: digit 0 below the first cut, 1 up to the second, 2 above.
#[derive(Clone, Copy)]
pub(super) struct Split {
    /// The number of elements below each cut.
    pub cuts: (usize, usize),
    /// The scale.
    pub scale: f32,
    /// The scale was negative: it and the digits have been negated.
    pub turned: bool,
}

impl Split {
    /// Makes the scale positive by turning the digits round; true if it was negative.
    pub(super) fn turn_positive(&mut self) -> bool {
        self.turned = self.scale < 0.0;
        self.scale = if self.turned { -self.scale } else { self.scale };
        self.turned
    }

    /// The digit of each element.
    pub(super) fn digits<const S: usize>(&self, order: &[u8; S]) -> [u8; S] {
        let mut out = [0; S];
        for (j, &i) in order.iter().enumerate() {
            let digit = u8::from(j >= self.cuts.0) + u8::from(j >= self.cuts.1);
            out[usize::from(i)] = if self.turned { 2 - digit } else { digit };
        }
        out
    }
}

/// The elements' indices in ascending order; equal elements keep their order. (Insertion sort is well defined for any numbers,
/// NaN too.)
pub(super) fn sort<const S: usize>(x: &[f32; S]) -> [u8; S] {
    let mut order: [u8; S] = std::array::from_fn(|i| i as u8);
    for i in 1..S {
        let mut j = i;
        while j > 0 && x[usize::from(order[j - 1])] > x[usize::from(order[j])] {
            order.swap(j - 1, j);
            j -= 1;
        }
    }
    order
}

/// A grid point for each group of eight, and the scale that suits them.
pub(super) fn points_of<const S: usize, const G: usize>(
    x: &[f32; S],
    w: &[f32; S],
    digits: &[u8; S],
    scale: f32,
    minus: [bool; G],
) -> Found<G> {
    let mut found = Found { scale, points: [0; G], minus };
    let shifts = found.shifts();
    let mut all_on_grid = true;
    for k in 0..G {
        let (x, w) = (&x.as_chunks::<8>().0[k], &w.as_chunks::<8>().0[k]);
        let mut digits = digits.as_chunks::<8>().0[k];
        let nearest = GRID.nearest(&digits, |i, digit| {
            let diff = scale * shifts[k][usize::from(digit)] - x[i];
            w[i] * diff * diff
        });
        if let Some(nearest) = nearest {
            all_on_grid = false;
            digits = nearest;
        }
        found.points[k] = GRID.point(&digits);
    }
    if !all_on_grid {
        let mut sums = (0f32, 0f32);
        sums_of(x, w, &found, 1.0, &mut sums);
        if sums.0 > 0.0 && sums.1 > 0.0 {
            found.scale = sums.0 / sums.1;
        }
    }
    found
}

/// Adds Σ w·q·x and Σ w·q² of a sub-block, in index order; q is the shifted digit times `factor`.
pub(super) fn sums_of<const S: usize, const G: usize>(
    x: &[f32; S],
    w: &[f32; S],
    found: &Found<G>,
    factor: f32,
    sums: &mut (f32, f32),
) {
    let shifts = found.shifts();
    for k in 0..G {
        for (i, digit) in GRID.digits_of(found.points[k]).into_iter().enumerate() {
            let q = shifts[k][usize::from(digit)] * factor;
            let (x, w) = (x[8 * k + i], w[8 * k + i]);
            sums.0 += w * q * x;
            sums.1 += w * q * q;
        }
    }
}
