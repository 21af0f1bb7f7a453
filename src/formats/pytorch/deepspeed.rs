//! The model states of DeepSpeed ZeRO-1 and ZeRO-2: `mp_rank_00_model_states.pt`, a checkpoint whose `module` is the whole model.
//!
//! Stages 1 and 2 shard the optimizer's state and leave the model whole on every rank; stage 3 and model parallelism shard the model too,
//! and then the file is refused. `param_shapes` lists the shapes of the parameters that the optimizer has. Source (facts only): DeepSpeed
//! 0.16, `runtime/engine.py`, `_save_checkpoint` and `_get_zero_param_shapes`.

use super::limits::MAX_VISITS;
use super::pickle::{Node, NodeId, Pickle, Tree, load, printable};
use super::{entries, open_file, order_as_safetensors, probe, source};
use crate::model::{Model, ModelError, Result, Warning};
use crate::quant::Encoding;
use crate::tensor::DType;
use std::collections::HashMap;
use std::path::Path;

/// The file of the only model-parallel rank.
pub(crate) const STATES: &str = "mp_rank_00_model_states.pt";

/// Stage 3 shards the parameters.
const SHARDS_PARAMETERS: u64 = 3;

/// Opens the file as the model that it holds.
///
/// # Errors
/// Unsupported if it does not hold whole tensors; what is wrong with the file.
pub(crate) fn open(path: &Path) -> Result<Model> {
    if let Some(pickle) = object(path)? {
        whole(&pickle).map_err(|what| {
            let hint =
                "Merge the checkpoint with zero_to_fp32.py, which DeepSpeed writes next to it, and convert the result.";
            ModelError::unsupported(what).with_hint(hint)
        })?;
    }
    let mut model = open_file(path)?;
    order_as_safetensors(&mut model);
    let half = |e: &Encoding| matches!(e, Encoding::Plain(DType::BF16 | DType::F16));
    if let Some(encoding) = model.tensors.iter().map(|t| t.encoding).find(half) {
        let text = format!(
            "these are the model states of DeepSpeed, in {encoding}; the fp32 master weights are in the optimizer's shards, \
             which zero_to_fp32.py merges"
        );
        model.warnings.push(Warning::new("pytorch.deepspeed", text));
    }
    Ok(model)
}

/// The pickle of a zip archive; `None` for other containers, which DeepSpeed has not written since PyTorch 1.6.
fn object(path: &Path) -> Result<Option<Pickle>> {
    let source = source::Source::open(path)?;
    if probe::container(&probe::head(&source)?) != Some(probe::Container::Zip) {
        return Ok(None);
    }
    let entries = entries::entries(&source, 0, source.len)?;
    let (mut input, _) = entries::object(&source, &entries)?;
    load(&mut input).map(Some).map_err(|e| e.field("data.pkl"))
}

/// Checks that `module` is the whole model; the error says why it is not.
fn whole(pickle: &Pickle) -> Result<(), String> {
    let tree = &pickle.tree;
    let at = |id: Option<NodeId>, key: &str| tree.lookup(id?, key);
    let root = Some(pickle.root);
    let ranks = at(root, "mp_world_size").and_then(|n| tree.unsigned(n));
    if let Some(ranks) = ranks.filter(|n| *n > 1) {
        return Err(format!("the file is from one of {ranks} model-parallel ranks"));
    }
    let stage = at(at(at(root, "ds_config"), "zero_optimization"), "stage").and_then(|n| tree.unsigned(n));
    if stage == Some(SHARDS_PARAMETERS) {
        return Err("ZeRO stage 3 shards the parameters".to_owned());
    }
    let sizes = at(root, "module").and_then(|module| sizes(tree, module));
    let sizes = sizes.ok_or("`module` of the model states has no tensors")?;
    // DeepSpeed always writes its configuration, and the shapes where ZeRO is on.
    match (at(root, "param_shapes"), at(root, "ds_config")) {
        (Some(shapes), _) if !matches!(tree.get(shapes), Node::None) => compare(tree, shapes, &sizes),
        (_, Some(config)) if matches!(tree.get(config), Node::Dict(_)) => Ok(()),
        _ => Err("without `param_shapes` or `ds_config` it is unknown whether `module` is the whole model".to_owned()),
    }
}

/// The sizes of the tensors of a state dict; `None` if it has none.
fn sizes(tree: &Tree, module: NodeId) -> Option<HashMap<&str, &[u64]>> {
    let Node::Dict(items) = tree.get(module) else { return None };
    let tensors = items.iter().filter_map(|(k, v)| match tree.get(*v) {
        Node::Tensor(t) => Some((tree.text(*k)?, t.size.as_slice())),
        _ => None,
    });
    let sizes: HashMap<&str, &[u64]> = tensors.collect();
    (!sizes.is_empty()).then_some(sizes)
}

/// Compares `param_shapes`, a list with a dict for each parameter group (in old files one dict), with the tensors of `module`.
fn compare(tree: &Tree, shapes: NodeId, sizes: &HashMap<&str, &[u64]>) -> Result<(), String> {
    let groups = match tree.get(shapes) {
        Node::Dict(_) => vec![shapes],
        _ => tree.sequence(shapes).unwrap_or_default().to_vec(),
    };
    let mut visits = 0u64;
    for group in groups {
        let Node::Dict(items) = tree.get(group) else { continue };
        for (name, shape) in items {
            visits += 1;
            if visits > MAX_VISITS {
                return Err("`param_shapes` lists more parameters than any real model has".to_owned());
            }
            let (Some(name), Some(shape)) = (tree.text(*name), tree.sequence(*shape)) else { continue };
            let shown = || printable(name);
            let Some(size) = sizes.get(name) else {
                return Err(format!("`{}` is in `param_shapes` but not in `module`", shown()));
            };
            let same = shape.len() == size.len() && shape.iter().zip(*size).all(|(a, b)| tree.unsigned(*a) == Some(*b));
            if !same {
                return Err(format!("`{}` has different shapes in `module` and `param_shapes`", shown()));
            }
        }
    }
    Ok(())
}
