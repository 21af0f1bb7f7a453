//! The measure of the curves, and the context of the memory figures.

use super::CompareState;
use crate::evaluate::Figures;

/// Contexts for the memory figures, after the default one.
const CONTEXTS: [u64; 4] = [8_192, 32_768, 131_072, 1_048_576];
/// Sums are exact to about 1e-6: less than the square of it between two directions is their rounding.
const MIN_COSINE: f64 = 1e-12;

/// What the curves over the layers show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Signal over error of the weights.
    #[default]
    Decibel,
    /// One less the cosine similarity.
    Cosine,
    /// Root mean square error.
    Rmse,
}

impl Measure {
    /// Its name on the screen.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Decibel => "weights dB",
            Self::Cosine => "1 − cosine",
            Self::Rmse => "RMSE",
        }
    }

    /// The one after it.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Decibel => Self::Cosine,
            Self::Cosine => Self::Rmse,
            Self::Rmse => Self::Decibel,
        }
    }

    /// True when the axis has a power of ten a step.
    pub(crate) fn is_logarithmic(self) -> bool {
        self != Self::Decibel
    }

    /// Height on the axis, up is better: dB, or how many powers of ten below one. Infinite where nothing was lost, nothing where it
    /// is undefined.
    pub(crate) fn height(self, f: &Figures) -> Option<f64> {
        if f.lossless() {
            return Some(f64::INFINITY);
        }
        match self {
            Self::Decibel => f.sqnr_db,
            Self::Cosine => f.cosine.map(|v| -(1.0 - v).max(MIN_COSINE).log10()),
            Self::Rmse => f.rmse.filter(|v| *v > 0.0).map(|v| -v.log10()),
        }
    }

    /// The label of the axis at a height.
    pub(crate) fn label(self, height: f64) -> String {
        match self.is_logarithmic() {
            true if height.round() == 0.0 => "1".to_owned(),
            true => format!("1e{:.0}", -height).replace('-', "−"),
            false => format!("{height:.0}"),
        }
    }

    /// The distance between two numbers on the axis, for values over this range: a power of ten, or so many dB that there are about five.
    pub(crate) fn step(self, range: f64) -> f64 {
        const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
        match self.is_logarithmic() {
            true => 1.0,
            false => STEPS.into_iter().find(|step| range <= 5.0 * step).unwrap_or(10.0),
        }
    }
}

impl CompareState {
    /// The contexts that any of the models can take; `None` is the default.
    pub(crate) fn contexts(&self) -> Vec<Option<u64>> {
        let Some(result) = &self.result else { return vec![None] };
        let can = result.comparison.variants.iter().filter_map(|v| v.facts.get("context length")?.parse::<u64>().ok());
        let most = can.max().unwrap_or(0);
        std::iter::once(None).chain(CONTEXTS.into_iter().filter(|c| *c <= most).map(Some)).collect()
    }

    /// Takes the next of them.
    pub(crate) fn turn_context(&mut self) {
        let all = self.contexts();
        let at = all.iter().position(|c| *c == self.context).unwrap_or(0);
        self.context = all[(at + 1) % all.len()];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Sameness;

    #[test]
    fn the_axis_follows_the_data() {
        assert_eq!([3.0, 8.0, 24.0, 200.0].map(|range| Measure::Decibel.step(range)), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(Measure::Rmse.step(0.1), 1.0);
    }

    #[test]
    fn up_is_better_in_every_measure() {
        let f = |rmse: f64| Figures {
            elems: 1,
            same: Sameness::Differs,
            rmse: Some(rmse),
            sqnr_db: Some(-20.0 * rmse.log10()),
            cosine: Some(1.0 - rmse),
            max_abs: Some(rmse),
        };
        let mut measure = Measure::default();
        for _ in 0..3 {
            assert!(measure.height(&f(0.001)).unwrap() > measure.height(&f(0.1)).unwrap(), "{measure:?}");
            assert_eq!(measure.height(&Figures { same: Sameness::Exact, ..f(0.1) }), Some(f64::INFINITY));
            measure = measure.next();
        }
        assert_eq!(measure, Measure::Decibel);
        assert_eq!((Measure::Rmse.label(3.0).as_str(), measure.label(20.0).as_str()), ("1e−3", "20"));
        assert_eq!(Measure::Rmse.label(0.0), "1");
        let broken = Figures { rmse: None, sqnr_db: None, cosine: None, ..f(0.1) };
        assert_eq!([Measure::Decibel, Measure::Cosine, Measure::Rmse].map(|m| m.height(&broken)), [None; 3]);
    }
}
