//! The figures over all scored positions, defined as llama-perplexity defines them, but in f64.

use super::{Against, Position, Positions, TOP};

/// Below this number llama-perplexity gives no uncertainty of a mean.
const FEWEST: usize = 10;

/// A value and its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Estimate {
    /// The value.
    pub value: f64,
    /// One standard error; absent where it is not defined.
    pub uncertainty: Option<f64>,
}

impl Estimate {
    /// A value without an uncertainty.
    pub(crate) const fn plain(value: f64) -> Self {
        Self { value, uncertainty: None }
    }

    fn scaled(self, by: f64) -> Self {
        Self { value: self.value * by, uncertainty: self.uncertainty.map(|u| u * by) }
    }

    /// `count` of `n` in percent.
    pub(crate) fn percent(count: usize, n: usize) -> Self {
        Self::share(count, n).scaled(100.0)
    }

    /// Of a share of `n`.
    fn share(count: usize, n: usize) -> Self {
        let p = count as f64 / n.max(1) as f64;
        // Where all are equal, the formula gives an error of zero, which no sample has.
        let uncertainty = (n > 1 && count > 0 && count < n).then(|| (p * (1.0 - p) / (n - 1) as f64).sqrt());
        Self { value: p, uncertainty }
    }
}

/// A figure by the name that it has in events and conditions.
type Figure = (&'static str, Estimate);

/// The figures of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::quality) struct Summary {
    /// Positions.
    pub(in crate::quality) count: usize,
    /// In the order of the table of metrics.
    pub(in crate::quality) figures: Vec<Figure>,
}

/// Mean, its variance and the values, of one quantity.
struct Mean {
    mean: f64,
    /// Variance of the mean.
    variance: f64,
}

impl Mean {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count();
        let mean = values.clone().sum::<f64>() / n.max(1) as f64;
        // The square of deviations: the difference of two large sums that llama-perplexity has loses digits.
        let square = values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / n.max(1) as f64;
        Self { mean, variance: if n > FEWEST { square / (n - 1) as f64 } else { f64::NAN } }
    }

    fn error(&self) -> Option<f64> {
        Some(self.variance.sqrt()).filter(|e| e.is_finite())
    }

    fn estimate(&self) -> Estimate {
        Estimate { value: self.mean, uncertainty: self.error() }
    }
}

/// The value below which `fraction` of the sorted values are, interpolated between neighbours.
fn percentile(sorted: &[f64], fraction: f64) -> f64 {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return f64::NAN };
    let place = fraction * (sorted.len() - 1) as f64;
    if place <= 0.0 {
        return *first;
    }
    let below = place as usize;
    let part = place - below as f64;
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(a), Some(b)) => a * (1.0 - part) + b * part,
        _ => *last,
    }
}

impl Positions {
    /// The figures; those against the baseline where all positions have one.
    pub(in crate::quality) fn summary(&self) -> Summary {
        let n = self.0.len();
        let nll = Mean::of(self.0.iter().map(|p| p.nll));
        let right = self.0.iter().filter(|p| p.right).count();
        let mut figures = vec![
            ("perplexity", exponential(nll.mean, nll.error())),
            ("top1_accuracy", Estimate::share(right, n).scaled(100.0)),
        ];
        let pairs: Option<Vec<(&Position, &Against)>> =
            self.0.iter().map(|p| p.against.as_ref().map(|a| (p, a))).collect();
        if let Some(pairs) = pairs.filter(|pairs| !pairs.is_empty()) {
            figures.extend(compared(&pairs, &nll));
        }
        Summary { count: n, figures }
    }
}

fn exponential(log: f64, error: Option<f64>) -> Estimate {
    Estimate { value: log.exp(), uncertainty: error.map(|e| log.exp() * e) }
}

fn compared(pairs: &[(&Position, &Against)], nll: &Mean) -> Vec<Figure> {
    let n = pairs.len();
    let base = Mean::of(pairs.iter().map(|(_, a)| a.nll));
    let covariance = pairs.iter().map(|(p, a)| (p.nll - nll.mean) * (a.nll - base.mean)).sum::<f64>() / n as f64;
    let covariance = if n > FEWEST { covariance / (n - 1) as f64 } else { f64::NAN };
    let ratio = nll.mean - base.mean;
    // Rounding must not make an error of no difference imaginary.
    let ratio_error =
        Some((nll.variance + base.variance - 2.0 * covariance).max(0.0).sqrt()).filter(|_| covariance.is_finite());
    let correlation = covariance / (nll.variance * base.variance).sqrt();
    let (ppl, ppl_base) = (nll.mean.exp(), base.mean.exp());
    let difference_error =
        ppl * ppl * nll.variance + ppl_base * ppl_base * base.variance - 2.0 * ppl * ppl_base * covariance;
    let mut klds: Vec<f64> = pairs.iter().map(|(_, a)| a.kld).collect();
    let kld = Mean::of(klds.iter().copied());
    klds.sort_by(f64::total_cmp);
    let delta = pairs.iter().map(|(p, a)| (-p.nll).exp() - (-a.nll).exp());
    let delta_mean = Mean::of(delta.clone()).estimate().scaled(100.0);
    let square = Mean::of(delta.map(|d| d * d));
    let rms = square.mean.sqrt();
    let rms_error = square.error().map(|e| if rms > 0.0 { 0.5 / rms * e } else { 0.0 });
    let agree =
        |k: usize| Estimate::share(pairs.iter().filter(|(_, a)| usize::from(a.same) >= k).count(), n).scaled(100.0);
    let flips = pairs.iter().filter(|(p, a)| p.right != a.right).count();
    let at = |fraction: f64| Estimate::plain(percentile(&klds, fraction));
    const AGREEMENTS: [&str; TOP] =
        ["top1_agreement", "top2_agreement", "top3_agreement", "top4_agreement", "top5_agreement"];
    let mut figures = vec![
        ("perplexity_baseline", exponential(base.mean, base.error())),
        ("ppl_ratio", exponential(ratio, ratio_error)),
        (
            "ppl_difference",
            Estimate {
                value: ppl - ppl_base,
                uncertainty: Some(difference_error.max(0.0).sqrt()).filter(|_| difference_error.is_finite()),
            },
        ),
        ("ln_ppl_ratio", Estimate { value: ratio, uncertainty: ratio_error }),
    ];
    if correlation.is_finite() {
        figures.push(("ppl_correlation", Estimate::plain(100.0 * correlation)));
    }
    figures.extend([
        ("kld_mean", kld.estimate()),
        ("kld_max", at(1.0)),
        ("kld_p999", at(0.999)),
        ("kld_p99", at(0.99)),
        ("kld_p95", at(0.95)),
        ("kld_p90", at(0.9)),
        ("kld_median", at(0.5)),
        ("kld_min", at(0.0)),
        ("delta_p_mean", delta_mean),
        ("delta_p_rms", Estimate { value: rms, uncertainty: rms_error }.scaled(100.0)),
    ]);
    figures.extend(AGREEMENTS.iter().enumerate().map(|(i, name)| (*name, agree(i + 1))));
    figures.push(("flips", Estimate::share(flips, n).scaled(100.0)));
    figures
}

#[cfg(test)]
impl Summary {
    /// A figure by name.
    pub(in crate::quality) fn get(&self, name: &str) -> Option<Estimate> {
        self.figures.iter().find(|(n, _)| *n == name).map(|(_, e)| *e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(nll: f64, base: f64, kld: f64, same: u8) -> Position {
        Position { nll, right: nll < 0.7, against: Some(Against { nll: base, right: base < 0.7, kld, same }) }
    }

    #[test]
    fn figures_are_those_of_the_definitions() {
        let all: Vec<Position> = (0..1000)
            .map(|i| {
                position(f64::from(i % 7), f64::from(i % 7) + f64::from(i % 3) * 0.01, f64::from(i), (i % 6) as u8)
            })
            .collect();
        let s = Positions(all.clone()).summary();
        let get = |name: &str| s.get(name).unwrap();
        let n = all.len() as f64;
        let mean = all.iter().map(|p| p.nll).sum::<f64>() / n;
        let square = all.iter().map(|p| p.nll * p.nll).sum::<f64>() / n;
        let error = ((square - mean * mean) / (n - 1.0)).sqrt();
        assert!((get("perplexity").value - mean.exp()).abs() < 1e-9);
        assert!((get("perplexity").uncertainty.unwrap() - mean.exp() * error).abs() < 1e-9);
        assert_eq!(get("kld_mean").value, 499.5);
        assert_eq!((get("kld_max").value, get("kld_min").value, get("kld_median").value), (999.0, 0.0, 499.5));
        assert!((get("kld_p999").value - 998.001).abs() < 1e-9);
        assert!((get("kld_p90").value - 899.1).abs() < 1e-9);
        // i % 6 = 5 in 166 of 1000.
        assert!((get("top5_agreement").value - 16.6).abs() < 1e-9);
        let p: f64 = 1.0 - 0.167;
        assert!((get("top1_agreement").value - 100.0 * p).abs() < 1e-9);
        assert!((get("top1_agreement").uncertainty.unwrap() - 100.0 * (p * (1.0 - p) / 999.0).sqrt()).abs() < 1e-9);
        assert!(get("ppl_correlation").value > 99.9);
        assert!((get("ln_ppl_ratio").value + 0.00999).abs() < 1e-9, "{:?}", get("ln_ppl_ratio"));
        assert_eq!(get("flips").value, 0.0);
    }

    #[test]
    fn few_positions_have_no_uncertainty() {
        let s = Positions(vec![position(1.0, 1.0, 0.0, 5); 3]).summary();
        assert_eq!(s.get("kld_mean"), Some(Estimate::plain(0.0)));
        assert_eq!(s.get("ppl_correlation"), None);
        assert_eq!(Positions::default().summary().count, 0);
        let alone = Positions(vec![Position { nll: 1.0, right: true, against: None }; 20]).summary();
        assert_eq!(alone.get("kld_mean"), None);
        assert_eq!(alone.get("top1_accuracy"), Some(Estimate::plain(100.0)), "all are right: no error is known");
        assert_eq!(Estimate::percent(0, 3), Estimate::plain(0.0));
        assert!(Estimate::percent(2, 3).uncertainty.is_some_and(|u| u > 30.0));
    }
}
