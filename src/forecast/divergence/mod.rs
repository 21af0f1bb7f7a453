//! What each tensor costs the network in each type: the KL divergence of the network with that tensor alone in that type, on some tokens.
//!
//! The costs of several tensors add up well, so their sum is what a mix is chosen by. [`Divergences`] holds them, comes from and
//! goes to a file that can be shared, and predicts what was not measured: the divergence of a tensor grows with its relative noise, by
//! a factor that its measured types show. [`Divergences::measure`] fills it, most telling tensors first, until a limit of time.

mod check;
mod encoded;
mod file;
mod measure;

use super::{Score, Subject};
use crate::forward::Forward;
use crate::model::{Result, TensorEntry};
use crate::quant::{BlockType, Effort, Encoding};
use crate::task::Task;
use measure::Reference;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

pub(crate) use check::{CheckText, Checked, Tempering};
pub(crate) use file::{read, write};

/// Types that are measured first: their loss is neither lost in rounding nor so large that it is no longer proportional.
const PROBES: [BlockType; 4] = [BlockType::Q3_K, BlockType::Q4_K, BlockType::Q4_0, BlockType::IQ4_NL];

/// Parts of the depth of a network whose layers are taken for alike when there is no time for each.
const DEPTHS: u32 = 4;

/// Costs of tensors in types.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Divergences {
    /// What they were measured with.
    pub basis: Basis,
    /// By tensor: the hash of its sample, and the mean KL divergence in nats by type.
    tensors: BTreeMap<String, Measured>,
    /// Choices of types that were measured as a whole, on other tokens: by the hash of the choice and of those tokens.
    checks: BTreeMap<String, Checked>,
    /// The tokens of the latest checks: their hash and number.
    pub check_tokens: Option<(String, usize)>,
}

/// What costs were measured with: costs of another basis are not the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Basis {
    /// Name of the model, for people.
    pub model: String,
    /// Hash of the tokens.
    pub tokens_hash: String,
    /// Tokens the network saw.
    pub tokens: usize,
    /// Positions whose predictions were compared.
    pub positions: usize,
    /// Search for scales.
    pub effort: Effort,
    /// Seconds spent on measuring.
    pub seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Measured {
    /// Of the values, so that a changed tensor is measured again.
    hash: String,
    types: BTreeMap<Encoding, f64>,
}

/// How much was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// Pairs of a tensor and a type that were measured.
    pub measured: usize,
    /// All pairs.
    pub of: usize,
}

impl Divergences {
    /// Nothing measured yet.
    pub(crate) fn new(basis: Basis) -> Self {
        Self { basis, ..Self::default() }
    }

    /// The measured cost of a tensor in a type.
    pub(crate) fn get(&self, tensor: &str, encoding: Encoding) -> Option<f64> {
        self.tensors.get(tensor)?.types.get(&encoding).copied()
    }

    /// Forgets the costs of tensors whose values, or their importance, are not those that were measured.
    pub(crate) fn keep_current(&mut self, hash: &dyn Fn(&str) -> Option<String>) {
        self.tensors.retain(|name, measured| hash(name).is_some_and(|now| now == measured.hash));
    }

    /// Measures what is missing of `wanted`: each tensor in each of its types. `hashes` are the hashes of the tensors' samples. Stops when
    /// `limit` is over, with the most telling ones done. Progress counts pairs.
    ///
    /// # Errors
    /// Those of the forward pass; cancelled.
    pub(crate) fn measure(
        &mut self,
        forward: &Forward,
        sequences: Vec<Vec<u32>>,
        wanted: &[(Subject, Vec<Encoding>)],
        hash: &dyn Fn(&str) -> Option<String>,
        limit: Option<Duration>,
        how: Task<'_>,
    ) -> Result<Coverage> {
        let begun = Instant::now();
        for (subject, _) in wanted {
            let now = hash(&subject.entry.name).unwrap_or_default();
            let known = self.tensors.entry(subject.entry.name.to_string()).or_default();
            if known.hash != now {
                *known = Measured { hash: now, types: BTreeMap::new() };
            }
        }
        let jobs = in_order(wanted, forward.layers());
        let of = jobs.len();
        let missing = |all: &Self, (s, e): &(&Subject, Encoding)| all.get(&s.entry.name, *e).is_none();
        let todo: Vec<_> = jobs.into_iter().filter(|job| missing(self, job)).collect();
        let mut done = of - todo.len();
        if todo.is_empty() {
            return Ok(Coverage { measured: done, of });
        }
        if limit.is_some_and(|l| self.basis.seconds >= l.as_secs_f64()) {
            return Ok(Coverage { measured: done, of });
        }
        let reference = Reference::new(forward, sequences, how)?;
        self.basis.positions = reference.positions();
        let spent = self.basis.seconds;
        for (subject, encoding) in todo {
            // A second plan with the same limit has no time left, so that it comes to the same result.
            if limit.is_some_and(|l| spent + begun.elapsed().as_secs_f64() >= l.as_secs_f64()) {
                break;
            }
            let cost = reference.divergence(subject, encoding, self.basis.effort, how)?;
            if let Some(known) = self.tensors.get_mut(subject.entry.name.as_str()) {
                known.types.insert(encoding, cost);
            }
            done += 1;
            (how.progress)(done, of);
            self.basis.seconds = spent + begun.elapsed().as_secs_f64();
        }
        Ok(Coverage { measured: done, of })
    }

    /// The cost of a tensor in a type: as measured, else predicted from its relative noise and from what its other types, or the same kind
    /// of tensors, have cost for theirs. `noise` is the score of a tensor in a type. `None` if nothing is known.
    pub(crate) fn cost(
        &self,
        factors: &Factors,
        tensor: &TensorEntry,
        encoding: Encoding,
        score: &Score,
    ) -> Option<f64> {
        let measured = self.get(&tensor.name, encoding);
        measured.or_else(|| Some(factors.of(tensor)? * score.relative()))
    }

    /// As [`Divergences::cost`], under another assumption on how far single measurements can be trusted.
    pub(crate) fn tempered(
        &self,
        tempering: Tempering,
        factors: &Factors,
        tensor: &TensorEntry,
        encoding: Encoding,
        score: &Score,
    ) -> Option<f64> {
        let cost = self.cost(factors, tensor, encoding, score)?;
        let (smooth, weight) = match tempering {
            Tempering::Measured => return Some(cost),
            Tempering::Power(power) => return Some(cost.powf(power)),
            Tempering::Tensor(weight) => (factors.of(tensor)? * score.relative(), weight),
            Tempering::Kind(weight) => (factors.of_kind(tensor)? * score.relative(), weight),
        };
        if cost <= 0.0 || smooth <= 0.0 || !smooth.is_finite() {
            return Some(cost);
        }
        Some(cost.powf(1.0 - weight) * smooth.powf(weight))
    }

    /// What a unit of relative noise costs: of each tensor, of the tensors of its kind and depth, of its kind, and of all.
    pub(crate) fn factors<'s>(
        &self,
        tensors: impl Iterator<Item = &'s TensorEntry>,
        layers: u32,
        noise: &dyn Fn(&str, Encoding) -> Option<&'s Score>,
    ) -> Factors {
        let mut factors = Factors { layers, by: HashMap::new() };
        for tensor in tensors {
            let Some(measured) = self.tensors.get(tensor.name.as_str()) else { continue };
            for (encoding, cost) in &measured.types {
                let Some(score) = noise(&tensor.name, *encoding) else { continue };
                if score.relative() > 0.0 && *cost > 0.0 && cost.is_finite() {
                    let ratio = (cost / score.relative()).ln();
                    for key in keys(tensor, layers) {
                        let (sum, n) = factors.by.entry(key).or_default();
                        *sum += ratio;
                        *n += 1.0;
                    }
                }
            }
        }
        factors
    }
}

/// What a unit of relative noise costs.
pub(crate) struct Factors {
    layers: u32,
    /// Sum of logarithms, and how many.
    by: HashMap<String, (f64, f64)>,
}

impl Factors {
    fn of(&self, tensor: &TensorEntry) -> Option<f64> {
        let found = keys(tensor, self.layers).into_iter().find_map(|key| self.by.get(&key));
        found.map(|(sum, n)| (sum / n).exp())
    }

    /// Of the tensors of its kind at its depth, or of its kind.
    fn of_kind(&self, tensor: &TensorEntry) -> Option<f64> {
        let found = keys(tensor, self.layers).into_iter().skip(1).find_map(|key| self.by.get(&key));
        found.map(|(sum, n)| (sum / n).exp())
    }
}

/// A tensor, its kind at its depth, its kind, everything.
fn keys(tensor: &TensorEntry, layers: u32) -> [String; 4] {
    let kind = tensor.kind();
    [format!("t {}", tensor.name), format!("d {kind} {:?}", depth(tensor, layers)), format!("k {kind}"), String::new()]
}

fn depth(tensor: &TensorEntry, layers: u32) -> Option<u32> {
    tensor.layer().map(|l| l * DEPTHS / layers.max(1))
}

/// Every pair of a tensor and a type: first one type of one tensor of each kind and depth, then one type of each tensor, then the rest.
fn in_order(wanted: &[(Subject, Vec<Encoding>)], layers: u32) -> Vec<(&Subject, Encoding)> {
    let mut rounds: [Vec<(&Subject, Encoding)>; 3] = Default::default();
    let mut seen = std::collections::HashSet::new();
    for (subject, types) in wanted {
        let probe = PROBES.iter().map(|p| Encoding::from(*p)).find(|p| types.contains(p)).or(types.first().copied());
        let first = seen.insert((subject.entry.kind().to_owned(), depth(&subject.entry, layers)));
        for encoding in types {
            let round = match Some(*encoding) == probe {
                true if first => 0,
                true => 1,
                false => 2,
            };
            rounds[round].push((subject, *encoding));
        }
    }
    rounds.into_iter().flatten().collect()
}
