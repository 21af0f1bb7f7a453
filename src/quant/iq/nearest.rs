//! For each combination of digits: the grid point with these digits, or the points around it.
//!
//! Built once for a grid, on first use (a few milliseconds). Follows `iq2xs_init_impl` and `iq3xs_init_impl`: the neighbours of a
//! combination that is not a point are the points at its few smallest distances, nearest first, then by number.
//!
//! A combination is identified by its *code*: its digits packed, the first lowest. The codes of points are the numbers of `grids`.

use super::search::digits_at;
use crate::quant::simd::{Isa, Lanes};

/// Neighbours compared at a time; the last of a list is repeated to fill it up.
const TOGETHER: usize = 16;

/// Marks the neighbours of a code that is not a point; a point is its own neighbour.
const NEAR: u32 = 1 << 31;

/// Bits of the map's numbers for how many neighbours there are; above them is the index of the first.
const COUNT_BITS: u32 = 12;

/// A grid of points of `G` digits, prepared for the search.
pub(super) struct Grid<const G: usize> {
    /// The code of each point.
    points: Vec<u16>,
    /// For each code: which part of `near`.
    map: Vec<u32>,
    /// For each code: the number of the point, or 0.
    numbers: Vec<u16>,
    /// Codes of neighbours, list after list.
    near: Vec<[u16; TOGETHER]>,
}

impl<const G: usize> Grid<G> {
    /// Bits of a digit.
    pub(super) const BITS: u32 = if G == 8 { 2 } else { 3 };

    /// Prepares a grid whose digits run from 0 to `max_digit`; `distances` is how many of the smallest distances count as near.
    pub(super) fn new(points: &[u16], max_digit: u8, distances: usize) -> Self {
        let mut map = vec![NEAR; 1 << (Self::BITS * G as u32)];
        let mut numbers = vec![0; map.len()];
        let mut near: Vec<[u16; TOGETHER]> = Vec::new();
        for (i, &code) in points.iter().enumerate() {
            numbers[usize::from(code)] = i as u16;
            map[usize::from(code)] = (near.len() as u32) << COUNT_BITS | 1;
            near.push([code; TOGETHER]);
        }
        let mut distance = vec![0u32; points.len()];
        for at in 0..map.len() {
            let digits = Self::digits(at as u16);
            if map[at] != NEAR || digits.iter().any(|&d| d > max_digit) {
                continue;
            }
            for (d, &point) in distance.iter_mut().zip(points) {
                *d = Self::digits(point).iter().zip(&digits).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum();
            }
            let mut list = Vec::new();
            let mut level = distance.iter().min().copied();
            for _ in 0..distances {
                let Some(this) = level else { break };
                list.extend(distance.iter().zip(points).filter(|&(&d, _)| d == this).map(|(_, &code)| code));
                level = distance.iter().filter(|&&d| d > this).min().copied();
            }
            map[at] = NEAR | (near.len() as u32) << COUNT_BITS | list.len() as u32;
            let last = list.last().copied().unwrap_or(0);
            list.resize(list.len().next_multiple_of(TOGETHER), last);
            near.extend_from_slice(list.as_chunks().0);
        }
        Self { points: points.to_vec(), map, numbers, near }
    }

    /// The code of digits.
    #[inline(always)]
    fn code(digits: &[u8; G]) -> u16 {
        digits.iter().enumerate().fold(0, |code, (i, &d)| code | u16::from(d) << (Self::BITS * i as u32))
    }

    /// The digits of a code.
    #[inline(always)]
    fn digits(code: u16) -> [u8; G] {
        std::array::from_fn(|i| (code >> (Self::BITS * i as u32)) as u8 & ((1 << Self::BITS) - 1))
    }

    /// The number of the point with this code; 0 if there is none.
    #[inline(always)]
    pub(super) fn point_of(&self, code: u16) -> u16 {
        self.numbers.get(usize::from(code)).copied().unwrap_or(0)
    }

    /// The number of the point with these digits; 0 if there is none.
    pub(super) fn point(&self, digits: &[u8; G]) -> u16 {
        self.point_of(Self::code(digits))
    }

    /// The digits of a point.
    #[inline(always)]
    pub(super) fn digits_of(&self, point: u16) -> [u8; G] {
        Self::digits(self.points[usize::from(point)])
    }

    /// If `digits` are not a point: the neighbour of least error, the first of several. `error` gives the error of an element (by
    /// its index) at a digit; errors are summed in index order.
    #[inline(always)]
    pub(super) fn nearest(&self, digits: &[u8; G], error: impl Fn(usize, u8) -> f32) -> Option<[u8; G]> {
        let near = self.near(Self::code(digits))?;
        let (mut best, mut found) = (f32::MAX, near.first().copied().unwrap_or(0));
        for &code in near {
            let sum = Self::digits(code).iter().enumerate().fold(0f32, |sum, (i, &digit)| sum + error(i, digit));
            if sum < best {
                (best, found) = (sum, code);
            }
        }
        Some(Self::digits(found))
    }

    /// The neighbours of a code, nearest first, unless it is a point.
    #[inline(always)]
    fn near(&self, code: u16) -> Option<&[u16]> {
        let entry = self.map[usize::from(code)];
        if entry & NEAR == 0 {
            return None;
        }
        Some(&self.near[(entry & !NEAR) as usize >> COUNT_BITS..].as_flattened()[..self.count(entry)])
    }

    /// The neighbours of a code, nearest first, in eights; the last is repeated to fill them up (with
    /// fours, whose number is harder to predict, IQ3 takes a fifth longer). A point is its own neighbour. True
    /// if the code is none.
    #[inline(always)]
    pub(super) fn eights(&self, code: u16) -> (&[[u16; 8]], bool) {
        let entry = self.map[usize::from(code) % self.map.len()];
        let eights = self.near[(entry & !NEAR) as usize >> COUNT_BITS..].as_flattened().as_chunks().0;
        (&eights[..self.count(entry).div_ceil(8)], entry & NEAR != 0)
    }

    /// The code of magnitudes at an inverse scale.
    #[inline(always)]
    pub(super) fn code_at(&self, x: &[f32; G], id: f32, levels: i32) -> u16 {
        Self::code(&digits_at(x, id, levels))
    }

    /// [`Grid::nearest`] by codes, with a neighbour in each lane; the error of an element is w·(scale·v − x)², `values` has the v of
    /// each digit.
    #[inline(always)]
    pub(super) fn nearest_lanes<S: Isa>(
        &self,
        s: S,
        code: u16,
        values: <S::F as Lanes>::Table,
        scale: f32,
        x: &[f32; G],
        w: &[f32; G],
    ) -> Option<u16> {
        const { assert!(S::F::N == TOGETHER) };
        let entry = self.map[usize::from(code)];
        if entry & NEAR == 0 {
            return None;
        }
        let start = (entry & !NEAR) as usize >> COUNT_BITS;
        let near = &self.near[start..][..self.count(entry).div_ceil(TOGETHER)];
        let mut merits = [S::F::merits(values, scale, x[0], w[0]); G];
        for i in 1..G {
            merits[i] = S::F::merits(values, scale, x[i], w[i]);
        }
        let none = s.splat(-f32::MAX);
        if let [codes] = near {
            let best = Self::merit(s, codes, &merits).greater(none);
            let lane = S::F::bits(best.same(s.splat(best.largest()))).trailing_zeros();
            return Some(codes[lane as usize % TOGETHER]);
        }
        let (mut best, mut which, mut this) = (none, s.splat(0.0), s.splat(0.0));
        for codes in near {
            let merit = Self::merit(s, codes, &merits);
            let better = best.lt(merit);
            best = merit.or_else(better, best);
            which = this.or_else(better, which);
            this = this + s.splat(1.0);
        }
        let lanes = S::F::bits(best.same(s.splat(best.largest())));
        let mut numbers = [0f32; TOGETHER];
        which.store(&mut numbers);
        let mut lane = lanes.trailing_zeros() as usize % TOGETHER;
        if lanes & lanes.wrapping_sub(1) != 0 {
            // Several neighbours are equally near: the first of the list.
            for other in lane + 1..TOGETHER {
                if lanes >> other & 1 == 1 && numbers[other] < numbers[lane] {
                    lane = other;
                }
            }
        }
        Some(near.get(numbers[lane] as usize).map_or(0, |codes| codes[lane]))
    }

    /// The merit of sixteen points, summed in index order.
    #[inline(always)]
    fn merit<S: Isa>(s: S, codes: &[u16; TOGETHER], merits: &[<S::F as Lanes>::Table; G]) -> S::F {
        let codes = s.codes(codes);
        let mut sum = S::F::pick(merits[0], codes, 0);
        for i in 1..G {
            sum = sum + S::F::pick(merits[i], codes, Self::BITS * i as u32);
        }
        sum
    }

    /// How many neighbours an entry of the map has.
    #[inline(always)]
    fn count(&self, entry: u32) -> usize {
        (entry & ((1 << COUNT_BITS) - 1)) as usize
    }
}
