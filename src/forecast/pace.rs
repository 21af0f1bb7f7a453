//! How long types take to encode on this machine, measured on numbers of its own: for a plan whose tensors are not measured.

use crate::quant::{Effort, Encoding, dequantize_rows, quantize_rows, quantize_rows_max};
use crate::tensor::{decode_f32, encode_f32};
use std::time::Instant;

/// Elements of a row: a multiple of every block.
const COLS: usize = 2048;
/// Rows. Enough that the clock is exact, and few enough that the slowest type takes a tenth of a second.
const ROWS: usize = 16;
/// The fastest of this many passes counts: the others were interrupted.
const PASSES: usize = 3;

/// Nanoseconds to encode, decode and compare one element on one core; `None` for types that cannot be encoded.
pub(crate) fn nanoseconds(encoding: Encoding, effort: Effort) -> Option<f64> {
    let (rows, weights) = (rows(), vec![1.0; COLS]);
    let bytes = usize::try_from(encoding.row_bytes(COLS as u64)?).ok()? * ROWS;
    let (mut encoded, mut decoded) = (vec![0; bytes], vec![0.0; rows.len()]);
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        let begun = Instant::now();
        match encoding {
            Encoding::Block(ty) => {
                match effort {
                    Effort::Reference => quantize_rows(ty, &rows, COLS, Some(&weights), &mut encoded).ok()?,
                    Effort::Max => drop(quantize_rows_max(ty, &rows, COLS, Some(&weights), &mut encoded).ok()?),
                }
                dequantize_rows(ty, &encoded, &mut decoded).ok()?;
            }
            Encoding::Plain(dtype) => {
                encode_f32(dtype, &rows, &mut encoded).then_some(())?;
                decode_f32(dtype, &encoded, &mut decoded);
            }
        }
        let noise: f64 = rows.iter().zip(&decoded).map(|(x, y)| f64::from(x - y).powi(2)).sum();
        std::hint::black_box(noise);
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Some(best * 1e9 / rows.len() as f64)
}

/// Numbers like weights: around zero, most of them small, the same on every machine.
fn rows() -> Vec<f32> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = || {
        // Xorshift, as by Marsaglia (2003).
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
    };
    (0..ROWS * COLS).map(|_| (uniform() + uniform() + uniform()) * 0.04).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::BlockType;

    #[test]
    fn types_that_can_be_made_have_a_pace() {
        for encoding in [BlockType::Q4_K.into(), BlockType::IQ2_XXS.into(), crate::tensor::DType::F16.into()] {
            assert!(nanoseconds(encoding, Effort::Reference).is_some_and(|n| n > 0.0), "{encoding}");
        }
        assert!(rows().iter().all(|x| x.abs() <= 0.06) && rows().iter().any(|x| *x < -0.02));
    }
}
