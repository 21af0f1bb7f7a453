//! Sixteen unevenly spaced levels and the search for their scale (`quantize_row_iq4_nl_impl`).

use crate::quant::number::signed_max_abs;
use crate::quant::search::ALL_ZERO;

/// Elements under one scale.
pub(super) const S: usize = 32;

/// The levels (`kvalues_iq4nl`).
const VALUES: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// Candidates on either side of the first.
const TRIES: i32 = 7;

/// The index of the level nearest to `x`; halfway, the upper one.
#[inline(always)]
pub(super) fn nearest(x: f32) -> u8 {
    if x <= f32::from(VALUES[0]) {
        return 0;
    }
    if x >= f32::from(VALUES[15]) {
        return 15;
    }
    let (mut below, mut above) = (0usize, 15usize);
    while above - below > 1 {
        let middle = (below + above) / 2;
        if x < f32::from(VALUES[middle]) { above = middle } else { below = middle }
    }
    let lower = x - f32::from(VALUES[above - 1]) < f32::from(VALUES[above]) - x;
    (if lower { above - 1 } else { above }) as u8
}

/// The value of a level.
#[inline(always)]
pub(super) fn value(level: u8) -> f32 {
    f32::from(VALUES[usize::from(level & 15)])
}

/// Σ w·q·x and Σ w·q² at an inverse scale, in index order.
#[inline(always)]
fn moments(x: &[f32; S], w: &[f32; S], id: f32) -> (f32, f32) {
    let (mut qx, mut q2) = (0f32, 0f32);
    for (&x, &w) in x.iter().zip(w) {
        let q = value(nearest(id * x));
        qx += w * q * x;
        q2 += w * q * q;
    }
    (qx, q2)
}

/// The best scale for a sub-block; 0 where it counts as all zero.
pub(super) fn scale(x: &[f32; S], weights: &[f32; S]) -> f32 {
    let max = signed_max_abs(x);
    if max.abs() < ALL_ZERO {
        return 0.0;
    }
    let first = f32::from(VALUES[0]);
    let (qx, q2) = moments(x, weights, 1.0 / (-max / first));
    let mut d = if q2 > 0.0 { qx / q2 } else { 0.0 };
    let mut best = d * qx;
    for step in -TRIES..=TRIES {
        let (qx, q2) = moments(x, weights, (step as f32 + first) / max);
        if q2 > 0.0 && qx * qx > best * q2 {
            d = qx / q2;
            best = d * qx;
        }
    }
    d
}

/// Weights of a sub-block's elements; `floor` is twice the mean square of the whole block.
pub(super) fn weights(x: &[f32; S], importance: Option<&[f32; S]>, floor: f32) -> [f32; S] {
    match importance {
        Some(w) => std::array::from_fn(|i| w[i] * (floor + x[i] * x[i]).sqrt()),
        None => x.map(|v| v * v),
    }
}

/// Levels at an inverse scale, packed as nibbles: element j low, element j + 16 high.
pub(super) fn pack(x: &[f32; S], id: f32, out: &mut [u8]) {
    for (j, o) in out.iter_mut().enumerate().take(S / 2) {
        *o = nearest(id * x[j]) | nearest(id * x[j + S / 2]) << 4;
    }
}

/// Inverse of [`pack`].
#[inline(always)]
pub(super) fn unpack(q: &[u8], d: f32, out: &mut [f32; S]) {
    for (j, &q) in q.iter().enumerate().take(S / 2) {
        out[j] = d * value(q);
        out[j + S / 2] = d * value(q >> 4);
    }
}
