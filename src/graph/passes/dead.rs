//! Nodes and constants that no output needs.

use super::Changes;
use crate::graph::{Graph, NodeId, Source, ValueId};
use std::collections::HashSet;

/// Removes nodes none of whose outputs is used, and what only they used. Inputs of the graph stay.
pub(super) fn run(g: &mut Graph) -> Changes {
    let mut changes = Changes::default();
    for function in &mut g.functions {
        changes = changes.and(run(&mut function.body));
    }
    let mut needed: HashSet<NodeId> = HashSet::new();
    // What the outputs of the main region need, also in nested regions of nodes that are needed.
    let mut values: Vec<ValueId> = g.regions[g.main].outputs.iter().map(|p| p.value).collect();
    let mut seen: HashSet<ValueId> = HashSet::new();
    while let Some(value) = values.pop() {
        if !seen.insert(value) {
            continue;
        }
        let Source::Node(node) = g.values[value].source else { continue };
        if !needed.insert(node) {
            continue;
        }
        let node = &g.nodes[node];
        values.extend(node.inputs.iter().flatten());
        for region in node.attributes.iter().flat_map(|a| a.value.regions()) {
            // Outputs of its regions are results of the node; what they capture comes from outside.
            values.extend(g.regions[*region].outputs.iter().map(|p| p.value));
            values.extend(g.captured(*region));
        }
    }
    let dead: Vec<NodeId> = g.nodes.iter().map(|(id, _)| id).filter(|id| !needed.contains(id)).collect();
    if !dead.is_empty() && g.remove_nodes(&dead).is_ok() {
        changes.removed += dead.len();
    }
    changes.removed += g.remove_unused_constants();
    changes
}
