//! A scale for levels around zero, −nmax … nmax−1.

use super::limits::ALL_ZERO;
use crate::quant::number::{nearest_int, signed_max_abs};

/// The level of each element at this inverse scale.
#[inline(always)]
fn levels<const N: usize>(x: &[f32; N], iscale: f32, nmax: i32) -> [i32; N] {
    std::array::from_fn(|i| nearest_int(iscale * x[i]).clamp(-nmax, nmax - 1))
}

/// Σ w·x·l and Σ w·l² in index order.
#[inline(always)]
fn moments<const N: usize>(x: &[f32; N], w: &[f32; N], l: &[i32; N]) -> (f32, f32) {
    let (mut xl, mut l2) = ([0f32; N], [0f32; N]);
    for i in 0..N {
        let lf = l[i] as f32;
        xl[i] = w[i] * x[i] * lf;
        l2[i] = w[i] * lf * lf;
    }
    let (mut sum_xl, mut sum_l2) = (0f32, 0f32);
    for i in 0..N {
        sum_xl += xl[i];
        sum_l2 += l2[i];
    }
    (sum_xl, sum_l2)
}

/// Best weighted scale of nineteen candidates for levels −nmax … nmax−1; levels are written shifted by `nmax`.
/// Returns the scale (`make_qx_quants` with error type 1). A negative scale is usual: the largest element gets level −nmax.
pub(in crate::quant) fn symmetric<const N: usize>(
    nmax: i32,
    x: &[f32; N],
    weights: &[f32; N],
    out: &mut [u8; N],
) -> f32 {
    let max = signed_max_abs(x);
    if max.abs() < ALL_ZERO {
        *out = [0; N];
        return 0.0;
    }
    let mut best_levels = levels(x, -nmax as f32 / max, nmax);
    let (sum_xl, sum_l2) = moments(x, weights, &best_levels);
    let mut scale = if sum_l2 != 0.0 { sum_xl / sum_l2 } else { 0.0 };
    let mut best = scale * sum_xl;
    for step in (-9..=9).filter(|&s| s != 0) {
        let candidate = levels(x, -(nmax as f32 + 0.1f32 * step as f32) / max, nmax);
        let (sum_xl, sum_l2) = moments(x, weights, &candidate);
        if sum_l2 > 0.0 && sum_xl * sum_xl > best * sum_l2 {
            best_levels = candidate;
            scale = sum_xl / sum_l2;
            best = scale * sum_xl;
        }
    }
    for (o, l) in out.iter_mut().zip(best_levels) {
        *o = (l + nmax) as u8;
    }
    scale
}

/// Levels −nmax … nmax−1 improved one by one, weights x² (`make_q3_quants`, the error-minimising branch). Levels are written
/// shifted by `nmax`, except that a group counting as zero leaves all of them 0.
pub(in crate::quant) fn symmetric_3bit<const N: usize>(nmax: i32, x: &[f32; N], out: &mut [u8; N]) -> f32 {
    let max = signed_max_abs(x);
    if max.abs() < ALL_ZERO {
        *out = [0; N];
        return 0.0;
    }
    let mut l = levels(x, -nmax as f32 / max, nmax);
    let w: [f32; N] = x.map(|v| v * v);
    let (mut sum_xl, mut sum_l2) = moments(x, &w, &l);
    for _ in 0..5 {
        let mut changed = false;
        for i in 0..N {
            let mut xl = sum_xl - w[i] * x[i] * l[i] as f32;
            if xl > 0.0 {
                let mut l2 = sum_l2 - w[i] * l[i] as f32 * l[i] as f32;
                let new = nearest_int(x[i] * l2 / xl).clamp(-nmax, nmax - 1);
                if new != l[i] {
                    xl += w[i] * x[i] * new as f32;
                    l2 += w[i] * new as f32 * new as f32;
                    if l2 > 0.0 && xl * xl * sum_l2 > sum_xl * sum_xl * l2 {
                        l[i] = new;
                        sum_xl = xl;
                        sum_l2 = l2;
                        changed = true;
                    }
                }
            }
        }
        if !changed {
            break;
        }
    }
    for (o, l) in out.iter_mut().zip(l) {
        *o = (l + nmax) as u8;
    }
    if sum_l2 > 0.0 { sum_xl / sum_l2 } else { 0.0 }
}
