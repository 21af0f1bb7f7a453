//! Errors of a range of elements: sums that add up, and the figures made of them.

use crate::quant::Sums;
use serde::{Deserialize, Serialize};

/// How much two tensors have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sameness {
    /// Values differ.
    Differs,
    /// The same values in other bytes: bf16 kept as f32.
    Exact,
    /// The same bytes.
    Identical,
}

/// Errors over a number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Elements compared.
    pub elems: u64,
    /// What they have in common.
    pub same: Sameness,
    /// Root mean square error; absent when a value is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Signal to noise, dB, of several tensors over those with an error; absent without error (infinite) and without signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqnr_db: Option<f64>,
    /// Cosine similarity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f64>,
    /// Largest absolute error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_abs: Option<f64>,
}

impl Figures {
    /// True when nothing was lost.
    pub(crate) fn lossless(&self) -> bool {
        self.same != Sameness::Differs
    }

    /// True when one model has NaN or infinity where the other has another value, so that the error is undefined.
    pub(crate) fn broken(&self) -> bool {
        self.rmse.is_none()
    }

    /// The signal over the noise for people: `22.9 dB`, or why there is no number.
    pub(crate) fn quality(&self) -> String {
        match (self.same, self.sqnr_db) {
            _ if self.broken() => "not finite".to_owned(),
            (Sameness::Identical, _) => "identical".to_owned(),
            (Sameness::Exact, _) => "exact".to_owned(),
            (Sameness::Differs, Some(db)) => format!("{db:.1} dB").replace('-', "−"),
            (Sameness::Differs, None) => "no signal".to_owned(),
        }
    }

    /// A sort key: noise over signal, larger is worse; undefined is worst.
    pub(crate) fn badness(&self) -> f64 {
        match (self.broken(), self.lossless(), self.sqnr_db) {
            (true, ..) => f64::INFINITY,
            (_, true, _) => f64::NEG_INFINITY,
            (.., Some(db)) => -db,
            // An error where there is no signal.
            (.., None) => f64::MAX,
        }
    }
}

/// Sums under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    elems: u64,
    sums: Sums,
    /// Σx² of the baseline over the tensors with an error.
    signal: f64,
    identical: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Self { elems: 0, sums: Sums::default(), signal: 0.0, identical: true }
    }
}

impl Tally {
    /// Two slices of values whose bytes differ.
    pub(crate) fn of(baseline: &[f32], other: &[f32]) -> Self {
        let sums = Sums::of(baseline, other);
        Self { elems: baseline.len() as u64, sums, signal: sums.source, identical: false }
    }

    /// Equal bytes: no error, whatever the values are. `power` is Σx² of them.
    pub(crate) fn identical(elems: u64, power: f64) -> Self {
        let sums = Sums { error: 0.0, source: power, output: power, max_abs: 0.0 };
        Self { elems, sums, signal: power, identical: true }
    }

    /// The noise as a share of the signal; 0 where there is no signal.
    pub(crate) fn relative(&self) -> f64 {
        if self.sums.source > 0.0 { self.sums.error / self.sums.source } else { 0.0 }
    }

    /// Joins another range of the same tensor.
    pub(crate) fn add(&mut self, other: &Self) {
        self.elems += other.elems;
        self.sums.add(&other.sums);
        self.signal += other.signal;
        self.identical &= other.identical;
    }

    /// Joins another tensor. Without an error it adds nothing to the signal that errors are compared with, as in the report of a run.
    pub(crate) fn add_tensor(&mut self, other: &Self) {
        let signal = if other.sums.error == 0.0 { 0.0 } else { other.signal };
        self.add(&Self { signal, ..*other });
    }

    /// The figures of what was joined.
    pub(crate) fn figures(&self) -> Figures {
        let s = &self.sums;
        let same = match (self.identical, s.error == 0.0) {
            (true, _) => Sameness::Identical,
            (_, true) => Sameness::Exact,
            _ => Sameness::Differs,
        };
        let finite = s.error.is_finite();
        // The sums are exact to about 1e-6; a cosine above 1 would be their rounding.
        let finite_only = |v: f64| finite.then_some(v);
        Figures {
            elems: self.elems,
            same,
            rmse: finite_only(s.rmse(self.elems)),
            sqnr_db: if finite { Sums { source: self.signal, ..*s }.sqnr_db() } else { None },
            cosine: finite_only(s.cosine().clamp(-1.0, 1.0)),
            max_abs: finite_only(s.max_abs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_errors_have_known_figures() {
        let x: Vec<f32> = (0..4096).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let y: Vec<f32> = x.iter().map(|v| v * 0.9).collect();
        let f = Tally::of(&x, &y).figures();
        assert!((f.rmse.unwrap() - 0.1).abs() < 1e-6);
        assert!((f.sqnr_db.unwrap() - 20.0).abs() < 1e-4);
        assert!((f.cosine.unwrap() - 1.0).abs() < 1e-6, "a smaller copy points the same way");
        assert!((f.max_abs.unwrap() - 0.1).abs() < 1e-6);
        assert_eq!(f.same, Sameness::Differs);
    }

    #[test]
    fn equal_values_and_equal_bytes_are_distinguished() {
        let x = [1.0f32, 2.0, 3.0];
        let exact = Tally::of(&x, &x);
        let mut whole = Tally::identical(3, 14.0);
        assert_eq!(whole.figures().same, Sameness::Identical);
        whole.add(&exact);
        assert_eq!((whole.figures().same, whole.figures().elems), (Sameness::Exact, 6));
        assert!(whole.figures().lossless() && whole.figures().sqnr_db.is_none());
    }

    #[test]
    fn what_is_not_finite_is_no_lossless_copy() {
        for bad in [f32::NAN, f32::INFINITY] {
            let f = Tally::of(&[1.0, 2.0], &[1.0, bad]).figures();
            assert!(f.broken() && !f.lossless(), "{bad}: {f:?}");
            assert!(f.badness() > Tally::of(&[1.0], &[-9.0]).figures().badness());
        }
    }
}
