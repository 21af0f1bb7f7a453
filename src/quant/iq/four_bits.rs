//! Sixteen unevenly spaced levels and the search for their scale (`quantize_row_iq4_nl_impl`).

use crate::quant::number::signed_max_abs;
use crate::quant::search::ALL_ZERO;
use crate::quant::simd::{self, Isa, Lanes, Sixteen};

/// Elements under one scale.
pub(super) const S: usize = 32;

/// The levels (`kvalues_iq4nl`).
const VALUES: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// Candidates on either side of the first.
const TRIES: i32 = 7;

/// The index of the level nearest to `x`; the upper one if halfway.
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
fn value(level: u8) -> f32 {
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

/// The levels for lanes. An element at or above the middle between two levels belongs to the upper one: near the middle both of
/// the differences that [`nearest`] compares are exact, and farther away rounding keeps their order.
pub(super) const LEVELS: Sixteen = {
    let mut table = Sixteen { values: [0.0; 16], bounds: [f32::INFINITY; 16] };
    let mut i = 0;
    while i < 16 {
        table.values[i] = VALUES[i] as f32;
        if i < 15 {
            table.bounds[i] = (VALUES[i] as f32 + VALUES[i + 1] as f32) / 2.0;
        }
        i += 1;
    }
    table
};

/// [`moments`] in each lane.
#[inline(always)]
fn moments_lanes<I: Isa>(s: I, x: &[I::F; S], w: &[I::F; S], id: I::F) -> (I::F, I::F) {
    let (mut qx, mut q2) = (s.splat(0.0), s.splat(0.0));
    for i in 0..S {
        let q = (id * x[i]).nearest_of_sixteen(&LEVELS);
        let wq = w[i] * q;
        qx = qx + wq * x[i];
        q2 = q2 + wq * q;
    }
    (qx, q2)
}

/// [`scale`] in each lane.
#[inline(always)]
pub(super) fn scale_lanes<I: Isa>(s: I, x: &[I::F; S], w: &[I::F; S]) -> I::F {
    let (zero, one, first) = (s.splat(0.0), s.splat(1.0), s.splat(f32::from(VALUES[0])));
    let (max, amax) = simd::signed_max_abs(s, x);
    let empty = amax.lt(s.splat(ALL_ZERO));
    let max = one.or_else(empty, max);
    let (qx, q2) = moments_lanes(s, x, w, one / (max.negate() / first));
    let mut d = (qx / q2).or_else(zero.lt(q2), zero);
    let mut best = d * qx;
    for step in -TRIES..=TRIES {
        let (qx, q2) = moments_lanes(s, x, w, (s.splat(step as f32) + first) / max);
        let better = I::F::both(zero.lt(q2), (best * q2).lt(qx * qx));
        d = (qx / q2).or_else(better, d);
        best = (d * qx).or_else(better, best);
    }
    zero.or_else(empty, d)
}

/// [`weights`] in each lane.
#[inline(always)]
pub(super) fn weights_lanes<I: Isa>(x: &[I::F; S], importance: Option<&[I::F; S]>, floor: I::F) -> [I::F; S] {
    let mut w = *x;
    for i in 0..S {
        w[i] = match importance {
            Some(w) => w[i] * (floor + x[i] * x[i]).sqrt(),
            None => x[i] * x[i],
        };
    }
    w
}

/// [`pack`] with the lanes inside the sub-block.
#[inline(always)]
pub(super) fn pack_within<I: Isa>(s: I, x: &[f32; S], id: f32, out: &mut [u8]) {
    let mut l = [0u8; S];
    simd::within::places(s, x, &mut l, id, &LEVELS);
    for (j, o) in out.iter_mut().enumerate().take(S / 2) {
        *o = l[j] | l[j + S / 2] << 4;
    }
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
    let values = VALUES.map(|v| d * f32::from(v));
    let (low, high) = out.split_at_mut(S / 2);
    for ((low, high), &q) in low.iter_mut().zip(high).zip(q) {
        *low = values[usize::from(q & 15)];
        *high = values[usize::from(q >> 4)];
    }
}
