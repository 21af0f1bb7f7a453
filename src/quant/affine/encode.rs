//! Values to integers.
//!
//! Source: `quantize_nparray` in ONNX Runtime 1.32: the quotient is rounded to even before the zero point is added, in `f32`.

use super::{Affine, Int};

/// Adding this to a number of less than 2²² rounds it to even, and leaves the integer in the lowest bits.
const ROUND: f32 = 12_582_912.0;
/// Larger quotients are clipped before they are rounded: beyond every integer type.
const MOST: f32 = 1_048_576.0;

/// Writes the integers of `values` to `dst`, little-endian.
///
/// # Panics
/// When the lengths disagree: a programming error.
pub(crate) fn quantize(values: &[f32], affine: Affine, int: Int, dst: &mut [u8]) {
    assert_eq!(dst.len(), values.len() * int.bytes(), "quantize: length mismatch");
    let (low, high) = int.limits();
    match int {
        Int::I8 | Int::U8 => {
            for (d, v) in dst.iter_mut().zip(values) {
                *d = level(*v, affine, low, high) as u8;
            }
        }
        Int::I16 | Int::U16 => {
            for (d, v) in dst.as_chunks_mut::<2>().0.iter_mut().zip(values) {
                *d = (level(*v, affine, low, high) as u16).to_le_bytes();
            }
        }
    }
}

/// As [`quantize`], with an encoding for each value.
///
/// # Panics
/// When the lengths disagree: a programming error.
pub(crate) fn quantize_each(values: &[f32], each: &[Affine], int: Int, dst: &mut [u8]) {
    assert_eq!(dst.len(), values.len() * int.bytes(), "quantize_each: length mismatch");
    let (low, high) = int.limits();
    match int {
        Int::I8 | Int::U8 => {
            for ((d, v), a) in dst.iter_mut().zip(values).zip(each) {
                *d = level(*v, *a, low, high) as u8;
            }
        }
        Int::I16 | Int::U16 => {
            for ((d, v), a) in dst.as_chunks_mut::<2>().0.iter_mut().zip(values).zip(each) {
                *d = (level(*v, *a, low, high) as u16).to_le_bytes();
            }
        }
    }
}

/// The integer of one value.
#[inline(always)]
fn level(v: f32, affine: Affine, low: i32, high: i32) -> i32 {
    let quotient = (v / affine.scale).clamp(-MOST, MOST);
    // Plain operations instead of `round_ties_even` and a cast: they are vectorized for every processor.
    let rounded = ((quotient + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    rounded.wrapping_add(affine.zero_point).clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_even_and_clipped() {
        let values = [0.0f32, 0.5, 1.5, 2.5, -0.5, -1.5, 126.9, 127.6, 1e30, -1e30, -128.4];
        let mut bytes = [0u8; 11];
        quantize(&values, Affine { scale: 1.0, zero_point: 0 }, Int::I8, &mut bytes);
        assert_eq!(bytes.map(|b| b as i8), [0, 0, 2, 2, 0, -2, 127, 127, 127, -128, -128]);
        quantize(&values, Affine { scale: 1.0, zero_point: 3 }, Int::U8, &mut bytes);
        assert_eq!(bytes, [3, 3, 5, 5, 3, 1, 130, 131, 255, 0, 0]);
        let mut wide = [0u8; 4];
        quantize(&[40000.0, -2.0], Affine { scale: 1.0, zero_point: 0 }, Int::U16, &mut wide);
        assert_eq!(wide, [0x40, 0x9c, 0, 0]);
    }

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        for i in 0..200_000u32 {
            let v = (i as f32 - 100_000.0) / 781.25;
            for scale in [0.31f32, 1.0, 0.007] {
                let wanted = ((v / scale).round_ties_even() + 7.0).clamp(-128.0, 127.0) as i32;
                assert_eq!(level(v, Affine { scale, zero_point: 7 }, -128, 127), wanted, "{v} / {scale}");
            }
        }
    }

    #[test]
    fn an_encoding_for_each_value_is_that_of_each_alone() {
        let values: Vec<f32> = (0..70).map(|i| i as f32 * 0.37 - 9.0).collect();
        let each: Vec<Affine> = (0..70).map(|i| Affine { scale: 0.1 + i as f32 * 0.01, zero_point: i - 30 }).collect();
        for int in [Int::I8, Int::U8, Int::I16, Int::U16] {
            let mut all = vec![0u8; 70 * int.bytes()];
            quantize_each(&values, &each, int, &mut all);
            for i in 0..70 {
                let mut one = vec![0u8; int.bytes()];
                quantize(&values[i..=i], each[i], int, &mut one);
                assert_eq!(all[i * int.bytes()..(i + 1) * int.bytes()], one, "{int:?} {i}");
            }
        }
    }
}
