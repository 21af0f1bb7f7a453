//! How far apart two rows of numbers are: the sums behind every measure of error.

use super::simd::{Isa, Kernel, Lanes, at_best};

/// Sums over pairs of a source value x and what its encoding decodes to, y.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sums {
    /// Σ(x − y)²
    pub(crate) error: f64,
    /// Σx²
    pub(crate) source: f64,
    /// Σy²
    pub(crate) output: f64,
    /// The largest |x − y|.
    pub(crate) max_abs: f64,
}

/// Lanes of the sums on every machine, so that the result is the same on all.
const LANES: usize = 16;
/// Elements summed in `f32` lanes before they are added to the `f64` totals: keeps the relative error of the sums near 1e-6.
const BLOCK: usize = 1024;

impl Sums {
    /// The sums over two slices of the same length; elements beyond the shorter one are ignored.
    pub(crate) fn of(source: &[f32], output: &[f32]) -> Self {
        let mut sums = Self::default();
        let n = source.len().min(output.len());
        at_best(Compare { source: &source[..n], output: &output[..n], sums: &mut sums });
        sums
    }

    /// Error and signal of `elems` elements, from the figures that [`Self::rmse`] and [`Self::sqnr_db`] gave for them.
    pub(crate) fn from_figures(elems: u64, rmse: f64, sqnr_db: f64) -> Self {
        let error = rmse * rmse * elems as f64;
        Self { error, source: error * 10f64.powf(sqnr_db / 10.0), ..Self::default() }
    }

    /// Takes error and signal of a range away again.
    pub(crate) fn remove(&mut self, other: &Self) {
        self.error = (self.error - other.error).max(0.0);
        self.source = (self.source - other.source).max(0.0);
    }

    /// Adds the sums of another range.
    pub(crate) fn add(&mut self, other: &Self) {
        self.error += other.error;
        self.source += other.source;
        self.output += other.output;
        self.max_abs = self.max_abs.max(other.max_abs);
    }

    /// Σxy, which follows from the other sums.
    pub(crate) fn dot(&self) -> f64 {
        (self.source + self.output - self.error) / 2.0
    }

    /// Root mean square error of `elems` pairs; 0 for none.
    pub(crate) fn rmse(&self, elems: u64) -> f64 {
        if elems == 0 { 0.0 } else { (self.error / elems as f64).sqrt() }
    }

    /// Signal to noise in dB: 10·log10(Σx² / Σ(x−y)²); `None` without error (infinite) or without signal.
    pub(crate) fn sqnr_db(&self) -> Option<f64> {
        (self.error > 0.0 && self.source > 0.0).then(|| 10.0 * (self.source / self.error).log10())
    }

    /// Cosine similarity; 1 for two rows of zeros.
    pub(crate) fn cosine(&self) -> f64 {
        if self.error == 0.0 {
            1.0
        } else {
            self.dot() / (self.source.sqrt() * self.output.sqrt()).max(f64::MIN_POSITIVE)
        }
    }
}

struct Compare<'a> {
    source: &'a [f32],
    output: &'a [f32],
    sums: &'a mut Sums,
}

impl Kernel for Compare<'_> {
    #[inline(always)]
    fn run<S: Isa>(self, isa: S) {
        let s = isa.near();
        let zero = s.splat(0.0);
        for (x, y) in self.source.chunks(BLOCK).zip(self.output.chunks(BLOCK)) {
            let (mut error, mut source, mut output, mut largest) = (zero, zero, zero, zero);
            let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
            let (mut x_last, mut y_last) = ([0.0; LANES], [0.0; LANES]);
            x_last[..x_rest.len()].copy_from_slice(x_rest);
            y_last[..y_rest.len()].copy_from_slice(y_rest);
            let last = (!x_rest.is_empty()).then_some((&x_last, &y_last));
            for (x, y) in xs.iter().zip(ys).chain(last) {
                let (x, y) = (s.load(x), s.load(y));
                let e = x - y;
                error = error + e * e;
                source = source + x * x;
                output = output + y * y;
                largest = e.abs().greater(largest);
            }
            let total = |lanes: <S::Near as Isa>::F| {
                let mut each = [0.0; LANES];
                lanes.store(&mut each);
                each.iter().map(|&v| f64::from(v)).sum::<f64>()
            };
            let block = Sums {
                error: total(error),
                source: total(source),
                output: total(output),
                max_abs: f64::from(largest.largest()),
            };
            self.sums.add(&block);
        }
    }
}

const _: () = assert!(<<super::simd::Portable as Isa>::Near as Isa>::F::N == LANES);

#[cfg(test)]
mod tests {
    use super::super::simd::{Level, run};
    use super::*;

    #[test]
    fn every_machine_finds_the_same_sums() {
        for n in [0, 1, 15, 16, 17, 1023, 1024, 5000] {
            let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
            let y: Vec<f32> = x.iter().map(|v| (v * 8.0).round() / 8.0).collect();
            let exact =
                |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(&y).map(|(&a, &b)| f(a.into(), b.into())).sum::<f64>();
            let found: Vec<Sums> = Level::available()
                .into_iter()
                .map(|level| {
                    let mut sums = Sums::default();
                    run(level, Compare { source: &x, output: &y, sums: &mut sums });
                    sums
                })
                .collect();
            assert!(found.iter().all(|s| *s == found[0]), "{n}: {found:?}");
            let near = |a: f64, b: f64| (a - b).abs() <= 2e-6 * b.abs();
            assert!(near(found[0].error, exact(&|a, b| (a - b) * (a - b))), "{n}");
            assert!(near(found[0].source, exact(&|a, _| a * a)), "{n}");
            assert!(near(found[0].output, exact(&|_, b| b * b)), "{n}");
            assert!(near(found[0].dot(), exact(&|a, b| a * b)), "{n}");
            let largest = x.iter().zip(&y).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert_eq!(found[0].max_abs, f64::from(largest), "{n}");
        }
    }
}
