//! In which order the nodes of a region run, and which values are not needed after each.

use crate::graph::{Graph, GraphError, NodeId, RegionId, ValueId};
use std::collections::{HashMap, HashSet};

/// The plan of a region.
pub(super) struct Plan {
    /// Each node, and the values of this region that nothing uses after it.
    pub(super) steps: Vec<(NodeId, Vec<ValueId>)>,
}

impl Plan {
    /// The plan of a region.
    ///
    /// # Errors
    /// A cycle.
    pub(super) fn of(g: &Graph, region: RegionId) -> Result<Self, GraphError> {
        let order = g.ordered(region)?;
        let r = &g.regions[region];
        let kept: HashSet<ValueId> = r.outputs.iter().map(|p| p.value).collect();
        let mut last: HashMap<ValueId, usize> = HashMap::new();
        for (at, id) in order.iter().enumerate() {
            let node = &g.nodes[*id];
            let nested = node.attributes.iter().flat_map(|a| a.value.regions()).flat_map(|r| g.captured(*r));
            // An output that nothing uses is not needed after the node itself.
            let all = node.inputs.iter().chain(&node.outputs).flatten().copied();
            all.chain(nested).for_each(|v| {
                last.insert(v, at);
            });
        }
        let mut steps: Vec<(NodeId, Vec<ValueId>)> = order.into_iter().map(|id| (id, Vec::new())).collect();
        for (value, at) in last {
            if g.region_of(value) == region && !kept.contains(&value) {
                steps[at].1.push(value);
            }
        }
        Ok(Self { steps })
    }
}
