//! The K formats: super-blocks of 256 elements cut into sub-blocks of 16 or 32, whose scales are themselves quantized.
//!
//! A super-block is encoded in three passes: search a scale (and minimum) for each sub-block, quantize those to a few bits
//! under one `f16` for the super-block, and choose the final levels against the scales as they will be read back. A sub-block
//! whose scale came out as zero keeps the levels of the search. Layouts: `ggml-common.h`.
#![allow(clippy::needless_range_loop, reason = "several arrays run in step; the index says so plainly")]

pub(super) mod q2;
pub(super) mod q3;
pub(super) mod q4;
pub(super) mod q5;
pub(super) mod q6;
pub(super) mod scales;
pub(super) mod two_bits;
pub(super) mod with_min;

use super::number::sum_of_squares;
use super::simd::{Isa, Lanes, MOST, Rows, transpose};

/// Elements of a super-block.
const N: usize = 256;

/// The sub-block `j` of `S` elements.
#[inline(always)]
fn sub<const S: usize, T>(x: &[T; N], j: usize) -> &[T; S] {
    &x.as_chunks::<S>().0[j]
}

/// The sub-block `j` of `S` elements.
#[inline(always)]
fn sub_mut<const S: usize, T>(x: &mut [T; N], j: usize) -> &mut [T; S] {
    &mut x.as_chunks_mut::<S>().0[j]
}

/// Weights of a sub-block's elements from their importance.
#[inline(always)]
fn weighted<const S: usize>(x: &[f32; S], importance: &[f32; S], floor: f32) -> [f32; S] {
    std::array::from_fn(|i| importance[i] * (floor + x[i] * x[i]).sqrt())
}

/// The sum in index order.
#[inline(always)]
fn sum<const S: usize>(x: &[f32; S]) -> f32 {
    x.iter().fold(0.0, |s, v| s + v)
}

/// `factor` times the mean square of a super-block. The factor stands on the sum, as in the reference: it shows where the
/// sum overflows or the mean is subnormal.
fn mean_square(x: &[f32; N], factor: f32) -> f32 {
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
fn weighted_lanes<I: Isa, const S: usize>(
    s: I,
    rows: &Rows<'_>,
    x: &[I::F; S],
    factor: f32,
    block: impl Fn(usize) -> usize,
) -> [I::F; S] {
    let (blocks, subs) = (rows.blocks::<N>(), N / S);
    let floors = floors(I::F::N / subs, |i| &blocks[block(i * subs)], factor);
    let mut floor = [0f32; MOST];
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
