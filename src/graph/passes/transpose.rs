//! Transpositions that follow each other.

use super::Changes;
use crate::graph::{AttrValue, Attribute, Graph, Node, NodeId, Source, ValueId};

/// A transposition of a transposition becomes one of the first input. The first one stays as long as something else uses it.
pub(super) fn run(g: &mut Graph) -> Changes {
    let mut changes = Changes::default();
    for function in &mut g.functions {
        changes = changes.and(run(&mut function.body));
    }
    let all: Vec<NodeId> = g.nodes.iter().filter(|(_, n)| order(n).is_some()).map(|(id, _)| id).collect();
    for id in all {
        let Some((input, perm)) = joined(g, id) else { continue };
        g.nodes[id].inputs = vec![Some(input)];
        g.nodes[id].attributes.retain(|a| &*a.name != "perm");
        g.nodes[id].attributes.push(Attribute::new("perm", AttrValue::Ints(perm)));
        changes.replaced += 1;
    }
    changes
}

/// The order of dimensions of a transposition that gives one.
fn order(node: &Node) -> Option<&[i64]> {
    match node.attribute("perm") {
        Some(AttrValue::Ints(perm)) if &*node.op == "Transpose" && node.is_core() => Some(perm),
        _ => None,
    }
}

/// The first input and the order of both.
fn joined(g: &Graph, id: NodeId) -> Option<(ValueId, Vec<i64>)> {
    let (node, second) = (&g.nodes[id], order(&g.nodes[id])?);
    let Source::Node(before) = g.values[node.inputs.first().copied().flatten()?].source else { return None };
    let (before, first) = (&g.nodes[before], order(&g.nodes[before])?);
    let of = |p: &i64| usize::try_from(*p).ok().and_then(|p| first.get(p)).copied();
    let perm: Option<Vec<i64>> = if first.len() == second.len() { second.iter().map(of).collect() } else { None };
    Some((before.inputs.first().copied().flatten()?, perm?))
}
