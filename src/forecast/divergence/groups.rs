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

#[cfg(test)]
mod tests {
    use super::super::{Basis, Divergences, Measured};
    use super::*;
    use crate::forecast::Score;
    use crate::model::{MemoryRows, TensorClass, TensorEntry};
    use crate::tensor::DType;
    use std::sync::Arc;

    const LAYERS: u32 = 8;

    fn subject(kind: &str, layer: u32) -> Subject {
        let name = format!("blk.{layer}.{kind}.weight");
        let data = Arc::new(MemoryRows { bytes: Vec::new(), row_bytes: 4 });
        let stem = (6, 6 + u16::try_from(kind.len()).unwrap());
        let class = TensorClass { layer: Some(layer), stem, ..TensorClass::default() };
        let entry = TensorEntry { class, ..TensorEntry::new(name, [1, 1], DType::F32, data) };
        Subject { entry, importance: None }
    }

    fn wanted() -> Vec<(Subject, Vec<Encoding>)> {
        let types = |all: &[BlockType]| all.iter().map(|t| Encoding::from(*t)).collect::<Vec<_>>();
        let of = |layer: u32| {
            let odd = if layer == 7 { types(&[BlockType::Q8_0]) } else { types(&[BlockType::Q3_K, BlockType::Q4_K]) };
            [(subject("attn_q", layer), types(&[BlockType::Q4_K, BlockType::Q8_0])), (subject("ffn_up", layer), odd)]
        };
        (0..LAYERS).flat_map(of).collect()
    }

    #[test]
    fn tensors_of_a_kind_and_depth_are_one_group_in_one_type() {
        let wanted = wanted();
        let fine = groups(&wanted, LAYERS, true);
        let sizes: Vec<usize> = fine.iter().map(|g| g.subjects.len()).collect();
        assert_eq!(
            (fine.len(), sizes.iter().sum::<usize>()),
            (8, 15),
            "one tensor does not have the type of its group"
        );
        assert!(fine.iter().all(|g| g.encoding == BlockType::Q4_K.into()));
        let coarse = groups(&wanted, LAYERS, false);
        assert_eq!(coarse.iter().map(|g| g.key.as_str()).collect::<Vec<_>>(), ["k attn_q", "k ffn_up"]);
    }

    /// The cost of a group is shared by the relative noise, also for types that were not measured; a changed tensor takes it away.
    #[test]
    fn costs_follow_from_those_of_groups() {
        let wanted = wanted();
        let score = |n: f64| Score { noise: n, signal: 1.0, weighted_noise: n, weighted_signal: 1.0 };
        // The noise of layer l is l + 1 in Q4_K, and three times as much in Q3_K.
        let scores: Vec<(String, [Score; 2])> = wanted
            .iter()
            .map(|(s, _)| {
                let n = f64::from(s.entry.layer().unwrap() + 1);
                (s.entry.name.to_string(), [score(n), score(3.0 * n)])
            })
            .collect();
        let noise = |name: &str, e: Encoding| {
            let (_, [four, three]) = scores.iter().find(|(known, _)| known == name)?;
            Some(if e == BlockType::Q3_K.into() { three } else { four })
        };
        let hash = |name: &str| Some(format!("h{name}"));
        let mut all = Divergences::new(Basis::default());
        for (s, _) in &wanted {
            let known = Measured { hash: hash(&s.entry.name).unwrap(), ..Measured::default() };
            all.tensors.insert(s.entry.name.to_string(), known);
        }
        for group in groups(&wanted, LAYERS, true).iter().filter(|g| g.key.starts_with("d ffn_up")) {
            let tensors = group.names();
            let sum: f64 = group.subjects.iter().map(|s| f64::from(s.entry.layer().unwrap() + 1)).sum();
            let cost = GroupCost {
                hash: hash_of(&tensors, &hash).unwrap(),
                encoding: group.encoding,
                nats: 0.25 * sum,
                tensors,
            };
            all.groups.insert(group.key.clone(), cost);
        }
        let cost = |all: &Divergences, at: usize, e: BlockType| {
            let factors = all.factors(wanted.iter().map(|(s, _)| &s.entry), LAYERS, &noise);
            let entry = &wanted[at].0.entry;
            all.cost(&factors, entry, e.into(), noise(&entry.name, e.into())?)
        };
        let close = |got: Option<f64>, expected: f64| (got.unwrap() - expected).abs() < 1e-9;
        assert!(close(cost(&all, 5, BlockType::Q4_K), 0.25 * 3.0));
        assert!(close(cost(&all, 5, BlockType::Q3_K), 0.25 * 9.0));
        assert!(close(cost(&all, 4, BlockType::Q4_K), 0.25 * 3.0), "another kind, by all that was measured");
        let coverage = all.coverage(&wanted, LAYERS);
        assert_eq!((coverage.measured, coverage.groups, coverage.of_groups, coverage.kinds), (0, 4, 8, 0));
        // Files keep groups.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scores.json");
        super::super::write(&path, &all, false).unwrap();
        let mut read = super::super::read(&path).unwrap();
        assert_eq!(read.groups, all.groups);
        read.keep_current(&|name| if name == "blk.0.ffn_up.weight" { Some("new".into()) } else { hash(name) });
        assert_eq!(read.groups.len(), 3);
    }
}
