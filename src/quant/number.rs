//! Number conversions with exactly the results of ggml's C code on x86-64.

/// Bits of the nearest `f16`, ties to even; a NaN becomes the one NaN ggml writes (`ggml_compute_fp32_to_fp16`). Short enough
/// to be inlined, unlike a call that first checks for processor features.
#[inline(always)]
pub(super) fn to_f16(x: f32) -> [u8; 2] {
    const LEAST_NORMAL: u32 = 0x3880_0000;
    /// Halfway from the largest `f16` to the next power of two.
    const TOO_LARGE: u32 = 0x477f_f000;
    const INFINITY: u32 = 0x7f80_0000;
    let bits = x.to_bits();
    let magnitude = bits & 0x7fff_ffff;
    let half = if magnitude < LEAST_NORMAL {
        // Next to a half the last bit is worth 2⁻²⁴, as in a subnormal `f16`.
        (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits()
    } else if magnitude < TOO_LARGE {
        (magnitude + 0xfff + (magnitude >> 13 & 1) - (112 << 23)) >> 13
    } else if magnitude <= INFINITY {
        0x7c00
    } else {
        0x7e00
    };
    (half as u16 | (bits >> 16) as u16 & 0x8000).to_le_bytes()
}

/// The value of little-endian `f16` bytes.
#[inline(always)]
pub(super) fn from_f16(bytes: [u8; 2]) -> f32 {
    let bits = u32::from(u16::from_le_bytes(bytes));
    let (sign, magnitude) = ((bits & 0x8000) << 16, bits & 0x7fff);
    // Moving the exponent by a multiplication is right for subnormal numbers, too.
    let finite = f32::from_bits(magnitude << 13) * f32::from_bits(239 << 23);
    let special = if magnitude >= 0x7c00 { 0x7f80_0000 } else { 0 };
    f32::from_bits(finite.to_bits() | special | sign)
}

/// ggml's `nearest_int`: nearest integer, ties to even, by adding 1.5·2²³. Right for |x| < 2²²; beyond that (and for NaN) it
/// gives what the reference gives.
#[inline(always)]
pub(super) fn nearest_int(x: f32) -> i32 {
    ((x + 12_582_912.0).to_bits() & 0x007f_ffff) as i32 - 0x0040_0000
}

/// A C cast from `float` to `int` as x86-64 computes it (`cvttss2si`): towards zero, and `i32::MIN` for numbers that do not fit.
/// Reached with out-of-range values in blocks so small that the reciprocal of their scale is infinite.
#[inline(always)]
pub(super) fn c_int(x: f32) -> i32 {
    if (-2_147_483_648.0..2_147_483_648.0).contains(&x) { x as i32 } else { i32::MIN }
}

/// C's `roundf` followed by a cast to `int`: halves away from zero. Written without the library call so that it vectorizes;
/// exact for |x| < 2²³; above that every `f32` is an integer.
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

/// The first element of the largest magnitude, with its sign; `+0.0` where all are zeros. NaN is skipped: scales become
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
    fn f16_conversions_equal_the_half_crate() {
        use half::f16;
        for h in 0..=u16::MAX {
            let (want, got) = (f16::from_bits(h).to_f32(), from_f16(h.to_le_bytes()));
            assert!(want.to_bits() == got.to_bits() || want.is_nan() && got.is_nan(), "{h:#x}: {got} not {want}");
            // Numbers that could be rounded the wrong way: the value, the middles next to it, their neighbours.
            for low in [0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000] {
                for x in [want.to_bits().wrapping_add(low), want.to_bits().wrapping_sub(low)].map(f32::from_bits) {
                    if !x.is_nan() {
                        assert_eq!(to_f16(x), f16::from_f32(x).to_le_bytes(), "{x:e}");
                    }
                }
            }
        }
        for i in 0..=u16::MAX {
            for low in [0u32, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1357] {
                let x = f32::from_bits(u32::from(i) << 16 | low);
                let want = if x.is_nan() { f16::from_bits(0x7e00 | i & 0x8000) } else { f16::from_f32(x) };
                assert_eq!(to_f16(x), want.to_le_bytes(), "{x:e}");
            }
        }
        let mut middle = 1u32;
        // The middles between subnormals.
        while middle < 4096 {
            let x = middle as f32 * 2f32.powi(-25);
            assert_eq!(to_f16(x), f16::from_f32(x).to_le_bytes(), "{x:e}");
            middle += 1;
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
