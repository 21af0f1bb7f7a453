//! Blocks of a column of a matrix, each with a scale and, where it is asymmetric, a zero point: the encoding of `MatMulNBits` and of
//! `DequantizeLinear` with a block size.
//!
//! Source: the arithmetic of MLAS (ONNX Runtime 1.32, `MlasQuantizeBlockwise`), which multiplies by the reciprocal of the scale and rounds
//! halves away from zero, after the zero point was added. Integers are unsigned: a symmetric block has the zero point in their middle. The scale of a
//! symmetric block is the value of largest magnitude divided by -8 (-128), so it may be negative, and that value is represented exactly.

use super::Affine;

/// Bits of an integer of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BlockBits {
    /// 4 bits.
    Four,
    /// 8 bits.
    Eight,
}

impl BlockBits {
    /// The number of bits.
    pub(crate) const fn count(self) -> u32 {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The largest integer.
    pub(crate) const fn largest(self) -> i32 {
        (1 << self.count()) - 1
    }

    /// The zero point of symmetric blocks.
    pub(crate) const fn middle(self) -> i32 {
        1 << (self.count() - 1)
    }
}

/// The scale and zero point of the values of one block. A block of zeros has scale 0.
pub(crate) fn block_affine(values: &[f32], bits: BlockBits, symmetric: bool) -> Affine {
    let (mut min, mut max) = (f32::MAX, f32::MIN);
    for v in values {
        min = if *v < min { *v } else { min };
        max = if *v > max { *v } else { max };
    }
    if symmetric {
        let largest = if max.abs() > min.abs() { max } else { min };
        return Affine { scale: largest / -(bits.middle() as f32), zero_point: bits.middle() };
    }
    let (min, max) = (min.min(0.0), max.max(0.0));
    let scale = (max - min) / bits.largest() as f32;
    let zero = if scale == 0.0 { 0.0 } else { 0.0 - min / scale };
    Affine { scale, zero_point: (zero.round() as i32).clamp(0, bits.largest()) }
}

/// Writes the integers of the values of a block, one byte each.
pub(crate) fn quantize_block(values: &[f32], affine: Affine, bits: BlockBits, dst: &mut [u8]) {
    let reciprocal = if affine.scale == 0.0 { 0.0 } else { 1.0 / affine.scale };
    let (zero, largest) = (affine.zero_point as f32, bits.largest() as f32);
    for (d, v) in dst.iter_mut().zip(values) {
        // Negative sums are clipped, so adding a half and cutting off rounds halves away from zero.
        let q = (*v * reciprocal + zero).clamp(0.0, largest);
        *d = away(q);
    }
}

/// A number from 0 to 255, rounded with halves away from zero.
#[inline(always)]
fn away(q: f32) -> u8 {
    let whole = q as u8;
    whole + u8::from(q - f32::from(whole) >= 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_largest_magnitude_of_a_symmetric_block_is_exact() {
        let values = [0.5f32, -1.0, 0.875, 0.0];
        let a = block_affine(&values, BlockBits::Four, true);
        assert_eq!(a, Affine { scale: 0.125, zero_point: 8 });
        let mut q = [0u8; 4];
        quantize_block(&values, a, BlockBits::Four, &mut q);
        assert_eq!(q, [12, 0, 15, 8]);
        // The largest is positive: the scale is negative.
        let a = block_affine(&[1.0, -0.25], BlockBits::Four, true);
        assert_eq!(a.scale, -0.125);
        quantize_block(&[1.0, -0.25], a, BlockBits::Four, &mut q[..2]);
        assert_eq!(q[..2], [0, 10]);
    }

    #[test]
    fn zeros_have_scale_zero_and_become_the_zero_point() {
        for (symmetric, zero_point) in [(true, 128), (false, 0)] {
            let a = block_affine(&[0.0; 8], BlockBits::Eight, symmetric);
            assert_eq!(a, Affine { scale: if symmetric { -0.0 } else { 0.0 }, zero_point });
            let mut q = [1u8; 8];
            quantize_block(&[0.0; 8], a, BlockBits::Eight, &mut q);
            assert_eq!(q, [zero_point as u8; 8]);
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (q, wanted) in [(0.5, 1), (1.5, 2), (0.499_999_97, 0), (254.5, 255), (255.0, 255), (3.0, 3)] {
            assert_eq!(away(q), wanted, "{q}");
        }
    }
}
