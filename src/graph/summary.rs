//! Figures about a graph.

use super::build::is_core;
use super::{AttrValue, Constant, Graph, Text, Value};
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

    /// Inputs of the main region that a caller has to give: files before IR version 4 list every constant as an input, too.
    pub(crate) fn inputs(&self) -> Vec<&Value> {
        let values = self.regions[self.main].inputs.iter().map(|p| &self.values[p.value]);
        values.filter(|v| v.constant.is_none() && v.sparse.is_none()).collect()
    }

    /// Outputs of the main region.
    pub(crate) fn outputs(&self) -> Vec<&Value> {
        self.regions[self.main].outputs.iter().map(|p| &self.values[p.value]).collect()
    }

    /// The dimensions of inputs that are not numbers, each once.
    pub(crate) fn dynamic(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for dim in self.inputs().iter().flat_map(|v| v.ty.shape().unwrap_or_default()) {
            let text = dim.to_string();
            if dim.known().is_none() && !found.contains(&text) {
                found.push(text);
            }
        }
        found
    }

    /// The versions of the domains, `ai.onnx 18`.
    pub(crate) fn opset_texts(&self) -> Vec<String> {
        self.opsets.iter().map(|o| format!("{} {}", domain_shown(&o.domain), o.version)).collect()
    }
}

/// The name of a domain; that of the core domain is not shown empty.
pub(crate) fn domain_shown(domain: &str) -> &str {
    if domain.is_empty() { "ai.onnx" } else { domain }
}
