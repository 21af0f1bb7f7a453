//! Decodes models, graphs, nodes, attributes and functions.

use super::tensor::{sparse, tensor};
use super::types::ty;
use super::{Attribute, Function, Graph, Model, Node, Value, ValueInfo};
use crate::formats::protobuf::{Cursor, Field, Span, Walker, Wire};
use crate::graph::{Extra, Foreign, Opset, Text};
use crate::model::Result;

/// Foreign fields are charged this many times their size: no real file has many.
const FOREIGN_COST: u64 = 4;

/// Decodes a file.
///
/// # Errors
/// What is no message of this schema, is nested too deeply, or is too large; I/O errors.
pub(in super::super) fn decode(w: &mut Walker) -> Result<Model> {
    let mut m = Model::default();
    let mut c = w.root();
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Varint(v)) => m.about.format_version = v as i64,
            (2, Wire::Bytes(s)) => text(w, &f, s, &mut m.about.producer, &mut m.extra)?,
            (3, Wire::Bytes(s)) => text(w, &f, s, &mut m.about.producer_version, &mut m.extra)?,
            (4, Wire::Bytes(s)) => text(w, &f, s, &mut m.about.domain, &mut m.extra)?,
            (5, Wire::Varint(v)) => m.about.model_version = Some(v as i64),
            (6, Wire::Bytes(s)) => text(w, &f, s, &mut m.about.doc, &mut m.extra)?,
            (7, Wire::Bytes(s)) => m.graph = Some(graph(w, s, &c)?),
            (8, Wire::Bytes(s)) => m.opsets.push(opset(w, s, &c)?),
            (14, Wire::Bytes(s)) => m.about.properties.push(pair(w, s, &c)?),
            (25, Wire::Bytes(s)) => m.functions.push(function(w, s, &c)?),
            _ => keep(w, &f, &mut m.extra)?,
        }
    }
    sort(&mut m.extra);
    Ok(m)
}

fn graph(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Graph> {
    let mut g = Graph::default();
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => g.nodes.push(node(w, s, &c)?),
            (2, Wire::Bytes(s)) => text(w, &f, s, &mut g.name, &mut g.extra)?,
            (5, Wire::Bytes(s)) => g.initializers.push(tensor(w, s, &c)?),
            (11, Wire::Bytes(s)) => g.inputs.push(value_info(w, s, &c, f.span)?),
            (12, Wire::Bytes(s)) => g.outputs.push(value_info(w, s, &c, f.span)?),
            (13, Wire::Bytes(s)) => g.value_infos.push(value_info(w, s, &c, f.span)?),
            (15, Wire::Bytes(s)) => g.sparse.push(sparse(w, s, &c)?),
            _ => keep(w, &f, &mut g.extra)?,
        }
    }
    sort(&mut g.extra);
    Ok(g)
}

fn node(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Node> {
    let mut n = Node { at: span.offset, ..Node::default() };
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => push_text(w, s, &mut n.inputs)?,
            (2, Wire::Bytes(s)) => push_text(w, s, &mut n.outputs)?,
            (3, Wire::Bytes(s)) => text(w, &f, s, &mut n.name, &mut n.extra)?,
            (4, Wire::Bytes(s)) => text(w, &f, s, &mut n.op, &mut n.extra)?,
            (5, Wire::Bytes(s)) => n.attributes.push(attribute(w, s, &c)?),
            (7, Wire::Bytes(s)) => text(w, &f, s, &mut n.domain, &mut n.extra)?,
            (8, Wire::Bytes(s)) => text(w, &f, s, &mut n.overload, &mut n.extra)?,
            _ => keep(w, &f, &mut n.extra)?,
        }
    }
    sort(&mut n.extra);
    Ok(n)
}

/// The fields of `AttributeProto` that hold values, with the code of the type each belongs to.
const VALUE_FIELDS: [(u32, i64); 14] = [
    (2, 1),
    (3, 2),
    (4, 3),
    (5, 4),
    (6, 5),
    (7, 6),
    (8, 7),
    (9, 8),
    (10, 9),
    (11, 10),
    (22, 11),
    (23, 12),
    (14, 13),
    (15, 14),
];

fn attribute(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Attribute> {
    let start = w.enter(span, outer)?;
    let (mut name, mut reference, mut extra) = (Text::from(""), Text::from(""), Extra::new());
    let (mut code, mut implied) = (None, 0);
    let mut c = start;
    // The type may come after the value it belongs to.
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (20, Wire::Varint(v)) => code = Some(v as i64),
            (n, _) => {
                let of_field = VALUE_FIELDS.iter().find(|(field, _)| *field == n);
                implied = of_field.map_or(implied, |(_, code)| *code);
            }
        }
    }
    // Files of IR version 1 have no type.
    let code = code.unwrap_or(implied);
    let field = VALUE_FIELDS.iter().find(|(_, c)| *c == code).map_or(0, |(field, _)| *field);
    let mut value = empty(code);
    let mut c = start;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => text(w, &f, s, &mut name, &mut extra)?,
            (20, Wire::Varint(_)) => {}
            (21, Wire::Bytes(s)) => text(w, &f, s, &mut reference, &mut extra)?,
            (n, wire) if n == field => {
                if !add(w, &mut value, wire, &c)? {
                    keep(w, &f, &mut extra)?;
                }
            }
            _ => keep(w, &f, &mut extra)?,
        }
    }
    if !reference.is_empty() {
        value = Value::Reference(reference, code);
    }
    sort(&mut extra);
    Ok(Attribute { name, value, extra })
}

/// The value of an attribute of that type for which the file gives none.
fn empty(code: i64) -> Value {
    match code {
        1 => Value::Float(0.0),
        2 => Value::Int(0),
        3 => Value::Str(Box::default()),
        6 => Value::Floats(Vec::new()),
        7 => Value::Ints(Vec::new()),
        8 => Value::Strs(Vec::new()),
        9 => Value::Tensors(Vec::new()),
        10 => Value::Graphs(Vec::new()),
        12 => Value::Sparses(Vec::new()),
        14 => Value::Types(Vec::new()),
        other => Value::Other(other),
    }
}

/// Adds the contents of a field to the value it belongs to; false if they are of another kind.
fn add(w: &mut Walker, value: &mut Value, wire: Wire, c: &Cursor) -> Result<bool> {
    match (&mut *value, wire) {
        (Value::Float(x), Wire::Fixed32(bits)) => *x = f32::from_bits(bits),
        (Value::Int(x), Wire::Varint(v)) => *x = v as i64,
        (Value::Str(x), Wire::Bytes(s)) => *x = w.bytes(s)?,
        (Value::Floats(all), Wire::Fixed32(bits)) => {
            w.charge(8, 0)?;
            all.push(f32::from_bits(bits));
        }
        (Value::Floats(all), Wire::Bytes(s)) if s.len % 4 == 0 => {
            let bytes = w.bytes(s)?;
            all.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)));
        }
        (Value::Ints(all), wire) => return integers(w, wire, all),
        (Value::Strs(all), Wire::Bytes(s)) => all.push(w.bytes(s)?),
        (Value::Tensors(all), Wire::Bytes(s)) => all.push(tensor(w, s, c)?),
        (Value::Graphs(all), Wire::Bytes(s)) => all.push(graph(w, s, c)?),
        (Value::Sparses(all), Wire::Bytes(s)) => all.push(sparse(w, s, c)?),
        (Value::Types(all), Wire::Bytes(s)) => all.push(ty(w, s, c)?),
        (Value::Other(4) | Value::Tensor(_), Wire::Bytes(s)) => *value = Value::Tensor(Box::new(tensor(w, s, c)?)),
        (Value::Other(5) | Value::Graph(_), Wire::Bytes(s)) => *value = Value::Graph(Box::new(graph(w, s, c)?)),
        (Value::Other(11) | Value::Sparse(_), Wire::Bytes(s)) => *value = Value::Sparse(Box::new(sparse(w, s, c)?)),
        (Value::Other(13) | Value::Type(_), Wire::Bytes(s)) => *value = Value::Type(Box::new(ty(w, s, c)?)),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Adds one integer, or a packed list of them; false for another kind of field.
pub(super) fn integers(w: &mut Walker, wire: Wire, all: &mut Vec<i64>) -> Result<bool> {
    match wire {
        Wire::Varint(v) => {
            w.charge(8, 0)?;
            all.push(v as i64);
        }
        Wire::Bytes(span) => {
            w.charge(span.len.saturating_mul(8), span.offset)?;
            w.varints(span, |v, _| {
                all.push(v as i64);
                Ok(())
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn value_info(w: &mut Walker, span: Span, outer: &Cursor, field: Span) -> Result<ValueInfo> {
    let mut v = ValueInfo { span: Some(field), ..ValueInfo::default() };
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => text(w, &f, s, &mut v.name, &mut v.extra)?,
            (2, Wire::Bytes(s)) if s.len > 0 => v.ty = ty(w, s, &c)?,
            _ => keep(w, &f, &mut v.extra)?,
        }
    }
    sort(&mut v.extra);
    Ok(v)
}

fn function(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Function> {
    let mut d = Function::default();
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => text(w, &f, s, &mut d.name, &mut d.extra)?,
            (4, Wire::Bytes(s)) => push_text(w, s, &mut d.inputs)?,
            (5, Wire::Bytes(s)) => push_text(w, s, &mut d.outputs)?,
            (6, Wire::Bytes(s)) => push_text(w, s, &mut d.attributes)?,
            (7, Wire::Bytes(s)) => d.nodes.push(node(w, s, &c)?),
            (9, Wire::Bytes(s)) => d.opsets.push(opset(w, s, &c)?),
            (10, Wire::Bytes(s)) => text(w, &f, s, &mut d.domain, &mut d.extra)?,
            (11, Wire::Bytes(s)) => d.defaults.push(attribute(w, s, &c)?),
            (12, Wire::Bytes(s)) => d.value_infos.push(value_info(w, s, &c, f.span)?),
            (13, Wire::Bytes(s)) => text(w, &f, s, &mut d.overload, &mut d.extra)?,
            _ => keep(w, &f, &mut d.extra)?,
        }
    }
    sort(&mut d.extra);
    Ok(d)
}

fn opset(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Opset> {
    let mut o = Opset { domain: "".into(), version: 0, extra: Extra::new() };
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => text(w, &f, s, &mut o.domain, &mut o.extra)?,
            (2, Wire::Varint(v)) => o.version = v as i64,
            _ => keep(w, &f, &mut o.extra)?,
        }
    }
    sort(&mut o.extra);
    Ok(o)
}

/// `StringStringEntryProto`.
pub(super) fn pair(w: &mut Walker, span: Span, outer: &Cursor) -> Result<(Text, Text)> {
    let (mut key, mut value) = (Text::from(""), Text::from(""));
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => key = w.text(s)?,
            (2, Wire::Bytes(s)) => value = w.text(s)?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Reads text. A field that is present and empty is kept as a foreign one.
pub(super) fn text(w: &mut Walker, f: &Field, span: Span, to: &mut Text, extra: &mut Extra) -> Result<()> {
    if span.len == 0 {
        return keep(w, f, extra);
    }
    *to = w.text(span)?;
    Ok(())
}

fn push_text(w: &mut Walker, span: Span, to: &mut Vec<Text>) -> Result<()> {
    w.charge(16, span.offset)?;
    to.push(w.text(span)?);
    Ok(())
}

/// Keeps a field as a foreign one.
pub(super) fn keep(w: &mut Walker, f: &Field, extra: &mut Extra) -> Result<()> {
    w.charge(f.span.len.saturating_mul(FOREIGN_COST - 1), f.span.offset)?;
    extra.push(Foreign { number: f.number, bytes: w.bytes(f.span)? });
    Ok(())
}

/// Foreign fields in the order of their numbers, as the encoder needs them.
pub(super) fn sort(extra: &mut Extra) {
    extra.sort_by_key(|f| f.number);
    extra.shrink_to_fit();
}
