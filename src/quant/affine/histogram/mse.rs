//! The range with the least squared error of the quantized values.

use super::Histogram;
use crate::quant::affine::{Fit, Int, affine};

/// Ranges that are tried: this many hundredths of the values' own.
const SHARES: std::ops::RangeInclusive<u32> = 20..=100;
/// A range is taken only if its error is less than that of all values by this factor: the histogram knows errors only roughly.
const CLEAR: f64 = 0.98;

/// The range whose integers have the least squared error; that of all values if no other one is clearly better.
pub(crate) fn least_error(h: &Histogram, int: Int, fit: Fit) -> (f32, f32) {
    let whole = (h.min, h.max);
    let first = error(h, whole, int, fit);
    let scaled = |low: u32, high: u32| (h.min * low as f32 / 100.0, h.max * high as f32 / 100.0);
    let mut best = (first, (100, 100));
    let mut look = |pairs: &mut dyn Iterator<Item = (u32, u32)>| {
        for (low, high) in pairs {
            let e = error(h, scaled(low, high), int, fit);
            if e < best.0 {
                best = (e, (low, high));
            }
        }
        best.1
    };
    let (_, both) = look(&mut SHARES.map(|s| (s, s)));
    let (low, _) = look(&mut SHARES.map(|s| (s, both)));
    let (low, high) = look(&mut SHARES.map(|s| (low, s)));
    if best.0 < first * CLEAR { scaled(low, high) } else { whole }
}

/// The mean squared error of the middles of the bins.
fn error(h: &Histogram, (low, high): (f32, f32), int: Int, fit: Fit) -> f64 {
    let a = affine(low, high, int, fit);
    let (least, most) = int.limits();
    let (scale, zero) = (f64::from(a.scale), f64::from(a.zero_point));
    let (mut sum, mut total) = (0.0, 0u64);
    for (i, n) in h.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        // The outer bins hold no value beyond the ends.
        let v = h.center(i).clamp(f64::from(h.min), f64::from(h.max));
        let q = ((v / scale).round_ties_even() + zero).clamp(f64::from(least), f64::from(most));
        let e = (q - zero) * scale - v;
        sum += e * e * *n as f64;
        total += n;
    }
    if total == 0 { 0.0 } else { sum / total as f64 }
}
