//! Formats of 4-bit floats (E2M1: sign, two exponent bits, one mantissa bit) under 8-bit scales.
//!
//! The element values stand doubled in the table, so that they are integers; scales are halved to match. OCP Microscaling
//! Formats 1.0 for MXFP4. Nibbles: element j low, element j + half high. Importance weights change nothing here.

pub(super) mod mxfp4;
pub(super) mod nvfp4;

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
pub(super) fn encode_group(x: &[f32], d: f32, out: &mut [u8]) {
    let half = out.len();
    for (j, o) in out.iter_mut().enumerate() {
        *o = nearest(x[j], d) | nearest(x[j + half], d) << 4;
    }
}

/// Inverse of [`encode_group`].
fn decode_group(q: &[u8], d: f32, out: &mut [f32]) {
    let half = q.len();
    for (j, &q) in q.iter().enumerate() {
        out[j] = f32::from(DOUBLED[usize::from(q & 15)]) * d;
        out[j + half] = f32::from(DOUBLED[usize::from(q >> 4)]) * d;
    }
}
