//! Builds the graph of a file: every name becomes an id.

use super::tensors::Tensors;
use crate::formats::onnx::proto;
use crate::graph::{
    About, AttrValue, Attribute, Declared, Foreign, Function, Graph, Node, NodeId, Opset, Port, Region, RegionId,
    Source, SparseConstant, Text, TypeAttr, ValueId, ValueType,
};
use crate::model::{ModelError, Result, few};
use std::collections::HashMap;

/// Number of `value_info` in `GraphProto`; in `FunctionProto` it is another one.
const VALUE_INFO: u32 = 13;
const FUNCTION_VALUE_INFO: u32 = 12;

/// Builds the graph of a model. Also returns what is unusual about it, a sentence each.
///
/// # Errors
/// Names that nothing gives or that are given twice, cycles, tensors that are wrong.
pub(super) fn build(model: proto::Model, tensors: &mut Tensors<'_>) -> Result<(Graph, Vec<String>)> {
    let mut warnings = Vec::new();
    let mut functions = Vec::new();
    for f in model.functions {
        functions.push(function(f, tensors, &mut warnings)?);
    }
    // Before IR version 3 there was one operator set.
    let mut b = Builder::new(model.opsets, model.about.format_version < 3, tensors, &mut warnings);
    let main = b.g.main;
    if let Some(graph) = model.graph {
        b.region(main, graph, VALUE_INFO)?;
    }
    let mut g = b.finish()?;
    g.about = model.about;
    g.extra = model.extra;
    g.functions = functions;
    Ok((g, warnings))
}

fn function(f: proto::Function, tensors: &mut Tensors<'_>, warnings: &mut Vec<String>) -> Result<Function> {
    let mut b = Builder::new(f.opsets, false, tensors, warnings);
    let main = b.g.main;
    let untyped =
        |names: Vec<Text>| names.into_iter().map(|name| proto::ValueInfo { name, ..Default::default() }).collect();
    let body = proto::Graph {
        name: f.name.clone(),
        nodes: f.nodes,
        inputs: untyped(f.inputs),
        outputs: untyped(f.outputs),
        value_infos: f.value_infos,
        ..proto::Graph::default()
    };
    b.region(main, body, FUNCTION_VALUE_INFO)?;
    let mut defaults = Vec::new();
    for a in f.defaults {
        defaults.push(b.attribute(a, "default", None)?);
    }
    let mut body = b.finish()?;
    // A value that is described but not there is a field of the function, as all fields of its body are.
    let mut extra = f.extra;
    extra.append(&mut body.regions[main].extra);
    extra.sort_by_key(|f| f.number);
    let about = About::default();
    body.about = about;
    Ok(Function {
        domain: f.domain,
        name: f.name,
        overload: f.overload,
        attributes: f.attributes,
        defaults,
        body,
        extra,
    })
}

struct Builder<'a, 'w> {
    g: Graph,
    tensors: &'a mut Tensors<'w>,
    warnings: &'a mut Vec<String>,
    /// The names that are visible, innermost region last.
    scopes: Vec<HashMap<Text, ValueId>>,
    versions: HashMap<Text, i64>,
    missing: Vec<Text>,
}

impl<'a, 'w> Builder<'a, 'w> {
    fn new(opsets: Vec<Opset>, old: bool, tensors: &'a mut Tensors<'w>, warnings: &'a mut Vec<String>) -> Self {
        let mut versions: HashMap<Text, i64> = opsets.iter().map(|o| (o.domain.clone(), o.version)).collect();
        for (one, other) in [("", "ai.onnx"), ("ai.onnx", "")] {
            if let Some(v) = versions.get(one).copied() {
                versions.entry(other.into()).or_insert(v);
            }
        }
        if old && opsets.is_empty() {
            versions.insert("".into(), 1);
        }
        let g = Graph { opsets, ..Graph::default() };
        Self { g, tensors, warnings, scopes: Vec::new(), versions, missing: Vec::new() }
    }

    fn finish(self) -> Result<Graph> {
        if !self.missing.is_empty() {
            let domains: Vec<String> = self.missing.iter().map(|d| format!("{d:?}")).collect();
            self.warnings.push(format!("the file declares no version of the operators of {}", few(&domains)));
        }
        for (id, region) in self.g.regions.iter() {
            let order = self.g.ordered(id).map_err(|e| ModelError::bad(e.what).field(e.place))?;
            if order != region.nodes {
                let text = format!("the nodes of the graph {:?} are not in the order in which they run", &*region.name);
                self.warnings.push(text);
            }
        }
        Ok(self.g)
    }

    fn region(&mut self, id: RegionId, p: proto::Graph, value_info: u32) -> Result<()> {
        self.scopes.push(HashMap::new());
        self.g.regions[id] =
            Region { name: p.name, extra: p.extra, holder: self.g.regions[id].holder, ..Region::default() };
        for v in &p.inputs {
            let value = self.g.add_value(v.name.clone(), v.ty.ty.clone(), Source::Input(id));
            self.define(&v.name, value, 0)?;
        }
        for t in p.initializers {
            let (name, at) = (t.name.clone(), t.at);
            let constant = self.tensors.initializer(t)?;
            let ty = ValueType::tensor(constant.elem, constant.dims.iter().map(|&d| d.into()));
            let value = self.constant(id, &name, ty, at)?;
            self.g.values[value].constant = Some(constant);
        }
        for s in p.sparse {
            let (name, at) = (s.values.name.clone(), s.values.at);
            let sparse = self.sparse(s, &name)?;
            let dims = sparse.dims.iter().map(|&d| d.into());
            let value = self.constant(id, &name, ValueType::tensor(sparse.values.elem, dims), at)?;
            self.g.values[value].sparse = Some(Box::new(sparse));
        }
        let mut nodes = Vec::with_capacity(p.nodes.len());
        for n in p.nodes {
            nodes.push((self.node(id, &n)?, n));
        }
        let described = self.described(id, p.value_infos, value_info)?;
        for v in &p.outputs {
            let value =
                self.find(&v.name).ok_or_else(|| self.nothing_gives(0, format!("output {:?}", v.name), &v.name))?;
            if self.g.values[value].ty == ValueType::Unknown {
                self.g.values[value].ty = v.ty.ty.clone();
            }
        }
        let inputs: Vec<Port> = p.inputs.into_iter().filter_map(|v| self.port(v)).collect();
        let outputs: Vec<Port> = p.outputs.into_iter().filter_map(|v| self.port(v)).collect();
        let described = described.into_iter().filter_map(|v| self.port(v)).collect();
        let region = &mut self.g.regions[id];
        (region.inputs, region.outputs, region.described) = (inputs, outputs, described);
        for (node, n) in nodes {
            self.connect(node, n)?;
        }
        self.scopes.pop();
        Ok(())
    }

    /// Adds a constant, or gives an input its value.
    fn constant(&mut self, id: RegionId, name: &Text, ty: ValueType, at: u64) -> Result<ValueId> {
        let known = self.scopes.last().and_then(|s| s.get(name)).copied();
        let input = known.filter(|v| {
            let v = &self.g.values[*v];
            v.source == Source::Input(id) && v.constant.is_none() && v.sparse.is_none()
        });
        let value = match input {
            Some(value) => {
                if self.g.values[value].ty == ValueType::Unknown {
                    self.g.values[value].ty = ty;
                }
                value
            }
            None => {
                let value = self.g.add_value(name.clone(), ty, Source::Constant(id));
                self.define(name, value, at)?;
                value
            }
        };
        self.g.regions[id].constants.push(value);
        Ok(value)
    }

    /// Adds a node with its outputs; its inputs may be given later in the file.
    fn node(&mut self, region: RegionId, n: &proto::Node) -> Result<NodeId> {
        let version = match self.versions.get(&n.domain) {
            Some(v) => *v,
            None => {
                self.versions.insert(n.domain.clone(), 0);
                self.missing.push(n.domain.clone());
                0
            }
        };
        let node = self.g.nodes.add(Node {
            domain: n.domain.clone(),
            op: n.op.clone(),
            version,
            overload: n.overload.clone(),
            name: n.name.clone(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            attributes: Vec::new(),
            region,
            extra: Vec::new(),
        });
        for name in &n.outputs {
            let output = if name.is_empty() {
                None
            } else {
                let value = self.g.add_value(name.clone(), ValueType::Unknown, Source::Node(node));
                self.define(name, value, n.at)?;
                Some(value)
            };
            self.g.nodes[node].outputs.push(output);
        }
        self.g.regions[region].nodes.push(node);
        Ok(node)
    }

    fn connect(&mut self, node: NodeId, n: proto::Node) -> Result<()> {
        for name in &n.inputs {
            let input = if name.is_empty() {
                None
            } else {
                let value = self.find(name);
                Some(value.ok_or_else(|| self.nothing_gives(n.at, self.g.nodes[node].shown(), name))?)
            };
            self.g.nodes[node].inputs.push(input);
        }
        let owner = n.outputs.iter().find(|o| !o.is_empty()).map_or_else(|| n.name.clone(), Text::clone);
        for a in n.attributes {
            let attribute = self.attribute(a, &owner, Some(node))?;
            self.g.nodes[node].attributes.push(attribute);
        }
        self.g.nodes[node].extra = n.extra;
        Ok(())
    }

    fn attribute(&mut self, a: proto::Attribute, owner: &str, node: Option<NodeId>) -> Result<Attribute> {
        let types = |t: proto::Type| TypeAttr { ty: t.ty, declared: t.declared };
        let value = match a.value {
            proto::Value::Float(v) => AttrValue::Float(v),
            proto::Value::Int(v) => AttrValue::Int(v),
            proto::Value::Str(v) => AttrValue::Str(v),
            proto::Value::Floats(v) => AttrValue::Floats(v),
            proto::Value::Ints(v) => AttrValue::Ints(v),
            proto::Value::Strs(v) => AttrValue::Strs(v),
            proto::Value::Reference(of, code) => AttrValue::Reference { of, code },
            proto::Value::Other(code) => AttrValue::Other { code },
            proto::Value::Type(t) => AttrValue::Type(Box::new(types(*t))),
            proto::Value::Types(all) => AttrValue::Types(all.into_iter().map(types).collect()),
            proto::Value::Tensor(t) => AttrValue::Tensor(Box::new(self.tensors.attribute(*t, owner)?)),
            proto::Value::Tensors(all) => {
                let each = all.into_iter().map(|t| self.tensors.attribute(t, owner));
                AttrValue::Tensors(each.collect::<Result<_>>()?)
            }
            proto::Value::Sparse(s) => AttrValue::Sparse(Box::new(self.sparse(*s, owner)?)),
            proto::Value::Sparses(all) => {
                let mut sparses = Vec::new();
                for s in all {
                    sparses.push(self.sparse(s, owner)?);
                }
                AttrValue::Sparses(sparses)
            }
            proto::Value::Graph(g) => AttrValue::Region(self.nested(*g, node)?),
            proto::Value::Graphs(all) => {
                let mut regions = Vec::new();
                for g in all {
                    regions.push(self.nested(g, node)?);
                }
                AttrValue::Regions(regions)
            }
        };
        Ok(Attribute { name: a.name, value, extra: a.extra })
    }

    fn nested(&mut self, g: proto::Graph, node: Option<NodeId>) -> Result<RegionId> {
        if node.is_none() {
            return Err(ModelError::unsupported("a default value of a function is a graph").field("functions"));
        }
        let id = self.g.add_region("");
        self.g.regions[id].holder = node;
        self.region(id, g, VALUE_INFO)?;
        Ok(id)
    }

    fn sparse(&mut self, s: proto::SparseTensor, owner: &str) -> Result<SparseConstant> {
        let place = || format!("sparse tensor {owner:?}");
        let dims: Option<Vec<u64>> = s.dims.iter().map(|d| u64::try_from(*d).ok()).collect();
        let Some(dims) = dims else { return Err(self.tensors.bad(s.values.at, place(), "a dimension is negative")) };
        let (at, indices_name) = (s.values.at, format!("{owner}.indices"));
        let values = self.tensors.attribute(s.values, owner)?;
        let indices = self.tensors.attribute(s.indices, &indices_name)?;
        let n = values.elems().unwrap_or(0);
        let fits = match indices.dims.as_slice() {
            [count] => *count == n,
            [count, rank] => *count == n && *rank == dims.len() as u64,
            _ => false,
        };
        if !fits {
            return Err(self.tensors.bad(at, place(), format!("its indices do not fit its {n} values")));
        }
        Ok(SparseConstant { values, indices, dims, extra: s.extra })
    }

    /// Sets the types that a file declares for intermediate values. Those of values that are not there are kept as foreign fields.
    fn described(&mut self, id: RegionId, infos: Vec<proto::ValueInfo>, number: u32) -> Result<Vec<proto::ValueInfo>> {
        let mut known = Vec::with_capacity(infos.len());
        for v in infos {
            match self.scopes.last().and_then(|s| s.get(&v.name)).copied() {
                Some(value) => {
                    if self.g.values[value].ty == ValueType::Unknown {
                        self.g.values[value].ty = v.ty.ty.clone();
                    }
                    known.push(v);
                }
                None => {
                    if let Some(span) = v.span {
                        let bytes = self.tensors.bytes(span)?;
                        self.g.regions[id].extra.push(Foreign { number, bytes });
                    }
                }
            }
        }
        self.g.regions[id].extra.sort_by_key(|f| f.number);
        Ok(known)
    }

    fn port(&self, v: proto::ValueInfo) -> Option<Port> {
        let value = self.find(&v.name)?;
        let of = self.g.values[value].ty.clone();
        let declared = match v.ty.declared {
            Some(d) => Some(Declared { of, bytes: d.bytes }),
            None if v.ty.ty == of => None,
            None => Some(Declared { bytes: proto::encode_type(&v.ty.ty).into_bytes().into(), of }),
        };
        Some(Port { value, declared: declared.map(Box::new), extra: v.extra })
    }

    fn find(&self, name: &Text) -> Option<ValueId> {
        self.scopes.iter().rev().find_map(|s| s.get(name)).copied()
    }

    fn define(&mut self, name: &Text, value: ValueId, at: u64) -> Result<()> {
        let place = || format!("value {name:?}");
        if name.is_empty() {
            return Err(self.tensors.bad(at, place(), "an input or initializer has no name"));
        }
        match self.scopes.last_mut().map(|s| s.insert(name.clone(), value)) {
            Some(None) | None => Ok(()),
            Some(Some(_)) => Err(self.tensors.bad(at, place(), "it is given twice in one graph")),
        }
    }

    #[cold]
    fn nothing_gives(&self, at: u64, place: String, name: &str) -> ModelError {
        let what = format!("no node, input or initializer gives the value {name:?} that it uses");
        self.tensors.bad(at, place, what)
    }
}
