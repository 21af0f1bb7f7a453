//! What changes a graph. After each change no id is dangling; [`Graph::check`](super::Graph::check) says so in tests.

use super::{Graph, GraphError, NodeId, RegionId, Source, ValueId};
use std::collections::HashSet;

impl Graph {
    /// Every use of `old` becomes one of `new`, also as an output of a region.
    pub(crate) fn replace_uses(&mut self, old: ValueId, new: ValueId) {
        for (_, node) in self.nodes.iter_mut() {
            for input in node.inputs.iter_mut().filter(|i| **i == Some(old)) {
                *input = Some(new);
            }
        }
        for (_, region) in self.regions.iter_mut() {
            for port in region.outputs.iter_mut().filter(|p| p.value == old) {
                port.value = new;
                port.declared = None;
            }
        }
    }

    /// Removes nodes, the regions nested in them and the values they give.
    ///
    /// # Errors
    /// A value that something else still uses; nothing is removed then.
    pub(crate) fn remove_nodes(&mut self, nodes: &[NodeId]) -> Result<(), GraphError> {
        let mut gone: HashSet<NodeId> = HashSet::new();
        let mut regions: HashSet<RegionId> = HashSet::new();
        let mut left: Vec<NodeId> = nodes.to_vec();
        while let Some(id) = left.pop() {
            if !gone.insert(id) {
                continue;
            }
            for region in self.nodes[id].attributes.iter().flat_map(|a| a.value.regions()) {
                regions.insert(*region);
                left.extend(&self.regions[*region].nodes);
            }
        }
        let dead = |v: ValueId| match self.values[v].source {
            Source::Node(n) => gone.contains(&n),
            Source::Input(r) | Source::Constant(r) => regions.contains(&r),
        };
        let used = |v: &ValueId| dead(*v);
        for (id, node) in self.nodes.iter().filter(|(id, _)| !gone.contains(id)) {
            if let Some(v) = node.inputs.iter().flatten().find(|v| used(v)) {
                let what = format!("its input {:?} would be removed", self.values[*v].name);
                return Err(GraphError::new(self.nodes[id].shown(), what));
            }
        }
        for (_, region) in self.regions.iter().filter(|(id, _)| !regions.contains(id)) {
            if let Some(port) = region.outputs.iter().find(|p| dead(p.value)) {
                let place = format!("output {:?}", self.values[port.value].name);
                return Err(GraphError::new(place, "its value would be removed"));
            }
        }
        let values: Vec<ValueId> = self.values.iter().map(|(id, _)| id).filter(|v| dead(*v)).collect();
        self.drop_parts(&gone, &regions, &values);
        Ok(())
    }

    /// Removes constants that nothing uses.
    pub(crate) fn remove_unused_constants(&mut self) -> usize {
        let used = self.used();
        let unused = |v: &super::Value, id: ValueId| matches!(v.source, Source::Constant(_)) && !used.contains(&id);
        let values: Vec<ValueId> = self.values.iter().filter(|(id, v)| unused(v, *id)).map(|(id, _)| id).collect();
        self.drop_parts(&HashSet::new(), &HashSet::new(), &values);
        values.len()
    }

    /// Makes an input with a default value, as files before IR version 4 list every constant, a constant like others.
    pub(crate) fn constant_of_input(&mut self, value: ValueId) {
        let Source::Input(region) = self.values[value].source else { return };
        if self.values[value].constant.is_some() {
            self.values[value].source = Source::Constant(region);
            self.regions[region].inputs.retain(|p| p.value != value);
        }
    }

    /// Every value that a node or an output of a region uses.
    pub(crate) fn used(&self) -> HashSet<ValueId> {
        let nodes = self.nodes.iter().flat_map(|(_, n)| n.inputs.iter().flatten().copied());
        nodes.chain(self.regions.iter().flat_map(|(_, r)| r.outputs.iter().map(|p| p.value))).collect()
    }

    fn drop_parts(&mut self, nodes: &HashSet<NodeId>, regions: &HashSet<RegionId>, values: &[ValueId]) {
        let dead: HashSet<ValueId> = values.iter().copied().collect();
        for id in nodes {
            self.nodes.remove(*id);
        }
        for id in regions {
            self.regions.remove(*id);
        }
        for (_, region) in self.regions.iter_mut() {
            region.nodes.retain(|n| !nodes.contains(n));
            region.constants.retain(|v| !dead.contains(v));
            region.described.retain(|p| !dead.contains(&p.value));
        }
        for id in values {
            self.values.remove(*id);
        }
    }
}
