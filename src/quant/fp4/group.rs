//! Groups of 4-bit floats under one scale.
//!
//! The table holds twice the element values, so that they are integers; scales are halved to match.

/// Twice the value of each code.
const DOUBLED: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The first code nearest to `x` at scale `d`.
#[inline(always)]
fn nearest(x: f32, d: f32) -> u8 {
    let mut best = (0, (f32::from(DOUBLED[0]) * d - x).abs());
    for (i, &v) in DOUBLED.iter().enumerate().skip(1) {
        let error = (f32::from(v) * d - x).abs();
        if error < best.1 {
            best = (i as u8, error);
        }
    }
    best.0
}

/// Encodes a group of `2 * out.len()` elements.
pub(in crate::quant) fn encode_group(x: &[f32], d: f32, out: &mut [u8]) {
    let half = out.len();
    for (j, o) in out.iter_mut().enumerate() {
        *o = nearest(x[j], d) | nearest(x[j + half], d) << 4;
    }
}

/// The middles between neighbouring magnitudes of the table.
const MIDDLES: [f32; 7] = [0.5, 1.5, 2.5, 3.5, 5.0, 7.0, 10.0];

/// [`nearest`] for all `x` at once, where no element is above 2²⁰·d.
///
/// An element above the middle between two codes belongs to the upper one: there its distance to the upper code is exact and
/// below half a step, and that to the lower one is not. At the middle and below, where rounding may make both equal, the
/// first code wins. The products with d, which has four bits at most, are exact.
#[inline(always)]
fn codes<const N: usize>(x: &[f32; N], d: f32) -> [u8; N] {
    let bounds = MIDDLES.map(|m| m * d);
    let mut codes = [0u8; N];
    for (code, &v) in codes.iter_mut().zip(x) {
        let magnitude = bounds.iter().fold(0, |n, &bound| n + i32::from(v.abs() > bound));
        let negative = if v < 0.0 && magnitude > 0 { 8 } else { 0 };
        *code = (magnitude | negative) as u8;
    }
    codes
}

/// [`encode_group`] compiled for the instruction set; `N` elements, largest magnitude `amax`.
#[inline(always)]
pub(super) fn encode_group_fast<const N: usize>(x: &[f32; N], amax: f32, d: f32, out: &mut [u8]) {
    if d == 0.0 || amax > d * 1_048_576.0 {
        return encode_group(x, d, out);
    }
    let codes = codes(x, d);
    for (j, o) in out.iter_mut().enumerate().take(N / 2) {
        *o = codes[j] | codes[j + N / 2] << 4;
    }
}

/// Inverse of [`encode_group`].
#[inline(always)]
pub(super) fn decode_group(q: &[u8], d: f32, out: &mut [f32]) {
    let values = DOUBLED.map(|v| f32::from(v) * d);
    let (low, high) = out.split_at_mut(q.len());
    for ((low, high), &q) in low.iter_mut().zip(high).zip(q) {
        *low = values[usize::from(q & 15)];
        *high = values[usize::from(q >> 4)];
    }
}
