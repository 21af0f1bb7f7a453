//! How far encoded values are from their source: sums that add up over chunks, in a fixed order.

use crate::quant::{Noise, Sums};
use serde::{Deserialize, Serialize};

/// Sums over a range of elements; [`ErrorStats::add`] joins two ranges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorStats {
    elems: u64,
    sums: Sums,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise: Option<Noise>,
    #[serde(default, skip_serializing_if = "Weighted::is_none")]
    weighted: Weighted,
}

/// Sums weighted by the importance of the columns; zero where there is none. Not an `Option`: a million tensors have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weighted {
    /// Σ w·(x − y)².
    error: f64,
    /// Σ w·x².
    source: f64,
}

impl Weighted {
    /// Adds elements of one row, whose columns have this importance.
    pub(crate) fn add_row(&mut self, src: &[f32], out: &[f32], importance: &[f32]) {
        // Several sums side by side, so that the compiler can use vectors without changing their order.
        const LANES: usize = 8;
        let (mut error, mut source) = ([0f64; LANES], [0f64; LANES]);
        let lanes = src.chunks(LANES).zip(out.chunks(LANES)).zip(importance.chunks(LANES));
        for ((x, y), w) in lanes {
            for (i, ((x, y), w)) in x.iter().zip(y).zip(w).enumerate() {
                let (x, y, w) = (f64::from(*x), f64::from(*y), f64::from(*w));
                error[i] += w * (x - y) * (x - y);
                source[i] += w * x * x;
            }
        }
        self.error += error.iter().sum::<f64>();
        self.source += source.iter().sum::<f64>();
    }

    fn add(&mut self, other: &Self) {
        self.error += other.error;
        self.source += other.source;
    }

    fn is_none(&self) -> bool {
        self.source == 0.0
    }
}

impl ErrorStats {
    /// Compares source values with what the encoded bytes decode to. Both slices have the same length.
    pub(crate) fn compare(src: &[f32], out: &[f32]) -> Self {
        Self { elems: src.len() as u64, sums: Sums::of(src, out), noise: None, weighted: Weighted::default() }
    }

    /// The same with the noise of a search beyond the reference.
    #[must_use]
    pub(crate) fn with_noise(self, noise: Option<Noise>) -> Self {
        Self { noise, ..self }
    }

    /// The same with sums weighted by importance.
    #[must_use]
    pub(crate) fn with_weighted(self, weighted: Weighted) -> Self {
        Self { weighted, ..self }
    }

    /// Joins the sums of another range.
    pub(crate) fn add(&mut self, other: &Self) {
        self.elems += other.elems;
        self.sums.add(&other.sums);
        self.weighted.add(&other.weighted);
        if let Some(noise) = &other.noise {
            self.noise.get_or_insert_default().add(noise);
        }
    }

    /// Joins the sums of another tensor, if it lost anything: those of a whole output are over its tensors with loss. Which of the others are
    /// encoded at all depends on the source.
    pub(crate) fn add_tensor(&mut self, other: &Self) {
        if other.sums.error != 0.0 {
            self.add(other);
        }
    }

    /// Root mean square error.
    pub(crate) fn rmse(&self) -> f64 {
        self.sums.rmse(self.elems)
    }

    /// Signal to quantization noise in dB: 10·log10(Σx² / Σ(x−y)²); `None` without error (infinite) or without signal.
    pub(crate) fn sqnr_db(&self) -> Option<f64> {
        self.sums.sqnr_db()
    }

    /// As [`ErrorStats::sqnr_db`], weighted by the importance of the columns; `None` where there is none, too.
    pub(crate) fn weighted_sqnr_db(&self) -> Option<f64> {
        let Weighted { error, source } = self.weighted;
        (error > 0.0 && source > 0.0).then(|| 10.0 * (source / error).log10())
    }

    /// The noise as a share of the signal, weighted by importance where there is one; 0 where there is no signal.
    pub(crate) fn relative(&self) -> f64 {
        let (error, source) = match self.weighted.is_none() {
            true => (self.sums.error, self.sums.source),
            false => (self.weighted.error, self.weighted.source),
        };
        if source > 0.0 { error / source } else { 0.0 }
    }

    /// Cosine similarity; 1 for two zero tensors.
    pub(crate) fn cosine(&self) -> f64 {
        self.sums.cosine()
    }

    /// How far the noise is below that of the reference's bytes, dB; `None` where nothing beyond them was searched, or where only
    /// the reference's bytes have noise (an infinite gain).
    pub(crate) fn gain_db(&self) -> Option<f64> {
        self.noise.and_then(|n| n.gain_db())
    }

    /// Largest absolute error.
    pub(crate) fn max_abs(&self) -> f64 {
        self.sums.max_abs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_known_pair() {
        let src: Vec<f32> = (0..2000).map(|i| (i % 7) as f32 - 3.0).collect();
        let out: Vec<f32> = src.iter().map(|v| v + 0.5).collect();
        let s = ErrorStats::compare(&src, &out);
        assert!((s.rmse() - 0.5).abs() < 1e-6);
        assert!((s.max_abs() - 0.5).abs() < 1e-6);
        let power = src.iter().map(|v| f64::from(v * v)).sum::<f64>() / 2000.0;
        assert!((s.sqnr_db().unwrap() - 10.0 * (power / 0.25).log10()).abs() < 1e-4);
        assert!(ErrorStats::compare(&src, &src).sqnr_db().is_none());
        assert_eq!(ErrorStats::compare(&src, &src).cosine(), 1.0);
    }

    #[test]
    fn importance_weighs_the_columns() {
        let (src, out) = ([1.0f32, 1.0, 2.0, 2.0], [1.5f32, 1.0, 2.0, 2.5]);
        let plain = ErrorStats::compare(&src, &out);
        assert_eq!((plain.relative(), plain.weighted_sqnr_db()), (0.05, None));
        let mut weighted = Weighted::default();
        weighted.add_row(&src[..2], &out[..2], &[3.0, 1.0]);
        weighted.add_row(&src[2..], &out[2..], &[1.0, 0.0]);
        let stats = plain.with_weighted(weighted);
        // 3·0.25 of 3 + 1 + 4.
        assert!((stats.relative() - 0.75 / 8.0).abs() < 1e-12, "{stats:?}");
        let mut both = stats;
        both.add(&stats);
        assert_eq!(both.weighted_sqnr_db(), stats.weighted_sqnr_db());
        let text = serde_json::to_string(&stats).unwrap();
        assert_eq!(serde_json::from_str::<ErrorStats>(&text).unwrap(), stats);
        assert!(!serde_json::to_string(&plain).unwrap().contains("weighted"));
    }

    #[test]
    fn chunks_add_up() {
        let src: Vec<f32> = (0..5000).map(|i| (i as f32).sin()).collect();
        let out: Vec<f32> = src.iter().map(|v| (v * 16.0).round() / 16.0).collect();
        let whole = ErrorStats::compare(&src, &out);
        let mut parts = ErrorStats::compare(&src[..1024], &out[..1024]);
        parts.add(&ErrorStats::compare(&src[1024..], &out[1024..]));
        assert!((whole.rmse() - parts.rmse()).abs() < 1e-12);
        assert_eq!(whole.max_abs(), parts.max_abs());
    }
}
