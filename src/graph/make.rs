//! Builds graphs node by node: typed constants, readable names in scopes, weights by their tensors.
//!
//! A node is named after its scope and operator, `/model/layers.0/self_attn/q_proj/MatMul`, and its outputs after the node,
//! `…/MatMul_output_0`, as exporters of PyTorch name them. A second node of one operator in a scope is `MatMul_1`. Equal small constants are one
//! initializer. Weights are tensors of the model: the caller keeps the list and gives their places.

use super::arena::TensorRef;
use super::{
    AttrValue, Attribute, Constant, ConstantData, Dim, Elem, Extra, Graph, GraphError, Node, Opset, Port, Source, Text,
    ValueId, ValueType,
};
use std::collections::HashMap;

/// A graph under construction.
pub(crate) struct Maker {
    graph: Graph,
    opset: i64,
    scope: Vec<String>,
    /// How many nodes asked for a name.
    names: HashMap<String, u32>,
    /// Small constants by name.
    constants: HashMap<String, ValueId>,
}

/// An attribute: its name and value.
pub(crate) type Attr<'a> = (&'a str, AttrValue);

impl Maker {
    /// An empty graph with this version of the core domain and this version of the file format (ONNX: the IR version).
    pub(crate) fn new(opset: i64, format_version: i64) -> Self {
        let mut graph = Graph::default();
        graph.opsets.push(Opset { domain: "".into(), version: opset, extra: Extra::new() });
        graph.about.format_version = format_version;
        graph.about.producer = "remold".into();
        graph.about.producer_version = env!("CARGO_PKG_VERSION").into();
        Self { graph, opset, scope: Vec::new(), names: HashMap::new(), constants: HashMap::new() }
    }

    /// The version of the core domain.
    pub(crate) fn opset(&self) -> i64 {
        self.opset
    }

    /// Names the graph.
    pub(crate) fn name(&mut self, name: &str) {
        let main = self.graph.main;
        self.graph.regions[main].name = name.into();
    }

    /// Adds a key-value pair about the model.
    pub(crate) fn property(&mut self, key: &str, value: impl Into<Text>) {
        self.graph.about.properties.push((key.into(), value.into()));
    }

    /// Runs `body` in a scope below the present one; dots do not separate scopes, slashes do.
    pub(crate) fn within<R>(&mut self, scope: impl Into<String>, body: impl FnOnce(&mut Self) -> R) -> R {
        self.scope.push(scope.into());
        let result = body(self);
        self.scope.pop();
        result
    }

    /// As [`Self::within`], in the scope of that path, `model/layers.0/mlp`, whatever the present one is.
    pub(crate) fn at<R>(&mut self, path: &str, body: impl FnOnce(&mut Self) -> R) -> R {
        let path = path.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect();
        let before = std::mem::replace(&mut self.scope, path);
        let result = body(self);
        self.scope = before;
        result
    }

    /// Adds an input.
    pub(crate) fn input(&mut self, name: &str, elem: Elem, shape: &[Dim]) -> ValueId {
        let main = self.graph.main;
        self.graph.add_input(main, name, ValueType::tensor(elem, shape.iter().cloned()))
    }

    /// Makes a value an output of that name and type. A value that is an input, a constant or an output already is copied first.
    pub(crate) fn output(&mut self, name: &str, value: ValueId, elem: Elem, shape: &[Dim]) {
        let main = self.graph.main;
        let named = self.graph.regions[main].outputs.iter().any(|p| p.value == value);
        let own = matches!(self.graph.values[value].source, Source::Node(_)) && !named;
        let value = if own { value } else { self.op("Identity", &[value], &[]) };
        self.graph.values[value].name = name.into();
        self.graph.values[value].ty = ValueType::tensor(elem, shape.iter().cloned());
        self.graph.regions[main].outputs.push(Port::of(value));
    }

    /// Adds a node with one output.
    pub(crate) fn op(&mut self, op: &str, inputs: &[ValueId], attributes: &[Attr<'_>]) -> ValueId {
        let inputs: Vec<Option<ValueId>> = inputs.iter().copied().map(Some).collect();
        self.node(op, &inputs, attributes, 1)[0]
    }

    /// Adds a node with any number of outputs; `None` is an optional input that is left out.
    pub(crate) fn node(
        &mut self,
        op: &str,
        inputs: &[Option<ValueId>],
        attributes: &[Attr<'_>],
        outputs: usize,
    ) -> Vec<ValueId> {
        let name = self.unique(op);
        let mut node = Node::new(op, self.opset, &[]);
        node.inputs = inputs.to_vec();
        node.attributes = attributes.iter().map(|(name, value)| Attribute::new(name, value.clone())).collect();
        node.name = name.as_str().into();
        let outputs: Vec<String> = (0..outputs).map(|i| format!("{name}_output_{i}")).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        self.graph.add_node(self.graph.main, node, &outputs).1
    }

    /// A weight: a tensor of the model of that place, type and shape. `name` is that of its value.
    pub(crate) fn weight(&mut self, name: &str, tensor: TensorRef, elem: Elem, dims: &[u64]) -> ValueId {
        let constant = Constant {
            elem,
            dims: dims.to_vec(),
            data: ConstantData::Tensor(tensor),
            ints: None,
            floats: None,
            name: "".into(),
            extra: Extra::new(),
        };
        self.graph.add_constant(self.graph.main, name, constant)
    }

    /// A constant vector of `i64`: a shape, axes, bounds of a slice.
    pub(crate) fn ints(&mut self, values: &[i64]) -> ValueId {
        let texts: Vec<String> = values.iter().map(i64::to_string).collect();
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(format!("i64s.{}", texts.join("_")), Elem::I64, vec![values.len() as u64], bytes)
    }

    /// A constant `i64` without dimensions.
    pub(crate) fn int(&mut self, value: i64) -> ValueId {
        self.constant(format!("i64.{value}"), Elem::I64, Vec::new(), value.to_le_bytes().to_vec())
    }

    /// A constant `f32` without dimensions.
    pub(crate) fn float(&mut self, value: f32) -> ValueId {
        self.constant(format!("f32.{value:?}"), Elem::F32, Vec::new(), value.to_le_bytes().to_vec())
    }

    /// A constant vector of `f32`, under a name of its own.
    pub(crate) fn floats(&mut self, name: &str, values: &[f32]) -> ValueId {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name.to_owned(), Elem::F32, vec![values.len() as u64], bytes)
    }

    /// A value reshaped to these dimensions: 0 keeps one, -1 takes what is left.
    pub(crate) fn reshape(&mut self, value: ValueId, shape: &[i64]) -> ValueId {
        let shape = self.ints(shape);
        self.op("Reshape", &[value, shape], &[])
    }

    /// A value with its dimensions in this order.
    pub(crate) fn transpose(&mut self, value: ValueId, order: &[i64]) -> ValueId {
        self.op("Transpose", &[value], &[("perm", AttrValue::Ints(order.to_vec()))])
    }

    /// A value with dimensions of one added at these places.
    pub(crate) fn unsqueeze(&mut self, value: ValueId, axes: &[i64]) -> ValueId {
        let axes = self.ints(axes);
        self.op("Unsqueeze", &[value, axes], &[])
    }

    /// A value as another type.
    pub(crate) fn cast(&mut self, value: ValueId, to: Elem) -> ValueId {
        self.op("Cast", &[value], &[("to", AttrValue::Int(to.code()))])
    }

    /// One dimension of a value, as an `i64` without dimensions.
    pub(crate) fn size(&mut self, value: ValueId, axis: i64) -> ValueId {
        let range = [("start", AttrValue::Int(axis)), ("end", AttrValue::Int(axis + 1))];
        let size = self.op("Shape", &[value], &range);
        self.op("Squeeze", &[size], &[])
    }

    /// The graph, with nothing in it that contradicts the schemas of its operators.
    ///
    /// # Errors
    /// The first contradiction; the graph was built wrongly, or the shapes of the weights are not what the network needs.
    pub(crate) fn finish(self) -> Result<Graph, GraphError> {
        self.graph.check()?;
        match self.graph.infer().problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(self.graph),
        }
    }

    fn constant(&mut self, name: String, elem: Elem, dims: Vec<u64>, bytes: Vec<u8>) -> ValueId {
        if let Some(id) = self.constants.get(&name) {
            return *id;
        }
        let mut constant = Constant {
            elem,
            dims,
            data: ConstantData::Inline([].into()),
            ints: None,
            floats: None,
            name: "".into(),
            extra: Extra::new(),
        };
        constant.learn(&bytes);
        constant.data = ConstantData::Inline(bytes.into());
        let id = self.graph.add_constant(self.graph.main, name.as_str(), constant);
        self.constants.insert(name, id);
        id
    }

    /// The name of the next node of an operator in the present scope.
    fn unique(&mut self, op: &str) -> String {
        let name = self.scope.iter().fold(String::new(), |path, part| format!("{path}/{part}")) + "/" + op;
        let asked = self.names.entry(name.clone()).or_default();
        *asked += 1;
        if *asked == 1 { name } else { format!("{name}_{}", *asked - 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_scopes_and_equal_constants_are_one() {
        let mut m = Maker::new(23, 11);
        let x = m.input("x", Elem::F32, &[Dim::symbol("n"), Dim::Known(4)]);
        let w = m.weight("w", TensorRef(0), Elem::F32, &[4, 6]);
        let y = m.within("layers.0", |m| {
            let y = m.within("proj", |m| m.op("MatMul", &[x, w], &[]));
            let y = m.reshape(y, &[0, 2, 3]);
            m.reshape(y, &[0, 2, 3])
        });
        m.output("y", y, Elem::F32, &[Dim::symbol("n"), Dim::Known(2), Dim::Known(3)]);
        m.output("again", y, Elem::F32, &[Dim::symbol("n"), Dim::Known(2), Dim::Known(3)]);
        let g = m.finish().unwrap();
        let names: Vec<&str> = g.nodes.iter().map(|(_, n)| &*n.name).collect();
        assert_eq!(names, ["/layers.0/proj/MatMul", "/layers.0/Reshape", "/layers.0/Reshape_1", "/Identity"]);
        assert_eq!(g.constants().count(), 2);
        let outputs: Vec<&str> = g.outputs().iter().map(|v| &*v.name).collect();
        assert_eq!(outputs, ["y", "again"]);
        let first = g.values.iter().find(|(_, v)| &*v.name == "/layers.0/proj/MatMul_output_0");
        assert!(first.is_some());
    }

    #[test]
    fn a_graph_that_contradicts_itself_is_refused_with_its_node() {
        let mut m = Maker::new(23, 11);
        let x = m.input("x", Elem::F32, &[Dim::symbol("n"), Dim::Known(4)]);
        let w = m.weight("w", TensorRef(0), Elem::F32, &[5, 6]);
        let y = m.op("MatMul", &[x, w], &[]);
        m.output("y", y, Elem::F32, &[Dim::symbol("n"), Dim::Known(6)]);
        let e = m.finish().unwrap_err();
        assert!(e.to_string().starts_with("node \"/MatMul\" (MatMul)"), "{e}");
    }
}
