//! Where two graphs part: the first node that gives another value for the same inputs.
//!
//! Values are matched by their names. Both graphs are run with all values of common names watched. If those of the first graph do not fit in
//! the memory allowed, they are compared in parts, in the order of the second graph, each part with one more run of both.
//!
//! A name may stand for another value: a convolution with a normalization folded into it gives under its old name what the normalization gave.
//! So a difference that is gone in a later value is distinguished from one that lasts.

use super::{Figures, Tolerance};
use crate::graph::eval::{self, Setting, Tensor, Value};
use crate::graph::{Graph, GraphError, NodeId, Source, Text, ValueId};
use std::collections::{HashMap, HashSet};

/// A graph, and how it is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// Where its constants come from, limits, and what stops it.
    pub setting: &'a Setting<'a>,
}

/// The first node that differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parting {
    /// The value that it gives.
    pub value: Text,
    /// The node's name; empty if it has none.
    pub node: Text,
    /// Its operator.
    pub op: Text,
    /// Its place in the order in which the second graph runs.
    pub at: usize,
    /// Nodes that it gets its inputs from, through others of them too, whose values the first graph does not have by name.
    pub unmatched: usize,
    /// Type of its elements; empty unless it is a tensor.
    pub dtype: String,
    /// Its dimensions, outermost first.
    pub dims: Vec<usize>,
    /// The error; the other clause where the values do not compare.
    pub figures: Result<Figures, String>,
}

/// What a bisection found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bisection {
    /// Nodes of the second graph, without those of nested regions.
    pub nodes: usize,
    /// Those that give a value of a name that the first graph has, too.
    pub matched: usize,
    /// The first one that differs beyond the tolerance, if one does.
    pub first: Option<Parting>,
    /// The first one that differs and after which no value of floats that depends on it agrees; the same as the first one, if none does.
    pub lasting: Option<Parting>,
}

/// What came of comparing one value.
struct Outcome {
    figures: Result<Figures, String>,
    dtype: String,
    dims: Vec<usize>,
    is_float: bool,
}

impl Outcome {
    fn passed(&self) -> bool {
        self.figures.as_ref().is_ok_and(|f| f.passed)
    }
}

/// A value of both graphs.
struct Common {
    name: Text,
    a: ValueId,
    b: ValueId,
    /// Place of the node.
    at: usize,
}

/// Finds the first node of `b` that gives another value than the one of the same name in `a`. Both get the same inputs, each in
/// its own types. `memory` bounds the bytes of the values that are kept.
///
/// # Errors
/// What evaluating the graphs gives.
pub(crate) fn bisect(
    (a, for_a): (Side<'_>, &[(Text, Tensor)]),
    (b, for_b): (Side<'_>, &[(Text, Tensor)]),
    tolerance: Tolerance,
    memory: usize,
) -> Result<Bisection, GraphError> {
    let order = b.graph.ordered(b.graph.main)?;
    let common = common(a.graph, b.graph, &order);
    let matched: HashSet<NodeId> = common.iter().map(|c| order[c.at]).collect();
    let mut outcomes: Vec<Option<Outcome>> = common.iter().map(|_| None).collect();
    let mut kept = Kept::default();
    let all: HashMap<ValueId, usize> = common.iter().enumerate().map(|(i, c)| (c.a, i)).collect();
    let mut sizes = vec![0; common.len()];
    run(a, for_a, &mut |id, value| {
        if let Some(&i) = all.get(&id) {
            sizes[i] = bytes(value);
            kept.put(i, value, memory);
        }
    })?;
    if kept.overflown {
        let mut from = 0;
        while from < common.len() {
            let to = part(&sizes, from, memory);
            let mut kept = Kept::default();
            run(a, for_a, &mut |id, value| {
                if let Some(&i) = all.get(&id).filter(|i| (from..to).contains(*i)) {
                    kept.put(i, value, usize::MAX);
                }
            })?;
            compare(b, for_b, &common, &mut kept, tolerance, &mut outcomes)?;
            from = to;
        }
    } else {
        compare(b, for_b, &common, &mut kept, tolerance, &mut outcomes)?;
    }
    let agrees = agreeing(b.graph, &order, &common, &outcomes);
    let differing =
        || common.iter().zip(&outcomes).filter_map(|(c, o)| Some((c, o.as_ref()?))).filter(|(_, o)| !o.passed());
    let parting = |(c, o): (&Common, &Outcome)| {
        let id = order[c.at];
        let node = &b.graph.nodes[id];
        Parting {
            value: c.name.clone(),
            node: node.name.clone(),
            op: node.op.clone(),
            at: c.at,
            unmatched: unmatched(b.graph, id, &matched),
            dtype: o.dtype.clone(),
            dims: o.dims.clone(),
            figures: o.figures.clone(),
        }
    };
    Ok(Bisection {
        nodes: order.len(),
        matched: matched.len(),
        first: differing().next().map(parting),
        lasting: differing().find(|(c, _)| !agrees.contains(&order[c.at])).map(parting),
    })
}

/// The nodes of the second graph that a node follows which gives a value of floats that agrees.
fn agreeing(graph: &Graph, order: &[NodeId], common: &[Common], outcomes: &[Option<Outcome>]) -> HashSet<NodeId> {
    let agree = common.iter().zip(outcomes).filter(|(_, o)| o.as_ref().is_some_and(|o| o.is_float && o.passed()));
    let own: HashSet<NodeId> = agree.map(|(c, _)| order[c.at]).collect();
    let mut before = HashSet::new();
    for id in order.iter().rev().filter(|id| own.contains(*id)) {
        // What gave the inputs, and what gave theirs; nothing is looked at twice.
        let mut next = vec![*id];
        while let Some(node) = next.pop() {
            for value in inputs_of(graph, node) {
                if let Source::Node(from) = graph.values[value].source
                    && before.insert(from)
                {
                    next.push(from);
                }
            }
        }
    }
    before
}

/// The values that a node takes, those that its regions capture too.
fn inputs_of(graph: &Graph, node: NodeId) -> Vec<ValueId> {
    let node = &graph.nodes[node];
    let nested = node.attributes.iter().flat_map(|a| a.value.regions()).flat_map(|r| graph.captured(*r));
    node.inputs.iter().flatten().copied().chain(nested).collect()
}

/// Nodes from which a node gets its inputs, directly or through others of them, and none of which is `matched`.
fn unmatched(graph: &Graph, node: NodeId, matched: &HashSet<NodeId>) -> usize {
    let (mut next, mut seen) = (vec![node], HashSet::new());
    while let Some(node) = next.pop() {
        for value in inputs_of(graph, node) {
            if let Source::Node(from) = graph.values[value].source
                && !matched.contains(&from)
                && seen.insert(from)
            {
                next.push(from);
            }
        }
    }
    seen.len()
}

/// The end of the part that begins at `from`: as many values as the memory has room for, at least one.
fn part(sizes: &[usize], from: usize, memory: usize) -> usize {
    let mut sum = 0usize;
    let fits = sizes[from..].iter().take_while(|size| {
        sum = sum.saturating_add(**size);
        sum <= memory
    });
    from + fits.count().max(1)
}

/// Values of the first graph.
#[derive(Default)]
struct Kept {
    values: HashMap<usize, Value>,
    bytes: usize,
    /// More than there is room for; nothing is kept then.
    overflown: bool,
}

impl Kept {
    fn put(&mut self, at: usize, value: &Value, memory: usize) {
        self.bytes = self.bytes.saturating_add(bytes(value));
        self.overflown |= self.bytes > memory;
        if self.overflown {
            self.values.clear();
        } else {
            self.values.insert(at, value.clone());
        }
    }
}

/// Runs the second graph and compares what is kept of the first one.
fn compare(
    b: Side<'_>,
    inputs: &[(Text, Tensor)],
    common: &[Common],
    kept: &mut Kept,
    tolerance: Tolerance,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), GraphError> {
    let by_id: HashMap<ValueId, usize> = common.iter().enumerate().map(|(i, c)| (c.b, i)).collect();
    run(b, inputs, &mut |id, value| {
        let Some(&i) = by_id.get(&id) else { return };
        let Some(x) = kept.values.remove(&i) else { return };
        let (dtype, dims, is_float) = match value {
            Value::Tensor(t) => (t.elem.to_string(), t.dims.clone(), t.elem.is_float()),
            _ => Default::default(),
        };
        outcomes[i] = Some(Outcome { figures: Figures::of(&x, value, tolerance), dtype, dims, is_float });
    })
}

fn run(side: Side<'_>, inputs: &[(Text, Tensor)], watch: &mut eval::Watch<'_>) -> Result<(), GraphError> {
    let inputs = inputs.iter().map(|(name, t)| (name.clone(), t.clone().into())).collect();
    eval::run(side.graph, side.setting, inputs, watch).map(|_| ())
}

/// The values that nodes of the main region of both graphs give under one name, in the order of the second one.
fn common(a: &Graph, b: &Graph, order: &[NodeId]) -> Vec<Common> {
    let outputs = a.regions[a.main].nodes.iter().flat_map(|n| a.nodes[*n].outputs.iter().flatten());
    let named: HashMap<&str, ValueId> = outputs.map(|v| (&*a.values[*v].name, *v)).collect();
    let mut all = Vec::new();
    // Exporters number constants, so equal names say nothing of these.
    let computed = |(_, node): &(usize, &NodeId)| &*b.nodes[**node].op != "Constant";
    for (at, node) in order.iter().enumerate().filter(computed) {
        for value in b.nodes[*node].outputs.iter().flatten() {
            let name = &b.values[*value].name;
            if let Some(found) = named.get(&**name) {
                all.push(Common { name: name.clone(), a: *found, b: *value, at });
            }
        }
    }
    all
}

/// Bytes that a value takes.
fn bytes(value: &Value) -> usize {
    value.elems().saturating_mul(8)
}
