//! Super-blocks of 256 elements, their sub-blocks, and the weights of the elements in both.

use crate::quant::blocks::Rows;
use crate::quant::number::sum_of_squares;
use crate::quant::simd::{Isa, Lanes, MAX_LANES, transpose};

/// Elements of a super-block.
pub(super) const N: usize = 256;

/// The sub-block `j` of `S` elements.
#[inline(always)]
pub(super) fn sub<const S: usize, T>(x: &[T; N], j: usize) -> &[T; S] {
    &x.as_chunks::<S>().0[j]
}

/// The sub-block `j` of `S` elements.
#[inline(always)]
pub(super) fn sub_mut<const S: usize, T>(x: &mut [T; N], j: usize) -> &mut [T; S] {
    &mut x.as_chunks_mut::<S>().0[j]
}

/// Weights of a sub-block's elements from their importance.
#[inline(always)]
pub(super) fn weighted<const S: usize>(x: &[f32; S], importance: &[f32; S], floor: f32) -> [f32; S] {
    std::array::from_fn(|i| importance[i] * (floor + x[i] * x[i]).sqrt())
}

/// The sum in index order.
#[inline(always)]
pub(super) fn sum<const S: usize>(x: &[f32; S]) -> f32 {
    x.iter().fold(0.0, |s, v| s + v)
}

/// `factor` times the mean square of a super-block. The factor multiplies the sum, as in the reference: the order matters if the
/// sum overflows or the mean is subnormal.
pub(super) fn mean_square(x: &[f32; N], factor: f32) -> f32 {
    factor * sum_of_squares(x) / N as f32
}

/// [`mean_square`] of up to four super-blocks at a time: four chains of sums hide each other's latency.
#[inline(always)]
fn floors<'a>(count: usize, block: impl Fn(usize) -> &'a [f32; N], factor: f32) -> [f32; 4] {
    let x: [&[f32; N]; 4] = std::array::from_fn(|b| block(b.min(count - 1)));
    let mut sums = [0f32; 4];
    for i in 0..N {
        for b in 0..4 {
            sums[b] += x[b][i] * x[b][i];
        }
    }
    sums.map(|s| factor * s / N as f32)
}

/// [`weighted`] for a sub-block of `S` elements in each lane; `block` gives a lane's super-block.
#[inline(always)]
pub(super) fn weighted_lanes<I: Isa, const S: usize>(
    s: I,
    rows: &Rows<'_>,
    x: &[I::F; S],
    factor: f32,
    block: impl Fn(usize) -> usize,
) -> [I::F; S] {
    let (blocks, subs) = (rows.blocks::<N>(), N / S);
    let floors = floors(I::F::N / subs, |i| &blocks[block(i * subs)], factor);
    let mut floor = [0f32; MAX_LANES];
    for lane in 0..I::F::N {
        floor[lane] = floors[lane / subs];
    }
    let floor = s.load(&floor);
    let mut w = transpose(s, |lane| rows.importance::<N>(block(lane)).map_or(&[0.0; S], |w| sub(w, lane % subs)));
    for i in 0..S {
        w[i] = w[i] * (floor + x[i] * x[i]).sqrt();
    }
    w
}
