//! The range that holds all but a share of the values.
//!
//! Source: `compute_percentile` of ONNX Runtime 1.32.

use super::Histogram;

/// The range with `percent` of the values, the same share being left out at each end. Never wider than the values.
pub(crate) fn percentile(h: &Histogram, percent: f64) -> (f32, f32) {
    let total = h.total();
    if total == 0 {
        return (h.min, h.max);
    }
    let mut sum = 0.0;
    let cumulated: Vec<f64> = h
        .counts
        .iter()
        .map(|n| {
            sum += *n as f64 / total as f64;
            sum
        })
        .collect();
    let cut = (100.0 - percent) / 200.0;
    let edges = h.edges();
    let edge = |share: f64| edges[cumulated.partition_point(|c| *c < share).min(edges.len() - 1)];
    h.within(edge(cut), edge(1.0 - cut))
}
