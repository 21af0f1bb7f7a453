//! Scales of axes: from values to coordinates, with ticks at round values.

/// From values to coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The least and the largest value, or their logarithms.
    domain: (f64, f64),
    /// Their coordinates.
    range: (f64, f64),
    log: bool,
}

impl Scale {
    /// Over these values, with a margin of a twentieth on both sides. A `log` scale takes positive values only.
    pub(super) fn over(values: impl Iterator<Item = f64>, log: bool, range: (f64, f64)) -> Self {
        let usable = values.filter(|v| v.is_finite() && (!log || *v > 0.0)).map(|v| if log { v.log10() } else { v });
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let margin = match high - low {
            // One value: some room around it.
            d if d <= 0.0 && log => 0.5,
            d if d <= 0.0 => (low.abs() * 0.1).max(1e-3),
            d => d * 0.06,
        };
        Self { domain: (low - margin, high + margin), range, log }
    }

    /// The same without a margin, between two values.
    pub(super) fn between(low: f64, high: f64, range: (f64, f64)) -> Self {
        Self { domain: (low, if high > low { high } else { low + 1.0 }), range, log: false }
    }

    /// The coordinate of a value; values outside are at the ends.
    pub(super) fn at(&self, value: f64) -> f64 {
        let v = match (self.log, value > 0.0) {
            (true, true) => value.log10(),
            (true, false) => f64::NEG_INFINITY,
            (false, _) => value,
        };
        let (low, high) = self.domain;
        let share = ((v - low) / (high - low)).clamp(0.0, 1.0);
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// Round values within the scale, about as many as asked for.
    pub(super) fn ticks(&self, about: usize) -> Vec<f64> {
        if self.log { self.log_ticks(about) } else { linear_ticks(self.domain.0, self.domain.1, about) }
    }

    fn log_ticks(&self, about: usize) -> Vec<f64> {
        let (low, high) = self.domain;
        let decades = (low.floor() as i32)..=(high.ceil() as i32);
        let all = |digits: &[f64]| -> Vec<f64> {
            let of = |d: i32| digits.iter().map(move |m| m * 10f64.powi(d));
            // Rounding must not lose a tick at the end.
            decades.clone().flat_map(of).filter(|v| v.log10() >= low - 1e-9 && v.log10() <= high + 1e-9).collect()
        };
        let tries: [&[f64]; 3] = [&[1.0], &[1.0, 3.0], &[1.0, 2.0, 5.0]];
        let enough = tries.iter().map(|digits| all(digits)).find(|t| t.len() * 2 > about);
        enough.unwrap_or_else(|| match all(tries[2]) {
            few if few.len() > 1 => few,
            // Less than a decade: round steps of the values themselves.
            _ => linear_ticks(10f64.powf(low), 10f64.powf(high), about),
        })
    }
}

/// Multiples of 1, 2, 2.5 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, about: usize) -> Vec<f64> {
    let step = step((high - low) / about.max(1) as f64);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last.min(first + 100)).map(|i| i as f64 * step).collect()
}

/// The round step that is at least `least`.
pub(super) fn step(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let digit = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|d| d * power >= least * (1.0 - 1e-9)).unwrap_or(10.0);
    digit * power
}

/// A tick's value: no more digits than it needs.
pub(super) fn label(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&value.abs()) {
        return format!("{value:e}").replace('-', "−");
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let s = Scale::over([0.0, 97.0].into_iter(), false, (0.0, 100.0));
        assert_eq!(s.ticks(5), [0.0, 25.0, 50.0, 75.0, 100.0]);
        let s = Scale::over([0.0001, 0.04].into_iter(), true, (100.0, 0.0));
        assert_eq!(s.ticks(5).iter().map(|v| label(*v)).collect::<Vec<_>>(), ["0.0001", "0.001", "0.01"]);
        // Within one decade.
        let s = Scale::over([0.0021, 0.0026].into_iter(), true, (100.0, 0.0));
        assert!(s.ticks(5).len() >= 2, "{:?}", s.ticks(5));
        assert!(s.ticks(5).iter().all(|t| *t > 0.002 && *t < 0.0027), "{:?}", s.ticks(5));
        assert_eq!((step(0.3), step(7.0), step(0.2), step(f64::NAN)), (0.5, 10.0, 0.2, 1.0));
    }

    #[test]
    fn coordinates_follow_values() {
        let s = Scale::between(0.0, 4.0, (10.0, 50.0));
        assert_eq!((s.at(0.0), s.at(2.0), s.at(4.0), s.at(9.0)), (10.0, 30.0, 50.0, 50.0));
        let s = Scale::over([1.0, 100.0].into_iter(), true, (100.0, 0.0));
        assert!((s.at(10.0) - 50.0).abs() < 1e-9);
        assert_eq!(s.at(0.0), 100.0, "what has no logarithm is at the low end");
        // Nothing, one value, and values that are not numbers.
        for values in [vec![], vec![3.0], vec![f64::NAN, f64::INFINITY]] {
            for log in [false, true] {
                let s = Scale::over(values.iter().copied(), log, (0.0, 10.0));
                assert!(s.at(3.0).is_finite() && !s.ticks(4).is_empty(), "{values:?} {log}: {s:?}");
            }
        }
    }

    #[test]
    fn labels_have_no_needless_digits() {
        let cases = [(0.0, "0"), (0.002, "0.002"), (25.0, "25"), (-2.5, "−2.5"), (1e-5, "1e−5"), (2e7, "2e7")];
        for (value, text) in cases {
            assert_eq!(label(value), text);
        }
    }
}
