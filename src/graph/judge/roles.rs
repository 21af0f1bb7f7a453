//! What the inputs of a graph are for, as far as its nodes and its names tell: tables that they index, constants that they are compared with.

use crate::graph::{AttrValue, Constant, Graph, Node, NodeId, Source, ValueId};
use std::collections::HashMap;

/// Nodes that are looked at from one input on.
const MOST_NODES: usize = 256;

/// Operators that give the elements of their first input, all or some, in some order.
const SAME_ELEMENTS: [&str; 10] =
    ["Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze", "Expand", "Transpose", "Flatten", "Slice", "Tile"];

/// What the use of an input tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    /// The elements are below this: the least of the tables that it indexes.
    pub(super) below: Option<i64>,
    /// An integer that it is compared with.
    pub(super) equals: Option<i64>,
    /// The input channels of a convolution over it: its second dimension.
    pub(super) channels: Option<i64>,
}

/// The nodes that use each value.
pub(super) struct Users<'g> {
    graph: &'g Graph,
    users: HashMap<ValueId, Vec<NodeId>>,
}

impl<'g> Users<'g> {
    pub(super) fn of(graph: &'g Graph) -> Self {
        let mut users: HashMap<ValueId, Vec<NodeId>> = HashMap::new();
        for (id, node) in graph.nodes.iter() {
            node.inputs.iter().flatten().for_each(|v| users.entry(*v).or_default().push(id));
        }
        Self { graph, users }
    }

    /// What the use of an input tells.
    pub(super) fn of_input(&self, input: ValueId) -> Use {
        let mut found = Use::default();
        let (mut next, mut seen, mut left) = (vec![input], vec![input], MOST_NODES);
        while let Some(value) = next.pop() {
            for id in self.users.get(&value).into_iter().flatten() {
                if left == 0 {
                    return found;
                }
                left -= 1;
                let node = &self.graph.nodes[*id];
                self.see(node, value, value == input, &mut found);
                let follows = node.inputs.first() == Some(&Some(value)) && SAME_ELEMENTS.contains(&&*node.op);
                for out in node.outputs.iter().flatten().filter(|_| follows) {
                    if !seen.contains(out) {
                        seen.push(*out);
                        next.push(*out);
                    }
                }
            }
        }
        found
    }

    fn see(&self, node: &Node, value: ValueId, direct: bool, found: &mut Use) {
        let at = |i: usize| node.inputs.get(i).copied().flatten();
        let second = at(1) == Some(value);
        match &*node.op {
            "Gather" | "GatherBlockQuantized" if second => {
                let Some(dims) = at(0).and_then(|table| self.table(table)) else { return };
                let axis = match node.attribute("axis").or_else(|| node.attribute("gather_axis")) {
                    Some(AttrValue::Int(axis)) if *axis < 0 => axis.saturating_add(dims.len() as i64),
                    Some(AttrValue::Int(axis)) => *axis,
                    _ => 0,
                };
                let rows = usize::try_from(axis).ok().and_then(|axis| dims.get(axis)).copied();
                let rows = rows.and_then(|n| i64::try_from(n).ok()).filter(|n| *n > 0);
                found.below = [found.below, rows].into_iter().flatten().min();
            }
            "Equal" => {
                let other = if second { at(0) } else { at(1) };
                let ints = other.and_then(|v| self.constant(v)?.ints.clone());
                found.equals = found.equals.or_else(|| ints.and_then(|all| all.first().copied()));
            }
            "Conv" | "QLinearConv" | "ConvInteger" if direct && at(0) == Some(value) => {
                let weight = if &*node.op == "QLinearConv" { at(3) } else { at(1) };
                let Some(dims) = weight.and_then(|w| self.table(w)) else { return };
                let groups = if let Some(AttrValue::Int(n)) = node.attribute("group") { *n } else { 1 };
                let channels = dims.get(1).and_then(|n| i64::try_from(*n).ok());
                found.channels = found.channels.or_else(|| channels.and_then(|n| n.checked_mul(groups)));
            }
            _ => {}
        }
    }

    /// Dimensions of a constant, also of one that is dequantized or converted first.
    fn table(&self, value: ValueId) -> Option<&[u64]> {
        if let Some(c) = self.constant(value) {
            return Some(&c.dims);
        }
        let Source::Node(node) = self.graph.values[value].source else { return None };
        let node = &self.graph.nodes[node];
        let through = matches!(&*node.op, "DequantizeLinear" | "Cast" | "Identity");
        let from = node.inputs.first().copied().flatten().filter(|_| through)?;
        Some(&self.constant(from)?.dims)
    }

    /// A constant, or the tensor of a node that gives one.
    fn constant(&self, value: ValueId) -> Option<&Constant> {
        let v = &self.graph.values[value];
        if v.constant.is_some() {
            return v.constant.as_ref();
        }
        let Source::Node(node) = v.source else { return None };
        let node = &self.graph.nodes[node];
        match node.attribute("value") {
            Some(AttrValue::Tensor(c)) if &*node.op == "Constant" => Some(c),
            _ => None,
        }
    }
}
