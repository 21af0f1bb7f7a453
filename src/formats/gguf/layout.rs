//! Lays out GGUF version 3, little-endian, byte for byte as llama.cpp's `gguf-py` and `llama-quantize` write it: keys in the
//! order given, offsets in the order of the tensors, each tensor padded to the alignment, the last one too.

use super::split::{self, groups, shard_metadata, shard_path};
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, MAGIC};
use crate::formats::{FilePlan, LayoutRequest, LayoutTensor, Slot, Split, limits};
use crate::model::{MetaArray, MetaValue, Metadata, ModelError, Result};
use std::collections::HashSet;
use std::path::PathBuf;

/// Lays out one file, or the set that `split` requests, byte for byte as `gguf-split` and `llama-quantize --keep-split` write it.
/// If everything fits into one file, it is not a set: it has the requested name and no key of a split.
///
/// # Errors
/// What GGUF or ggml cannot hold: other element types, more than 4 dimensions, zero dimensions, rows that do not fill blocks,
/// long or repeated names, an alignment that is not a power of two, more than 65,535 files.
pub fn layout(request: &LayoutRequest<'_>) -> Result<Vec<FilePlan>> {
    let alignment = match request.metadata.get(ALIGNMENT_KEY) {
        None => DEFAULT_ALIGNMENT,
        Some(&MetaValue::U32(a)) if a.is_power_of_two() => a.into(),
        Some(_) => return Err(ModelError::request("the alignment must be a u32 power of two").field(ALIGNMENT_KEY)),
    };
    if let Some(key) = request.metadata.keys().find(|k| k.is_empty() || k.len() as u64 > limits::NAME_BYTES) {
        return Err(ModelError::request(format!("a metadata key has {} bytes", key.len())));
    }
    let mut names = HashSet::new();
    let mut sizes: Vec<u64> = Vec::new();
    // Reserves space for the header.
    let mut total = 1u64 << 63;
    for t in request.tensors {
        sizes.push(check(t).map_err(|e| e.field(&t.name))?);
        total = sizes
            .last()
            .and_then(|s| total.checked_add(s.checked_next_multiple_of(alignment)?))
            .ok_or_else(|| ModelError::request("the tensors exceed 2^63 bytes in total").field(&t.name))?;
        if !names.insert(t.name.as_str()) {
            return Err(ModelError::request("duplicate tensor name").field(&t.name));
        }
    }
    let padded: Vec<u64> = sizes.iter().map(|s| s.next_multiple_of(alignment)).collect();
    let groups = groups(&padded, &request.split)?;
    let mut plans = Vec::new();
    for (no, group) in groups.iter().enumerate() {
        let mut metadata = shard_metadata(request.metadata, no, groups.len(), request.tensors.len());
        let mut path = request.path.to_owned();
        if groups.len() > 1 {
            if !matches!(request.split, Split::Files(_)) {
                split::order_of_gguf_split(metadata.to_mut());
            }
            path = shard_path(request.path, no, groups.len())?;
        }
        plans.push(file(path, &metadata, request.tensors, &sizes, group, alignment, groups.len() > 1));
    }
    Ok(plans)
}

/// Encoded bytes of a tensor that GGUF can hold.
fn check(t: &LayoutTensor) -> Result<u64> {
    let rank = t.shape.rank();
    if t.name.is_empty() || t.name.len() > limits::GGML_NAME_BYTES {
        let what = format!("the name has {} bytes; llama.cpp allows 1 to {}", t.name.len(), limits::GGML_NAME_BYTES);
        return Err(ModelError::request(what).with_hint("Convert to safetensors, which has no such limit."));
    }
    if rank > limits::GGML_DIMS as usize {
        return Err(ModelError::request(format!("{rank} dimensions, but GGUF allows at most {}", limits::GGML_DIMS)));
    }
    if t.shape.elems().is_none_or(|n| n == 0 || n > i64::MAX as u64) {
        return Err(ModelError::request(format!("shape {} cannot be stored in GGUF", t.shape)));
    }
    if t.encoding.ggml_code().is_none() {
        let error = ModelError::request(format!("GGUF does not support the element type {}", t.encoding));
        return Err(error.with_hint("Choose f32, f16, bf16 or a quantization as its output type."));
    }
    t.encoding.tensor_bytes(&t.shape).ok_or_else(|| {
        let block = t.encoding.unit().0;
        ModelError::request(format!(
            "rows of {} elements are not a multiple of the {block}-element blocks of {}",
            t.shape.cols(),
            t.encoding
        ))
    })
}

/// Bytes that a tensor takes in the header of a file, and those of its data, without padding.
///
/// # Errors
/// What GGUF cannot hold, as [`layout`].
pub(crate) fn tensor_bytes(t: &LayoutTensor) -> Result<(u64, u64)> {
    let data = check(t).map_err(|e| e.field(&t.name))?;
    // Lengths of name and shape, the type, the offset.
    Ok((8 + t.name.len() as u64 + 4 + 8 * t.shape.rank() as u64 + 4 + 8, data))
}

/// One file with the tensors `group`.
fn file(
    path: PathBuf,
    metadata: &Metadata,
    tensors: &[LayoutTensor],
    sizes: &[u64],
    group: &[usize],
    alignment: u64,
    in_set: bool,
) -> FilePlan {
    let mut head = Vec::new();
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&3u32.to_le_bytes());
    head.extend_from_slice(&(group.len() as u64).to_le_bytes());
    head.extend_from_slice(&(metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        put_bytes(&mut head, key.as_bytes());
        head.extend_from_slice(&value.code().to_le_bytes());
        put_value(&mut head, value);
    }
    let mut offset = 0u64;
    let mut slots = Vec::new();
    for &i in group {
        let t = &tensors[i];
        put_bytes(&mut head, t.name.as_bytes());
        head.extend_from_slice(&(t.shape.rank() as u32).to_le_bytes());
        for dim in t.shape.0.iter().rev() {
            head.extend_from_slice(&dim.to_le_bytes());
        }
        head.extend_from_slice(&t.encoding.ggml_code().unwrap_or(u32::MAX).to_le_bytes());
        head.extend_from_slice(&offset.to_le_bytes());
        slots.push(Slot { tensor: i, offset, bytes: sizes[i] });
        offset += sizes[i].next_multiple_of(alignment);
    }
    // A file without tensors ends with its header, as the vocabulary files of llama.cpp do. Those of a set are padded.
    let data =
        if slots.is_empty() && !in_set { head.len() as u64 } else { (head.len() as u64).next_multiple_of(alignment) };
    for slot in &mut slots {
        slot.offset += data;
    }
    FilePlan { path, bytes: data + offset, fixed: vec![(0, head)], slots, finish: None }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_value(out: &mut Vec<u8>, value: &MetaValue) {
    match value {
        MetaValue::U8(v) => out.push(*v),
        MetaValue::I8(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::U16(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::I16(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::U32(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::I32(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::F32(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::Bool(v) => out.push((*v).into()),
        MetaValue::Str(v) => put_bytes(out, v.as_bytes()),
        MetaValue::Array(v) => put_array(out, v),
        MetaValue::U64(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::I64(v) => out.extend_from_slice(&v.to_le_bytes()),
        MetaValue::F64(v) => out.extend_from_slice(&v.to_le_bytes()),
    }
}

fn put_array(out: &mut Vec<u8>, array: &MetaArray) {
    out.extend_from_slice(&array.element_code().to_le_bytes());
    out.extend_from_slice(&(array.len() as u64).to_le_bytes());
    macro_rules! numbers {
        ($v:expr) => {
            $v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes()))
        };
    }
    match array {
        MetaArray::U8(v) => out.extend_from_slice(v),
        MetaArray::I8(v) => numbers!(v),
        MetaArray::U16(v) => numbers!(v),
        MetaArray::I16(v) => numbers!(v),
        MetaArray::U32(v) => numbers!(v),
        MetaArray::I32(v) => numbers!(v),
        MetaArray::F32(v) => numbers!(v),
        MetaArray::Bool(v) => out.extend(v.iter().map(|&b| u8::from(b))),
        MetaArray::Str(v) => v.iter().for_each(|s| put_bytes(out, s)),
        MetaArray::U64(v) => numbers!(v),
        MetaArray::I64(v) => numbers!(v),
        MetaArray::F64(v) => numbers!(v),
        MetaArray::Nested(v) => v.iter().for_each(|a| put_array(out, a)),
    }
}
