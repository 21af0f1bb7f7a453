//! Whole conversions against what llama.cpp's converter and llama-quantize wrote (`fixtures/golden/gguf`, see its README):
//! same metadata in the same order, same tensors in the same order, same bytes; for the converter's types the same file.
//!
//! Models that are not in `fixtures/models` are read from `../shared/material/hf`; where that is absent their rows are skipped, and
//! said so.

#[path = "../src/skip.rs"]
mod skip;

use remold::testing::engine::{self, EventSink, RunOptions};
use remold::testing::formats;
use remold::testing::model::FormatId;
use remold::testing::model::{MetaArray, MetaValue, Model};
use remold::testing::plan;
use remold::testing::quant::{Encoding, can_quantize};
use remold::testing::recipe::options::gguf;
use remold::testing::recipe::{Recipe, Target};
use remold::testing::transform::FileType;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn model_folder(name: &str) -> Option<PathBuf> {
    [root().join("fixtures/models"), root().join("../shared/material/hf")]
        .into_iter()
        .map(|d| d.join(name))
        .find(|p| p.is_dir())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn array(a: &MetaArray) -> (String, usize, String) {
    macro_rules! le {
        ($v:expr) => {
            $v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()
        };
    }
    let (name, bytes) = match a {
        MetaArray::U8(v) => ("uint8", v.clone()),
        MetaArray::I8(v) => ("int8", le!(v)),
        MetaArray::U16(v) => ("uint16", le!(v)),
        MetaArray::I16(v) => ("int16", le!(v)),
        MetaArray::U32(v) => ("uint32", le!(v)),
        MetaArray::I32(v) => ("int32", le!(v)),
        MetaArray::F32(v) => ("float32", le!(v)),
        MetaArray::U64(v) => ("uint64", le!(v)),
        MetaArray::I64(v) => ("int64", le!(v)),
        MetaArray::F64(v) => ("float64", le!(v)),
        MetaArray::Bool(v) => ("bool", v.iter().map(|b| u8::from(*b)).collect()),
        MetaArray::Str(v) => (
            "string",
            v.iter().flat_map(|s| (s.len() as u64).to_le_bytes().into_iter().chain(s.iter().copied())).collect(),
        ),
        MetaArray::Nested(_) => ("array", Vec::new()),
    };
    (format!("array<{name}>"), a.len(), hex(&bytes))
}

fn metadata(key: &str, v: &MetaValue) -> Value {
    let one = |t: &str, value: Value| serde_json::json!({"key": key, "type": t, "value": value});
    match v {
        MetaValue::U8(x) => one("uint8", (*x).into()),
        MetaValue::I8(x) => one("int8", (*x).into()),
        MetaValue::U16(x) => one("uint16", (*x).into()),
        MetaValue::I16(x) => one("int16", (*x).into()),
        MetaValue::U32(x) => one("uint32", (*x).into()),
        MetaValue::I32(x) => one("int32", (*x).into()),
        MetaValue::U64(x) => one("uint64", (*x).into()),
        MetaValue::I64(x) => one("int64", (*x).into()),
        MetaValue::F32(x) => one("float32", f64::from(*x).into()),
        MetaValue::F64(x) => one("float64", (*x).into()),
        MetaValue::Bool(x) => one("bool", (*x).into()),
        MetaValue::Str(x) => one("string", x.as_str().into()),
        MetaValue::Array(a) => {
            let (t, len, sha) = array(a);
            serde_json::json!({"key": key, "type": t, "len": len, "sha256": sha})
        }
    }
}

/// Equal, with floats compared as numbers however they were printed.
fn same(ours: &Value, golden: &Value) -> bool {
    let number = |v: &Value| v.get("value").and_then(Value::as_f64);
    ours == golden
        || (ours["key"] == golden["key"]
            && ours["type"] == golden["type"]
            && number(ours).is_some()
            && number(ours) == number(golden))
}

fn convert(source: &Path, out: &Path, quantization: &str, imatrix: Option<PathBuf>) -> Result<(), String> {
    let target =
        Target { output: Some(out.to_owned()), ..Target::of(FormatId::Gguf).quantized(&quantization.to_lowercase()) };
    let target = target.with(&gguf::IMATRIX, imatrix);
    let mut recipe = Recipe { targets: vec![target], ..Recipe::default() };
    recipe.source.path = Some(source.to_owned());
    let prepared = plan::prepare(&recipe, remold::testing::task::Task::quiet()).map_err(|e| e.to_string())?;
    let sink = EventSink::new("test");
    let options = RunOptions {
        threads: 2,
        stop: &engine::Stop::default(),
        gate: &engine::Gate::default(),
        sink: &sink,
        journal: None,
        origin: Default::default(),
    };
    engine::run(&prepared, &options).map_err(|e| format!("{e:?}"))?;
    Ok(())
}

/// Every difference between a written file and its golden description.
fn differences(model: &Model, golden: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let ours: Vec<Value> = model.metadata.iter().map(|(k, v)| metadata(k, v)).collect();
    let theirs = golden["metadata"].as_array().expect("metadata");
    for i in 0..ours.len().max(theirs.len()) {
        match (ours.get(i), theirs.get(i)) {
            (Some(a), Some(b)) if same(a, b) => {}
            // The reference was given the imatrix under a bare name.
            (Some(a), Some(b)) if a["key"] == b["key"] && a["key"] == "quantize.imatrix.file" => {}
            (a, b) => out.push(format!("metadata {i}: {a:?} instead of {b:?}")),
        }
    }
    let theirs = golden["tensors"].as_array().expect("tensors");
    if theirs.len() != model.tensors.len() {
        out.push(format!("{} tensors instead of {}", model.tensors.len(), theirs.len()));
    }
    for (t, g) in model.tensors.iter().zip(theirs) {
        let shape: Vec<u64> = t.shape.0.iter().rev().copied().collect();
        let kind = t.encoding.name().to_uppercase();
        let golden_shape: Vec<u64> = g["shape"].as_array().expect("shape").iter().filter_map(Value::as_u64).collect();
        if g["name"] != t.name.as_str() || g["type"] != kind || shape != golden_shape {
            out.push(format!("{} {kind} {shape:?} instead of {} {} {golden_shape:?}", t.name, g["name"], g["type"]));
        } else if g["sha256"] != hex(&t.read_all().expect("readable")) {
            out.push(format!("{} {kind}: other bytes", t.name));
        }
    }
    out
}

fn makeable(name: &str) -> bool {
    FileType::parse(name).is_some_and(|f| match f.base() {
        Encoding::Plain(_) => true,
        Encoding::Block(b) => can_quantize(b),
    })
}

#[test]
fn every_golden_conversion_is_reproduced() {
    let golden_dir = root().join("fixtures/golden/gguf");
    let mut cases: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for entry in fs::read_dir(&golden_dir).expect("fixtures/golden/gguf").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some((model, rest)) = name.trim_end_matches(".json").split_once('.') {
            cases.entry(model.to_owned()).or_default().push((entry.path(), rest.to_owned()));
        }
    }
    let dir = tempfile::tempdir().expect("temporary folder");
    let (mut passed, mut not_made, mut wrong) = (0, BTreeMap::<String, usize>::new(), Vec::new());
    for (model, mut list) in cases {
        let Some(source) = model_folder(&model) else {
            skip::skipped(&format!(
                "{model} ({} files): neither fixtures/models nor ../shared/material/hf has it",
                list.len()
            ));
            continue;
        };
        list.sort();
        let f32 = dir.path().join(format!("{model}-f32.gguf"));
        convert(&source, &f32, "f32", None).unwrap_or_else(|e| panic!("{model} to f32: {e}"));
        for (path, rest) in list {
            let golden: Value = serde_json::from_slice(&fs::read(&path).expect("golden file")).expect("golden JSON");
            let out = dir.path().join("out.gguf");
            let _ = fs::remove_file(&out);
            let (how, quantization) = rest.split_once('-').expect("convert-TYPE or quantize-TYPE");
            let (quantization, imatrix) = match quantization.strip_suffix(".imatrix") {
                Some(q) => (q, Some(root().join("fixtures/golden/imatrix/tiny-llama.imatrix.gguf"))),
                None => (quantization, None),
            };
            if how == "quantize" && !makeable(quantization) {
                *not_made.entry(quantization.to_owned()).or_default() += 1;
                continue;
            }
            // llama-quantize's own files come from the f32 GGUF; from the model itself the same bytes must come.
            let sources: Vec<&Path> = match how {
                "convert" => vec![&source],
                _ if ["F32", "F16", "BF16", "Q8_0"].contains(&quantization) => vec![&f32],
                _ => vec![&f32, &source],
            };
            for from in sources {
                let _ = fs::remove_file(&out);
                let label = format!("{model} {rest} from {}", if from == f32 { "f32 GGUF" } else { "the model" });
                match convert(from, &out, quantization, imatrix.clone()) {
                    Err(e) if e.contains("does not quantize to") => {
                        *not_made.entry(quantization.to_owned()).or_default() += 1
                    }
                    Err(e) => wrong.push(format!("{label}: {e}")),
                    Ok(()) => {
                        let mut found = differences(&formats::open(&out).expect("written file opens"), &golden);
                        if found.is_empty()
                            && how == "convert"
                            && golden["file_sha256"] != hex(&fs::read(&out).expect("file"))
                        {
                            found.push("the whole file differs".to_owned());
                        }
                        passed += usize::from(found.is_empty());
                        if !found.is_empty() {
                            wrong.push(format!("{label}: {} differences, first {}", found.len(), found[0]));
                        }
                    }
                }
            }
        }
        let _ = fs::remove_file(&f32);
    }
    eprintln!("{passed} conversions equal; types not made in this version: {not_made:?}");
    assert!(passed > 100, "only {passed} conversions were compared");
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), passed + wrong.len(), wrong.join("\n"));
}
