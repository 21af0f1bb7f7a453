//! What follows from the structure of a graph: the order of nodes, captured values, and whether everything fits together.

use super::{Graph, GraphError, NodeId, RegionId, Source, ValueId};
use std::collections::{HashMap, HashSet};

impl Graph {
    /// The regions that a region is in, from itself outwards.
    pub(crate) fn scopes(&self, region: RegionId) -> impl Iterator<Item = RegionId> {
        let outer = |r: &RegionId| Some(self.nodes.get(self.regions.get(*r)?.holder?)?.region);
        std::iter::successors(Some(region), outer).take(self.regions.span())
    }

    /// The region that a value belongs to.
    pub(crate) fn region_of(&self, value: ValueId) -> RegionId {
        match self.values[value].source {
            Source::Input(region) | Source::Constant(region) => region,
            Source::Node(node) => self.nodes[node].region,
        }
    }

    /// Values of outer regions that a region, or one nested in it, uses: in the order of their first use.
    pub(crate) fn captured(&self, region: RegionId) -> Vec<ValueId> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let inner = |v: ValueId| self.scopes(self.region_of(v)).any(|r| r == region);
        let mut regions = vec![region];
        while let Some(at) = regions.pop() {
            let r = &self.regions[at];
            let uses = r.nodes.iter().flat_map(|n| self.nodes[*n].inputs.iter().flatten().copied());
            for value in uses.chain(r.outputs.iter().map(|p| p.value)) {
                if !inner(value) && seen.insert(value) {
                    found.push(value);
                }
            }
            let nested = r.nodes.iter().flat_map(|n| &self.nodes[*n].attributes).flat_map(|a| a.value.regions());
            regions.extend(nested.copied());
        }
        found
    }

    /// Nodes of a region in an order in which each comes after those whose values it uses, also in its nested regions.
    ///
    /// # Errors
    /// A cycle, with the names of some of its nodes.
    pub(crate) fn ordered(&self, region: RegionId) -> Result<Vec<NodeId>, GraphError> {
        let nodes = &self.regions[region].nodes;
        let place: HashMap<NodeId, usize> = nodes.iter().enumerate().map(|(i, n)| (*n, i)).collect();
        let mut waits: Vec<usize> = vec![0; nodes.len()];
        let mut wanted_by: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        for (i, id) in nodes.iter().enumerate() {
            let node = &self.nodes[*id];
            let nested = node.attributes.iter().flat_map(|a| a.value.regions()).flat_map(|r| self.captured(*r));
            let needs: HashSet<usize> = node
                .inputs
                .iter()
                .flatten()
                .copied()
                .chain(nested)
                .filter_map(|v| {
                    let Source::Node(from) = self.values[v].source else { return None };
                    place.get(&from).copied()
                })
                .collect();
            waits[i] = needs.len();
            for need in needs {
                wanted_by[need].push(i);
            }
        }
        // The first that is ready comes first: a list in order stays as it is.
        let mut ready: std::collections::BTreeSet<usize> = (0..nodes.len()).filter(|i| waits[*i] == 0).collect();
        let mut order = Vec::with_capacity(nodes.len());
        while let Some(i) = ready.pop_first() {
            order.push(nodes[i]);
            for next in std::mem::take(&mut wanted_by[i]) {
                waits[next] -= 1;
                if waits[next] == 0 {
                    ready.insert(next);
                }
            }
        }
        if order.len() == nodes.len() {
            return Ok(order);
        }
        let stuck: Vec<String> =
            (0..nodes.len()).filter(|i| waits[*i] > 0).take(3).map(|i| self.nodes[nodes[i]].shown()).collect();
        Err(GraphError::new(stuck.join(", "), "the nodes form a cycle: each needs a value that another gives"))
    }

    /// Checks that every id means something, that each node and value is where it says, and that a node only uses values that are visible to it.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), GraphError> {
        let mut listed = HashSet::new();
        for (id, region) in self.regions.iter() {
            let place = format!("region {:?}", region.name);
            if id != self.main && region.holder.and_then(|h| self.nodes.get(h)).is_none() {
                return Err(GraphError::new(place, "no node holds it"));
            }
            for node in &region.nodes {
                if self.nodes.get(*node).is_none_or(|n| n.region != id) || !listed.insert(*node) {
                    return Err(GraphError::new(place, "a node is not where it should be"));
                }
            }
            let ports = region.inputs.iter().chain(&region.outputs).chain(&region.described).map(|p| p.value);
            for value in ports.chain(region.constants.iter().copied()) {
                self.visible(value, id).map_err(|what| GraphError::new(place.clone(), what))?;
            }
        }
        for (id, node) in self.nodes.iter() {
            if !listed.contains(&id) {
                return Err(GraphError::new(node.shown(), "it is in no region"));
            }
            for value in node.inputs.iter().flatten() {
                self.visible(*value, node.region).map_err(|what| GraphError::new(node.shown(), what))?;
            }
            for value in node.outputs.iter().flatten() {
                if self.values.get(*value).is_none_or(|v| v.source != Source::Node(id)) {
                    return Err(GraphError::new(node.shown(), "an output was removed or belongs to another node"));
                }
            }
            for region in node.attributes.iter().flat_map(|a| a.value.regions()) {
                if self.regions.get(*region).is_none_or(|r| r.holder != Some(id)) {
                    return Err(GraphError::new(node.shown(), "a nested region belongs to another node"));
                }
            }
        }
        for (_, value) in self.values.iter() {
            let there = match value.source {
                Source::Node(n) => self.nodes.get(n).is_some(),
                Source::Input(r) | Source::Constant(r) => self.regions.get(r).is_some(),
            };
            if !there {
                return Err(GraphError::new(format!("value {:?}", value.name), "what it comes from was removed"));
            }
        }
        self.functions.iter().try_for_each(|f| f.body.check())
    }

    fn visible(&self, value: ValueId, region: RegionId) -> Result<(), &'static str> {
        let Some(v) = self.values.get(value) else { return Err("a value was removed") };
        let of = match v.source {
            Source::Input(r) | Source::Constant(r) => Some(r),
            Source::Node(n) => self.nodes.get(n).map(|n| n.region),
        };
        let of = of.ok_or("what a value comes from was removed")?;
        if self.scopes(region).any(|r| r == of) { Ok(()) } else { Err("a value of a region that is not around it") }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AttrValue, Attribute, Constant, Node, Port, ValueType};
    use super::*;

    /// x → Relu → y → If(then: Add(y, c)) → z
    fn sample() -> (Graph, Vec<NodeId>, RegionId) {
        let mut g = Graph::default();
        let x = g.add_input(g.main, "x", ValueType::Unknown);
        let (relu, y) = g.add_node(g.main, Node::new("Relu", 14, &[x]), &["y"]);
        let then = g.add_region("then");
        let c = g.add_constant(then, "c", Constant::ints(&[1, 2]));
        let (_, sum) = g.add_node(then, Node::new("Add", 14, &[y[0], c]), &["sum"]);
        g.regions[then].outputs.push(Port::of(sum[0]));
        let mut branch = Node::new("If", 16, &[x]);
        branch.attributes.push(Attribute::new("then_branch", AttrValue::Region(then)));
        let (branch, z) = g.add_node(g.main, branch, &["z"]);
        g.regions[g.main].outputs.push(Port::of(z[0]));
        (g, vec![relu, branch], then)
    }

    #[test]
    fn a_nested_region_captures_values_of_the_outer_one() {
        let (g, nodes, then) = sample();
        g.check().unwrap();
        let names: Vec<&str> = g.captured(then).iter().map(|v| &*g.values[*v].name).collect();
        assert_eq!(names, ["y"]);
        assert_eq!(g.ordered(g.main).unwrap(), nodes);
    }

    #[test]
    fn nodes_are_put_in_order_and_cycles_are_named() {
        let (mut g, nodes, _) = sample();
        g.regions[g.main].nodes.reverse();
        assert_eq!(g.ordered(g.main).unwrap(), nodes);
        let z = g.nodes[nodes[1]].outputs[0];
        g.nodes[nodes[0]].inputs = vec![z];
        let e = g.ordered(g.main).unwrap_err();
        assert!(e.to_string().contains("Relu") && e.what.contains("cycle"), "{e}");
    }

    #[test]
    fn removing_a_node_removes_what_is_nested_and_leaves_no_dangling_id() {
        let (mut g, nodes, then) = sample();
        let e = g.remove_nodes(&nodes[..1]).unwrap_err();
        assert!(e.what.contains("\"y\""), "{e}");
        let e = g.remove_nodes(&nodes[1..]).unwrap_err();
        assert!(e.place.contains("\"z\""), "{e}");
        g.check().unwrap();
        let (relu, z) = (g.nodes[nodes[0]].outputs[0].unwrap(), g.nodes[nodes[1]].outputs[0].unwrap());
        g.replace_uses(z, relu);
        g.remove_nodes(&nodes[1..]).unwrap();
        g.check().unwrap();
        assert!(g.regions.get(then).is_none() && g.values.get(z).is_none());
        assert_eq!((g.nodes.len(), g.values.len(), g.regions.len()), (1, 2, 1));
    }

    #[test]
    fn constants_that_nothing_uses_are_removed() {
        let (mut g, _, _) = sample();
        g.add_constant(g.main, "unused", Constant::ints(&[7]));
        assert_eq!(g.remove_unused_constants(), 1);
        assert_eq!(g.remove_unused_constants(), 0);
        g.check().unwrap();
    }

    #[test]
    fn a_removed_value_that_is_still_mentioned_is_found() {
        let (mut g, nodes, _) = sample();
        let y = g.nodes[nodes[0]].outputs[0].unwrap();
        g.values.remove(y);
        assert!(g.check().unwrap_err().what.contains("removed"));
    }
}
