//! What each tensor costs the network in each type: the KL divergence of the network with that tensor alone in that type, on some tokens.
//!
//! The costs of several tensors add up well, so their sum is what a mix is chosen by. [`Divergences`] holds them, comes from and
//! goes to a file that can be shared, and predicts what was not measured: the divergence of a tensor grows with its relative noise, by
//! a factor that its measured types show. [`Divergences::measure`] fills it, most telling tensors first, until a limit of time. If that is too short
//! for all, tensors of one kind and depth are measured together first (`groups`), so that nothing is left without a measurement.

mod check;
mod encoded;
mod file;
mod groups;
mod measure;

use super::{Score, Subject};
use crate::forward::Forward;
use crate::model::{Result, TensorEntry};
use crate::quant::{BlockType, Effort, Encoding};
use crate::task::Task;
use groups::{Group, GroupCost};
use measure::Reference;
use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// Tensors of a kind, or of a kind at a depth, measured together, by the key of their factor.
    groups: BTreeMap<String, GroupCost>,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// Pairs of a tensor and a type that were measured.
    pub measured: usize,
    /// All pairs.
    pub of: usize,
    /// Groups of a kind at a depth that were measured, as a whole or by one of their tensors.
    pub groups: usize,
    /// All groups.
    pub of_groups: usize,
    /// Kinds that were measured as a whole.
    pub kinds: usize,
}

/// The time that measuring may take.
struct Clock {
    begun: Instant,
    /// Seconds that were spent before.
    spent: f64,
    limit: Option<f64>,
    passes: u32,
    /// Seconds of all passes.
    in_passes: f64,
}

impl Clock {
    fn new(spent: f64, limit: Option<Duration>) -> Self {
        Self { begun: Instant::now(), spent, limit: limit.map(|l| l.as_secs_f64()), passes: 0, in_passes: 0.0 }
    }

    fn seconds(&self) -> f64 {
        self.spent + self.begun.elapsed().as_secs_f64()
    }

    /// Seconds of a pass, as far as they are known.
    fn pass(&self) -> f64 {
        self.in_passes / f64::from(self.passes.max(1))
    }

    /// Times a pass.
    fn time<T>(&mut self, pass: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let done = pass()?;
        self.passes += 1;
        self.in_passes += begun.elapsed().as_secs_f64();
        Ok(done)
    }

    /// True if another pass would end after the limit rather than before it.
    fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.seconds() + self.pass() / 2.0 >= limit)
    }

    /// True if so many passes fit into the time that is left.
    fn has_time_for(&self, passes: usize) -> bool {
        self.limit.is_none_or(|limit| self.seconds() + self.pass() * passes as f64 <= limit)
    }
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
        self.groups.retain(|_, group| groups::hash_of(&group.tensors, hash).is_some_and(|now| now == group.hash));
    }

    /// Measures what is missing of `wanted`: each tensor in each of its types. `hashes` are the hashes of the tensors' samples. Stops when
    /// `limit` is over, with the most telling ones done: if there is no time for all, tensors of a kind at a depth are measured together first, and
    /// all tensors of a kind before them if there is no time for that either. Progress counts passes.
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
    ) -> Result<()> {
        for (subject, _) in wanted {
            let now = hash(&subject.entry.name).unwrap_or_default();
            let known = self.tensors.entry(subject.entry.name.to_string()).or_default();
            if known.hash != now {
                *known = Measured { hash: now, types: BTreeMap::new() };
            }
        }
        self.groups.retain(|_, group| groups::hash_of(&group.tensors, hash).is_some_and(|now| now == group.hash));
        let jobs = in_order(wanted, forward.layers());
        let of = jobs.len();
        let missing = |all: &Self, (s, e): &(&Subject, Encoding)| all.get(&s.entry.name, *e).is_none();
        let todo: Vec<_> = jobs.into_iter().filter(|job| missing(self, job)).collect();
        // A second plan with the same limit has no time left, so that it comes to the same result.
        if todo.is_empty() || limit.is_some_and(|l| self.basis.seconds >= l.as_secs_f64()) {
            return Ok(());
        }
        let mut clock = Clock::new(self.basis.seconds, limit);
        let reference = clock.time(|| Reference::new(forward, sequences, how))?;
        self.basis.positions = reference.positions();
        let groups = match clock.has_time_for(todo.len()) {
            true => Vec::new(),
            false => self.missing_groups(wanted, forward.layers(), &clock),
        };
        let (mut done, all) = (of - todo.len(), of + groups.len());
        let mut is_over = false;
        for group in &groups {
            is_over = self.basis.seconds > clock.spent && clock.is_over();
            if is_over {
                break;
            }
            let nats = clock.time(|| reference.group(&group.changes(), self.basis.effort, how))?;
            let tensors = group.names();
            if let Some(hash) = groups::hash_of(&tensors, hash) {
                self.groups.insert(group.key.clone(), GroupCost { hash, encoding: group.encoding, nats, tensors });
            }
            done += 1;
            (how.progress)(done, all);
            self.basis.seconds = clock.seconds();
        }
        for (subject, encoding) in todo {
            is_over |= clock.is_over();
            if is_over {
                break;
            }
            let cost = clock.time(|| reference.divergence(subject, encoding, self.basis.effort, how))?;
            if let Some(known) = self.tensors.get_mut(subject.entry.name.as_str()) {
                known.types.insert(encoding, cost);
            }
            done += 1;
            (how.progress)(done, all);
            self.basis.seconds = clock.seconds();
        }
        if let (true, Some(limit)) = (is_over, clock.limit) {
            // What is left of it is too short for a pass: a second plan does not begin one.
            self.basis.seconds = self.basis.seconds.max(limit);
        }
        Ok(())
    }

    /// The groups to measure where there is no time for each tensor: those of kind and depth, the kinds that cost most first. Whole kinds come before them
    /// where there is no time for all.
    fn missing_groups<'w>(&self, wanted: &'w [(Subject, Vec<Encoding>)], layers: u32, clock: &Clock) -> Vec<Group<'w>> {
        let missing = |g: &Group<'_>| !self.groups.contains_key(&g.key);
        let fine: Vec<_> = groups::groups(wanted, layers, true).into_iter().filter(missing).collect();
        if clock.has_time_for(fine.len()) {
            return fine;
        }
        let coarse = groups::groups(wanted, layers, false).into_iter().filter(missing);
        coarse.chain(fine).collect()
    }

    /// True if tensors were measured together.
    pub(crate) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// How much of `wanted` was measured.
    pub(crate) fn coverage(&self, wanted: &[(Subject, Vec<Encoding>)], layers: u32) -> Coverage {
        let pairs = || wanted.iter().flat_map(|(s, types)| types.iter().map(move |e| (s, *e)));
        let is_measured = |s: &Subject, e: Encoding| self.get(&s.entry.name, e).is_some();
        let kinds: BTreeSet<String> = wanted.iter().map(|(s, _)| kind_only(&s.entry)).collect();
        let by_whole = self.groups.keys().cloned();
        let by_tensor = pairs().filter(|(s, e)| is_measured(s, *e)).map(|(s, _)| kind_and_depth(&s.entry, layers));
        let covered: BTreeSet<String> = by_whole.chain(by_tensor).collect();
        let all: BTreeSet<String> = wanted.iter().map(|(s, _)| kind_and_depth(&s.entry, layers)).collect();
        Coverage {
            measured: pairs().filter(|(s, e)| is_measured(s, *e)).count(),
            of: pairs().count(),
            groups: all.intersection(&covered).count(),
            of_groups: all.len(),
            kinds: kinds.iter().filter(|kind| self.groups.contains_key(*kind)).count(),
        }
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
        let mut known = HashMap::new();
        for tensor in tensors {
            known.insert(tensor.name.as_str(), tensor);
            let Some(measured) = self.tensors.get(tensor.name.as_str()) else { continue };
            for (encoding, cost) in &measured.types {
                let Some(score) = noise(&tensor.name, *encoding) else { continue };
                if score.relative() > 0.0 && *cost > 0.0 && cost.is_finite() {
                    let ratio = (cost / score.relative()).ln();
                    factors.add(&keys(tensor, layers), ratio, 1.0);
                }
            }
        }
        for (key, group) in &self.groups {
            let relative = |name: &String| Some(noise(name, group.encoding)?.relative());
            let sum: Option<f64> = group.tensors.iter().map(relative).sum();
            let first = group.tensors.first().and_then(|name| known.get(name.as_str()));
            let (Some(sum), Some(first)) = (sum.filter(|s| *s > 0.0 && group.nats > 0.0), first) else { continue };
            if group.nats.is_finite() {
                let [_, by_depth, by_kind, all] = keys(first, layers);
                // Of all tensors of a kind nothing follows for one depth.
                let keys = if *key == by_depth { vec![by_depth, by_kind, all] } else { vec![by_kind, all] };
                factors.add(&keys, (group.nats / sum).ln(), group.tensors.len() as f64);
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
    /// Takes in the logarithm of a factor that so many tensors have.
    fn add(&mut self, keys: &[String], ratio: f64, tensors: f64) {
        for key in keys {
            let (sum, n) = self.by.entry(key.clone()).or_default();
            *sum += ratio * tensors;
            *n += tensors;
        }
    }

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
    [format!("t {}", tensor.name), kind_and_depth(tensor, layers), kind_only(tensor), String::new()]
}

/// The key of a kind at a depth.
fn kind_and_depth(tensor: &TensorEntry, layers: u32) -> String {
    format!("d {} {:?}", tensor.kind(), depth(tensor, layers))
}

/// The key of a kind.
fn kind_only(tensor: &TensorEntry) -> String {
    format!("k {}", tensor.kind())
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
