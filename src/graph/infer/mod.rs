//! Types and shapes of all values, from the inputs on, with symbolic dimensions and the elements of small integer tensors.
//!
//! Nothing is changed: the result is a table beside the graph. What contradicts a schema, or what the file declares, is a problem with the name of its
//! node; inference goes on after it. Nested regions are inferred with the node that holds them. Tests: `cargo test --lib graph::infer`.

mod join;
mod nested;
mod schema;

#[cfg(test)]
mod tests;

use super::ops::{self, Call, Infer, Input, Out, Outs};
use super::{
    AttrValue, Constant, Dim, Function, Graph, GraphError, MAX_INTS, Node, NodeId, RegionId, Source, ValueId, ValueType,
};
use std::collections::HashMap;

/// Nodes that are looked at, beyond the nodes of the graph: bodies of loops are inferred twice, and those of functions at each call.
const EXTRA_STEPS: u64 = 200_000;
/// Problems that are kept.
const MAX_PROBLEMS: usize = 100;
/// Most dimensions of a value whose shape is followed; NumPy allows 64.
const MAX_RANK: usize = 64;
/// Deepest nesting of calls of functions.
const MAX_CALLS: u32 = 16;

/// What was inferred.
#[derive(Debug, Default)]
pub(crate) struct Inference {
    types: Vec<ValueType>,
    ints: HashMap<ValueId, Vec<Dim>>,
    /// What does not fit together.
    pub problems: Vec<GraphError>,
}

impl Inference {
    /// The type of a value.
    pub(crate) fn ty(&self, value: ValueId) -> &ValueType {
        self.types.get(value.0 as usize).unwrap_or(&ValueType::Unknown)
    }

    /// The elements of a value, if they are few integers.
    pub(crate) fn ints(&self, value: ValueId) -> Option<&[Dim]> {
        self.ints.get(&value).map(Vec::as_slice)
    }
}

impl Graph {
    /// Infers types and shapes.
    pub(crate) fn infer(&self) -> Inference {
        let steps = self.nodes.len() as u64 * 2 + EXTRA_STEPS;
        let mut engine = Engine { g: self, functions: &self.functions, found: Inference::default(), steps, depth: 0 };
        engine.begin();
        engine.region(self.main);
        engine.found
    }
}

struct Engine<'g> {
    g: &'g Graph,
    functions: &'g [Function],
    found: Inference,
    steps: u64,
    depth: u32,
}

impl<'g> Engine<'g> {
    /// Sets what the file says: declared types and constants.
    fn begin(&mut self) {
        self.found.types = vec![ValueType::Unknown; self.g.values.span()];
        for (id, value) in self.g.values.iter() {
            self.found.types[id.0 as usize] = bounded(value.ty.clone());
            if let Some(ints) = self.constant(id).and_then(ints_of) {
                self.found.ints.insert(id, ints);
            }
        }
    }

    fn region(&mut self, region: RegionId) {
        let order = self.g.ordered(region).unwrap_or_else(|_| self.g.regions[region].nodes.clone());
        for id in order {
            if self.steps == 0 {
                return;
            }
            self.steps -= 1;
            self.node(id);
        }
    }

    fn problem(&mut self, node: NodeId, what: impl Into<String>) {
        if self.found.problems.len() < MAX_PROBLEMS {
            self.found.problems.push(GraphError::new(self.g.nodes[node].shown(), what));
        }
    }

    fn input(&self, value: ValueId) -> Input {
        let (ty, ints) = (self.found.ty(value).clone(), self.found.ints.get(&value).cloned());
        Input { ty, ints, floats: self.constant(value).and_then(|c| c.floats.clone()) }
    }

    /// The constant that a value is: an initializer, or what a node of that name gives.
    fn constant(&self, value: ValueId) -> Option<&'g Constant> {
        let g = self.g;
        match g.values[value].source {
            Source::Node(node) => {
                let node = &g.nodes[node];
                let attribute = if &*node.op == "Constant" && node.is_core() { node.attribute("value") } else { None };
                if let Some(AttrValue::Tensor(c)) = attribute { Some(c) } else { None }
            }
            // A caller may give another value for an input.
            Source::Input(_) if g.about.format_version >= 4 => None,
            _ => g.values[value].constant.as_ref(),
        }
    }

    fn node(&mut self, id: NodeId) {
        let node = &self.g.nodes[id];
        let inputs = node.inputs.iter().map(|v| v.map(|v| self.input(v))).collect();
        let call = Call { node, inputs };
        let found = ops::find(node);
        let schema = found.and_then(|op| op.at(if node.version > 0 { node.version } else { i64::MAX }));
        let outs = match found.map(|op| &op.infer) {
            Some(Infer::Rule(rule)) => rule(&call),
            Some(Infer::Branches) => self.branches(&call),
            Some(Infer::Loop) => self.repeated(&call),
            Some(Infer::Scan) => self.scanned(&call),
            Some(Infer::Nothing) => Ok(Vec::new()),
            None => self.called(&call),
        };
        let mut outs = outs.unwrap_or_else(|what| {
            self.problem(id, what);
            Vec::new()
        });
        outs.resize_with(outs.len().max(node.outputs.len()), Out::default);
        if let Some(schema) = schema {
            for what in schema::apply(schema, &call, &mut outs) {
                self.problem(id, what);
            }
        }
        for (value, out) in node.outputs.iter().zip(outs) {
            if let Some(value) = value {
                self.set(id, *value, out);
            }
        }
    }

    /// Sets what is known of an output.
    fn set(&mut self, node: NodeId, value: ValueId, out: Out) {
        let inferred = out.ty.unwrap_or(match (out.elem, out.shape) {
            (None, None) => ValueType::Unknown,
            (elem, shape) => ValueType::Tensor { elem, shape },
        });
        let declared = &self.g.values[value].ty;
        match join::both(declared, &inferred) {
            Ok(ty) => self.found.types[value.0 as usize] = bounded(ty),
            Err(what) => {
                let name = &self.g.values[value].name;
                self.problem(node, format!("its output {name:?} is declared as {declared}, but {what}"));
            }
        }
        match out.ints.filter(|i| i.len() as u64 <= MAX_INTS && (i.is_empty() || i.iter().any(Dim::is_some))) {
            Some(ints) => self.found.ints.insert(value, ints),
            None => self.found.ints.remove(&value),
        };
    }

    /// A call of a function of the model.
    fn called(&mut self, call: &Call<'_>) -> Outs {
        let functions = self.functions;
        let same = |f: &&Function| {
            *f.name == *call.node.op && *f.domain == *call.node.domain && *f.overload == *call.node.overload
        };
        let Some(function) = functions.iter().find(same) else { return Ok(Vec::new()) };
        if self.depth >= MAX_CALLS {
            return Err("functions call each other without end".to_owned());
        }
        let body = &function.body;
        let mut inner =
            Engine { g: body, functions, found: Inference::default(), steps: self.steps, depth: self.depth + 1 };
        inner.begin();
        for (port, input) in body.regions[body.main].inputs.iter().zip(&call.inputs) {
            if let Some(input) = input {
                inner.assume(port.value, input.clone());
            }
        }
        inner.region(body.main);
        self.steps = inner.steps;
        let outs = body.regions[body.main].outputs.iter().map(|p| inner.out(p.value)).collect();
        match inner.found.problems.into_iter().next() {
            Some(problem) => Err(format!("in its body, {problem}")),
            None => Ok(outs),
        }
    }

    /// Sets what is known of an input of a region.
    fn assume(&mut self, value: ValueId, input: Input) {
        self.found.types[value.0 as usize] = input.ty;
        match input.ints {
            Some(ints) => self.found.ints.insert(value, ints),
            None => self.found.ints.remove(&value),
        };
    }

    /// What was inferred of an output of a region.
    fn out(&self, value: ValueId) -> Out {
        let ints = self.found.ints.get(&value).cloned();
        match self.found.ty(value) {
            ValueType::Tensor { elem, shape } => Out { elem: *elem, shape: shape.clone(), ints, ty: None },
            ValueType::Unknown => Out::default(),
            other => Out { ty: Some(other.clone()), ..Out::default() },
        }
    }
}

/// Without a shape of more dimensions than are followed.
fn bounded(ty: ValueType) -> ValueType {
    match ty {
        ValueType::Tensor { elem, shape: Some(shape) } if shape.len() > MAX_RANK => {
            ValueType::Tensor { elem, shape: None }
        }
        other => other,
    }
}

/// The elements of a constant, if they are few integers.
pub(crate) fn ints_of(constant: &Constant) -> Option<Vec<Dim>> {
    constant.ints.as_ref().map(|ints| ints.iter().map(|n| Dim::Known(*n)).collect())
}

/// The regions in an attribute of a node.
fn region_of(node: &Node, name: &str) -> Option<RegionId> {
    if let Some(AttrValue::Region(r)) = node.attribute(name) { Some(*r) } else { None }
}
