//! Decodes tensors.

use super::decode::{integers, keep, pair, sort, text};
use super::{Numbers, SparseTensor, Tensor};
use crate::formats::protobuf::{Cursor, Span, Walker, Wire};
use crate::model::Result;

/// `TensorProto`.
pub(super) fn tensor(w: &mut Walker, span: Span, outer: &Cursor) -> Result<Tensor> {
    let mut t = Tensor { at: span.offset, ..Tensor::default() };
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, wire) => {
                if !integers(w, wire, &mut t.dims)? {
                    keep(w, &f, &mut t.extra)?;
                }
            }
            (2, Wire::Varint(v)) => t.data_type = v as i64,
            (4, wire) => numbers(w, wire, &mut t.floats)?,
            (5, wire) => numbers(w, wire, &mut t.int32s)?,
            (6, Wire::Bytes(s)) => t.strings.push(w.bytes(s)?),
            (7, wire) => numbers(w, wire, &mut t.int64s)?,
            (8, Wire::Bytes(s)) => text(w, &f, s, &mut t.name, &mut t.extra)?,
            (9, Wire::Bytes(s)) => t.raw = Some(s),
            (10, wire) => numbers(w, wire, &mut t.doubles)?,
            (11, wire) => numbers(w, wire, &mut t.uint64s)?,
            (13, Wire::Bytes(s)) => t.external.push(pair(w, s, &c)?),
            (14, Wire::Varint(v)) => t.location = v,
            _ => keep(w, &f, &mut t.extra)?,
        }
    }
    sort(&mut t.extra);
    Ok(t)
}

/// `SparseTensorProto`.
pub(super) fn sparse(w: &mut Walker, span: Span, outer: &Cursor) -> Result<SparseTensor> {
    let mut t = SparseTensor::default();
    let mut c = w.enter(span, outer)?;
    while let Some(f) = w.next(&mut c)? {
        match (f.number, f.wire) {
            (1, Wire::Bytes(s)) => t.values = tensor(w, s, &c)?,
            (2, Wire::Bytes(s)) => t.indices = tensor(w, s, &c)?,
            (3, wire @ (Wire::Varint(_) | Wire::Bytes(_))) => {
                integers(w, wire, &mut t.dims)?;
            }
            _ => keep(w, &f, &mut t.extra)?,
        }
    }
    sort(&mut t.extra);
    Ok(t)
}

fn numbers(w: &mut Walker, wire: Wire, to: &mut Numbers) -> Result<()> {
    match wire {
        Wire::Bytes(span) => {
            w.charge(16, span.offset)?;
            to.packed.push(span);
        }
        Wire::Varint(v) | Wire::Fixed64(v) => {
            w.charge(8, 0)?;
            to.loose.push(v);
        }
        Wire::Fixed32(v) => {
            w.charge(8, 0)?;
            to.loose.push(v.into());
        }
        // A group in place of numbers: no reader sees any.
        Wire::Group => {}
    }
    Ok(())
}
