//! Lays out safetensors files byte for byte as the reference writer and `save_pretrained` do: tensors by element type, widest
//! first, then by name, so that every tensor is aligned to its elements; the header padded with spaces to a multiple of 8.

use super::{INDEX_SUFFIX, dtype};
use crate::formats::shards::{self, ShardName};
use crate::formats::{FilePlan, LayoutRequest, LayoutTensor, Slot, limits};
use crate::model::{MetaValue, Metadata, ModelError, Result};
use crate::quant::Encoding;
use safetensors::Dtype;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Lays out a file (`path` ends in `.safetensors`) or a folder with `model.safetensors` and the sidecar files; above
/// the bytes that [`Split`](crate::formats::Split) allows, shards and their index instead of the one file.
///
/// `__metadata__` takes the scalar metadata, numbers as text; arrays cannot be stored there. The files of a folder
/// get `format: pt` when nothing else is given: `transformers` requires it.
///
/// # Errors
/// What safetensors cannot hold: block types and complex doubles, repeated names; sidecars that cannot be read.
pub fn layout(request: &LayoutRequest<'_>) -> Result<Vec<FilePlan>> {
    let single = request.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
    let folder = if single { request.path.parent().unwrap_or(Path::new("")) } else { request.path };
    let stem = if single { request.path.file_stem().unwrap_or_default() } else { "model".as_ref() };
    let stem = stem.to_string_lossy().into_owned();

    let items = items(request.tensors)?;
    let groups = groups(&items, request.split.max_bytes());
    if groups.len() as u64 > limits::SHARDS {
        let what = format!("{} shards are more than the {} a model may have", groups.len(), limits::SHARDS);
        return Err(ModelError::request(what).with_hint("Choose a larger shard size."));
    }
    let metadata = strings(request.metadata, !single);
    let mut plans = Vec::new();
    let mut weight_map = BTreeMap::new();
    for (no, group) in groups.iter().enumerate() {
        let path = if groups.len() == 1 {
            if single { request.path.to_owned() } else { folder.join("model.safetensors") }
        } else {
            let (index, count) = (no as u64 + 1, groups.len() as u64);
            let prefix = folder.join(&stem);
            ShardName { prefix, index, count, ext: "safetensors".to_owned() }.path(index)
        };
        if groups.len() > 1 {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            weight_map.extend(group.iter().map(|&i| (items[i].name, name.clone().into_owned())));
        }
        plans.push(file(&path, &metadata, &items, group)?);
    }
    if groups.len() > 1 {
        let total = items.iter().fold(0u64, |a, i| a.saturating_add(i.bytes));
        let index = json!({ "metadata": { "total_size": total }, "weight_map": weight_map });
        let mut text = serde_json::to_vec_pretty(&index).map_err(|e| ModelError::request(e.to_string()))?;
        text.push(b'\n');
        plans.push(FilePlan::whole(folder.join(format!("{stem}{INDEX_SUFFIX}")), text));
    }
    if !single {
        for name in request.sidecars.0.keys() {
            let path = shards::inside(folder, name)?;
            plans.push(FilePlan::whole(path, request.sidecars.read(name)?.unwrap_or_default()));
        }
    }
    Ok(plans)
}

/// A tensor as written in the header.
struct Item<'a> {
    name: &'a str,
    dtype: Dtype,
    shape: &'a [u64],
    bytes: u64,
}

fn items(tensors: &[LayoutTensor]) -> Result<Vec<Item<'_>>> {
    let mut names = HashSet::new();
    let mut items = Vec::new();
    for LayoutTensor { name, shape, encoding, .. } in tensors {
        let wrong = |what: String| Err(ModelError::request(what).field(name));
        let dtype = match *encoding {
            Encoding::Plain(d) => dtype::to_theirs(d),
            Encoding::Block(_) => None,
        };
        let Some(dtype) = dtype else {
            let e =
                ModelError::request(format!("safetensors does not support the element type {encoding}")).field(name);
            return Err(e.with_hint("Choose f32, f16 or bf16 as its output type."));
        };
        if name == "__metadata__" || name.len() as u64 > limits::NAME_BYTES {
            return wrong("this name is reserved in safetensors".into());
        }
        if !names.insert(name.as_str()) {
            return wrong("duplicate tensor name".into());
        }
        let Some(bytes) = encoding.tensor_bytes(shape) else {
            return wrong(format!("the size of shape {shape} overflows"));
        };
        items.push(Item { name, dtype, shape: &shape.0, bytes });
    }
    Ok(items)
}

/// Which tensors go to which shard: the greedy rule of `huggingface_hub` (`split_state_dict_into_shards_factory`): a tensor
/// larger than the limit gets a shard of its own at once, the others fill one shard after the other in their order.
fn groups(items: &[Item<'_>], max: Option<u64>) -> Vec<Vec<usize>> {
    let max = max.filter(|&m| m > 0).unwrap_or(u64::MAX);
    let mut groups = Vec::new();
    let (mut current, mut sum) = (Vec::new(), 0u64);
    for (i, item) in items.iter().enumerate() {
        if item.bytes > max {
            groups.push(vec![i]);
            continue;
        }
        if sum.saturating_add(item.bytes) > max {
            groups.push(std::mem::take(&mut current));
            sum = 0;
        }
        current.push(i);
        sum = sum.saturating_add(item.bytes);
    }
    if !current.is_empty() || groups.is_empty() {
        groups.push(current);
    }
    groups
}

/// The metadata safetensors can hold.
fn strings(metadata: &Metadata, folder: bool) -> Map<String, Value> {
    let text = |v: &MetaValue| match v {
        MetaValue::Str(s) => Some(s.clone()),
        MetaValue::Bool(b) => Some(b.to_string()),
        MetaValue::Array(_) => None,
        MetaValue::I8(x) => Some(x.to_string()),
        MetaValue::I16(x) => Some(x.to_string()),
        MetaValue::I32(x) => Some(x.to_string()),
        MetaValue::I64(x) => Some(x.to_string()),
        MetaValue::F32(x) => Some(x.to_string()),
        MetaValue::F64(x) => Some(x.to_string()),
        _ => v.as_u64().map(|x| x.to_string()),
    };
    let mut out: Map<String, Value> =
        metadata.iter().filter_map(|(k, v)| Some((k.clone(), Value::String(text(v)?)))).collect();
    if out.is_empty() && folder {
        out.insert("format".into(), "pt".into());
    }
    out
}

/// One file with the tensors `group`.
fn file(path: &Path, metadata: &Map<String, Value>, items: &[Item<'_>], group: &[usize]) -> Result<FilePlan> {
    let mut order = group.to_vec();
    order.sort_by(|&a, &b| items[b].dtype.cmp(&items[a].dtype).then_with(|| items[a].name.cmp(items[b].name)));
    // Written in pieces: as a value, a header of a million tensors would take gigabytes.
    let text = |out: &mut Vec<u8>, s: &str| {
        serde_json::to_writer(out, s).map_err(|e| ModelError::request(e.to_string()).in_file(path))
    };
    // The length precedes the text.
    let mut head = vec![0u8; 8];
    head.push(b'{');
    if !metadata.is_empty() {
        head.extend_from_slice(b"\"__metadata__\":");
        serde_json::to_writer(&mut head, metadata).map_err(|e| ModelError::request(e.to_string()).in_file(path))?;
    }
    let (mut slots, mut end) = (Vec::with_capacity(order.len()), 0u64);
    for i in order {
        let item = &items[i];
        let begin = end;
        end = end.checked_add(item.bytes).ok_or_else(|| ModelError::request("the tensors exceed 2^64 bytes"))?;
        if head.len() > 9 {
            head.push(b',');
        }
        text(&mut head, item.name)?;
        head.extend_from_slice(format!(":{{\"dtype\":\"{}\",\"shape\":[", item.dtype).as_bytes());
        for (k, d) in item.shape.iter().enumerate() {
            head.extend_from_slice(format!("{}{d}", if k > 0 { "," } else { "" }).as_bytes());
        }
        head.extend_from_slice(format!("],\"data_offsets\":[{begin},{end}]}}").as_bytes());
        slots.push(Slot { tensor: i, offset: begin, bytes: item.bytes });
    }
    head.push(b'}');
    head.resize(head.len().next_multiple_of(8), b' ');
    let length = head.len() as u64 - 8;
    if length > limits::SAFETENSORS_HEADER_BYTES {
        let what = format!("a header of {length} bytes is larger than the format allows");
        return Err(ModelError::request(what).in_file(path).with_hint("Write several shards."));
    }
    head[..8].copy_from_slice(&length.to_le_bytes());
    let data = head.len() as u64;
    slots.iter_mut().for_each(|s| s.offset += data);
    head.shrink_to_fit();
    Ok(FilePlan { path: path.to_owned(), bytes: data + end, fixed: vec![(0, head)], slots, finish: None })
}
