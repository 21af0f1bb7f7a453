//! A second opinion on a GGUF file from an independent reader, the crate `gguf-rs`.
//!
//! It is trusted with what it gets right (its version 0.1.8): names, dimensions, type codes, offsets, the place of the data, and
//! metadata as untyped JSON. Its tensor sizes are compared only for the types whose size it computes correctly. It panics on
//! type codes from 40 on and refuses nested arrays, so it is not used for such files; a warning says so.

use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT};
use crate::formats::{FilePlan, LayoutRequest};
use crate::model::{FormatId, MetaArray, MetaValue, Metadata, ModelError, Result, Warning};
use gguf_rs::{ByteOrder, GGUFContainer, GGUFModel};
use serde_json::Value;
use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// First type code that gguf-rs cannot take.
const FIRST_UNKNOWN_CODE: u32 = 40;

/// Type codes whose byte size gguf-rs computes correctly: F32, F16, the 32-blocks except Q8_1, the K-quants, and the i-quants
/// of 256 elements. It treats every other type as blocks of 256.
fn size_is_right(code: u32) -> bool {
    matches!(code, 0..=3 | 6..=8 | 10..=14 | 16..=19 | 21..=23)
}

/// Reads the file at `path` (the planned path or its temporary name) with gguf-rs and compares what it sees with `plan`, one
/// of the files that [`layout`](super::layout()) gave for `request`. The request's metadata is that of this file: see
/// [`shard_metadata`](super::shard_metadata).
///
/// # Errors
/// When the second reader fails or finds something other than planned, with the first difference.
pub fn verify(path: &Path, plan: &FilePlan, request: &LayoutRequest<'_>) -> Result<Vec<Warning>> {
    let codes = plan.slots.iter().map(|s| request.tensors[s.tensor].encoding.ggml_code().unwrap_or(u32::MAX));
    let mut reason =
        codes.clone().find(|&c| c >= FIRST_UNKNOWN_CODE).map(|code| format!("it does not support tensor type {code}"));
    if request.metadata.values().any(|v| matches!(v, MetaValue::Array(MetaArray::Nested(_)))) {
        reason = Some("it does not support nested arrays".to_owned());
    }
    if let Some(reason) = reason {
        return Ok(vec![Warning::new("verify.skipped", format!("gguf-rs did not check this file: {reason}"))]);
    }
    // Its reader requests a few bytes at a time and nothing past the header.
    let header = plan.fixed.iter().map(|(_, b)| b.len() as u64).sum();
    let model = decode(path, header)
        .and_then(|model| compare(&model, plan, request).map_err(|what| ModelError::bad(format!("gguf-rs {what}"))));
    model.map(|()| Vec::new()).map_err(|e| {
        e.in_file(path).in_format(FormatId::Gguf).with_hint("The file was not published. Please report this.")
    })
}

fn decode(path: &Path, header: u64) -> Result<GGUFModel> {
    let mut file = File::open(path).map_err(|e| ModelError::io(path, "opening", e))?;
    let mut magic = [0u8; 4];
    file.read_exact(&mut magic).map_err(|e| ModelError::io(path, "reading", e))?;
    if magic != super::MAGIC {
        return Err(ModelError::bad("the file does not begin with GGUF"));
    }
    let reader = BufReader::with_capacity(1 << 20, file.take(header.saturating_sub(4)));
    let mut container = GGUFContainer::new(ByteOrder::LE, Box::new(reader), u64::MAX);
    match catch_unwind(AssertUnwindSafe(|| container.decode())) {
        Ok(decoded) => decoded.map_err(|e| ModelError::bad(format!("gguf-rs cannot read it: {e}"))),
        Err(_) => Err(ModelError::bad("gguf-rs panicked on it")),
    }
}

fn compare(model: &GGUFModel, plan: &FilePlan, request: &LayoutRequest<'_>) -> Result<(), String> {
    let alignment = request.metadata.get(ALIGNMENT_KEY).and_then(MetaValue::as_u64).unwrap_or(DEFAULT_ALIGNMENT);
    if model.get_version() != "v3" {
        return Err(format!("sees version {}", model.get_version()));
    }
    if model.tensors().len() != plan.slots.len() {
        return Err(format!("sees {} tensors, expected {}", model.tensors().len(), plan.slots.len()));
    }
    let data = plan.slots.first().map_or(0, |s| s.offset);
    // It falls back to 32 for alignments that are not a multiple of 8.
    if !plan.slots.is_empty() && alignment.is_multiple_of(8) && model.data_offset() != data {
        return Err(format!("sees the data at {:#x}, expected {data:#x}", model.data_offset()));
    }
    for (theirs, slot) in model.tensors().iter().zip(&plan.slots) {
        let ours = &request.tensors[slot.tensor];
        let dims: Vec<u64> = ours.shape.0.iter().rev().copied().collect();
        let code = ours.encoding.ggml_code().unwrap_or(u32::MAX);
        let same = theirs.name == ours.name
            && theirs.kind == code
            && theirs.shape == dims
            && theirs.offset.checked_add(data) == Some(slot.offset)
            && (!size_is_right(code) || theirs.size == slot.bytes);
        if !same {
            return Err(format!(
                "sees {} type {} {:?} at {} ({} bytes), expected {} type {code} {dims:?} at {} ({} bytes)",
                theirs.name,
                theirs.kind,
                theirs.shape,
                theirs.offset,
                theirs.size,
                ours.name,
                slot.offset - data,
                slot.bytes
            ));
        }
    }
    compare_metadata(model, request.metadata)
}

/// Every requested key exists with its value.
fn compare_metadata(model: &GGUFModel, metadata: &Metadata) -> Result<(), String> {
    let expected = metadata.len();
    if model.num_kv() != expected as u64 || model.metadata().len() != expected {
        return Err(format!("sees {} metadata keys, expected {expected}", model.metadata().len()));
    }
    for (key, value) in metadata {
        match model.metadata().get(key) {
            None => return Err(format!("does not see the key {key}")),
            Some(seen) if !same_value(value, seen) => return Err(format!("sees a different value for {key}")),
            Some(_) => {}
        }
    }
    Ok(())
}

/// A value and the same value as untyped JSON: non-finite floats became null, bytes that are not text were replaced.
fn same_value(ours: &MetaValue, theirs: &Value) -> bool {
    let float = |v: f64, j: &Value| if v.is_finite() { j.as_f64() == Some(v) } else { j.is_null() };
    // Through f32 again: with serde_json's arbitrary precision the number is the shortest text of the f32.
    let single = |v: f32, j: &Value| if v.is_finite() { j.as_f64().map(|j| j as f32) == Some(v) } else { j.is_null() };
    fn all<T: Copy>(v: &[T], j: &Value, same: impl Fn(T, &Value) -> bool) -> bool {
        j.as_array().is_some_and(|j| j.len() == v.len() && v.iter().zip(j).all(|(&a, b)| same(a, b)))
    }
    let array = match ours {
        MetaValue::Str(s) => return theirs.as_str() == Some(s),
        MetaValue::Bool(b) => return theirs.as_bool() == Some(*b),
        MetaValue::F32(v) => return single(*v, theirs),
        MetaValue::F64(v) => return float(*v, theirs),
        MetaValue::I8(v) => return theirs.as_i64() == Some((*v).into()),
        MetaValue::I16(v) => return theirs.as_i64() == Some((*v).into()),
        MetaValue::I32(v) => return theirs.as_i64() == Some((*v).into()),
        MetaValue::I64(v) => return theirs.as_i64() == Some(*v),
        MetaValue::Array(a) => a,
        _ => return ours.as_u64().is_some() && theirs.as_u64() == ours.as_u64(),
    };
    match array {
        MetaArray::U8(v) => all(v, theirs, |a, j| j.as_u64() == Some(a.into())),
        MetaArray::U16(v) => all(v, theirs, |a, j| j.as_u64() == Some(a.into())),
        MetaArray::U32(v) => all(v, theirs, |a, j| j.as_u64() == Some(a.into())),
        MetaArray::U64(v) => all(v, theirs, |a, j| j.as_u64() == Some(a)),
        MetaArray::I8(v) => all(v, theirs, |a, j| j.as_i64() == Some(a.into())),
        MetaArray::I16(v) => all(v, theirs, |a, j| j.as_i64() == Some(a.into())),
        MetaArray::I32(v) => all(v, theirs, |a, j| j.as_i64() == Some(a.into())),
        MetaArray::I64(v) => all(v, theirs, |a, j| j.as_i64() == Some(a)),
        MetaArray::F32(v) => all(v, theirs, single),
        MetaArray::F64(v) => all(v, theirs, float),
        MetaArray::Bool(v) => all(v, theirs, |a, j| j.as_bool() == Some(a)),
        MetaArray::Str(v) => theirs.as_array().is_some_and(|j| {
            j.len() == v.len() && v.iter().zip(j).all(|(a, j)| j.as_str() == Some(&*String::from_utf8_lossy(a)))
        }),
        MetaArray::Nested(_) => false,
    }
}
