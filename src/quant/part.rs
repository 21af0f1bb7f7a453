//! Parts of rows: a row that is too long for memory is quantized piece by piece, to the same bytes.
//!
//! Blocks are independent of each other, with one exception: with importance weights, Q4_0, Q4_1, Q5_0 and Q5_1 add the mean
//! square of the whole row to the square in each weight (`quantize_row_q4_0_impl` and the like in `ggml-quants.c`).
//! [`MeanSquare`] computes it beforehand, in the reference's order.

/// Facts about the whole row that its parts are quantized with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WholeRow {
    /// The mean square of its elements; used if [`needs_mean_square`](crate::quant::needs_mean_square) is true.
    pub(crate) mean_square: f32,
    /// The mean of its importance weights; used for the noise that
    /// [`quantize_part_max`](crate::quant::quantize_part_max) returns.
    pub(crate) mean_weight: f64,
}

/// The mean of importance weights.
pub(crate) fn mean_weight(weights: &[f32]) -> f64 {
    weights.iter().map(|&w| f64::from(w)).sum::<f64>() / weights.len() as f64
}

/// The mean square of a row that comes in parts, summed in index order as the reference does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MeanSquare {
    sum: f32,
    elems: u64,
}

impl MeanSquare {
    /// Adds the next elements of the row.
    pub(crate) fn add(&mut self, x: &[f32]) {
        self.sum = x.iter().fold(self.sum, |s, &v| s + v * v);
        self.elems += x.len() as u64;
    }

    /// The mean over all elements so far.
    pub(crate) fn value(&self) -> f32 {
        self.sum / self.elems as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::blocks::Rows;
    use crate::quant::simd::Level;
    use crate::quant::{
        BlockType, can_quantize, needs_imatrix, needs_mean_square, quantize_part, quantize_part_max, quantize_rows,
        quantize_rows_max,
    };

    #[test]
    fn a_row_in_parts_has_the_bytes_of_the_whole_row_in_every_type() {
        const COLS: usize = 4096;
        let row: Vec<f32> = (0..COLS).map(|i| (i as f32 * 0.37).sin() * (1.0 + i as f32 / 900.0)).collect();
        let importance: Vec<f32> = (0..COLS).map(|i| ((i * 37 % 101) as f32 + 0.5) / 50.0).collect();
        let mut mean = MeanSquare::default();
        row.chunks(700).for_each(|part| mean.add(part));
        let whole = WholeRow { mean_square: mean.value(), mean_weight: mean_weight(&importance) };
        for &ty in BlockType::ALL.iter().filter(|t| can_quantize(**t)) {
            for weights in [None, Some(&importance[..])] {
                if weights.is_none() && needs_imatrix(ty) {
                    continue;
                }
                let mut want = vec![0; COLS / ty.block_elems() * ty.block_bytes()];
                quantize_rows(ty, &row, COLS, weights, &mut want).unwrap();
                let mut max_whole = want.clone();
                quantize_rows_max(ty, &row, COLS, weights, &mut max_whole).unwrap();
                for part in [256, 768, 2048] {
                    let (mut got, mut max) = (Vec::new(), Vec::new());
                    for (k, x) in row.chunks(part).enumerate() {
                        let weights = weights.map(|w| &w[k * part..][..x.len()]);
                        let mut out = vec![0; x.len() / ty.block_elems() * ty.block_bytes()];
                        quantize_part(ty, x, weights, whole, &mut out).unwrap();
                        got.extend_from_slice(&out);
                        quantize_part_max(ty, x, weights, whole, &mut out).unwrap();
                        max.extend_from_slice(&out);
                    }
                    assert_eq!(got, want, "{ty} in parts of {part}, weights: {}", weights.is_some());
                    assert_eq!(max, max_whole, "{ty} with effort in parts of {part}, weights: {}", weights.is_some());
                }
            }
            if needs_mean_square(ty) {
                let (mut scalar, mut want) = (vec![0; COLS / 32 * ty.block_bytes()], vec![]);
                want.resize(scalar.len(), 0);
                let mean_square = Some(whole.mean_square);
                let rows = Rows { x: &row, cols: COLS, weights: Some(&importance), mean_square, dst: &mut scalar };
                (ty.functions().unwrap().encode)(Level::Scalar, rows);
                quantize_rows(ty, &row, COLS, Some(&importance), &mut want).unwrap();
                assert_eq!(scalar, want, "{ty} without lanes");
            }
        }
    }
}
