//! A scale and a minimum for levels 0 … nmax.

use crate::quant::number::nearest_int;

/// The inverse scales that are tried: (rmin + rdelta·step + nmax) / range for step 0 ..= steps.
#[derive(Clone, Copy)]
pub(in crate::quant) struct Candidates {
    /// Offset of the first candidate from `nmax`.
    pub(in crate::quant) rmin: f32,
    /// Distance between candidates.
    pub(in crate::quant) rdelta: f32,
    /// Index of the last candidate.
    pub(in crate::quant) steps: i32,
    /// Compare absolute instead of squared errors.
    pub(in crate::quant) absolute: bool,
    /// How a group without range is recognized: by `max <= min` in the weighted variant (`make_qkx3_quants`), by `max == min` in
    /// the other.
    pub(in crate::quant) weighted: bool,
}

impl Candidates {
    /// Those of the search with importance weights, in every format.
    pub(in crate::quant) const WEIGHTED: Self =
        Self { rmin: -0.9, rdelta: 0.05, steps: 36, absolute: false, weighted: true };
}

/// What was found: x ≈ scale·level − min.
#[derive(Clone, Copy)]
pub(in crate::quant) struct Affine {
    /// The scale.
    pub(in crate::quant) scale: f32,
    /// The minimum with its sign turned: never negative.
    pub(in crate::quant) min: f32,
}

#[inline(always)]
fn levels<const N: usize>(x: &[f32; N], min: f32, iscale: f32, nmax: i32) -> [i32; N] {
    std::array::from_fn(|i| nearest_int(iscale * (x[i] - min)).clamp(0, nmax))
}

/// Weighted error of a candidate, summed in index order.
#[inline(always)]
fn error<const N: usize>(x: &[f32; N], w: &[f32; N], l: &[i32; N], scale: f32, min: f32, absolute: bool) -> f32 {
    let mut e = [0f32; N];
    for i in 0..N {
        let diff = scale * l[i] as f32 + min - x[i];
        e[i] = w[i] * if absolute { diff.abs() } else { diff * diff };
    }
    e.iter().fold(0.0, |s, v| s + v)
}

/// Σ w·l, Σ w·l², Σ w·l·x in index order.
#[inline(always)]
fn sums<const N: usize>(x: &[f32; N], w: &[f32; N], l: &[i32; N]) -> (f32, f32, f32) {
    let (mut wl, mut wll, mut wxl) = ([0f32; N], [0f32; N], [0f32; N]);
    for i in 0..N {
        let lf = l[i] as f32;
        wl[i] = w[i] * lf;
        wll[i] = wl[i] * lf;
        wxl[i] = wl[i] * x[i];
    }
    let (mut sum_l, mut sum_l2, mut sum_xl) = (0f32, 0f32, 0f32);
    for i in 0..N {
        sum_l += wl[i];
        sum_l2 += wll[i];
        sum_xl += wxl[i];
    }
    (sum_l, sum_l2, sum_xl)
}

/// Best scale and minimum over the candidates (`make_qkx2_quants`, `make_qkx3_quants`).
pub(in crate::quant) fn affine<const N: usize>(
    nmax: i32,
    x: &[f32; N],
    weights: &[f32; N],
    out: &mut [u8; N],
    how: Candidates,
) -> Affine {
    let (mut min, mut max) = (x[0], x[0]);
    let mut sum_w = weights[0];
    let mut sum_x = sum_w * x[0];
    for i in 1..N {
        min = if x[i] < min { x[i] } else { min };
        max = if x[i] > max { x[i] } else { max };
        sum_w += weights[i];
        sum_x += weights[i] * x[i];
    }
    if min > 0.0 {
        min = 0.0;
    }
    if if how.weighted { max <= min } else { max == min } {
        *out = [0; N];
        return Affine { scale: 0.0, min: -min };
    }
    let range = max - min;
    let iscale = nmax as f32 / range;
    let mut scale = 1.0 / iscale;
    let mut best_levels = levels(x, min, iscale, nmax);
    let mut best = error(x, weights, &best_levels, scale, min, how.absolute);
    let mut best_min = min;
    for step in 0..=how.steps {
        // The reference measures levels and range against the minimum found so far in this loop's own variable.
        let iscale = (how.rmin + how.rdelta * step as f32 + nmax as f32) / (max - best_min);
        let l = levels(x, best_min, iscale, nmax);
        let (sum_l, sum_l2, sum_xl) = sums(x, weights, &l);
        let det = sum_w * sum_l2 - sum_l * sum_l;
        if det > 0.0 {
            let mut this_scale = (sum_w * sum_xl - sum_x * sum_l) / det;
            let mut this_min = (sum_l2 * sum_x - sum_l * sum_xl) / det;
            if this_min > 0.0 {
                this_min = 0.0;
                this_scale = sum_xl / sum_l2;
            }
            let e = error(x, weights, &l, this_scale, this_min, how.absolute);
            if e < best {
                best_levels = l;
                best = e;
                scale = this_scale;
                best_min = this_min;
            }
        }
    }
    for (o, l) in out.iter_mut().zip(best_levels) {
        *o = l as u8;
    }
    Affine { scale, min: -best_min }
}
