//! Conversion between Hugging Face and GGUF against what llama.cpp's converter writes for the same folders.

use remold::arch::{GgufModel, GgufOptions, OutType, to_gguf};
use remold::formats;
use remold::model::{MetaArray, MetaValue, TensorEntry, decode_rows};
use remold::quant::Encoding;
use remold::tensor::{DType, encode_f32};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A folder of test data: in `fixtures/`, or where a checkout has it beside itself.
fn data(inside: &str, beside: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [
        root.join("fixtures").join(inside),
        root.join("../shared").join(beside),
        root.join("../../shared").join(beside),
    ];
    let found = places.into_iter().find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("skipped: {inside} absent");
    }
    found
}

fn golden() -> Option<(PathBuf, PathBuf)> {
    Some((data("golden/gguf", "golden/gguf")?, data("models", "material/hf")?))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// The value as the golden files show it: type, and the value or (length, hash).
fn shown(value: &MetaValue) -> (String, Value) {
    let array = |name: &str, len: usize, bytes: Vec<u8>| {
        (format!("array<{name}>"), serde_json::json!([len, hex(Sha256::digest(&bytes))]))
    };
    match value {
        MetaValue::U32(v) => ("uint32".into(), (*v).into()),
        MetaValue::I32(v) => ("int32".into(), (*v).into()),
        MetaValue::F32(v) => ("float32".into(), f64::from(*v).into()),
        MetaValue::Bool(v) => ("bool".into(), (*v).into()),
        MetaValue::Str(v) => ("string".into(), v.as_str().into()),
        MetaValue::Array(MetaArray::Str(v)) => {
            let each = v.iter().flat_map(|s| (s.len() as u64).to_le_bytes().into_iter().chain(s.iter().copied()));
            array("string", v.len(), each.collect())
        }
        MetaValue::Array(MetaArray::I32(v)) => {
            array("int32", v.len(), v.iter().flat_map(|x| x.to_le_bytes()).collect())
        }
        MetaValue::Array(MetaArray::F32(v)) => {
            array("float32", v.len(), v.iter().flat_map(|x| x.to_le_bytes()).collect())
        }
        other => panic!("no golden file has a {}", other.type_name()),
    }
}

fn golden_value(entry: &Value) -> (String, Value) {
    let kind = entry["type"].as_str().unwrap().to_owned();
    match entry.get("sha256") {
        Some(hash) => (kind, serde_json::json!([entry["len"], hash])),
        None => (kind, entry["value"].clone()),
    }
}

/// The tensor in its output encoding; `None` for block formats, which are another room's business.
fn encoded(tensor: &TensorEntry, encoding: Encoding) -> Option<Vec<u8>> {
    let Encoding::Plain(dtype) = encoding else { return None };
    let (rows, cols) = (tensor.rows(), tensor.cols() as usize);
    let mut out = vec![0u8; rows as usize * cols * dtype.size_bytes()];
    let step = 7u64;
    let mut done = 0;
    for start in (0..rows).step_by(step as usize) {
        let end = (start + step).min(rows);
        let mut floats = vec![0f32; (end - start) as usize * cols];
        decode_rows(tensor, start..end, &mut Vec::new(), &mut floats).unwrap();
        let len = floats.len() * dtype.size_bytes();
        assert!(encode_f32(dtype, &floats, &mut out[done..done + len]));
        done += len;
    }
    Some(out)
}

fn ggml_name(encoding: Encoding) -> String {
    match encoding {
        Encoding::Plain(DType::F32) => "F32".into(),
        e => e.name().to_uppercase(),
    }
}

fn pre_tokenizer(model: &str) -> Option<&'static str> {
    // The names given by hand when the golden files were made (golden/README.md).
    Some(match model {
        "tiny-llama" | "tiny-gpt2" => "gpt-2",
        "tiny-llama3-pt" => "llama-bpe",
        "tiny-qwen2" | "tiny-qwen3" | "tiny-qwen3moe" => "qwen2",
        "tiny-bert" => "bert-bge",
        _ => return None,
    })
}

fn convert(folder: &Path, model: &str, out_type: OutType) -> GgufModel {
    let source = formats::open(&folder.join(model)).unwrap_or_else(|e| panic!("{model}: {e}"));
    let options =
        GgufOptions { out_type, pre_tokenizer: pre_tokenizer(model).map(str::to_owned), ..GgufOptions::default() };
    to_gguf(&source, &options).unwrap_or_else(|e| panic!("{model}: {e} ({:?})", e.hint()))
}

fn differences(ours: &GgufModel, golden: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let keys: Vec<&str> = ours.model.metadata.keys().map(String::as_str).collect();
    let wanted = golden["metadata"].as_array().unwrap();
    let wanted_keys: Vec<&str> = wanted.iter().map(|m| m["key"].as_str().unwrap()).collect();
    if keys != wanted_keys {
        let more: Vec<_> = keys.iter().filter(|k| !wanted_keys.contains(k)).collect();
        let less: Vec<_> = wanted_keys.iter().filter(|k| !keys.contains(k)).collect();
        out.push(format!("keys differ: more {more:?}, less {less:?}"));
    }
    for entry in wanted {
        let key = entry["key"].as_str().unwrap();
        if let Some(value) = ours.model.metadata.get(key)
            && shown(value) != golden_value(entry)
        {
            out.push(format!("{key}: {:?} instead of {:?}", shown(value), golden_value(entry)));
        }
    }
    let tensors = golden["tensors"].as_array().unwrap();
    let names: Vec<&str> = ours.model.tensors.iter().map(|t| t.name.as_str()).collect();
    let wanted_names: Vec<&str> = tensors.iter().map(|t| t["name"].as_str().unwrap()).collect();
    if names != wanted_names {
        out.push(format!("tensor names: {names:?} instead of {wanted_names:?}"));
        return out;
    }
    for ((tensor, encoding), entry) in ours.model.tensors.iter().zip(&ours.encodings).zip(tensors) {
        let shape: Vec<u64> = tensor.shape.0.iter().rev().copied().collect();
        if serde_json::json!(shape) != entry["shape"] || ggml_name(*encoding) != entry["type"] {
            out.push(format!("{}: {encoding} {shape:?} instead of {} {}", tensor.name, entry["type"], entry["shape"]));
        } else if let Some(bytes) = encoded(tensor, *encoding)
            && hex(Sha256::digest(&bytes)) != entry["sha256"]
        {
            out.push(format!("{}: other bytes", tensor.name));
        }
    }
    out
}

/// Every model with every output type: the same keys, values, names, order, types, shapes and bytes.
#[test]
fn conversions_equal_the_golden_files() {
    let Some((golden, models)) = golden() else { return };
    let mut checked = 0;
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some((model, rest)) = name.split_once(".convert-") else { continue };
        let out_type = OutType::parse(rest.strip_suffix(".json").unwrap()).unwrap();
        let want: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        if model.ends_with("-pt") && formats::open(&models.join(model)).is_err() {
            continue;
        }
        let ours = convert(&models, model, out_type);
        for difference in differences(&ours, &want) {
            failures.push(format!("{model} {}: {difference}", out_type.name()));
        }
        checked += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(checked, 60, "12 models in 5 types");
}
