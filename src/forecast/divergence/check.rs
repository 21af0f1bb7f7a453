//! Choices of types measured as a whole, on tokens that no cost was measured on.
//!
//! Costs of single tensors decide which mixes are worth a look; which of them is taken is decided by what the network says with all its tensors
//! in the types of the mix. What was measured is kept under a hash of the choice, so that a second plan measures nothing.

use super::Divergences;
use super::measure::Reference;
use crate::forecast::Subject;
use crate::forward::Forward;
use crate::model::{ModelError, Result};
use crate::quant::Encoding;
use crate::task::Task;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// The KL divergence of a network with a choice of types from the network as it is, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// Mean over positions.
    pub mean: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// The value below which 99.9 % of the positions are.
    pub p999: f64,
    /// The largest.
    pub max: f64,
}

impl Checked {
    /// The figures of some positions. Percentiles are interpolated, as in llama-perplexity.
    fn of(mut each: Vec<f64>) -> Self {
        let n = each.len().max(1) as f64;
        let mean = each.iter().sum::<f64>() / n;
        let square = each.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        each.sort_by(f64::total_cmp);
        let place = 0.999 * each.len().saturating_sub(1) as f64;
        let at = |i: usize| each.get(i).or(each.last()).copied().unwrap_or(0.0);
        let part = place.fract();
        let p999 = at(place as usize) * (1.0 - part) + at(place as usize + 1) * part;
        let max = each.last().copied().unwrap_or(0.0);
        Self { mean: mean.max(0.0), error: (square / (n - 1.0).max(1.0)).sqrt(), p999, max }
    }

    /// True if all figures are numbers.
    fn is_sound(&self) -> bool {
        [self.mean, self.error, self.p999, self.max].iter().all(|v| v.is_finite())
    }
}

/// How far single measurements are trusted when a mix is chosen. Each gives another mix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tempering {
    /// As measured.
    Measured,
    /// The cost of a tensor to this power: above one, losses are spread more evenly.
    Power(f64),
    /// Between what was measured (0) and what the relative noise predicts by all types of the tensor (1).
    Tensor(f64),
    /// The same with all tensors of the kind at the same depth.
    Kind(f64),
}

impl Tempering {
    /// Those that are tried, the most promising first.
    pub(crate) const ALL: [Self; 7] = [
        Self::Measured,
        Self::Tensor(0.5),
        Self::Kind(0.35),
        Self::Power(1.1),
        Self::Tensor(1.0),
        Self::Power(0.9),
        Self::Kind(0.7),
    ];
}

/// The tokens of checks.
pub(crate) struct CheckText {
    /// Sequences, each from position 0.
    pub sequences: Vec<Vec<u32>>,
    /// Their hash.
    pub hash: String,
}

impl Divergences {
    /// What is known of a choice of types.
    pub(crate) fn checked(&self, key: &str) -> Option<Checked> {
        self.checks.get(key).copied()
    }

    /// The name of a choice of types on the tokens of `text`. `hash` gives the hash of a tensor's sample.
    pub(crate) fn check_key(
        &self,
        text: &str,
        changes: &[(Subject, Encoding)],
        hash: &dyn Fn(&str) -> Option<String>,
    ) -> String {
        let mut sum = Sha256::new();
        sum.update(text);
        sum.update(self.basis.effort.name());
        for (subject, encoding) in changes {
            for part in [subject.entry.name.as_str(), &hash(&subject.entry.name).unwrap_or_default(), encoding.name()] {
                sum.update((part.len() as u64).to_le_bytes());
                sum.update(part);
            }
        }
        sum.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect()
    }

    /// Measures choices of types that are not known yet. `least` of them are measured in any case, the others only until `limit` is over.
    /// Progress counts choices.
    ///
    /// # Errors
    /// Those of the forward pass; cancelled.
    pub(crate) fn check(
        &mut self,
        forward: &Forward,
        text: &CheckText,
        choices: &[(String, Vec<(Subject, Encoding)>)],
        (least, limit): (usize, Option<Duration>),
        how: Task<'_>,
    ) -> Result<()> {
        let begun = Instant::now();
        self.check_tokens = Some((text.hash.clone(), text.sequences.iter().map(Vec::len).sum()));
        let spent = self.basis.seconds;
        let is_over = |least: usize, number: usize, now: Duration| {
            number >= least && limit.is_some_and(|l| spent + now.as_secs_f64() >= l.as_secs_f64())
        };
        let mut reference = None;
        for (number, (key, changes)) in choices.iter().enumerate() {
            (how.progress)(number, choices.len());
            if self.checks.contains_key(key) {
                continue;
            }
            if is_over(least, number, begun.elapsed()) {
                break;
            }
            if reference.is_none() {
                reference = Some(Reference::new(forward, text.sequences.clone(), how)?);
            }
            let Some(reference) = &reference else { break };
            let checked = Checked::of(reference.whole(changes, self.basis.effort, how)?);
            if how.is_cancelled() {
                return Err(ModelError::request("cancelled while measuring"));
            }
            if checked.is_sound() {
                self.checks.insert(key.clone(), checked);
            }
            self.basis.seconds = spent + begun.elapsed().as_secs_f64();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_positions_are_those_of_llama_perplexity() {
        let checked = Checked::of((0..1000).rev().map(f64::from).collect());
        assert_eq!((checked.mean, checked.max), (499.5, 999.0));
        assert!((checked.p999 - 998.001).abs() < 1e-9, "{checked:?}");
        assert!((checked.error - (999_999.0f64 / 12.0 / 999.0).sqrt()).abs() < 1e-9, "{checked:?}");
        assert_eq!(Checked::of(Vec::new()).max, 0.0);
        assert!(!Checked::of(vec![1.0, f64::NAN]).is_sound());
    }
}
