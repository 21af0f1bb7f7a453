//! Conversion between Hugging Face and GGUF against what llama.cpp's converter writes for the same folders.

use remold::arch::{ConfigStatus, GgufModel, GgufOptions, OutType, to_gguf, to_hf};
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
        // Through a float: the number's text is not what is compared.
        None if kind == "float32" => (kind, entry["value"].as_f64().into()),
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

/// The source's tensors by name as f32, and its configuration.
fn floats(model: &remold::model::Model) -> std::collections::BTreeMap<String, (Vec<u64>, Vec<f32>)> {
    let each = model.tensors.iter().map(|t| {
        let mut out = vec![0f32; t.shape.elems().unwrap() as usize];
        decode_rows(t, 0..t.rows(), &mut Vec::new(), &mut out).unwrap();
        (t.name.clone(), (t.shape.0.clone(), out))
    });
    each.collect()
}

/// To GGUF and back: the same tensors (norms of Gemma within rounding) and every mapped field of the configuration.
#[test]
fn a_round_trip_gives_the_model_back() {
    let Some((_, models)) = golden() else { return };
    let names = [
        "tiny-llama",
        "tiny-mistral-sharded",
        "tiny-mixtral",
        "tiny-qwen2",
        "tiny-qwen3",
        "tiny-qwen3moe",
        "tiny-gemma2",
        "tiny-gemma3",
        "tiny-phi3",
        "tiny-gpt2",
        "tiny-bert",
        "tiny-llama3-pt",
    ];
    for name in names {
        if name.ends_with("-pt") && formats::open(&models.join(name)).is_err() {
            continue;
        }
        let source = formats::open(&models.join(name)).unwrap();
        let gguf = convert(&models, name, OutType::F32);
        let back = to_hf(&gguf.model).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (mut before, after) = (floats(&source), floats(&back.model));
        before.retain(|n, _| !n.starts_with("pooler."));
        let names: (Vec<_>, Vec<_>) = (before.keys().collect(), after.keys().collect());
        assert_eq!(names.0, names.1, "{name}");
        for (tensor, (shape, values)) in &before {
            assert_eq!(shape, &after[tensor].0, "{name} {tensor}");
            let slack = if name.contains("gemma") && tensor.ends_with("norm.weight") { 1e-7 } else { 0.0 };
            let same = values.iter().zip(&after[tensor].1).all(|(a, b)| (a - b).abs() <= slack);
            assert!(same, "{name} {tensor}");
        }
        let (was, is) = (source.config().unwrap(), back.model.config().unwrap());
        for field in &gguf.config_table {
            let (was, is) = (&was[&field.name], &is[&field.name]);
            let mapped = field.status == ConfigStatus::Mapped && !was.is_null();
            let same = match (was.as_f64(), is.as_f64()) {
                (Some(a), Some(b)) => a == b,
                _ => was == is,
            };
            assert!(!mapped || same, "{name}: {} was {was} and is {is}", field.name);
            assert_ne!(field.status, ConfigStatus::Unknown, "{name}: {}", field.name);
        }
        if back.model.warnings.iter().any(|w| w.code == "vocab.not-restored") {
            continue;
        }
        // And once more to GGUF: the same metadata, but for the vocabulary, which another room answers for.
        let again = to_gguf(
            &remold::model::Model { path: source.path.clone(), ..back.model },
            &GgufOptions {
                out_type: OutType::F32,
                pre_tokenizer: pre_tokenizer(name).map(str::to_owned),
                ..GgufOptions::default()
            },
        )
        .unwrap_or_else(|e| panic!("{name}, second time: {e} ({:?})", e.hint()));
        for (key, value) in gguf.model.metadata.iter().filter(|(k, _)| !k.starts_with("tokenizer.")) {
            let more = ["llama.attention.key_length", "llama.attention.value_length"];
            if !more.contains(&key.as_str()) {
                assert_eq!(Some(value), again.model.metadata.get(key), "{name}: {key}");
            }
        }
    }
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

/// Folders made for the occasion, against what the reference wrote for them: `REMOLD_ARCH_REFERENCE` names a folder with
/// `mk/NAME` and `ref/NAME.json`.
#[test]
fn variants_equal_the_reference() {
    let Some(root) = std::env::var_os("REMOLD_ARCH_REFERENCE").map(PathBuf::from) else { return };
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(root.join("mk")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Ok(bytes) = std::fs::read(root.join(format!("ref/{name}.json"))) else {
            failures.push(format!("{name}: no reference"));
            continue;
        };
        let want: Value = serde_json::from_slice(&bytes).unwrap();
        let source = formats::open(&root.join("mk").join(&name)).unwrap();
        let pre = want["metadata"].as_array().unwrap().iter().find(|m| m["key"] == "tokenizer.ggml.pre");
        let options = GgufOptions {
            out_type: if name.starts_with("gemma2-f16") || name.starts_with("llama-bias") {
                OutType::Auto
            } else {
                OutType::BF16
            },
            pre_tokenizer: pre.map(|p| p["value"].as_str().unwrap().to_owned()),
            ..GgufOptions::default()
        };
        match to_gguf(&source, &options) {
            Err(e) => failures.push(format!("{name}: {e}")),
            Ok(ours) => {
                failures.extend(differences(&ours, &want).into_iter().map(|d| format!("{name}: {d}")));
                println!("{name}: {:?}", ours.model.warnings);
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
