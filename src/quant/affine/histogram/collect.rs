//! Collecting values.
//!
//! Source: `HistogramCollector.collect_value` of ONNX Runtime 1.32 and `numpy.histogram` with a range, in `f32`.

/// Bins that a histogram begins with.
pub(crate) const BINS: usize = 2048;
/// Larger values are counted in the outer bins: the distance of the edges has to be a number.
const MOST_LIMIT: f32 = f32::MAX / 4.0;
/// Bins that a histogram has at most.
const MOST_BINS: usize = 1 << 16;

/// How often values lie in each of many bins of equal width, from `-limit` to `limit`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    /// Values in each bin.
    pub counts: Vec<u64>,
    /// The outer edge of the last bin.
    pub limit: f32,
    /// The least value.
    pub min: f32,
    /// The largest value.
    pub max: f32,
}

impl Histogram {
    /// The histogram of some values. NaN are left out.
    pub(crate) fn of(values: &[f32], bins: usize) -> Self {
        let (min, max) = ends(values);
        let limit = max.abs().max(min.abs()).min(MOST_LIMIT);
        Self { counts: count(values, bins, limit), limit, min, max }
    }

    /// The histogram of no values yet, for values of which the least and the largest are known. What is [counted](Self::counted) is added to `counts`.
    pub(crate) fn within_range(min: f32, max: f32, bins: usize) -> Self {
        let limit = max.abs().max(min.abs()).min(MOST_LIMIT);
        Self { counts: vec![0; bins], limit, min, max }
    }

    /// How many of these values lie in each bin from `-limit` to `limit`. NaN and infinite values are left out.
    pub(crate) fn counted(values: &[f32], bins: usize, limit: f32) -> Vec<u64> {
        count(values, bins, limit)
    }

    /// Adds values. The bins keep their width; there are more if values lie beyond them.
    pub(crate) fn add(&mut self, values: &[f32]) {
        let (min, max) = ends(values);
        let limit = max.abs().max(min.abs()).min(MOST_LIMIT);
        let bins = self.counts.len();
        if limit <= self.limit {
            for (all, new) in self.counts.iter_mut().zip(count(values, bins, self.limit)) {
                *all += new;
            }
        } else if self.limit == 0.0 {
            let mut counts = count(values, bins, limit);
            counts.iter_mut().zip(&self.counts).for_each(|(new, old)| *new += old);
            self.counts = counts;
            self.limit = limit;
        } else {
            let stride = 2.0 * self.limit / bins as f32;
            let more = limit - self.limit;
            let half = (((more - more % stride) / stride).round() + 1.0).min(1e9) as usize;
            if bins / 2 + half > MOST_BINS / 2 {
                self.stretch(limit);
                return self.add(values);
            }
            let wider = half as f32 * stride + self.limit;
            let mut counts = count(values, bins + 2 * half, wider);
            counts[half..half + bins].iter_mut().zip(&self.counts).for_each(|(new, old)| *new += old);
            self.counts = counts;
            self.limit = wider;
        }
        (self.min, self.max) = (self.min.min(min), self.max.max(max));
    }

    /// Gives the bins a new outer edge, where bins of the old width would be too many; what was counted goes to the bins in which it lies now.
    fn stretch(&mut self, limit: f32) {
        let old = self.clone();
        let bins = MOST_BINS / 4;
        self.counts = vec![0; bins];
        for (i, n) in old.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let at = ((old.center(i) / f64::from(limit) + 1.0) / 2.0 * bins as f64) as usize;
            self.counts[at.min(bins - 1)] += n;
        }
        self.limit = limit;
    }

    /// Number of values.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The edges of the bins, one more than there are bins.
    pub(crate) fn edges(&self) -> Vec<f32> {
        edges(self.counts.len(), self.limit)
    }

    /// The middle of a bin.
    pub(crate) fn center(&self, bin: usize) -> f64 {
        let width = 2.0 * f64::from(self.limit) / self.counts.len() as f64;
        (bin as f64 + 0.5) * width - f64::from(self.limit)
    }

    /// A range that is not wider than the values.
    pub(super) fn within(&self, low: f32, high: f32) -> (f32, f32) {
        (if low < self.min { self.min } else { low }, if high > self.max { self.max } else { high })
    }
}

/// The least and the largest of values; 0 where there are none.
fn ends(values: &[f32]) -> (f32, f32) {
    let seen = values.iter().filter(|v| v.is_finite());
    let (min, max) = seen.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    if min > max { (0.0, 0.0) } else { (min, max) }
}

fn edges(bins: usize, limit: f32) -> Vec<f32> {
    // A range of no width is made one of width 1, as NumPy does.
    let limit = if limit == 0.0 { 0.5 } else { limit };
    let step = (limit + limit) / bins as f32;
    let mut edges: Vec<f32> = (0..=bins).map(|i| i as f32 * step - limit).collect();
    if let Some(last) = edges.last_mut() {
        *last = limit;
    }
    edges
}

fn count(values: &[f32], bins: usize, limit: f32) -> Vec<u64> {
    let edges = edges(bins, limit);
    let (first, last) = (edges[0], edges[bins]);
    let mut counts = vec![0u64; bins];
    for v in values.iter().filter(|v| v.is_finite()).map(|v| v.clamp(first, last)) {
        let mut i = (((v - first) / (last - first)) * bins as f32) as usize;
        i = i.min(bins - 1);
        // The quotient may be off by one near an edge.
        if v < edges[i] {
            i -= 1;
        } else if v >= edges[i + 1] && i + 1 < bins {
            i += 1;
        }
        counts[i] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut h = Histogram::of(&[1e-3, -2e-3, 5e-4], BINS);
        for v in [1.0f32, 10.0, 1e6, 3e38] {
            h.add(&[v, -v / 3.0]);
            assert!(h.counts.len() <= MOST_BINS && h.counts.len().is_multiple_of(2), "{v}: {}", h.counts.len());
        }
        assert_eq!((h.total(), h.max), (11, 3e38));
        h.add(&[f32::NAN, f32::INFINITY]);
        assert_eq!(h.total(), 11);
    }

    #[test]
    fn values_beyond_the_bins_get_bins_of_the_same_width() {
        let mut h = Histogram::of(&[-1.0, 0.25, 0.5], 8);
        assert_eq!((h.counts.as_slice(), h.limit), ([1, 0, 0, 0, 0, 1, 1, 0].as_slice(), 1.0));
        h.add(&[1.3]);
        assert_eq!((h.counts.len(), h.limit), (12, 1.5));
        assert_eq!(h.counts, [0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1]);
        assert_eq!(Histogram::of(&[], 4).counts, [0; 4]);
    }
}
