//! Nodes that give their input.

use super::{Changes, outputs};
use crate::graph::{AttrValue, Graph, Inference, Node, NodeId, ValueId};
use std::collections::HashMap;

/// Replaces what such nodes give by their input, and removes them. Outputs of regions keep their node.
pub(super) fn run(g: &mut Graph) -> Changes {
    let mut changes = Changes::default();
    for function in &mut g.functions {
        changes = changes.and(run(&mut function.body));
    }
    let (found, kept) = (g.infer(), outputs(g));
    let same = |node: &Node| {
        let output = node.outputs.first().copied().flatten()?;
        let others = node.outputs.iter().skip(1).flatten().any(|_| true);
        let input = node.inputs.first().copied().flatten().filter(|_| node.is_core() && !others)?;
        (gives_input(node, &found, input) && !kept.contains(&output)).then_some((output, input))
    };
    let all: Vec<(NodeId, ValueId, ValueId)> =
        g.nodes.iter().filter_map(|(id, node)| same(node).map(|(o, i)| (id, o, i))).collect();
    // The input of one may be the output of another.
    let now: HashMap<ValueId, ValueId> = all.iter().map(|(_, output, input)| (*output, *input)).collect();
    for (_, output, input) in &all {
        let mut source = *input;
        while let Some(next) = now.get(&source) {
            source = *next;
        }
        g.replace_uses(*output, source);
    }
    let nodes: Vec<NodeId> = all.iter().map(|(id, _, _)| *id).collect();
    if g.remove_nodes(&nodes).is_ok() {
        changes.removed += nodes.len();
    }
    changes
}

fn gives_input(node: &Node, found: &Inference, input: ValueId) -> bool {
    match &*node.op {
        "Identity" => true,
        // In training it drops elements; then its third input says so, or an attribute before version 7.
        "Dropout" => node.version >= 7 && node.inputs.get(2).copied().flatten().is_none(),
        "Concat" => node.inputs.len() == 1,
        "Sum" | "Max" | "Min" | "Mean" => node.inputs.len() == 1,
        "Cast" => {
            let elem = found.ty(input).elem();
            matches!((node.attribute("to"), elem), (Some(AttrValue::Int(code)), Some(elem)) if elem.code() == *code)
        }
        "Transpose" => {
            let Some(AttrValue::Ints(perm)) = node.attribute("perm") else { return false };
            perm.iter().enumerate().all(|(i, p)| i as i64 == *p)
        }
        _ => false,
    }
}
