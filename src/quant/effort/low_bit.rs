//! Q2_0, TQ1_0, TQ2_0: one scale for a long block, x ≈ d·v with v of −1 … 2 or −1 … 1. (The scale of Q1_0 is the best as it is.)
//!
//! Scales from a fifth of the largest magnitude up to it, measured exactly, then least squares. Rows that are ternary already
//! (BitNet) have no error and stay as they are. The two bits of TQ2_0 could hold a fourth value, which no reader expects; it is
//! not used. Blocks are long, so the lanes lie inside them: sixteen running sums, whatever the instruction set.

use crate::quant::low_bit::{tq1_0, tq2_0};
use crate::quant::number::{from_f16, inverse_or_zero, max_abs, nearest_int, to_f16};
use crate::quant::simd::Rows;

/// Running sums of a block.
const LANES: usize = 16;

/// Scales tried for each sign.
const TRIED: i32 = 16;

/// Improves Q2_0.
#[inline(always)]
pub(super) fn q2(mut rows: Rows<'_>) {
    for (b, x) in rows.blocks::<64>().iter().enumerate() {
        let d = best(x, rows.importance(b), -1, 2);
        let out: &mut [u8; 18] = rows.out(b);
        out[..2].copy_from_slice(&to_f16(d));
        let l = levels(x, d, -1, 2).map(|l| (l + 1) as u8);
        for (o, l) in out[2..].iter_mut().zip(l.as_chunks::<4>().0) {
            *o = l[0] | l[1] << 2 | l[2] << 4 | l[3] << 6;
        }
    }
}

/// Improves TQ1_0.
#[inline(always)]
pub(super) fn tq1(rows: Rows<'_>) {
    ternary::<54>(rows, tq1_0::encode_row);
}

/// Improves TQ2_0.
#[inline(always)]
pub(super) fn tq2(rows: Rows<'_>) {
    ternary::<66>(rows, tq2_0::encode_row);
}

/// Blocks of 256 that end in their scale. The encoder gets the levels as elements, whose scale is 1, to pack them.
#[inline(always)]
fn ternary<const B: usize>(mut rows: Rows<'_>, encode: impl Fn(&[f32], Option<&[f32]>, &mut [u8])) {
    for (b, x) in rows.blocks::<256>().iter().enumerate() {
        let d = best(x, rows.importance(b), -1, 1);
        let out: &mut [u8; B] = rows.out(b);
        encode(&levels(x, d, -1, 1).map(|l| l as f32), None, out);
        out[B - 2..].copy_from_slice(&to_f16(d));
    }
}

#[inline(always)]
fn levels<const N: usize>(x: &[f32; N], d: f32, low: i32, high: i32) -> [i32; N] {
    let id = inverse_or_zero(d);
    x.map(|v| nearest_int(v * id).clamp(low, high))
}

/// The best scale of a block, as an `f16` holds it.
#[inline(always)]
fn best<const N: usize>(x: &[f32; N], w: Option<&[f32; N]>, low: i32, high: i32) -> f32 {
    let amax = max_abs(x);
    let signs = if low == -high { 1 } else { 2 };
    let (mut best, mut best_d) = (f32::MAX, 0.0);
    // One loop for both ways to a candidate: the measuring is inlined once.
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
