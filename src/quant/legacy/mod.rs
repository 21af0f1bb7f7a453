//! The 32-element formats of the first generation: one or two `f16` numbers, then levels of 4, 5 or 8 bits.
//!
//! Without weights the levels follow directly from the extremes; with weights (an imatrix) a search finds the scale, each
//! element weighted by importance · √(mean square of its row + its own square). Layouts: `ggml-common.h`. In a byte of
//! nibbles, element j stands low and element j + 16 high.

#![allow(clippy::needless_range_loop, reason = "several arrays run in step; the index says so plainly")]

pub(super) mod q4_0;
pub(super) mod q4_1;
pub(super) mod q5_0;
pub(super) mod q5_1;
pub(super) mod q8_0;

use super::BlockType;
use super::number::{nearest_int, sum_of_squares};
use super::search::Candidates;
use super::simd::{self, Isa, Lanes, MOST, Rows, numbers, transpose};

/// Elements of a block.
const N: usize = 32;

/// The weighted search of the formats with a minimum.
const WEIGHTED: Candidates = Candidates { rmin: -0.9, rdelta: 0.05, steps: 36, absolute: false, weighted: true };

/// Mean square of a row, the floor under every element's weight.
fn mean_square(row: &[f32]) -> f32 {
    sum_of_squares(row) / row.len() as f32
}

/// Weights of a block's elements from their importance.
fn block_weights(x: &[f32; N], importance: &[f32; N], mean_square: f32) -> [f32; N] {
    std::array::from_fn(|i| importance[i] * (mean_square + x[i] * x[i]).sqrt())
}

/// Encodes a part of a row whose mean square is `floor` in one of the formats that have it as the floor under their weights; says
/// whether `ty` is one.
pub(super) fn encode_part(ty: BlockType, x: &[f32], weights: &[f32], floor: f32, dst: &mut [u8]) -> bool {
    let encode = match ty {
        BlockType::Q4_0 => q4_0::encode_part,
        BlockType::Q4_1 => q4_1::encode_part,
        BlockType::Q5_0 => q5_0::encode_part,
        BlockType::Q5_1 => q5_1::encode_part,
        _ => return false,
    };
    encode(x, Some(weights), floor, dst);
    true
}

/// [`mean_square`] of each row, eight at a time: the chains of sums hide each other's latency.
#[inline(always)]
fn mean_squares(rows: &Rows<'_>) -> Vec<f32> {
    const AT_ONCE: usize = 8;
    let cols = rows.cols;
    if let Some(mean) = rows.mean_square {
        return vec![mean];
    }
    let mut means = Vec::with_capacity(rows.x.len() / cols);
    let (whole, rest) = rows.x.split_at(rows.x.len() / (AT_ONCE * cols) * AT_ONCE * cols);
    for group in whole.chunks_exact(AT_ONCE * cols) {
        let rows: [&[f32]; AT_ONCE] = std::array::from_fn(|r| &group[r * cols..][..cols]);
        let mut sums = [0f32; AT_ONCE];
        for i in 0..cols {
            for (s, row) in sums.iter_mut().zip(rows) {
                *s += row[i] * row[i];
            }
        }
        means.extend(sums.map(|s| s / cols as f32));
    }
    means.extend(rest.chunks_exact(cols).map(mean_square));
    means
}

/// Elements and weights of the blocks from `first` on, a block in each lane; lanes beyond the last block repeat it.
#[inline(always)]
fn weighted_lanes<I: Isa>(s: I, rows: &Rows<'_>, means: &[f32], first: usize) -> ([I::F; N], [I::F; N]) {
    let blocks = rows.blocks::<N>();
    let block = |lane: usize| (first + lane).min(blocks.len() - 1);
    let x = transpose(s, |lane| &blocks[block(lane)]);
    let mut w = transpose(s, |lane| rows.importance::<N>(block(lane)).unwrap_or(&[0.0; N]));
    let mut floor = [0f32; MOST];
    for lane in 0..I::F::N {
        floor[lane] = means[block(lane) / (rows.cols / N)];
    }
    let floor = s.load(&floor);
    for i in 0..N {
        w[i] = w[i] * (floor + x[i] * x[i]).sqrt();
    }
    (x, w)
}

/// Encodes weighted rows of a format around zero, a block in each lane; `put` gets the bytes, scale and levels of each.
#[inline(always)]
fn symmetric_lanes<I: Isa, const B: usize>(
    s: I,
    nmax: i32,
    mut rows: Rows<'_>,
    put: impl Fn(&mut [u8; B], f32, &[u8; N]),
) {
    let means = mean_squares(&rows);
    let blocks = rows.blocks::<N>();
    for first in (0..blocks.len()).step_by(I::F::N) {
        let (x, w) = weighted_lanes(s, &rows, &means, first);
        let (scales, iscales) = simd::symmetric(s, nmax, &x, &w);
        let (scales, iscales) = (numbers(scales), numbers(iscales));
        for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
            let iscale = iscales[lane];
            let mut l = [0u8; N];
            if iscale != 0.0 {
                l = x.map(|v| (nearest_int(iscale * v).clamp(-nmax, nmax - 1) + nmax) as u8);
            }
            put(rows.out(first + lane), scales[lane], &l);
        }
    }
}

/// Encodes weighted rows of a format with a minimum, a block in each lane; `put` gets the bytes, scale, minimum and levels.
#[inline(always)]
fn affine_lanes<I: Isa, const B: usize>(
    s: I,
    nmax: i32,
    mut rows: Rows<'_>,
    put: impl Fn(&mut [u8; B], f32, f32, &[u8; N]),
) {
    let means = mean_squares(&rows);
    let blocks = rows.blocks::<N>();
    for first in (0..blocks.len()).step_by(I::F::N) {
        let (x, w) = weighted_lanes(s, &rows, &means, first);
        let found = simd::affine::<_, N, true, false>(s, nmax, &x, &w, WEIGHTED);
        let (scales, mins) = (numbers(found.scale), numbers(found.min));
        let (iscales, offsets) = (numbers(found.iscale), numbers(found.offset));
        for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
            let (iscale, offset) = (iscales[lane], offsets[lane]);
            let l = x.map(|v| nearest_int(iscale * (v - offset)).clamp(0, nmax) as u8);
            put(rows.out(first + lane), scales[lane], -mins[lane], &l);
        }
    }
}

/// Packs levels below 16 as nibbles.
#[inline(always)]
fn pack_nibbles(l: &[u8; N], out: &mut [u8]) {
    for (j, o) in out.iter_mut().enumerate().take(N / 2) {
        *o = (l[j] & 15) | (l[j + N / 2] << 4);
    }
}

/// Splits nibbles into levels.
#[inline(always)]
fn unpack_nibbles(q: &[u8]) -> [u8; N] {
    let mut l = [0; N];
    for (j, &b) in q.iter().enumerate().take(N / 2) {
        l[j] = b & 15;
        l[j + N / 2] = b >> 4;
    }
    l
}

/// Packs the fifth bits of the levels: bit j of a little-endian word belongs to element j.
#[inline(always)]
fn pack_fifth_bits(l: &[u8; N]) -> [u8; 4] {
    // One multiplication moves the lowest bits of eight bytes side by side.
    let eight = |l: [u8; 8]| {
        let bits = u64::from_le_bytes(l) >> 4 & 0x0101_0101_0101_0101;
        (bits.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
    };
    std::array::from_fn(|i| eight(l.as_chunks().0[i]))
}

/// Adds the fifth bits to levels split from nibbles.
#[inline(always)]
fn add_fifth_bits(l: &mut [u8; N], high: [u8; 4]) {
    let high = u32::from_le_bytes(high);
    for (j, v) in l.iter_mut().enumerate() {
        *v |= ((high >> j & 1) as u8) << 4;
    }
}
