//! Histograms of streamed values, and the ranges that calibration chooses from them.
//!
//! A [`Histogram`] has bins of equal width around 0 and grows when values beyond it come; its memory is bounded. The methods are files: `percentile`,
//! `entropy` and `mse`. Collecting, percentiles and the reference's entropy give the numbers of ONNX Runtime 1.32 (`quantization/calibrate.py`).

#![cfg_attr(not(test), allow(dead_code, unused_imports, reason = "calibration of graphs uses it next"))]

mod collect;
mod entropy;
mod mse;
mod percentile;

pub(crate) use collect::{BINS, Histogram};
pub(crate) use entropy::{entropy, reference_entropy};
pub(crate) use mse::least_error;
pub(crate) use percentile::percentile;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_a_ramp_is_its_middle() {
        let values: Vec<f32> = (0..10_000).map(|i| i as f32 / 10_000.0).collect();
        let h = Histogram::of(&values, BINS);
        let (low, high) = percentile(&h, 0.0);
        assert!((low - 0.5).abs() < 2e-3 && (high - 0.5).abs() < 2e-3, "{low} {high}");
        let (low, high) = percentile(&h, 100.0);
        assert!(low == 0.0 && high > 0.998, "{low} {high}");
    }
}
