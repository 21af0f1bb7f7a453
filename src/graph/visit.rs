//! Visits what a graph holds, to change it.

use super::{AttrValue, Constant, Graph, NodeId, RegionId, SparseConstant};

/// What is called with each constant and the name of its tensor.
type Visit<'f> = dyn FnMut(&mut Constant, &str) + 'f;

impl Graph {
    /// Visits every constant: initializers, sparse ones, and tensors in attributes. The name is that of the tensor: the name of an
    /// initializer, the own name of a tensor in an attribute or, where it has none, that of the first value that its node gives.
    ///
    /// The order is fixed: functions first, then the main region; of a region the initializers, then the sparse ones, then the attributes of
    /// the nodes, those of nested regions where their node is. Readers of formats give tensors their places in this order.
    pub(crate) fn visit_constants(&mut self, visit: &mut Visit<'_>) {
        for f in &mut self.functions {
            let main = f.body.main;
            f.body.visit_region(main, visit);
            for a in &mut f.defaults {
                visit_tensors(&mut a.value, "default", visit);
            }
        }
        self.visit_region(self.main, visit);
    }

    fn visit_region(&mut self, id: RegionId, visit: &mut Visit<'_>) {
        let region = &self.regions[id];
        let (constants, nodes) = (region.constants.clone(), region.nodes.clone());
        for value in &constants {
            let value = &mut self.values[*value];
            if let Some(c) = &mut value.constant {
                visit(c, &value.name);
            }
        }
        for value in constants {
            let value = &mut self.values[value];
            if let Some(s) = &mut value.sparse {
                visit(&mut s.values, &value.name);
                visit_indices(s, &value.name, visit);
            }
        }
        for node in nodes {
            self.visit_node(node, visit);
        }
    }

    fn visit_node(&mut self, id: NodeId, visit: &mut Visit<'_>) {
        let node = &mut self.nodes[id];
        let mut attributes = std::mem::take(&mut node.attributes);
        let first = node.outputs.iter().flatten().next().copied();
        let owner = first.map_or_else(|| node.name.clone(), |v| self.values[v].name.clone());
        for a in &mut attributes {
            visit_tensors(&mut a.value, &owner, visit);
            for region in a.value.regions() {
                self.visit_region(*region, visit);
            }
        }
        self.nodes[id].attributes = attributes;
    }
}

/// The tensors of one attribute.
fn visit_tensors(value: &mut AttrValue, owner: &str, visit: &mut Visit<'_>) {
    let named = |c: &mut Constant, visit: &mut Visit<'_>| {
        let name = if c.name.is_empty() { owner.into() } else { c.name.clone() };
        visit(c, &name);
    };
    let sparse = |s: &mut SparseConstant, visit: &mut Visit<'_>| {
        named(&mut s.values, visit);
        visit_indices(s, owner, visit);
    };
    match value {
        AttrValue::Tensor(c) => named(c, visit),
        AttrValue::Tensors(all) => all.iter_mut().for_each(|c| named(c, visit)),
        AttrValue::Sparse(s) => sparse(s, visit),
        AttrValue::Sparses(all) => all.iter_mut().for_each(|s| sparse(s, visit)),
        _ => {}
    }
}

fn visit_indices(s: &mut SparseConstant, owner: &str, visit: &mut Visit<'_>) {
    let own = s.indices.name.clone();
    let name = if own.is_empty() { format!("{owner}.indices") } else { own.to_string() };
    visit(&mut s.indices, &name);
}

#[cfg(test)]
mod tests {
    use super::super::{Attribute, ConstantData, Node, TensorRef};
    use super::*;

    #[test]
    fn constants_are_visited_in_the_order_of_a_file_with_their_names() {
        let mut g = Graph::default();
        let inner = g.add_region("then");
        g.add_constant(inner, "inner", Constant::ints(&[1]));
        let mut node = Node::new("If", 21, &[]);
        node.attributes.push(Attribute::new("then_branch", AttrValue::Region(inner)));
        let mut named = Constant::ints(&[2]);
        named.name = "own".into();
        node.attributes.push(Attribute::new("a", AttrValue::Tensors(vec![Constant::ints(&[3]), named])));
        g.add_node(g.main, node, &["y"]);
        g.add_constant(g.main, "w", Constant::ints(&[4]));
        let mut found = Vec::new();
        g.visit_constants(&mut |c, name| {
            found.push(name.to_owned());
            c.data = ConstantData::Tensor(TensorRef(found.len() as u32));
        });
        assert_eq!(found, ["w", "inner", "y", "own"]);
        let tensors: Vec<u32> = g.constants().filter_map(|c| Some(c.tensor()?.0)).collect();
        assert_eq!(tensors.len(), 4, "every one of them was changed");
        g.check().unwrap();
    }
}
