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
}

impl ErrorStats {
    /// Compares source values with what the encoded bytes decode to. Both slices have the same length.
    pub(crate) fn compare(src: &[f32], out: &[f32]) -> Self {
        Self { elems: src.len() as u64, sums: Sums::of(src, out), noise: None }
    }

    /// The same with the noise of a search beyond the reference.
    #[must_use]
    pub(crate) fn with_noise(self, noise: Option<Noise>) -> Self {
        Self { noise, ..self }
    }

    /// Joins the sums of another range.
    pub(crate) fn add(&mut self, other: &Self) {
        self.elems += other.elems;
        self.sums.add(&other.sums);
        if let Some(noise) = &other.noise {
            self.noise.get_or_insert_default().add(noise);
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
