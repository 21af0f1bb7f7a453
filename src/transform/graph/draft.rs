//! A graph while it is changed: the list of tensors grows, nodes are put in order again, and what nothing uses is dropped at the end.

use super::{Kept, NodeName};
use crate::graph::{
    AttrValue, Attribute, Constant, ConstantData, Elem, Extra, Graph, Node, NodeId, Opset, RegionId, Source, TensorRef,
    Text, ValueId, ValueType,
};
use crate::model::{MemoryRows, Model, ModelError, Result, TensorEntry, few};
use crate::quant::Encoding;
use crate::tensor::{DType, Shape};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The first version of the file format in which constants need not be inputs.
const CONSTANTS_ALONE: i64 = 4;

/// A graph that is being changed.
pub(super) struct Draft {
    /// The graph.
    pub(super) g: Graph,
    /// The tensors of the model, and new ones.
    pub(super) tensors: Vec<TensorEntry>,
    names: HashSet<Text>,
    tensor_names: HashSet<String>,
}

/// A node that is to be added.
pub(super) struct NewNode<'a> {
    /// The operator.
    pub(super) op: &'a str,
    /// Its name.
    pub(super) name: String,
    /// Its inputs.
    pub(super) inputs: Vec<ValueId>,
    /// Its attributes.
    pub(super) attributes: Vec<Attribute>,
    /// Its domain; "" for the core domain.
    pub(super) domain: &'a str,
}

/// A constant that is a weight.
#[derive(Clone)]
pub(super) struct Weight {
    /// Its value.
    pub(super) value: ValueId,
    /// Its elements.
    pub(super) entry: TensorEntry,
    /// Their type.
    pub(super) elem: Elem,
    /// Dimensions.
    pub(super) dims: Vec<u64>,
}

impl<'a> NewNode<'a> {
    /// A node of the core domain without attributes.
    pub(super) fn new(op: &'a str, name: impl Into<String>, inputs: &[ValueId]) -> Self {
        Self { op, name: name.into(), inputs: inputs.to_vec(), attributes: Vec::new(), domain: "" }
    }

    /// The same with an integer attribute.
    pub(super) fn int(mut self, name: &str, value: i64) -> Self {
        self.attributes.push(Attribute::new(name, AttrValue::Int(value)));
        self
    }
}

impl Draft {
    /// The graph of a model.
    ///
    /// # Errors
    /// A model without a graph.
    pub(super) fn of(model: &Model) -> Result<Self> {
        let Some(graph) = &model.graph else {
            let e = ModelError::request("the model has no operator graph").in_file(&model.path);
            return Err(e.with_hint("Export it to a graph first."));
        };
        let g = Graph::clone(graph);
        let names = g.values.iter().map(|(_, v)| v.name.clone()).collect();
        let tensor_names = model.tensors.iter().map(|t| t.name.to_string()).collect();
        Ok(Self { g, tensors: model.tensors.clone(), names, tensor_names })
    }

    /// Lifts the core operators to the version that `what` needs, unless they have it.
    ///
    /// # Errors
    /// Nodes that cannot be lifted.
    pub(super) fn need_opset(&mut self, least: i64, what: &str) -> Result<()> {
        let version = self.g.opset("").unwrap_or(0);
        self.g.lift(least).map_err(|problems| {
            let names: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let fact = format!(
                "{what} needs version {least} of the operators; the graph has version {version} and cannot be lifted: {}",
                few(&names)
            );
            ModelError::unsupported(fact).with_hint(format!("Export the model with opset {least} or newer."))
        })?;
        self.names = self.g.values.iter().map(|(_, v)| v.name.clone()).collect();
        Ok(())
    }

    /// Declares a domain, unless it is declared.
    pub(super) fn use_domain(&mut self, domain: &str, version: i64) {
        if self.g.opset(domain).is_none() {
            self.g.opsets.push(Opset { domain: domain.into(), version, extra: Extra::new() });
        }
    }

    /// The name, or one like it that no value has.
    pub(super) fn fresh(&mut self, wanted: &str) -> Text {
        let mut name: Text = wanted.into();
        let mut n = 1u64;
        while !self.names.insert(name.clone()) {
            name = format!("{wanted}_{n}").into();
            n += 1;
        }
        name
    }

    /// The weight that a value is: a constant of the graph, or what a `Constant` node gives.
    pub(super) fn weight(&self, value: ValueId) -> Option<Weight> {
        let v = &self.g.values[value];
        let constant = match v.source {
            Source::Node(node) => {
                let node = &self.g.nodes[node];
                let given = (node.is_core() && &*node.op == "Constant").then(|| node.attribute("value"))?;
                if let Some(AttrValue::Tensor(c)) = given { c } else { return None }
            }
            _ => v.constant.as_ref()?,
        };
        let entry = match &constant.data {
            ConstantData::Tensor(t) => self.tensors.get(t.0 as usize)?.clone(),
            ConstantData::Inline(bytes) => {
                let shape = Shape(constant.dims.clone());
                let encoding = Encoding::Plain(constant.elem.dtype()?);
                let row_bytes = encoding.row_bytes(shape.cols())?;
                let rows = MemoryRows { bytes: bytes.to_vec(), row_bytes };
                TensorEntry::new(&*v.name, shape, encoding, Arc::new(rows))
            }
            ConstantData::Strings(_) => return None,
        };
        Some(Weight { value, entry, elem: constant.elem, dims: constant.dims.clone() })
    }

    /// Adds a constant whose elements are a tensor of the model.
    pub(super) fn tensor(&mut self, name: &str, elem: Elem, dims: Vec<u64>, mut entry: TensorEntry) -> ValueId {
        let name = self.fresh(name);
        let mut unique = name.to_string();
        while !self.tensor_names.insert(unique.clone()) {
            unique.push('\'');
        }
        entry.name = unique.as_str().into();
        let data = ConstantData::Tensor(TensorRef(self.tensors.len() as u32));
        self.tensors.push(entry);
        let constant = Constant { elem, dims, data, ints: None, floats: None, name: "".into(), extra: Extra::new() };
        self.g.add_constant(self.g.main, name, constant)
    }

    /// The place of a tensor of the model that replaces another one and has its name.
    pub(super) fn replaced(&mut self, entry: &TensorEntry) -> ConstantData {
        self.tensors.push(entry.clone());
        ConstantData::Tensor(TensorRef(self.tensors.len() as u32 - 1))
    }

    /// Adds a small constant with these packed elements.
    pub(super) fn small(&mut self, name: &str, elem: Elem, dims: Vec<u64>, bytes: Vec<u8>) -> ValueId {
        let (dtype, shape) = match elem.dtype() {
            Some(dtype) => (dtype, Shape(dims.clone())),
            None => (DType::U8, Shape(vec![bytes.len() as u64])),
        };
        let row_bytes = Encoding::Plain(dtype).row_bytes(shape.cols()).unwrap_or(0);
        let packed = bytes.clone();
        let entry = TensorEntry::new(name, shape, dtype, Arc::new(MemoryRows { bytes, row_bytes }));
        let value = self.tensor(name, elem, dims, entry);
        if let Some(constant) = &mut self.g.values[value].constant {
            constant.learn(&packed);
        }
        value
    }

    /// Takes the nodes of a region out of it; [`Draft::put`] and [`Draft::add`] put nodes in, one after the other.
    pub(super) fn take_nodes(&mut self, region: RegionId) -> Vec<NodeId> {
        // Nodes are looked at after those whose values they use, whatever their order in the file.
        let listed = std::mem::take(&mut self.g.regions[region].nodes);
        self.g.regions[region].nodes = listed.clone();
        let ordered = self.g.ordered(region).unwrap_or(listed);
        self.g.regions[region].nodes.clear();
        ordered
    }

    /// Puts a node back.
    pub(super) fn put(&mut self, node: NodeId) {
        let region = self.g.nodes[node].region;
        self.g.regions[region].nodes.push(node);
    }

    /// Adds a node with new values as outputs.
    pub(super) fn add(&mut self, new: NewNode<'_>, outputs: &[String]) -> Vec<ValueId> {
        let values: Vec<ValueId> = outputs
            .iter()
            .map(|name| {
                let name = self.fresh(name);
                // The source is set by `add_to`.
                self.g.add_value(name, ValueType::Unknown, Source::Constant(self.g.main))
            })
            .collect();
        self.add_to(new, &values);
        values
    }

    /// Adds a node that gives values that are there.
    pub(super) fn add_to(&mut self, new: NewNode<'_>, outputs: &[ValueId]) -> NodeId {
        let version = self.g.opset(new.domain).unwrap_or(1);
        let mut node = Node::new(new.op, version, &new.inputs);
        node.domain = new.domain.into();
        node.name = new.name.as_str().into();
        node.attributes = new.attributes;
        node.outputs = outputs.iter().copied().map(Some).collect();
        node.region = self.g.main;
        let id = self.g.nodes.add(node);
        for value in outputs {
            self.g.values[*value].source = Source::Node(id);
        }
        self.g.regions[self.g.main].nodes.push(id);
        id
    }

    /// Makes `to`, what the node `dropped` gives, what `producer` gives instead of `from`, and drops that node.
    pub(super) fn redirect(&mut self, producer: NodeId, from: ValueId, to: ValueId, dropped: NodeId) {
        for output in self.g.nodes[producer].outputs.iter_mut().filter(|o| **o == Some(from)) {
            *output = Some(to);
        }
        self.g.values[to].source = Source::Node(producer);
        self.g.values.remove(from);
        if let Some(node) = self.g.nodes.remove(dropped) {
            self.g.regions[node.region].nodes.retain(|n| *n != dropped);
        }
        for (_, region) in self.g.regions.iter_mut() {
            region.described.retain(|p| p.value != from);
        }
    }

    /// The name of a node in reports.
    pub(super) fn named(&self, node: &Node) -> NodeName {
        node_name(&self.g, node)
    }

    /// A node that stays as it is.
    pub(super) fn kept(&self, node: &Node, why: impl Into<String>) -> Kept {
        let float = |w: &Weight| w.elem.is_float();
        let weights = node.inputs.iter().flatten().filter_map(|v| self.weight(*v)).filter(float);
        let bytes = weights.map(|w| w.entry.bytes()).fold(0, u64::saturating_add);
        Kept { node: self.named(node), why: why.into(), bytes }
    }

    /// The changed model. Constants that nothing uses any more are dropped, and so are their tensors.
    ///
    /// # Errors
    /// A graph that does not fit together, which is a defect of the change.
    pub(super) fn finish(mut self, model: &Model) -> Result<Model> {
        self.drop_unused();
        self.hold_initializers();
        self.g.check().map_err(|e| ModelError::bad(e.what).field(e.place))?;
        if self.g.about.format_version < CONSTANTS_ALONE {
            self.g.about.format_version = CONSTANTS_ALONE;
        }
        let mut places: HashMap<TensorRef, TensorRef> = HashMap::new();
        let mut tensors: Vec<TensorEntry> = Vec::new();
        let mut names: HashSet<String> = HashSet::new();
        let all = &self.tensors;
        // In this order: readers give tensors their places so, and what was written is compared with what is read.
        self.g.visit_constants(&mut |c, _| {
            let ConstantData::Tensor(old) = c.data else { return };
            let place = *places.entry(old).or_insert_with(|| {
                // What the graph names is there: the first tensor only stands for one that is not.
                if let Some(mut entry) = all.get(old.0 as usize).cloned() {
                    let mut name = entry.name.to_string();
                    while !names.insert(name.clone()) {
                        name.push('\'');
                    }
                    entry.name = name.as_str().into();
                    tensors.push(entry);
                }
                TensorRef((tensors.len() as u32).saturating_sub(1))
            });
            c.data = ConstantData::Tensor(place);
        });
        Ok(Model { tensors, graph: Some(Arc::new(self.g)), ..model.clone() })
    }

    /// Makes small initializers, which lifting adds, tensors of the model as all others are.
    fn hold_initializers(&mut self) {
        let Self { g, tensors, .. } = self;
        for (_, value) in g.values.iter_mut().filter(|(_, v)| !matches!(v.source, Source::Node(_))) {
            let Some(constant) = &mut value.constant else { continue };
            let ConstantData::Inline(bytes) = &constant.data else { continue };
            let (dtype, shape) = match constant.elem.dtype() {
                Some(dtype) => (dtype, Shape(constant.dims.clone())),
                None => (DType::U8, Shape(vec![bytes.len() as u64])),
            };
            let row_bytes = Encoding::Plain(dtype).row_bytes(shape.cols()).unwrap_or(0);
            let rows = MemoryRows { bytes: bytes.to_vec(), row_bytes };
            tensors.push(TensorEntry::new(&*value.name, shape, dtype, Arc::new(rows)));
            constant.data = ConstantData::Tensor(TensorRef(tensors.len() as u32 - 1));
        }
    }

    fn drop_unused(&mut self) {
        let used = self.g.used();
        let unused: Vec<(ValueId, Source)> =
            self.g.values.iter().filter(|(id, _)| !used.contains(id)).map(|(id, v)| (id, v.source)).collect();
        let mut nodes = Vec::new();
        for (value, source) in unused {
            match source {
                Source::Node(node) if &*self.g.nodes[node].op == "Constant" => nodes.push(node),
                Source::Input(region) if region == self.g.main => self.g.constant_of_input(value),
                _ => {}
            }
        }
        // Nothing uses what these nodes give, so removing them cannot fail.
        let _ = self.g.remove_nodes(&nodes);
        self.g.remove_unused_constants();
    }
}

/// The name of a node in reports.
pub(super) fn node_name(g: &Graph, node: &Node) -> NodeName {
    let first = || node.outputs.iter().flatten().next().map_or_else(String::new, |v| g.values[*v].name.to_string());
    let name = if node.name.is_empty() { first() } else { node.name.to_string() };
    NodeName { name, op: node.op.to_string() }
}
