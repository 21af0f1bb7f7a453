//! Integer types, and how a range becomes a scale and a zero point.
//!
//! Source: `compute_scale_zp` and the tables of ranges in ONNX Runtime 1.32, `quantization/quant_utils.py`.

/// The integer type of quantized values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Int {
    /// 8 bits, signed.
    I8,
    /// 8 bits, unsigned.
    U8,
    /// 16 bits, signed.
    I16,
    /// 16 bits, unsigned.
    U16,
}

/// How values are fitted into an integer type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fit {
    /// The range of values is made symmetric, and so are the integers of a signed type: ±127.
    pub symmetric: bool,
    /// One bit less is used, for processors whose products of 8-bit integers saturate.
    pub reduced: bool,
}

/// What quantized values mean: `x ≈ scale · (q - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    /// Distance of two neighbouring values; positive but for blocks, whose scales may be negative.
    pub scale: f32,
    /// The integer of 0.
    pub zero_point: i32,
}

impl Int {
    /// The least and the largest integer of the type.
    pub(crate) const fn limits(self) -> (i32, i32) {
        match self {
            Self::I8 => (-128, 127),
            Self::U8 => (0, 255),
            Self::I16 => (-32768, 32767),
            Self::U16 => (0, 65535),
        }
    }

    /// Bytes of one integer.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
        }
    }

    /// True for the signed types.
    pub(crate) const fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16)
    }

    /// The integers that the ends of a range become.
    const fn levels(self, fit: Fit) -> (i32, i32) {
        match (self, fit.reduced, fit.symmetric) {
            (Self::I8, true, _) => (-64, 64),
            (Self::U8, true, _) => (0, 127),
            (Self::I16, true, _) => (-16384, 16384),
            (Self::U16, true, _) => (0, 32767),
            (Self::I8, false, true) => (-127, 127),
            (Self::I16, false, true) => (-32767, 32767),
            _ => self.limits(),
        }
    }
}

/// The scale and zero point of values from `min` to `max`. The range is widened to 0, which every integer type represents exactly. The
/// scale is computed in `f64` and rounded once. A range that is too narrow for a normal `f32` scale has scale 1 and zero point 0.
pub(crate) fn affine(min: f32, max: f32, int: Int, fit: Fit) -> Affine {
    let (qmin, qmax) = int.levels(fit);
    let (mut min, mut max) = (f64::from(min.min(0.0)), f64::from(max.max(0.0)));
    if fit.symmetric {
        max = max.max(-min);
        min = -max;
    }
    let scale = (max - min) / f64::from(qmax - qmin);
    if scale < f64::from(f32::MIN_POSITIVE) {
        return Affine { scale: 1.0, zero_point: 0 };
    }
    // A symmetric range has the same zero point whatever its scale.
    let zero = if fit.symmetric { f64::from(qmin + qmax) / 2.0 } else { f64::from(qmin) - min / scale };
    Affine { scale: scale as f32, zero_point: zero.round_ties_even() as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranges, and what `compute_scale_zp` of ONNX Runtime 1.32 gives for them.
    #[test]
    fn scales_and_zero_points_of_the_reference() {
        let (sym, red) = (Fit { symmetric: true, reduced: false }, Fit { symmetric: false, reduced: true });
        let cases = [
            (-1.0, 2.0, Int::U8, Fit::default(), 0.011_764_706, 85),
            (0.5, 2.55, Int::U8, Fit::default(), 0.01, 0),
            (-1.0, 2.0, Int::I8, Fit::default(), 0.011_764_706, -43),
            (-2.54, 1.0, Int::I8, sym, 0.02, 0),
            (-2.0, 1.0, Int::U8, sym, 0.015_686_275, 128),
            (-1.28, 1.27, Int::I8, red, 0.019_921_875, 0),
            (-1.0, 2.0, Int::U8, red, 0.023_622_047, 42),
            (0.0, 0.0, Int::I8, sym, 1.0, 0),
            (0.0, 1e-40, Int::U8, Fit::default(), 1.0, 0),
            (-65535.0, 0.0, Int::U16, Fit::default(), 1.0, 65535),
        ];
        for (min, max, int, fit, scale, zero_point) in cases {
            assert_eq!(affine(min, max, int, fit), Affine { scale, zero_point }, "{min} to {max} as {int:?}, {fit:?}");
        }
        // The whole range of f32 does not overflow.
        assert!(affine(-f32::MAX, f32::MAX, Int::U8, Fit::default()).scale.is_finite());
    }
}
