//! Histograms and ranges against the calibrators of ONNX Runtime 1.32, and a corrected divergence.

use super::*;
use crate::quant::affine::histogram::{BINS, Histogram, entropy, least_error, percentile, reference_entropy};
use crate::quant::affine::{Affine, Fit, Int, affine, quantize};

fn close(found: (f32, f32), wanted: &serde_json::Value) -> bool {
    let end = |v: f32, i: usize| (f64::from(v) - wanted[i].as_f64().unwrap()).abs() < 1e-6;
    end(found.0, 0) && end(found.1, 1)
}

fn number(value: &serde_json::Value) -> f32 {
    value.as_f64().unwrap() as f32
}

/// The histogram that golden thresholds were computed from: of all values at once.
fn golden_histogram(array: &npz::Array, wanted: &serde_json::Value) -> Histogram {
    let counts = array.bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b) as u64).collect();
    let (min, max) = (number(&wanted["min"]), number(&wanted["max"]));
    Histogram { counts, limit: max.abs().max(min.abs()), min, max }
}

#[test]
fn thresholds_are_those_of_the_reference() {
    let Some(golden) = shared("golden/graph/calib") else { return };
    let arrays = npz::read(&golden.join("calib_samples.npz"));
    let index = json(&golden.join("calib.json"));
    let mut wrong = Vec::new();
    for (name, wanted) in index["distributions"].as_object().unwrap() {
        let h = golden_histogram(&arrays[&format!("{name}.hist2048_one_batch")], wanted);
        let counts = h.counts.chunks(BINS / 128).map(|c| c.iter().sum()).collect();
        let small = Histogram { counts, ..h.clone() };
        for (key, found) in [
            ("ort_percentile_99.999", percentile(&h, 99.999)),
            ("ort_percentile_99.99", percentile(&h, 99.99)),
            ("ort_percentile_99.9", percentile(&h, 99.9)),
            ("ort_percentile_99.0", percentile(&h, 99.0)),
            ("kl_fixed_2048_128", entropy(&h)),
            ("ort_entropy_2048_128", reference_entropy(&h)),
            ("ort_entropy_128_128", reference_entropy(&small)),
        ] {
            if !close(found, &wanted[key]) {
                wrong.push(format!("{name}: {key} is {found:?} instead of {}", wanted[key]));
            }
        }
        // Entropy is another range than that of all values where there are tails.
        if name == "student3" || name == "laplace" {
            assert_ne!(entropy(&h), (h.min, h.max), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The mean squared error of values that were quantized and dequantized.
fn error(values: &[f32], a: Affine) -> f64 {
    let mut bytes = vec![0u8; values.len()];
    quantize(values, a, Int::U8, &mut bytes);
    let one =
        |(v, q): (&f32, &u8)| (f64::from(i32::from(*q) - a.zero_point) * f64::from(a.scale) - f64::from(*v)).powi(2);
    values.iter().zip(&bytes).map(one).sum::<f64>() / values.len() as f64
}

#[test]
fn the_range_of_least_error_is_never_worse_than_that_of_all_values() {
    let Some(golden) = shared("golden/graph/calib") else { return };
    let arrays = npz::read(&golden.join("calib_samples.npz"));
    let index = json(&golden.join("calib.json"));
    let mut narrower = 0;
    for (name, wanted) in index["distributions"].as_object().unwrap() {
        let samples = arrays[name].floats();
        let h = Histogram::of(&samples, BINS);
        let of = |(low, high): (f32, f32)| error(&samples, affine(low, high, Int::U8, Fit::default()));
        let (all, least) = (of((h.min, h.max)), of(least_error(&h, Int::U8, Fit::default())));
        assert!(least <= all, "{name}: {least} and {all}");
        let whole = golden_histogram(&arrays[&format!("{name}.hist2048_one_batch")], wanted);
        let range = least_error(&whole, Int::U8, Fit::default());
        narrower += usize::from(range != (whole.min, whole.max));
    }
    assert!(narrower >= 3, "{narrower} of the distributions have tails that are better cut off");
}

#[test]
fn batches_give_the_counts_of_all_values_together() {
    let Some(golden) = shared("golden/graph/calib") else { return };
    let arrays = npz::read(&golden.join("calib_samples.npz"));
    for name in ["normal", "student3", "outlier", "constant", "zeros"] {
        let samples = arrays[name].floats();
        let mut h = Histogram::of(&samples[..100], BINS);
        samples[100..].chunks(333).for_each(|c| h.add(c));
        assert_eq!(h.total(), samples.len() as u64, "{name}");
        // Each value is in the bin whose edges are around it.
        let edges = h.edges();
        let below = |v: f32| samples.iter().filter(|s| **s < v).count() as u64;
        let middle = h.counts.len() / 2;
        assert_eq!(h.counts[..middle].iter().sum::<u64>(), below(edges[middle]), "{name}");
    }
}
