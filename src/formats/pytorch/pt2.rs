//! `.pt2` programs of `torch.export` (PyTorch ≥ 2.8): the weights; the graph is only named.
//!
//! `data/weights/NAME_weights_config.json` maps each parameter to a raw file `data/weights/weight_N` and its dtype, sizes,
//! strides and offset. Dtype numbers: `torch/_export/serde/schema.py` `ScalarType`.

use super::empty_model;
use super::entries::{Entries, read};
use super::limits::{MAX_JSON_BYTES, MAX_RANK};
use super::pickle::printable;
use super::source::{Source, View};
use crate::model::{Model, ModelError, Result, Unreadable};
use crate::tensor::DType;
use serde_json::Value;

/// Opens an archive without `data.pkl`.
///
/// # Errors
/// Archives that are not PyTorch files; weights that leave their file.
pub(crate) fn open(source: Source, entries: &Entries) -> Result<Model> {
    let mut model = empty_model(&source.path);
    let weights = "data/weights/";
    let config = |n: &&String| n.starts_with(weights) && n.ends_with("_weights_config.json");
    if let Some(name) = entries.keys().find(config) {
        let text = read(&source, name, &entries[name], MAX_JSON_BYTES)?;
        let json: Value =
            serde_json::from_slice(&text).map_err(|e| ModelError::bad(format!("not valid JSON: {e}")).field(name))?;
        let table = json.get("config").and_then(Value::as_object);
        let table = table.ok_or_else(|| ModelError::bad("the table of weights has no `config`").field(name))?;
        for (tensor, spec) in table {
            weight(&mut model, &source, entries, tensor, spec)?;
        }
        let graphs = entries.keys().filter(|n| n.starts_with("models/") && n.ends_with(".json")).count();
        model.checks = source.checks();
        model.opaque.push(format!("exported program (torch.export): {graphs} graphs, not converted (its weights are)"));
        return Ok(model);
    }
    if entries.contains_key("serialized_exported_program.json") {
        let text = "this is an exported program of PyTorch 2.1 to 2.7, with its weights in a nested archive, which is not supported";
        model.opaque.push(text.to_owned());
        return Ok(model);
    }
    if entries.keys().any(|n| n == "archive_format" || n.starts_with("models/")) {
        model
            .opaque
            .push("this is a PyTorch 2 archive without a table of weights, so there is nothing to convert".to_owned());
        return Ok(model);
    }
    let some: Vec<String> = entries.keys().take(4).map(|n| printable(n)).collect();
    let what = format!("this zip archive is not a PyTorch file: it has no data.pkl (it contains {})", some.join(", "));
    Err(ModelError::bad(what).with_hint("If it contains the checkpoint, unpack the archive and open that file."))
}

fn weight(model: &mut Model, source: &Source, entries: &Entries, tensor: &str, spec: &Value) -> Result<()> {
    let bad =
        |what: &str| ModelError::bad(format!("the table of weights has no usable {what}")).field(printable(tensor));
    if spec.get("use_pickle").and_then(Value::as_bool) == Some(true) {
        unread(model, tensor, "it is stored as a pickle in the archive".to_owned());
        return Ok(());
    }
    let meta = spec.get("tensor_meta").ok_or_else(|| bad("tensor_meta"))?;
    let code = meta.get("dtype").and_then(Value::as_u64).ok_or_else(|| bad("dtype"))?;
    let Some(dtype) = dtype(code) else {
        unread(model, tensor, format!("element type number {code}"));
        return Ok(());
    };
    let numbers = |key: &str| -> Option<Vec<u64>> {
        let list = meta.get(key)?.as_array().filter(|l| l.len() <= MAX_RANK)?;
        list.iter().map(|v| v.get("as_int")?.as_u64()).collect()
    };
    let size = numbers("sizes").ok_or_else(|| bad("sizes"))?;
    let stride = numbers("strides").filter(|s| s.len() == size.len()).ok_or_else(|| bad("strides"))?;
    let offset = meta.pointer("/storage_offset/as_int").and_then(Value::as_u64).unwrap_or(0);
    let path = spec.get("path_name").and_then(Value::as_str).ok_or_else(|| bad("path_name"))?;
    let file = format!("data/weights/{path}");
    let entry = entries.get(&file).filter(|e| e.stored).ok_or_else(|| bad("file for its data"))?;
    let place = (&*printable(&file), entry.blob);
    model.tensors.push(source.entry(tensor, place, &View { dtype, offset, size, stride })?);
    Ok(())
}

/// Notes a tensor that cannot be read.
fn unread(model: &mut Model, tensor: &str, what: String) {
    let name = printable(tensor);
    model.opaque.push(format!("tensor `{name}`: {what}"));
    model.unreadable.push(Unreadable {
        name,
        what,
        remedy: "Save its state dict with torch.save, as plain tensors.".to_owned(),
        dense: None,
        before: model.tensors.len(),
    });
}

fn dtype(code: u64) -> Option<DType> {
    Some(match code {
        1 => DType::U8,
        2 => DType::I8,
        3 => DType::I16,
        4 => DType::I32,
        5 => DType::I64,
        6 => DType::F16,
        7 => DType::F32,
        8 => DType::F64,
        10 => DType::C64,
        11 => DType::C128,
        12 => DType::Bool,
        13 => DType::BF16,
        28 => DType::U16,
        29 => DType::F8E4M3,
        30 => DType::F8E5M2,
        34 => DType::U32,
        35 => DType::U64,
        _ => return None,
    })
}
