//! Lays out `.pt` files: a zip archive as `torch.save` writes it, every byte but the checksums known beforehand.
//!
//! One `data/N` entry a tensor, stored, its bytes on a multiple of 64 (so PyTorch can map them), `data.pkl` with an
//! `OrderedDict` of `_rebuild_tensor_v2` calls that `torch.load(weights_only=True)` accepts. The CRC-32 of each entry is
//! known only when its data is written: `FilePlan::finish` fills the headers and adds the central directory.

mod object;
mod zip_plan;

#[cfg(test)]
mod tests;

use crate::formats::{FilePlan, LayoutRequest, LayoutTensor};
use crate::model::{Hint, ModelError, OptionName, Remedy, Result, Sidecar};
use crate::quant::Encoding;
use crate::tensor::DType;
use std::collections::HashSet;
use std::path::Path;
use zip_plan::ZipPlan;

/// Most tensors of one file: a pickle of more builds more values than the reader allows ([`MAX_NODES`](super::limits::MAX_NODES)), and
/// takes Python minutes to load. The largest checkpoints have fewer, over all their files.
const MAX_TENSORS: usize = 1 << 17;

/// Name of the state dict in a folder.
const FILE_NAME: &str = "pytorch_model";

/// Lays out one file, or for a folder the state dict, split as asked, its index and the sidecars.
///
/// # Errors
/// Block-quantized tensors, two tensors of one name, sizes that overflow.
pub(crate) fn layout(request: &LayoutRequest<'_>) -> Result<Vec<FilePlan>> {
    let mut names = HashSet::new();
    let mut sizes = Vec::new();
    for t in request.tensors {
        if !names.insert(t.name.as_str()) {
            return Err(ModelError::request("duplicate tensor name").field(&t.name));
        }
        let bytes = t.encoding.tensor_bytes(&t.shape);
        sizes.push(bytes.ok_or_else(|| ModelError::bad(format!("shape [{}] overflows", t.shape)).field(&t.name))?);
    }
    let all: Vec<usize> = (0..request.tensors.len()).collect();
    if !is_folder(request.path) {
        return Ok(vec![file(request.path, request.tensors, &sizes, &all)?]);
    }
    let mut plans = Vec::new();
    let shards = shards(&sizes, request.split.max_bytes().unwrap_or(u64::MAX));
    if let [only] = shards.as_slice() {
        plans.push(file(&request.path.join(format!("{FILE_NAME}.bin")), request.tensors, &sizes, only)?);
    } else {
        let mut map = serde_json::Map::new();
        for (i, shard) in shards.iter().enumerate() {
            let name = format!("{FILE_NAME}-{:05}-of-{:05}.bin", i + 1, shards.len());
            plans.push(file(&request.path.join(&name), request.tensors, &sizes, shard)?);
            map.extend(shard.iter().map(|&t| (request.tensors[t].name.to_string(), name.clone().into())));
        }
        let total: u64 = sizes.iter().fold(0, |a, b| a.saturating_add(*b));
        let index = serde_json::json!({ "metadata": { "total_size": total }, "weight_map": map });
        let text = format!("{index:#}\n");
        plans.push(FilePlan::whole(request.path.join(format!("{FILE_NAME}.bin.index.json")), text.into_bytes()));
    }
    for (name, sidecar) in &request.sidecars.0 {
        let contents = match sidecar {
            Sidecar::Bytes(b) => b.clone(),
            Sidecar::File(_) => request.sidecars.read(name)?.unwrap_or_default(),
        };
        plans.push(FilePlan::whole(request.path.join(name), contents));
    }
    Ok(plans)
}

/// A folder exists, or is meant by a path without an extension.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || (path.extension().is_none() && !path.is_file())
}

/// Fills shards in order, each up to `max` bytes and with at least one tensor.
fn shards(sizes: &[u64], max: u64) -> Vec<Vec<usize>> {
    let mut out = vec![Vec::new()];
    let mut filled = 0u64;
    for (i, &bytes) in sizes.iter().enumerate() {
        let last = out.len() - 1;
        if !out[last].is_empty() && filled.saturating_add(bytes) > max {
            out.push(vec![i]);
            filled = bytes;
        } else {
            out[last].push(i);
            filled = filled.saturating_add(bytes);
        }
    }
    out
}

fn file(path: &Path, tensors: &[LayoutTensor], sizes: &[u64], chosen: &[usize]) -> Result<FilePlan> {
    if chosen.len() > MAX_TENSORS {
        let what = format!("{} tensors are more than the {MAX_TENSORS} allowed in one PyTorch file", chosen.len());
        let hint = Hint::from("Write safetensors, or a folder of several files")
            .then(Remedy::Aside(OptionName::MAX_SHARD_SIZE))
            .then(".");
        return Err(ModelError::limit(what).in_file(path).with_hint(hint));
    }
    let mut described = Vec::with_capacity(chosen.len());
    for &t in chosen {
        let tensor = &tensors[t];
        described.push((tensor, plain(tensor)?));
    }
    let pickle = object::state_dict(&described);
    let stem = path.file_stem().and_then(|s| s.to_str()).filter(|s| !s.is_empty()).unwrap_or("archive");
    let mut zip = ZipPlan::new(path);
    let id = format!("{:020}{:020}", fingerprint(&pickle, 0), fingerprint(&pickle, 1));
    zip.known(&format!("{stem}/data.pkl"), pickle)?;
    zip.known(&format!("{stem}/byteorder"), b"little".to_vec())?;
    for (key, &t) in chosen.iter().enumerate() {
        zip.slot(&format!("{stem}/data/{key}"), t, sizes[t])?;
    }
    zip.known(&format!("{stem}/version"), b"3\n".to_vec())?;
    zip.known(&format!("{stem}/.data/serialization_id"), id.into_bytes())?;
    zip.close()
}

fn plain(tensor: &LayoutTensor) -> Result<DType> {
    match tensor.encoding {
        Encoding::Plain(dtype) => Ok(dtype),
        Encoding::Block(block) => Err(ModelError::unsupported(format!("PyTorch files do not support {block}"))
            .field(&tensor.name)
            .with_hint("Choose f32, f16 or bf16 for a PyTorch target, or a GGUF target for quantized tensors.")),
    }
}

/// PyTorch stores 40 digits that identify the contents; ours are FNV-1a of the pickle, so equal files have equal bytes.
fn fingerprint(bytes: &[u8], seed: u64) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ seed, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}
