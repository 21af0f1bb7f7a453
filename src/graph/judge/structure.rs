//! How the operators of two graphs differ.

use crate::graph::Graph;
use std::collections::BTreeMap;

/// An operator that two graphs do not use as often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperatorDifference {
    /// Its name, with the domain if that is not the core one.
    pub op: String,
    /// Nodes in the first graph.
    pub first: usize,
    /// Nodes in the second one.
    pub second: usize,
}

/// The operators of which two graphs have other numbers, the largest difference first.
pub(crate) fn operator_differences(a: &Graph, b: &Graph) -> Vec<OperatorDifference> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for o in a.operators() {
        counts.entry(o.shown()).or_default().0 = o.nodes;
    }
    for o in b.operators() {
        counts.entry(o.shown()).or_default().1 = o.nodes;
    }
    let differ = counts.into_iter().filter(|(_, (first, second))| first != second);
    let mut all: Vec<OperatorDifference> =
        differ.map(|(op, (first, second))| OperatorDifference { op, first, second }).collect();
    all.sort_by_key(|d| std::cmp::Reverse(d.first.abs_diff(d.second)));
    all
}
