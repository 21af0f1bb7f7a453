//! Histograms and ranges against the calibrators of ONNX Runtime 1.32, and a corrected divergence.

use super::*;
use crate::quant::affine::histogram::{BINS, Histogram, entropy, least_error, percentile, reference_entropy};
use crate::quant::affine::{Affine, Fit, Int, affine, quantize};

fn close(found: (f32, f32), wanted: &serde_json::Value) -> bool {
    let end = |v: f32, i: usize| (f64::from(v) - wanted[i].as_f64().unwrap()).abs() < 1e-6;
    end(found.0, 0) && end(found.1, 1)
}

#[test]
fn thresholds_are_those_of_the_reference() {
    let Some(golden) = shared("golden/graph/calib") else { return };
    let arrays = npz::read(&golden.join("calib_samples.npz"));
    let index = json(&golden.join("calib.json"));
    let mut wrong = Vec::new();
    for (name, wanted) in index["distributions"].as_object().unwrap() {
        let samples = arrays[name].floats();
        // All at once: what the golden thresholds were computed from.
        let h = Histogram::of(&samples, BINS);
        let counts: Vec<u64> = ints(&arrays[&format!("{name}.hist2048_one_batch")]);
        if h.counts != counts {
            wrong.push(format!("{name}: counts"));
        }
        let small = Histogram::of(&samples, 128);
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
        // Batch after batch: bins are added.
        let sizes: Vec<u64> =
            arrays[&format!("{name}.batches")].bytes.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
        let mut h: Option<Histogram> = None;
        let mut at = 0;
        for size in sizes {
            let batch = &samples[at..at + size as usize];
            at += size as usize;
            match &mut h {
                None => h = Some(Histogram::of(batch, BINS)),
                Some(h) => h.add(batch),
            }
        }
        if h.unwrap().counts != ints(&arrays[&format!("{name}.hist")]) {
            wrong.push(format!("{name}: counts of batches"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn ints(array: &npz::Array) -> Vec<u64> {
    array.bytes.as_chunks().0.iter().map(|b| i32::from_le_bytes(*b) as u64).collect()
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
    for (name, wanted) in index["distributions"].as_object().unwrap() {
        let samples = arrays[name].floats();
        let h = Histogram::of(&samples, BINS);
        let of = |(low, high): (f32, f32)| error(&samples, affine(low, high, Int::U8, Fit::default()));
        let (all, least) = (of((h.min, h.max)), of(least_error(&h, Int::U8, Fit::default())));
        assert!(least <= all, "{name}: {least} and {all}");
        let theirs = wanted["quant_mse"]["mse_grid"].as_f64().unwrap();
        assert!(least <= theirs * 1.1, "{name}: {least} and {theirs}");
        // Entropy is another range than that of all values where there are tails.
        if name == "student3" || name == "laplace" {
            assert_ne!(entropy(&h), (h.min, h.max), "{name}");
        }
    }
}
