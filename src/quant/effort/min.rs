//! Q4_1, Q5_1: x ≈ d·q + m, a block in each lane.
//!
//! Ranges narrower and wider than the block's own on either side give levels, and least squares gives the scale and minimum that
//! suit them; the error is measured exactly, with both as they will be read back.

use super::lanes::{clamp, gather, inverse, near_f16};
use crate::quant::blocks::Rows;
use crate::quant::number::{from_f16, inverse_or_zero, nearest_int, to_f16};
use crate::quant::simd::{Isa, Lanes, numbers};

/// Elements of a block.
const N: usize = 32;

/// The ends of the range that are tried: how far inside the block's own, in levels.
const INSIDE: [f32; 6] = [-0.35, -0.1, 0.15, 0.4, 0.65, 0.9];

/// Searches every block for levels up to `nmax`; `write` stores scale, minimum and levels of a block.
#[inline(always)]
pub(in crate::quant) fn search<I: Isa, const B: usize>(
    s: I,
    nmax: i32,
    mut rows: Rows<'_>,
    write: impl Fn(&mut [u8; B], f32, f32, &[u8; N]),
) {
    let blocks = rows.blocks::<N>();
    for first in (0..blocks.len()).step_by(I::F::N) {
        let (x, w) = gather::<I, N>(s, &rows, first);
        let (d, m) = best(s, nmax, &x, &w);
        let (d, m) = (numbers(d), numbers(m));
        for (lane, x) in blocks[first..].iter().enumerate().take(I::F::N) {
            let (d, m) = (from_f16(to_f16(d[lane])), from_f16(to_f16(m[lane])));
            let id = inverse_or_zero(d);
            let l = x.map(|v| nearest_int((v - m) * id).clamp(0, nmax) as u8);
            write(rows.out(first + lane), d, m, &l);
        }
    }
}

/// The best scale and minimum of each lane.
#[inline(always)]
fn best<I: Isa>(s: I, nmax: i32, x: &[I::F; N], w: &[I::F; N]) -> (I::F, I::F) {
    let zero = s.splat(0.0);
    let (mut low, mut high, mut sum_w, mut sum_wx) = (x[0], x[0], zero, zero);
    for i in 0..N {
        low = x[i].lesser(low);
        high = x[i].greater(high);
        sum_w = sum_w + w[i];
        sum_wx = sum_wx + w[i] * x[i];
    }
    let unit = (high - low) / s.splat(nmax as f32);
    let (mut best, mut best_d, mut best_m) = (s.splat(f32::MAX), zero, near_f16(s, low));
    for below in INSIDE {
        let from = low + unit * s.splat(below);
        // All upper ends at a time: each addition to a sum waits for the one before.
        const K: usize = INSIDE.len();
        let mut id = [zero; K];
        for k in 0..K {
            id[k] = inverse(s, (high - unit * s.splat(INSIDE[k]) - from) / s.splat(nmax as f32));
        }
        let (mut wl, mut l2, mut xl) = ([zero; K], [zero; K], [zero; K]);
        for i in 0..N {
            let v = x[i] - from;
            for k in 0..K {
                let l = level(s, nmax, v, id[k]);
                let w = w[i] * l;
                wl[k] = wl[k] + w;
                l2[k] = l2[k] + w * l;
                // Sums over the distance from `from` keep their digits if the block is far from zero.
                xl[k] = xl[k] + w * v;
            }
        }
        let sum_wv = sum_wx - from * sum_w;
        let (mut d, mut m) = ([zero; K], [zero; K]);
        for k in 0..K {
            let det = sum_w * l2[k] - wl[k] * wl[k];
            d[k] = near_f16(s, (sum_w * xl[k] - sum_wv * wl[k]) / det);
            m[k] = near_f16(s, from + (sum_wv - d[k] * wl[k]) / sum_w);
            id[k] = inverse(s, d[k]);
        }
        let mut e = [zero; K];
        for i in 0..N {
            for k in 0..K {
                let v = x[i] - m[k];
                let diff = v - d[k] * level(s, nmax, v, id[k]);
                e[k] = e[k] + w[i] * (diff * diff);
            }
        }
        for k in 0..K {
            let better = e[k].lt(best);
            best = e[k].or_else(better, best);
            best_d = d[k].or_else(better, best_d);
            best_m = m[k].or_else(better, best_m);
        }
    }
    (best_d, best_m)
}

/// The level of an element that is `v` above the minimum.
#[inline(always)]
fn level<I: Isa>(s: I, nmax: i32, v: I::F, id: I::F) -> I::F {
    clamp((v * id).nearest(), s.splat(0.0), s.splat(nmax as f32))
}
