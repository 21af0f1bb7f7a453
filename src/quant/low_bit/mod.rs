//! Formats of one or two bits with a single scale: the ternary ones (BitNet b1.58, TriLMs) and the plain ones.
//!
//! No search and no weights: the scale is the largest magnitude (`Q1_0`: the mean one).
#![allow(clippy::needless_range_loop, reason = "several arrays run in step; the index says so plainly")]

pub(super) mod q1_0;
pub(super) mod q2_0;
pub(super) mod tq1_0;
pub(super) mod tq2_0;

use super::number::round_away;

/// `level` of each element times `id` rounded, halves away from zero; `id` is the inverse of the largest magnitude. No
/// product is far from −1 … 1, so two comparisons do; `level` must map −1, 0, 1 to 0, 1, 2.
#[inline(always)]
fn ternary<const N: usize>(x: &[f32; N], id: f32, level: impl Fn(i32) -> u8) -> [u8; N] {
    if id == 0.0 || !id.is_finite() {
        // Zeros, or a block so small that the inverse overflows.
        return x.map(|v| level(round_away(v * id)));
    }
    x.map(|v| u8::from(v * id > -0.5) + u8::from(v * id >= 0.5))
}
