//! The error of one type on one sample.

use super::sample::Sample;
use crate::quant::{Effort, Encoding, dequantize_rows, quantize_rows, quantize_rows_max};
use crate::tensor::{decode_f32, encode_f32};
use serde::{Deserialize, Serialize};

/// What a tensor loses in a type: sums over all its elements, estimated from a sample. y is what the encoded x decodes to,
/// w the importance of the column (1 without an importance matrix).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Score {
    /// Σ (x − y)².
    pub noise: f64,
    /// Σ x².
    pub signal: f64,
    /// Σ w·(x − y)².
    pub weighted_noise: f64,
    /// Σ w·x².
    pub weighted_signal: f64,
}

impl Score {
    /// Joins the sums of another tensor.
    pub(crate) fn add(&mut self, other: &Self) {
        self.noise += other.noise;
        self.signal += other.signal;
        self.weighted_noise += other.weighted_noise;
        self.weighted_signal += other.weighted_signal;
    }

    /// The sums over so many times as many elements.
    #[must_use]
    pub(crate) fn times(self, n: f64) -> Self {
        Self {
            noise: self.noise * n,
            signal: self.signal * n,
            weighted_noise: self.weighted_noise * n,
            weighted_signal: self.weighted_signal * n,
        }
    }

    /// Joins the sums of another tensor, if it loses anything, as in the report of a run.
    pub(crate) fn add_tensor(&mut self, other: &Self) {
        if other.noise != 0.0 {
            self.add(other);
        }
    }

    /// Weighted noise as a share of the weighted signal; 0 where there is no signal.
    pub(crate) fn relative(&self) -> f64 {
        if self.weighted_signal > 0.0 { self.weighted_noise / self.weighted_signal } else { 0.0 }
    }

    /// Signal to quantization noise in dB, unweighted as in the report of a run; `None` without error or without signal.
    pub(crate) fn sqnr_db(&self) -> Option<f64> {
        (self.noise > 0.0 && self.signal > 0.0).then(|| 10.0 * (self.signal / self.noise).log10())
    }
}

/// Buffers that a thread keeps between scores.
#[derive(Default)]
pub(super) struct Buffers {
    encoded: Vec<u8>,
    decoded: Vec<f32>,
}

/// Encodes the sample with this effort, decodes it again and compares. `None` where the type does not fit these rows.
pub(super) fn score(sample: &Sample<'_>, encoding: Encoding, effort: Effort, buffers: &mut Buffers) -> Option<Score> {
    let mut total = Score::default();
    encoding.row_bytes(sample.row_len)?;
    let row_bytes = usize::try_from(encoding.row_bytes(sample.cols as u64)?).ok()?;
    for (run, importance) in &sample.runs {
        let x = &sample.values[run.clone()];
        buffers.encoded.resize(x.len() / sample.cols.max(1) * row_bytes, 0);
        buffers.decoded.resize(x.len(), 0.0);
        match encoding {
            Encoding::Block(ty) => {
                match effort {
                    Effort::Reference => quantize_rows(ty, x, sample.cols, *importance, &mut buffers.encoded).ok()?,
                    Effort::Max => {
                        quantize_rows_max(ty, x, sample.cols, *importance, &mut buffers.encoded).ok()?;
                    }
                }
                dequantize_rows(ty, &buffers.encoded, &mut buffers.decoded).ok()?;
            }
            Encoding::Plain(dtype) => {
                encode_f32(dtype, x, &mut buffers.encoded).then_some(())?;
                decode_f32(dtype, &buffers.encoded, &mut buffers.decoded);
            }
        }
        let rows = x.chunks_exact(sample.cols).zip(buffers.decoded.chunks_exact(sample.cols));
        rows.for_each(|(x, y)| total.add(&compare(x, y, *importance)));
    }
    let total = total.times(sample.scale);
    [total.noise, total.weighted_noise].iter().all(|v| v.is_finite()).then_some(total)
}

/// The sums over one row.
fn compare(x: &[f32], y: &[f32], importance: Option<&[f32]>) -> Score {
    let mut sums = Score::default();
    for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
        let (x, e) = (f64::from(x), f64::from(x) - f64::from(y));
        let w = importance.and_then(|w| w.get(i)).map_or(1.0, |&w| f64::from(w));
        sums.noise += e * e;
        sums.signal += x * x;
        sums.weighted_noise += w * e * e;
        sums.weighted_signal += w * x * x;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::BlockType;
    use crate::tensor::DType;

    #[test]
    fn finer_types_lose_less_and_importance_moves_the_error() {
        let values: Vec<f32> = (0..4 * 256).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0).powi(3)).collect();
        let importance: Vec<f32> = (0..256).map(|i| if i < 128 { 10.0 } else { 0.1 }).collect();
        let plain = Sample { row_len: 256, cols: 256, values: values.clone(), runs: vec![(0..1024, None)], scale: 2.0 };
        let weighted =
            Sample { row_len: 256, cols: 256, values, runs: vec![(0..1024, Some(&importance[..]))], scale: 2.0 };
        let mut buffers = Buffers::default();
        let mut of = |sample: &Sample<'_>, e: Encoding| score(sample, e, Effort::Reference, &mut buffers).unwrap();
        let types = [BlockType::Q2_K, BlockType::Q4_K, BlockType::Q6_K, BlockType::Q8_0];
        let noise: Vec<f64> = types.map(|t| of(&plain, t.into()).noise).to_vec();
        assert!(noise.windows(2).all(|w| w[0] > w[1]), "{noise:?}");
        assert_eq!(of(&plain, DType::F32.into()).noise, 0.0);
        let (a, b) = (of(&plain, BlockType::Q4_K.into()), of(&weighted, BlockType::Q4_K.into()));
        assert_eq!(a.noise, a.weighted_noise);
        assert!(b.relative() < a.relative() && b.weighted_noise != b.noise, "{a:?} {b:?}");
        assert!(score(&plain, BlockType::IQ2_XXS.into(), Effort::Reference, &mut Buffers::default()).is_none());
        let max = score(&plain, BlockType::Q4_K.into(), Effort::Max, &mut Buffers::default()).unwrap();
        assert!(max.noise < a.noise, "{max:?} {a:?}");
    }
}
