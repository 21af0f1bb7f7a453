//! Newer versions of the core operators: every node is changed so that it means the same in a newer version, or the graph is refused.
//!
//! Most versions of an operator only allow more types, or have a new attribute whose default is the old behaviour; their nodes keep their form. The
//! others are in [`ADAPTERS`], which has every such step up to version 21 (the changelog of ONNX 1.23, `docs/Changelog.md` there). A function has
//! operators of its own version and is left alone. Tests: `cargo test --lib graph::lift`.

use super::{
    AttrValue, Attribute, Constant, ConstantData, Elem, Extra, Graph, GraphError, NodeId, Opset, RegionId, Source,
    ValueId, ops,
};

/// The oldest version that is understood: before it, operators broadcast by attributes.
const OLDEST: i64 = 7;
/// The newest version that is lifted to.
pub(crate) const NEWEST_LIFT: i64 = 21;

/// Changes a node of an older version; an error is one clause.
type Adapter = fn(&mut Lift<'_>, NodeId) -> Result<(), String>;

/// Steps that are more than new types and attributes: operator, first version of the new form, and what to do. Those of one operator are in order.
const ADAPTERS: &[(&str, i64, Adapter)] = &[
    ("Scan", 9, |_, _| Err("its form was changed in version 9".to_owned())),
    ("BatchNormalization", 9, |l, n| l.drop_default(n, "spatial", 1)),
    ("BatchNormalization", 14, |l, n| l.one_output(n)),
    ("Upsample", 10, |l, n| l.upsample(n)),
    ("Slice", 10, |l, n| l.inputs(n, &[("starts", 1, true), ("ends", 2, true), ("axes", 3, true)])),
    ("TopK", 10, |l, n| l.inputs(n, &[("k", 1, true)])),
    ("Resize", 11, |l, n| l.resize(n)),
    ("Clip", 11, |l, n| l.inputs(n, &[("min", 1, false), ("max", 2, false)])),
    ("Pad", 11, |l, n| l.inputs(n, &[("pads", 1, true), ("value", 2, false)])),
    ("Scatter", 11, |l, n| l.rename(n, "ScatterElements")),
    ("Dropout", 12, |l, n| l.inputs(n, &[("ratio", 1, false)])),
    ("Squeeze", 13, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("Unsqueeze", 13, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceSum", 13, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("Split", 13, |l, n| l.inputs(n, &[("split", 1, true)])),
    ("Split", 18, |l, n| l.split_count(n)),
    ("Softmax", 13, |l, n| l.last_axis(n)),
    ("LogSoftmax", 13, |l, n| l.last_axis(n)),
    ("Hardmax", 13, |l, n| l.last_axis(n)),
    ("RoiAlign", 16, |l, n| l.set_text(n, "coordinate_transformation_mode", "output_half_pixel")),
    ("ReduceL1", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceL2", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceLogSum", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceLogSumExp", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceMax", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceMean", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceMin", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceProd", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("ReduceSumSquare", 18, |l, n| l.inputs(n, &[("axes", 1, true)])),
    ("DFT", 20, |_, _| Err("its axis is an input from version 20 on".to_owned())),
    ("GridSample", 20, |l, n| l.grid_modes(n)),
    ("GroupNormalization", 21, |_, _| Err("its scales are for each channel from version 21 on".to_owned())),
];

/// The version of the file format that came with a version of the operators.
const FORMATS: [(i64, i64); 7] = [(21, 10), (19, 9), (15, 8), (12, 7), (11, 6), (10, 5), (9, 4)];

impl Graph {
    /// Lifts the core operators to a newer version. Nothing happens if they have it already.
    ///
    /// # Errors
    /// Nodes that cannot be lifted, the first ones by name; the graph is changed in part then and must not be used.
    pub(crate) fn lift(&mut self, to: i64) -> Result<(), Vec<GraphError>> {
        let from = self.opset("").unwrap_or(0);
        if from >= to {
            return Ok(());
        }
        let whole = |what: String| vec![GraphError::new("the graph", what)];
        if from < OLDEST || to > NEWEST_LIFT {
            return Err(whole(format!("operators of version {from} cannot be lifted to version {to}")));
        }
        if self.about.format_version < 4 {
            // Before version 4 of the format, every constant is an input, too, and from then on that means that a caller may give another value.
            let inputs: Vec<ValueId> = self.regions[self.main].inputs.iter().map(|p| p.value).collect();
            inputs.into_iter().for_each(|v| self.constant_of_input(v));
        }
        let shapes = self.infer();
        let nodes: Vec<NodeId> = self.nodes.iter().filter(|(_, n)| n.is_core()).map(|(id, _)| id).collect();
        let mut problems = Vec::new();
        for id in nodes {
            let shown = self.nodes[id].shown();
            let mut lift = Lift { g: self, shapes: &shapes, to };
            if let Err(what) = lift.node(id) {
                problems.push(GraphError::new(shown, what));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        self.opsets.retain(|o| !matches!(&*o.domain, "" | "ai.onnx"));
        self.opsets.insert(0, Opset { domain: "".into(), version: to, extra: Extra::new() });
        let format = FORMATS.iter().find(|(opset, _)| to >= *opset).map_or(4, |(_, format)| *format);
        self.about.format_version = self.about.format_version.max(format);
        Ok(())
    }
}

struct Lift<'a> {
    g: &'a mut Graph,
    shapes: &'a super::infer::Inference,
    to: i64,
}

impl Lift<'_> {
    fn node(&mut self, id: NodeId) -> Result<(), String> {
        let from = self.g.nodes[id].version;
        if ops::find(&self.g.nodes[id]).is_none() {
            return Err("it is not an operator of ONNX".to_owned());
        }
        let op = self.g.nodes[id].op.clone();
        for (_, since, adapter) in ADAPTERS.iter().filter(|(name, _, _)| **name == *op) {
            if from < *since && *since <= self.to {
                adapter(self, id)?;
            }
        }
        self.g.nodes[id].version = self.to;
        Ok(())
    }

    fn take(&mut self, id: NodeId, name: &str) -> Option<AttrValue> {
        let attributes = &mut self.g.nodes[id].attributes;
        let at = attributes.iter().position(|a| &*a.name == name)?;
        Some(attributes.remove(at).value)
    }

    /// A constant in the region of a node.
    fn constant(&mut self, id: NodeId, what: &str, constant: Constant) -> ValueId {
        let node = &self.g.nodes[id];
        let (region, output): (RegionId, _) = (node.region, node.outputs.iter().flatten().next().copied());
        let base = output.map_or("", |v| &self.g.values[v].name).to_owned();
        let mut name = format!("{base}_{what}");
        while self.g.values.iter().any(|(_, v)| *v.name == name) {
            name.push('_');
        }
        self.g.add_constant(region, name, constant)
    }

    /// Attributes that are inputs in the new form: name, place of the input, and whether it is a list of `i64`; others have the type of the first input.
    fn inputs(&mut self, id: NodeId, which: &[(&str, usize, bool)]) -> Result<(), String> {
        for (name, place, is_list) in which {
            let Some(value) = self.take(id, name) else { continue };
            let constant = match value {
                AttrValue::Ints(list) if *is_list => Constant::ints(&list),
                AttrValue::Int(n) if *is_list => Constant::ints(&[n]),
                AttrValue::Float(v) => {
                    let first = self.g.nodes[id].inputs.first().copied().flatten();
                    if first.and_then(|v| self.shapes.ty(v).elem()) != Some(Elem::F32) {
                        return Err(format!("{name} becomes an input, and the type of its data is not f32"));
                    }
                    scalar(v)
                }
                _ => return Err(format!("its attribute {name} has the wrong type")),
            };
            let value = self.constant(id, name, constant);
            let inputs = &mut self.g.nodes[id].inputs;
            inputs.resize(inputs.len().max(place + 1), None);
            inputs[*place] = Some(value);
        }
        Ok(())
    }

    /// An attribute that is gone, and has to have its default.
    fn drop_default(&mut self, id: NodeId, name: &str, default: i64) -> Result<(), String> {
        match self.take(id, name) {
            None => Ok(()),
            Some(AttrValue::Int(v)) if v == default => Ok(()),
            Some(_) => Err(format!("newer versions have no attribute {name}")),
        }
    }

    fn one_output(&mut self, id: NodeId) -> Result<(), String> {
        let outputs = &mut self.g.nodes[id].outputs;
        if outputs.iter().skip(1).any(Option::is_some) {
            return Err("its outputs for training mean something else in newer versions".to_owned());
        }
        outputs.truncate(1);
        Ok(())
    }

    fn rename(&mut self, id: NodeId, op: &str) -> Result<(), String> {
        self.g.nodes[id].op = op.into();
        Ok(())
    }

    fn set_text(&mut self, id: NodeId, name: &str, text: &str) -> Result<(), String> {
        if self.g.nodes[id].attribute(name).is_none() {
            self.g.nodes[id].attributes.push(Attribute::new(name, AttrValue::Str(text.as_bytes().into())));
        }
        Ok(())
    }

    fn split_count(&mut self, id: NodeId) -> Result<(), String> {
        let node = &mut self.g.nodes[id];
        if node.inputs.get(1).copied().flatten().is_none() {
            let count = node.outputs.len() as i64;
            node.attributes.push(Attribute::new("num_outputs", AttrValue::Int(count)));
        }
        Ok(())
    }

    /// Softmax over all dimensions from the axis on, which is the last one alone in the new form.
    fn last_axis(&mut self, id: NodeId) -> Result<(), String> {
        let axis = match self.take(id, "axis") {
            None => 1,
            Some(AttrValue::Int(axis)) => axis,
            Some(_) => return Err("its attribute axis is not an integer".to_owned()),
        };
        let input = self.g.nodes[id].inputs.first().copied().flatten();
        let rank = input.and_then(|v| self.shapes.ty(v).shape()).map(|s| s.len() as i64);
        if axis != -1 && rank.is_none_or(|rank| axis != rank - 1) {
            return Err(format!("it is over all dimensions from {axis} on, and newer versions have it over one"));
        }
        self.g.nodes[id].attributes.push(Attribute::new("axis", AttrValue::Int(-1)));
        Ok(())
    }

    fn grid_modes(&mut self, id: NodeId) -> Result<(), String> {
        let Some(AttrValue::Str(mode)) = self.take(id, "mode") else { return Ok(()) };
        let mode = match &*mode {
            b"bilinear" => b"linear".as_slice().into(),
            b"bicubic" => b"cubic".as_slice().into(),
            _ => mode,
        };
        self.g.nodes[id].attributes.push(Attribute::new("mode", AttrValue::Str(mode)));
        Ok(())
    }

    /// `Upsample` is a `Resize`.
    fn upsample(&mut self, id: NodeId) -> Result<(), String> {
        if let Some(AttrValue::Floats(scales)) = self.take(id, "scales") {
            let value = self.constant(id, "scales", floats(&scales));
            self.g.nodes[id].inputs.push(Some(value));
        }
        self.g.nodes[id].op = "Resize".into();
        if self.to >= 11 { self.resize(id) } else { Ok(()) }
    }

    /// `Resize` without a region, with the coordinates that were the only ones.
    fn resize(&mut self, id: NodeId) -> Result<(), String> {
        let scales = self.g.nodes[id].inputs.get(1).copied().flatten();
        let known = scales.and_then(|v| self.constant_of(v)).and_then(|c| c.floats.clone());
        // Older versions round in another way where they make something smaller.
        if known.is_none_or(|s| s.iter().any(|s| *s < 1.0)) {
            return Err("its scales are not constants of at least 1".to_owned());
        }
        let roi = if self.to < 13 { Some(self.constant(id, "roi", floats(&[]))) } else { None };
        self.g.nodes[id].inputs.insert(1, roi);
        self.set_text(id, "coordinate_transformation_mode", "asymmetric")?;
        self.set_text(id, "nearest_mode", "floor")
    }

    fn constant_of(&self, value: ValueId) -> Option<&Constant> {
        let v = &self.g.values[value];
        match v.source {
            Source::Node(node) => match self.g.nodes[node].attribute("value") {
                Some(AttrValue::Tensor(c)) if &*self.g.nodes[node].op == "Constant" => Some(c),
                _ => None,
            },
            _ => v.constant.as_ref(),
        }
    }
}

fn scalar(v: f32) -> Constant {
    Constant { dims: Vec::new(), ..floats(&[v]) }
}

fn floats(values: &[f32]) -> Constant {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Constant {
        elem: Elem::F32,
        dims: vec![values.len() as u64],
        data: ConstantData::Inline(bytes.into()),
        ints: None,
        floats: Some(values.into()),
        name: "".into(),
        extra: Extra::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dim, Node, Port, ValueType};
    use super::*;

    fn graph(op: &str, version: i64, attributes: Vec<Attribute>) -> (Graph, NodeId) {
        let mut g = Graph::default();
        g.opsets.push(Opset { domain: "".into(), version, extra: Extra::new() });
        g.about.format_version = 4;
        let shape = [2i64, 3, 4].map(Dim::Known);
        let x = g.add_input(g.main, "x", ValueType::tensor(Elem::F32, shape));
        let mut node = Node::new(op, version, &[x]);
        node.attributes = attributes;
        let (id, y) = g.add_node(g.main, node, &["y"]);
        g.regions[g.main].outputs.push(Port::of(y[0]));
        (g, id)
    }

    #[test]
    fn attributes_that_are_inputs_in_newer_versions_become_constants() {
        let (mut g, id) = graph("Unsqueeze", 11, vec![Attribute::new("axes", AttrValue::Ints(vec![0, 2]))]);
        g.lift(13).unwrap();
        g.check().unwrap();
        let node = &g.nodes[id];
        assert_eq!((node.version, node.attributes.len(), g.opset("")), (13, 0, Some(13)));
        let axes = g.values[node.inputs[1].unwrap()].constant.as_ref().unwrap();
        assert_eq!(axes.ints.as_deref(), Some([0, 2].as_slice()));
        let (mut g, id) = graph("Clip", 10, vec![Attribute::new("max", AttrValue::Float(6.0))]);
        g.lift(11).unwrap();
        assert_eq!((g.nodes[id].inputs.len(), g.nodes[id].inputs[1]), (3, None));
        assert!(g.infer().problems.is_empty(), "{:?}", g.infer().problems);
    }

    #[test]
    fn what_means_something_else_in_newer_versions_is_refused() {
        let (mut g, _) = graph("Softmax", 11, Vec::new());
        let e = g.lift(13).unwrap_err();
        assert!(e[0].to_string().contains("all dimensions from 1 on"), "{e:?}");
        let (mut g, id) = graph("Softmax", 11, vec![Attribute::new("axis", AttrValue::Int(2))]);
        g.lift(13).unwrap();
        assert_eq!(g.nodes[id].attribute("axis"), Some(&AttrValue::Int(-1)));
        let (mut g, _) = graph("NoSuchOperator", 11, Vec::new());
        assert!(g.lift(13).unwrap_err()[0].what.contains("not an operator"));
        let (mut g, _) = graph("Relu", 6, Vec::new());
        assert!(g.lift(13).unwrap_err()[0].what.contains("cannot be lifted"));
    }

    #[test]
    fn an_upsample_becomes_a_resize() {
        let scales = Attribute::new("scales", AttrValue::Floats(vec![1.0, 2.0, 2.0]));
        let (mut g, id) = graph("Upsample", 7, vec![scales]);
        g.lift(13).unwrap();
        g.check().unwrap();
        assert_eq!((&*g.nodes[id].op, g.nodes[id].inputs.len(), g.nodes[id].inputs[1]), ("Resize", 3, None));
        assert!(g.infer().problems.is_empty(), "{:?}", g.infer().problems);
    }

    #[test]
    fn adapters_name_versions_that_the_operators_have() {
        for (op, since, _) in ADAPTERS {
            let operator = ops::find(&Node::new(op, 1, &[])).unwrap();
            assert!(operator.versions.iter().any(|v| v.since == *since), "{op} {since}");
        }
    }
}
