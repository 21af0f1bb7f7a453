//! `TypeProto`: decoding and encoding.

use super::Type;
use crate::formats::protobuf::{Cursor, Encoder, Span, Walker, Wire};
use crate::graph::{Declared, Dim, Elem, Text, ValueType};
use crate::model::Result;

/// Decodes a type. Its encoding is kept if encoding the type gives another one.
pub(super) fn ty(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Type> {
    let ty = value_type(w, span, outer)?;
    let bytes = w.bytes(span)?;
    let same = encode_type(&ty).into_bytes() == *bytes;
    let declared = (!same).then(|| Declared { of: ty.clone(), bytes });
    Ok(Type { ty, declared })
}

fn value_type(w: &mut Walker, span: Span, outer: &Cursor) -> Result<ValueType> {
    let mut found = ValueType::Unknown;
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        let Wire::Bytes(s) = f.wire else { continue };
        match f.number {
            1 => {
                let (elem, shape) = tensor_type(w, s, &c)?;
                found = ValueType::Tensor { elem, shape };
            }
            8 => {
                let (elem, shape) = tensor_type(w, s, &c)?;
                found = ValueType::Sparse { elem, shape };
            }
            4 => found = ValueType::Sequence(Box::new(inner(w, s, &c, 1)?.1)),
            9 => found = ValueType::Optional(Box::new(inner(w, s, &c, 1)?.1)),
            5 => {
                let (key, value) = inner(w, s, &c, 2)?;
                found = ValueType::Map { key, value: Box::new(value) };
            }
            7 => {
                let (domain, name) = names(w, s, &c)?;
                found = ValueType::Opaque { domain, name };
            }
            _ => {}
        }
    }
    Ok(found)
}

fn tensor_type(w: &mut Walker, span: Span, outer: &Cursor) -> Result<(Option<Elem>, Option<Vec<Dim>>)> {
    let (mut elem, mut shape) = (None, None);
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Varint(v)) => elem = Elem::from_code(v as i64),
            (2, Wire::Bytes(s)) => {
                let mut dims = Vec::new();
                let mut d = w.enter(s, &c)?;
                while let Some(f) = w.next(&mut d)? {
                    if let (1, Wire::Bytes(s)) = (f.number, f.wire) {
                        dims.push(dim(w, s, &d)?);
                    }
                }
                shape = Some(dims);
            }
            _ => {}
        }
    }
    Ok((elem, shape))
}

fn dim(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Dim> {
    let mut dim = Dim::Unknown;
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Varint(v)) => dim = v.into(),
            (2, Wire::Bytes(s)) if s.len > 0 => dim = Dim::parse(&w.text(s)?),
            _ => {}
        }
    }
    Ok(dim)
}

/// A type in another one, and the type of the keys of a map.
fn inner(w: &mut Walker, span: Span, outer: &Cursor, number: u32) -> Result<(Option<Elem>, ValueType)> {
    let (mut key, mut value) = (None, ValueType::Unknown);
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Varint(v)) => key = Elem::from_code(v as i64),
            (n, Wire::Bytes(s)) if n == number => value = value_type(w, s, &c)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn names(w: &mut Walker, span: Span, outer: &Cursor) -> Result<(Text, Text)> {
    super::decode::pair(w, span, outer)
}

/// Encodes a type.
pub(in super::super) fn encode_type(ty: &ValueType) -> Encoder<'static> {
    let mut e = Encoder::default();
    match ty {
        ValueType::Unknown => {}
        ValueType::Tensor { elem, shape } => e.message(1, encode_tensor(*elem, shape.as_deref())),
        ValueType::Sparse { elem, shape } => e.message(8, encode_tensor(*elem, shape.as_deref())),
        ValueType::Sequence(of) => e.message(4, encode_inner(1, of)),
        ValueType::Optional(of) => e.message(9, encode_inner(1, of)),
        ValueType::Map { key, value } => {
            let mut map = Encoder::default();
            if let Some(key) = key {
                map.varint(1, key.code() as u64);
            }
            map.message(2, encode_type(value));
            e.message(5, map);
        }
        ValueType::Opaque { domain, name } => {
            let mut opaque = Encoder::default();
            opaque.text(1, domain);
            opaque.text(2, name);
            e.message(7, opaque);
        }
    }
    e
}

fn encode_inner(number: u32, of: &ValueType) -> Encoder<'static> {
    let mut e = Encoder::default();
    e.message(number, encode_type(of));
    e
}

fn encode_tensor(elem: Option<Elem>, shape: Option<&[Dim]>) -> Encoder<'static> {
    let mut e = Encoder::default();
    if let Some(elem) = elem {
        e.varint(1, elem.code() as u64);
    }
    if let Some(shape) = shape {
        let mut dims = Encoder::default();
        for dim in shape {
            let mut d = Encoder::default();
            match dim {
                Dim::Unknown => {}
                Dim::Known(n) => d.varint(1, *n as u64),
                Dim::Expr(_) => d.text(2, &dim.to_string()),
            }
            dims.message(1, d);
        }
        e.message(2, dims);
    }
    e
}
