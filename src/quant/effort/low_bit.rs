//! Q2_0, TQ1_0, TQ2_0: one scale for a long block, x ≈ d·v with v of −1 … 2 or −1 … 1. (The scale of Q1_0 is the best already.)
//!
//! Scales from a fifth of the largest magnitude up to it, measured exactly, then least squares. Rows that are ternary already
//! (BitNet) have no error and stay as they are. The two bits of TQ2_0 could hold a fourth value, which no reader expects; it is
//! not used. Blocks are long, so the lanes are inside them: sixteen running sums on every instruction set.

use crate::quant::blocks::Rows;
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, nearest_int, to_f16};

/// Running sums of a block.
const LANES: usize = 16;

/// Scales tried for each sign.
const TRIED: i32 = 16;

/// Searches every block for values from `low`, which is −1, to `high`; `write` stores the scale and the levels, counted from
/// `low`.
#[inline(always)]
pub(in crate::quant) fn search<const N: usize, const B: usize>(
    mut rows: Rows<'_>,
    low: i32,
    high: i32,
    write: impl Fn(&mut [u8; B], f32, &[u8; N]),
) {
    for (b, x) in rows.blocks::<N>().iter().enumerate() {
        let d = best(x, rows.importance(b), low, high);
        let l = levels(x, d, low, high).map(|l| (l - low) as u8);
        write(rows.out(b), d, &l);
    }
}

#[inline(always)]
fn levels<const N: usize>(x: &[f32; N], d: f32, low: i32, high: i32) -> [i32; N] {
    let id = inverse_or_zero(d);
    x.map(|v| nearest_int(v * id).clamp(low, high))
}

/// The best scale of a block, as an `f16` stores it.
#[inline(always)]
fn best<const N: usize>(x: &[f32; N], w: Option<&[f32; N]>, low: i32, high: i32) -> f32 {
    let amax = max_abs(x);
    let signs = if low == -high { 1 } else { 2 };
    let (mut best, mut best_d) = (f32::MAX, 0.0);
    // One loop for both kinds of candidates, so that the measuring is inlined once.
    for step in 0..signs * TRIED + 3 {
        let d = if step < signs * TRIED {
            let size = amax * ((4 + step / signs) as f32 / (3 + TRIED) as f32);
            if step % signs == 0 { size } else { -size }
        } else {
            let id = inverse_or_zero(best_d);
            let (xl, l2) = moments(x, w, id, low, high);
            xl / l2
        };
        let d = from_f16(to_f16(d));
        let e = error(x, w, d, low, high);
        if e < best {
            (best, best_d) = (e, d);
        }
    }
    best_d
}

/// Σ w·(x − d·l)².
#[inline(always)]
fn error<const N: usize>(x: &[f32; N], w: Option<&[f32; N]>, d: f32, low: i32, high: i32) -> f32 {
    let id = inverse_or_zero(d);
    let mut sums = [0f32; LANES];
    for (g, x) in x.as_chunks::<LANES>().0.iter().enumerate() {
        let w = w.map_or(&[1.0; LANES], |w| &w.as_chunks::<LANES>().0[g]);
        for i in 0..LANES {
            let diff = x[i] - d * nearest_int(x[i] * id).clamp(low, high) as f32;
            sums[i] += w[i] * (diff * diff);
        }
    }
    sums.iter().sum()
}

/// Σ w·x·l and Σ w·l²: their quotient is the scale that suits the levels best.
#[inline(always)]
fn moments<const N: usize>(x: &[f32; N], w: Option<&[f32; N]>, id: f32, low: i32, high: i32) -> (f32, f32) {
    let (mut xl, mut l2) = ([0f32; LANES], [0f32; LANES]);
    for (g, x) in x.as_chunks::<LANES>().0.iter().enumerate() {
        let w = w.map_or(&[1.0; LANES], |w| &w.as_chunks::<LANES>().0[g]);
        for i in 0..LANES {
            let l = nearest_int(x[i] * id).clamp(low, high) as f32;
            xl[i] += w[i] * l * x[i];
            l2[i] += w[i] * l * l;
        }
    }
    (xl.iter().sum(), l2.iter().sum())
}
