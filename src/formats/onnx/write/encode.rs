//! Encodes graphs as the messages of `onnx.proto`. Fields are in the order of their numbers, as every library writes them.

use super::place::Places;
use crate::formats::onnx::proto::encode_type;
use crate::formats::protobuf::Encoder;
use crate::graph::{
    AttrValue, Attribute, Constant, ConstantData, Declared, Function, Graph, NodeId, Opset, Port, RegionId,
    SparseConstant, Text, TypeAttr, ValueId, ValueType,
};
use crate::model::Result;

/// `ModelProto`.
pub(super) fn model<'g>(g: &'g Graph, places: &Places) -> Result<Encoder<'g>> {
    let mut e = Encoder::with(&g.extra);
    if g.about.format_version != 0 {
        e.varint(1, g.about.format_version as u64);
    }
    e.text(2, &g.about.producer);
    e.text(3, &g.about.producer_version);
    e.text(4, &g.about.domain);
    if let Some(version) = g.about.model_version {
        e.varint(5, version as u64);
    }
    e.text(6, &g.about.doc);
    e.message(7, region(g, g.main, places)?);
    for o in &g.opsets {
        e.message(8, opset(o));
    }
    for (key, value) in &g.about.properties {
        e.message(14, pair(key, value));
    }
    for f in &g.functions {
        e.message(25, function(f, places)?);
    }
    Ok(e)
}

fn opset(o: &Opset) -> Encoder<'_> {
    let mut e = Encoder::with(&o.extra);
    e.text(1, &o.domain);
    e.varint(2, o.version as u64);
    e
}

fn pair(key: &str, value: &str) -> Encoder<'static> {
    let mut e = Encoder::default();
    e.bytes(1, key.as_bytes());
    e.bytes(2, value.as_bytes());
    e
}

/// `GraphProto`.
fn region<'g>(g: &'g Graph, id: RegionId, places: &Places) -> Result<Encoder<'g>> {
    let r = &g.regions[id];
    let mut e = Encoder::with(&r.extra);
    for n in &r.nodes {
        e.message(1, node(g, *n, places)?);
    }
    e.text(2, &r.name);
    for v in &r.constants {
        if let Some(c) = &g.values[*v].constant {
            e.message(5, tensor(c, &g.values[*v].name, places)?);
        }
    }
    for (number, ports) in [(11, &r.inputs), (12, &r.outputs), (13, &r.described)] {
        for p in ports {
            e.message(number, value_info(g, p));
        }
    }
    for v in &r.constants {
        if let Some(s) = &g.values[*v].sparse {
            e.message(15, sparse(s, Some(&g.values[*v].name), places)?);
        }
    }
    Ok(e)
}

fn name_of(g: &Graph, value: Option<ValueId>) -> &str {
    value.map_or("", |v| &g.values[v].name)
}

/// `NodeProto`.
fn node<'g>(g: &'g Graph, id: NodeId, places: &Places) -> Result<Encoder<'g>> {
    let n = &g.nodes[id];
    let mut e = Encoder::with(&n.extra);
    for v in &n.inputs {
        e.bytes(1, name_of(g, *v).as_bytes());
    }
    for v in &n.outputs {
        e.bytes(2, name_of(g, *v).as_bytes());
    }
    e.text(3, &n.name);
    e.text(4, &n.op);
    for a in &n.attributes {
        e.message(5, attribute(g, a, places)?);
    }
    e.text(7, &n.domain);
    e.text(8, &n.overload);
    Ok(e)
}

/// ONNX's code of the type of an attribute.
fn code(value: &AttrValue) -> i64 {
    match value {
        AttrValue::Float(_) => 1,
        AttrValue::Int(_) => 2,
        AttrValue::Str(_) => 3,
        AttrValue::Tensor(_) => 4,
        AttrValue::Region(_) => 5,
        AttrValue::Floats(_) => 6,
        AttrValue::Ints(_) => 7,
        AttrValue::Strs(_) => 8,
        AttrValue::Tensors(_) => 9,
        AttrValue::Regions(_) => 10,
        AttrValue::Sparse(_) => 11,
        AttrValue::Sparses(_) => 12,
        AttrValue::Type(_) => 13,
        AttrValue::Types(_) => 14,
        AttrValue::Reference { code, .. } | AttrValue::Other { code } => *code,
    }
}

/// `AttributeProto`.
fn attribute<'g>(g: &'g Graph, a: &'g Attribute, places: &Places) -> Result<Encoder<'g>> {
    let mut e = Encoder::with(&a.extra);
    e.text(1, &a.name);
    match &a.value {
        AttrValue::Float(v) => e.fixed32(2, v.to_bits()),
        AttrValue::Int(v) => e.varint(3, *v as u64),
        AttrValue::Str(v) => e.bytes(4, v),
        AttrValue::Tensor(c) => e.message(5, tensor(c, &c.name, places)?),
        AttrValue::Region(r) => e.message(6, region(g, *r, places)?),
        AttrValue::Floats(all) => all.iter().for_each(|v| e.fixed32(7, v.to_bits())),
        AttrValue::Ints(all) => all.iter().for_each(|v| e.varint(8, *v as u64)),
        AttrValue::Strs(all) => all.iter().for_each(|v| e.bytes(9, v)),
        AttrValue::Tensors(all) => {
            for c in all {
                e.message(10, tensor(c, &c.name, places)?);
            }
        }
        AttrValue::Regions(all) => {
            for r in all {
                e.message(11, region(g, *r, places)?);
            }
        }
        AttrValue::Type(t) => e.bytes(14, &type_attr(t)),
        AttrValue::Types(all) => all.iter().for_each(|t| e.bytes(15, &type_attr(t))),
        AttrValue::Reference { .. } | AttrValue::Other { .. } | AttrValue::Sparse(_) | AttrValue::Sparses(_) => {}
    }
    match code(&a.value) {
        0 => {}
        code => e.varint(20, code as u64),
    }
    match &a.value {
        AttrValue::Reference { of, .. } => e.text(21, of),
        AttrValue::Sparse(s) => e.message(22, sparse(s, None, places)?),
        AttrValue::Sparses(all) => {
            for s in all {
                e.message(23, sparse(s, None, places)?);
            }
        }
        _ => {}
    }
    Ok(e)
}

fn type_attr(t: &TypeAttr) -> Vec<u8> {
    type_bytes(&t.ty, t.declared.as_ref())
}

/// As the file spelled the type, as long as the value has it.
fn type_bytes(ty: &ValueType, declared: Option<&Declared>) -> Vec<u8> {
    match declared.filter(|d| d.of == *ty) {
        Some(d) => d.bytes.to_vec(),
        None => encode_type(ty).into_bytes(),
    }
}

/// `ValueInfoProto`.
fn value_info<'g>(g: &'g Graph, p: &'g Port) -> Encoder<'g> {
    let v = &g.values[p.value];
    let mut e = Encoder::with(&p.extra);
    e.text(1, &v.name);
    let ty = type_bytes(&v.ty, p.declared.as_deref());
    if !ty.is_empty() {
        e.bytes(2, &ty);
    }
    e
}

/// `TensorProto`.
fn tensor<'g>(c: &'g Constant, name: &str, places: &Places) -> Result<Encoder<'g>> {
    let mut e = Encoder::with(&c.extra);
    for d in &c.dims {
        e.varint(1, *d);
    }
    e.varint(2, c.elem.code() as u64);
    if let ConstantData::Strings(all) = &c.data {
        all.iter().for_each(|s| e.bytes(6, s));
    }
    e.text(8, name);
    match &c.data {
        ConstantData::Strings(_) => {}
        ConstantData::Inline(bytes) => e.bytes(9, bytes),
        ConstantData::Tensor(t) => {
            let bytes = places.size(*t)?;
            match places.offset(c) {
                None => e.tensor(9, t.0 as usize, bytes),
                Some(offset) => {
                    let entries = [
                        ("location", places.name.clone()),
                        ("offset", offset.to_string()),
                        ("length", bytes.to_string()),
                    ];
                    for (key, value) in entries {
                        e.message(13, pair(key, &value));
                    }
                    e.varint(14, 1);
                }
            }
        }
    }
    Ok(e)
}

/// `SparseTensorProto`. An initializer has the name of its value.
fn sparse<'g>(s: &'g SparseConstant, name: Option<&'g Text>, places: &Places) -> Result<Encoder<'g>> {
    let mut e = Encoder::with(&s.extra);
    e.message(1, tensor(&s.values, name.unwrap_or(&s.values.name), places)?);
    e.message(2, tensor(&s.indices, &s.indices.name, places)?);
    s.dims.iter().for_each(|d| e.varint(3, *d));
    Ok(e)
}

/// `FunctionProto`.
fn function<'g>(f: &'g Function, places: &Places) -> Result<Encoder<'g>> {
    let body = &f.body;
    let r = &body.regions[body.main];
    let mut e = Encoder::with(&f.extra);
    e.text(1, &f.name);
    for (number, ports) in [(4, &r.inputs), (5, &r.outputs)] {
        ports.iter().for_each(|p| e.bytes(number, body.values[p.value].name.as_bytes()));
    }
    f.attributes.iter().for_each(|a| e.bytes(6, a.as_bytes()));
    for n in &r.nodes {
        e.message(7, node(body, *n, places)?);
    }
    body.opsets.iter().for_each(|o| e.message(9, opset(o)));
    e.text(10, &f.domain);
    for a in &f.defaults {
        e.message(11, attribute(body, a, places)?);
    }
    r.described.iter().for_each(|p| e.message(12, value_info(body, p)));
    e.text(13, &f.overload);
    Ok(e)
}
