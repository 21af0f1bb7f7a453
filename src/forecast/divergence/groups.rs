//! Tensors of one kind, at one depth or at all depths, that are measured together in one type: where there is no time to measure each.
//!
//! Costs of tensors add up well, so the cost of a group divided by the sum of the relative noises of its tensors is what a unit of noise costs
//! in each of them.

use super::{kind_and_depth, kind_only};
use crate::forecast::Subject;
use crate::quant::{BlockType, Encoding};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Types for whole groups, the best first: their loss is large enough to be measured, and small enough to add up.
const PROBES: [BlockType; 6] =
    [BlockType::Q4_K, BlockType::Q4_0, BlockType::IQ4_NL, BlockType::Q3_K, BlockType::Q5_K, BlockType::Q8_0];

/// What the tensors of a group cost together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GroupCost {
    /// Of the tensors and their values, so that a changed tensor is measured again.
    pub hash: String,
    /// The type that all have.
    pub encoding: Encoding,
    /// Mean KL divergence in nats.
    pub nats: f64,
    /// The names of the tensors.
    pub tensors: Vec<String>,
}

/// Tensors to be measured together.
pub(super) struct Group<'a> {
    /// As the key of a factor.
    pub key: String,
    pub encoding: Encoding,
    pub subjects: Vec<&'a Subject>,
}

impl Group<'_> {
    /// All its changes.
    pub(super) fn changes(&self) -> Vec<(Subject, Encoding)> {
        self.subjects.iter().map(|s| ((*s).clone(), self.encoding)).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.subjects.iter().map(|s| s.entry.name.to_string()).collect()
    }
}

/// The hash of a group; `None` if a tensor is not known any more.
pub(super) fn hash_of(names: &[String], hash: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut sum = Sha256::new();
    for name in names {
        for part in [name.as_str(), &hash(name)?] {
            sum.update((part.len() as u64).to_le_bytes());
            sum.update(part);
        }
    }
    Some(sum.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect())
}

/// The groups of the tensors by kind or, with `by_depth`, by kind and depth. Each has the type that most of its tensors can have; those that
/// cannot are left out.
pub(super) fn groups(wanted: &[(Subject, Vec<Encoding>)], layers: u32, by_depth: bool) -> Vec<Group<'_>> {
    let mut by: BTreeMap<String, Vec<&(Subject, Vec<Encoding>)>> = BTreeMap::new();
    for tensor in wanted {
        let entry = &tensor.0.entry;
        by.entry(if by_depth { kind_and_depth(entry, layers) } else { kind_only(entry) }).or_default().push(tensor);
    }
    by.into_iter().filter_map(|(key, all)| group(key, &all)).collect()
}

/// The group of these tensors.
fn group<'w>(key: String, all: &[&'w (Subject, Vec<Encoding>)]) -> Option<Group<'w>> {
    let with = |e: Encoding| all.iter().copied().filter(move |(_, types)| types.contains(&e));
    // The first of equal ones.
    let probes = PROBES.iter().map(|p| Encoding::from(*p)).rev();
    let encoding = probes.max_by_key(|e| with(*e).count()).filter(|e| with(*e).next().is_some());
    let encoding = encoding.or_else(|| all.first()?.1.first().copied())?;
    Some(Group { key, encoding, subjects: with(encoding).map(|(s, _)| s).collect() })
}
