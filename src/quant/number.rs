//! Number conversions with exactly the results of ggml's C code on x86-64.

use half::f16;

/// Bits of the nearest `f16`, ties to even; a NaN becomes the one NaN ggml writes (`ggml_compute_fp32_to_fp16`).
#[inline(always)]
pub(super) fn to_f16(x: f32) -> [u8; 2] {
    if x.is_nan() {
        return (0x7e00u16 | ((x.to_bits() >> 16) as u16 & 0x8000)).to_le_bytes();
    }
    f16::from_f32(x).to_le_bytes()
}

/// The value of little-endian `f16` bytes.
#[inline(always)]
pub(super) fn from_f16(bytes: [u8; 2]) -> f32 {
    f16::from_le_bytes(bytes).to_f32()
}

/// ggml's `nearest_int`: nearest integer, ties to even, by adding 1.5·2²³. Right for |x| < 2²²; beyond that (and for NaN) it
/// gives what the reference gives.
#[inline(always)]
pub(super) fn nearest_int(x: f32) -> i32 {
    ((x + 12_582_912.0).to_bits() & 0x007f_ffff) as i32 - 0x0040_0000
}

/// A C cast from `float` to `int` as x86-64 computes it (`cvttss2si`): towards zero, and `i32::MIN` for whatever does not fit.
/// Reached with out-of-range values in blocks so small that the reciprocal of their scale is infinite.
#[inline(always)]
pub(super) fn c_int(x: f32) -> i32 {
    if (-2_147_483_648.0..2_147_483_648.0).contains(&x) { x as i32 } else { i32::MIN }
}

/// C's `roundf` followed by a cast to `int`: halves away from zero. Written without the library call so that it vectorizes;
/// exact for |x| < 2²³, and above that every `f32` is an integer already.
#[inline(always)]
pub(super) fn round_away(x: f32) -> i32 {
    let t = c_int(x);
    let rest = x - t as f32;
    // The bound of one keeps values that did not fit as they are.
    let up = i32::from((0.5..1.0).contains(&rest));
    let down = i32::from(rest <= -0.5 && rest > -1.0);
    t.wrapping_add(up).wrapping_sub(down)
}

/// The reciprocal, or zero for zero (`d ? 1.0f/d : 0.0f`).
#[inline(always)]
pub(super) fn inverse_or_zero(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { 1.0 / d }
}

/// The largest magnitude. Magnitudes order like their bits, and integers vectorize.
#[inline(always)]
pub(super) fn max_abs<const N: usize>(x: &[f32; N]) -> f32 {
    f32::from_bits(x.iter().fold(0i32, |m, v| m.max((v.to_bits() & 0x7fff_ffff) as i32)) as u32)
}

/// The first element of the largest magnitude, with its sign; `+0.0` where all are zeros. NaN is passed over: scales become
/// NaN where the sums behind them overflow.
#[inline(always)]
pub(super) fn signed_max_abs<const N: usize>(x: &[f32; N]) -> f32 {
    let amax = max_abs(x);
    if amax == 0.0 {
        return 0.0;
    }
    if amax.is_nan() {
        return x.iter().fold(0.0, |m: f32, &v| if v.abs() > m.abs() { v } else { m });
    }
    x.iter().copied().find(|v| v.abs() == amax).unwrap_or(0.0)
}

/// The smallest and the largest element; of several zeros the first one, as a running comparison gives.
#[inline(always)]
pub(super) fn min_max<const N: usize>(x: &[f32; N]) -> (f32, f32) {
    const LANES: usize = 8;
    let (mut lo, mut hi) = ([f32::MAX; LANES], [-f32::MAX; LANES]);
    let (groups, rest) = x.as_chunks::<LANES>();
    debug_assert!(rest.is_empty());
    for g in groups {
        for i in 0..LANES {
            lo[i] = if g[i] < lo[i] { g[i] } else { lo[i] };
            hi[i] = if g[i] > hi[i] { g[i] } else { hi[i] };
        }
    }
    let min = lo.iter().fold(f32::MAX, |m, &v| if v < m { v } else { m });
    let max = hi.iter().fold(-f32::MAX, |m, &v| if v > m { v } else { m });
    // Equal zeros of different sign are the only ties that show in the bits.
    let first = |v: f32| if v == 0.0 { x.iter().copied().find(|&e| e == v).unwrap_or(v) } else { v };
    (first(min), first(max))
}

/// The sum of squares in index order.
#[inline(always)]
pub(super) fn sum_of_squares(x: &[f32]) -> f32 {
    x.iter().fold(0.0, |s, &v| s + v * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_follows_c_on_ties_and_out_of_range() {
        for (x, want) in [
            (0.5, 1),
            (-0.5, -1),
            (1.5, 2),
            (2.499_999_8, 2),
            (0.499_999_97, 0),
            (-126.5, -127),
            (f32::INFINITY, i32::MIN),
            (f32::NAN, i32::MIN),
            (-3e9, i32::MIN),
        ] {
            assert_eq!(round_away(x), want, "{x}");
        }
        for i in -200_000..200_000 {
            let x = i as f32 / 1024.0;
            assert_eq!(round_away(x), x.round() as i32, "{x}");
            assert_eq!(nearest_int(x), x.round_ties_even() as i32, "{x}");
        }
    }

    #[test]
    fn extremes_keep_the_first_zero() {
        let mut x = [1.0f32; 32];
        x[3] = -0.0;
        x[9] = 0.0;
        assert_eq!(min_max(&x).0.to_bits(), (-0.0f32).to_bits());
        assert_eq!(signed_max_abs(&[-0.0f32; 32]).to_bits(), 0);
        x[7] = -2.0;
        x[8] = 2.0;
        assert_eq!(signed_max_abs(&x), -2.0);
        assert_eq!(min_max(&x), (-2.0, 2.0));
        assert_eq!(signed_max_abs(&[1.0, f32::NAN, -3.0, f32::NAN]), -3.0);
    }
}
