//! The weights of the search: importance · √(mean square of the row + square of the element).

use super::levels::N;
use crate::quant::blocks::Rows;
use crate::quant::number::sum_of_squares;
use crate::quant::simd::{Isa, Lanes, MAX_LANES, transpose};

/// The mean square of each row.
#[inline(always)]
pub(super) fn mean_squares(rows: &Rows<'_>) -> Vec<f32> {
    /// Rows summed at a time: independent sums hide each other's latency.
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
    means.extend(rest.chunks_exact(cols).map(|row| sum_of_squares(row) / cols as f32));
    means
}

/// Calls `encode` for each block with its elements, their weights if the rows have importance, and its bytes.
pub(super) fn encode_each<const B: usize>(
    mut rows: Rows<'_>,
    mut encode: impl FnMut(&[f32; N], Option<&[f32; N]>, &mut [u8; B]),
) {
    let means = if rows.weights.is_some() { mean_squares(&rows) } else { Vec::new() };
    for (b, x) in rows.blocks::<N>().iter().enumerate() {
        let weights = rows.importance::<N>(b).map(|importance| {
            let floor = means[b / (rows.cols / N)];
            std::array::from_fn(|i| importance[i] * (floor + x[i] * x[i]).sqrt())
        });
        encode(x, weights.as_ref(), rows.out(b));
    }
}

/// Elements and weights of the blocks, starting with number `first`, a block in each lane; lanes beyond the last block repeat it.
#[inline(always)]
pub(super) fn weighted_lanes<I: Isa>(s: I, rows: &Rows<'_>, means: &[f32], first: usize) -> ([I::F; N], [I::F; N]) {
    let blocks = rows.blocks::<N>();
    let block = |lane: usize| (first + lane).min(blocks.len() - 1);
    let x = transpose(s, |lane| &blocks[block(lane)]);
    let mut w = transpose(s, |lane| rows.importance::<N>(block(lane)).unwrap_or(&[0.0; N]));
    let mut floor = [0f32; MAX_LANES];
    for lane in 0..I::F::N {
        floor[lane] = means[block(lane) / (rows.cols / N)];
    }
    let floor = s.load(&floor);
    for i in 0..N {
        w[i] = w[i] * (floor + x[i] * x[i]).sqrt();
    }
    (x, w)
}
