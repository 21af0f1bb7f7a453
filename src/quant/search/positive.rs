//! A scale for values that are never negative, levels 0 … nmax.

use super::limits::ALL_ZERO;
use crate::quant::number::nearest_int;

/// Best weighted scale, then levels improved one by one (`make_qp_quants`). Quantizes the scales and minima of sub-blocks.
///
/// A slightly negative value (a scale of least squares can be one) gives a negative level, which wraps in its byte as in the
/// reference.
pub(in crate::quant) fn positive<const N: usize>(
    nmax: i32,
    x: &[f32; N],
    weights: &[f32; N],
    out: &mut [u8; N],
) -> f32 {
    let max = x.iter().fold(0f32, |m, &v| if m > v { m } else { v });
    if max < ALL_ZERO {
        *out = [0; N];
        return 0.0;
    }
    let iscale = best_inverse(nmax, x, weights, max);
    let (mut sum_xl, mut sum_l2) = (0f32, 0f32);
    for i in 0..N {
        let l = nearest_int(iscale * x[i]).min(nmax);
        out[i] = l as u8;
        sum_xl += weights[i] * x[i] * l as f32;
        sum_l2 += weights[i] * l as f32 * l as f32;
    }
    improve(nmax, x, weights, out, &mut sum_xl, &mut sum_l2);
    if sum_l2 > 0.0 { sum_xl / sum_l2 } else { 0.0 }
}

/// The inverse scale of least error, of those around `nmax` / `max`.
#[inline(always)]
fn best_inverse<const N: usize>(nmax: i32, x: &[f32; N], weights: &[f32; N], max: f32) -> f32 {
    let mut iscale = nmax as f32 / max;
    let scale = 1.0 / iscale;
    let mut best = 0f32;
    for i in 0..N {
        // The level passes through its byte here, and only here, before it is used.
        let diff = x[i] - scale * f32::from(nearest_int(iscale * x[i]) as u8);
        best += weights[i] * diff * diff;
    }
    for step in (-4..=4).filter(|&s| s != 0) {
        let candidate = (0.1f32 * step as f32 + nmax as f32) / max;
        let scale = 1.0 / candidate;
        let mut error = 0f32;
        for i in 0..N {
            let l = nearest_int(candidate * x[i]).min(nmax);
            let diff = x[i] - scale * l as f32;
            error += weights[i] * diff * diff;
        }
        if error < best {
            best = error;
            iscale = candidate;
        }
    }
    iscale
}

/// Changes levels one by one as long as it helps, five rounds at most; keeps the sums Σ w·x·l and Σ w·l² up to date.
#[inline(always)]
fn improve<const N: usize>(
    nmax: i32,
    x: &[f32; N],
    weights: &[f32; N],
    out: &mut [u8; N],
    sum_xl: &mut f32,
    sum_l2: &mut f32,
) {
    for _ in 0..5 {
        let mut changed = false;
        for i in 0..N {
            let w = weights[i];
            let old = f32::from(out[i]);
            let mut xl = *sum_xl - w * x[i] * old;
            let mut l2 = *sum_l2 - w * old * old;
            if xl > 0.0 && l2 > 0.0 {
                let new = nearest_int(x[i] * l2 / xl).min(nmax);
                if new != i32::from(out[i]) {
                    xl += w * x[i] * new as f32;
                    l2 += w * new as f32 * new as f32;
                    if xl * xl * *sum_l2 > *sum_xl * *sum_xl * l2 {
                        out[i] = new as u8;
                        *sum_xl = xl;
                        *sum_l2 = l2;
                        changed = true;
                    }
                }
            }
        }
        if !changed {
            return;
        }
    }
}
