//! The encoder that Q2_K, Q4_K and Q5_K share: x ≈ (d·scale)·q − (dmin·min).

use super::super_block::{N, mean_square, sub, sub_mut, sum, weighted, weighted_lanes};
use crate::quant::blocks::Rows;
use crate::quant::number::{from_f16, nearest_int, to_f16};
use crate::quant::search::{Candidates, affine};
use crate::quant::simd::{self, Isa, Lanes, MAX_LANES, numbers, transpose};

/// The scales and minimums of a super-block as they are stored.
#[derive(Clone, Copy)]
pub(in crate::quant) struct Scales<const SUBS: usize> {
    pub(in crate::quant) d: f32,
    pub(in crate::quant) dmin: f32,
    /// The code of each sub-block's scale.
    pub(in crate::quant) scales: [u8; SUBS],
    /// The code of each sub-block's minimum.
    pub(in crate::quant) mins: [u8; SUBS],
}

impl<const SUBS: usize> Scales<SUBS> {
    /// Scale and minimum of every sub-block, in elements' units. All at once, which the compiler makes vectors of.
    #[inline(always)]
    fn of_subs(&self) -> [(f32, f32); SUBS] {
        std::array::from_fn(|j| self.of_sub(j))
    }

    /// Scale and minimum of sub-block `j`, in elements' units.
    #[inline(always)]
    pub(in crate::quant) fn of_sub(&self, j: usize) -> (f32, f32) {
        (self.d * f32::from(self.scales[j]), self.dmin * f32::from(self.mins[j]))
    }
}

/// What the search found for the sub-blocks of a super-block.
pub(in crate::quant) struct Found<const SUBS: usize> {
    pub(super) scales: [f32; SUBS],
    pub(super) mins: [f32; SUBS],
    /// Sums of the sub-blocks' weights, if there is importance.
    pub(super) weight_sums: Option<[f32; SUBS]>,
}

/// What distinguishes a format: `SUBS` sub-blocks of `S` elements, `B` bytes a super-block.
pub(in crate::quant) trait Minimums<const S: usize, const SUBS: usize, const B: usize> {
    /// The highest level.
    const TOP: i32;

    /// The highest code of a scale or minimum.
    const TOP_CODE: i32;

    /// The search without importance.
    const PLAIN: Candidates;

    /// The floor under the weights, in mean squares of the super-block.
    const FLOOR: f32;

    /// The weights of the search without importance.
    fn plain_weights(x: &[f32; S]) -> [f32; S];

    /// [`Minimums::plain_weights`] in each lane.
    fn plain_weights_lanes<I: Isa>(s: I, x: &[I::F; S]) -> [I::F; S];

    /// The codes of the sub-blocks' scales and minimums, as they are read back, and what they are multiplied by.
    fn quantize(found: &Found<SUBS>) -> Scales<SUBS>;

    /// The scales of a stored super-block.
    fn read(block: &[u8; B]) -> Scales<SUBS>;

    /// Stores a super-block.
    fn write(scales: &Scales<SUBS>, l: &[u8; N], out: &mut [u8; B]);
}

/// Encodes rows one super-block after the other.
pub(super) fn encode<T: Minimums<S, SUBS, B>, const S: usize, const SUBS: usize, const B: usize>(rows: Rows<'_>) {
    rows.encode_each(|x: &[f32; N], importance: Option<&[f32; N]>, out: &mut [u8; B]| {
        let mut l = [0u8; N];
        let mut found = Found { scales: [0.0; SUBS], mins: [0.0; SUBS], weight_sums: None };
        let mut search = |j: usize, w: &[f32; S], how: Candidates| {
            let best = affine(T::TOP, sub::<S, _>(x, j), w, sub_mut(&mut l, j), how);
            (found.scales[j], found.mins[j]) = (best.scale, best.min);
        };
        match importance {
            None => {
                for j in 0..SUBS {
                    search(j, &T::plain_weights(sub(x, j)), T::PLAIN);
                }
            }
            Some(importance) => {
                let floor = mean_square(x, T::FLOOR);
                let mut sums = [0f32; SUBS];
                for j in 0..SUBS {
                    let w = weighted(sub(x, j), sub(importance, j), floor);
                    sums[j] = sum(&w);
                    search(j, &w, Candidates::WEIGHTED);
                }
                found.weight_sums = Some(sums);
            }
        }
        finish::<T, S, SUBS, B>(x, &found, out, |j| *sub(&l, j));
    });
}

/// [`encode`] with a sub-block in each lane.
#[inline(always)]
pub(super) fn encode_lanes<T: Minimums<S, SUBS, B>, I: Isa, const S: usize, const SUBS: usize, const B: usize>(
    s: I,
    mut rows: Rows<'_>,
) {
    let blocks = rows.blocks::<N>();
    let group = I::F::N / SUBS;
    for first in (0..blocks.len()).step_by(group) {
        // Lanes beyond the last block repeat it.
        let block = |lane: usize| (first + lane / SUBS).min(blocks.len() - 1);
        let x = transpose(s, |lane| sub::<S, _>(&blocks[block(lane)], lane % SUBS));
        let mut weight_sums = None;
        let best = if rows.weights.is_none() {
            simd::affine(s, T::TOP, &x, &T::plain_weights_lanes(s, &x), T::PLAIN)
        } else {
            let w = weighted_lanes(s, &rows, &x, T::FLOOR, block);
            let mut sums = s.splat(0.0);
            for i in 0..S {
                sums = sums + w[i];
            }
            weight_sums = Some(numbers(sums));
            simd::affine(s, T::TOP, &x, &w, Candidates::WEIGHTED)
        };
        let (scales, mins) = (numbers(best.scale), numbers(best.min));
        let (iscales, offsets) = (numbers(best.iscale), numbers(best.offset));
        for i in 0..group.min(blocks.len() - first) {
            let of = |v: &[f32; MAX_LANES]| std::array::from_fn(|j| v[i * SUBS + j]);
            let x = &blocks[first + i];
            let found = Found { scales: of(&scales), mins: of(&mins), weight_sums: weight_sums.as_ref().map(of) };
            finish::<T, S, SUBS, B>(x, &found, rows.out(first + i), |j| {
                let (iscale, offset) = (iscales[i * SUBS + j], offsets[i * SUBS + j]);
                sub::<S, _>(x, j).map(|v| nearest_int(iscale * (v - offset)).clamp(0, T::TOP) as u8)
            });
        }
    }
}

/// Quantizes the sub-blocks' scales and chooses the levels; `searched` gives a sub-block's levels of the search, which it keeps
/// if its scale comes out as zero.
#[inline(always)]
fn finish<T: Minimums<S, SUBS, B>, const S: usize, const SUBS: usize, const B: usize>(
    x: &[f32; N],
    found: &Found<SUBS>,
    out: &mut [u8; B],
    searched: impl Fn(usize) -> [u8; S],
) {
    let mut scales = T::quantize(found);
    // The levels are chosen against the scales as they will be read back.
    (scales.d, scales.dmin) = (from_f16(to_f16(scales.d)), from_f16(to_f16(scales.dmin)));
    let mut l = [0u8; N];
    for (j, (d, m)) in scales.of_subs().into_iter().enumerate() {
        let l = sub_mut::<S, _>(&mut l, j);
        if d == 0.0 {
            *l = searched(j);
            continue;
        }
        for (l, &v) in l.iter_mut().zip(sub::<S, _>(x, j)) {
            *l = nearest_int((v + m) / d).clamp(0, T::TOP) as u8;
        }
    }
    T::write(&scales, &l, out);
}

/// Decodes levels under the scales of their sub-blocks.
#[inline(always)]
pub(super) fn decode<const S: usize, const SUBS: usize>(scales: &Scales<SUBS>, l: &[u8; N], out: &mut [f32; N]) {
    for (j, (d, m)) in scales.of_subs().into_iter().enumerate() {
        for (o, &q) in sub_mut::<S, _>(out, j).iter_mut().zip(sub::<S, _>(l, j)) {
            *o = d * f32::from(q) - m;
        }
    }
}
