//! Figures about a graph.

use super::build::is_core;
use super::{AttrValue, Constant, Graph, Text};
use std::collections::HashMap;

/// How often an operator is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperatorCount {
    /// Its domain; "" for the core domain.
    pub domain: Text,
    /// The operator.
    pub op: Text,
    /// Number of nodes, in nested regions and functions too.
    pub nodes: usize,
}

impl OperatorCount {
    /// The operator as it is shown: `Conv`, `com.microsoft.FastGelu`.
    pub(crate) fn shown(&self) -> String {
        if self.domain.is_empty() { self.op.to_string() } else { format!("{}.{}", self.domain, self.op) }
    }
}

impl Graph {
    /// The operators of the graph and its functions, the most frequent first.
    pub(crate) fn operators(&self) -> Vec<OperatorCount> {
        let mut counts: HashMap<(Text, Text), usize> = HashMap::new();
        let bodies = self.functions.iter().map(|f| &f.body);
        for (_, node) in std::iter::once(self).chain(bodies).flat_map(|g| g.nodes.iter()) {
            let domain = if is_core(&node.domain) { "".into() } else { node.domain.clone() };
            *counts.entry((domain, node.op.clone())).or_default() += 1;
        }
        let mut all: Vec<OperatorCount> =
            counts.into_iter().map(|((domain, op), nodes)| OperatorCount { domain, op, nodes }).collect();
        all.sort_by(|a, b| b.nodes.cmp(&a.nodes).then_with(|| (&a.domain, &a.op).cmp(&(&b.domain, &b.op))));
        all
    }

    /// Every constant of the graph and its functions: initializers, and tensors in attributes.
    pub(crate) fn constants(&self) -> impl Iterator<Item = &Constant> {
        let graphs = std::iter::once(self).chain(self.functions.iter().map(|f| &f.body));
        let values = graphs.clone().flat_map(|g| g.values.iter()).flat_map(|(_, v)| {
            let sparse = v.sparse.as_deref().map(|s| [&s.values, &s.indices]);
            v.constant.iter().chain(sparse.into_iter().flatten())
        });
        let attributes = graphs.flat_map(|g| g.nodes.iter()).flat_map(|(_, n)| &n.attributes).map(|a| &a.value);
        values.chain(attributes.flat_map(AttrValue::constants))
    }

    /// Elements of floating-point constants of the graph, those in attributes and of types that no model tensor has included: its parameters.
    pub(crate) fn parameters(&self) -> u64 {
        let of = |c: &Constant| if c.elem.is_float() { c.elems().unwrap_or(0) } else { 0 };
        self.constants().map(of).fold(0, u64::saturating_add)
    }
}
