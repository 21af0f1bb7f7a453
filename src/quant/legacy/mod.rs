//! The 32-element formats of the first generation: one or two `f16` numbers, then levels of 4, 5 or 8 bits.
//!
//! Without weights the levels follow directly from the extremes; with weights (an imatrix) a search finds the scale, each
//! element weighted by importance · √(mean square of its row + its own square). Layouts: `ggml-common.h`. In a byte of
//! nibbles, element j stands low and element j + 16 high.

pub(super) mod q4_0;
pub(super) mod q4_1;
pub(super) mod q5_0;
pub(super) mod q5_1;
pub(super) mod q8_0;

use super::number::sum_of_squares;
use super::search::Candidates;

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
    l.iter().enumerate().fold(0u32, |h, (j, &v)| h | u32::from(v >> 4 & 1) << j).to_le_bytes()
}

/// Adds the fifth bits to levels split from nibbles.
#[inline(always)]
fn add_fifth_bits(l: &mut [u8; N], high: [u8; 4]) {
    let high = u32::from_le_bytes(high);
    for (j, v) in l.iter_mut().enumerate() {
        *v |= ((high >> j & 1) as u8) << 4;
    }
}
