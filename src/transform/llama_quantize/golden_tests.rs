//! The plan of every golden file equals what llama-quantize wrote.

use super::*;
use crate::model::{FormatId, MemoryRows, MetaValue, Metadata, Sidecars};
use crate::quant::BlockType;
use crate::tensor::{DType, Shape};
use crate::transform::{FileType, Imatrix};
use indexmap::IndexMap;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file or folder of golden data, or `None` with a visible note.
pub(in crate::transform) fn golden(relative: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["fixtures/golden", "../shared/golden", "../../shared/golden"];
    let found = places.iter().map(|p| root.join(p).join(relative)).find(|p| p.exists());
    if found.is_none() {
        crate::skip::skipped(&format!("golden data {relative} absent"));
    }
    found
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The golden files contain arrays only as hashes; here they become strings that say so.
fn metadata(file: &Value) -> Metadata {
    let value = |entry: &Value| {
        let v = &entry["value"];
        match entry["type"].as_str().unwrap() {
            "string" => MetaValue::Str(v.as_str().unwrap().to_owned()),
            "uint32" => MetaValue::U32(v.as_u64().unwrap().try_into().unwrap()),
            "float32" => MetaValue::F32(v.as_f64().unwrap() as f32),
            "bool" => MetaValue::Bool(v.as_bool().unwrap()),
            other => MetaValue::Str(format!("{other} {} {} {v}", entry["len"], entry["sha256"])),
        }
    };
    file["metadata"].as_array().unwrap().iter().map(|e| (e["key"].as_str().unwrap().to_owned(), value(e))).collect()
}

/// (name, encoding, shape outermost first) of each tensor.
fn tensors(file: &Value) -> Vec<(String, Encoding, Shape)> {
    let tensor = |t: &Value| {
        let mut dims: Vec<u64> = t["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap()).collect();
        dims.reverse();
        let encoding = Encoding::parse(t["type"].as_str().unwrap()).unwrap();
        (t["name"].as_str().unwrap().to_owned(), encoding, Shape(dims))
    };
    file["tensors"].as_array().unwrap().iter().map(tensor).collect()
}

pub(in crate::transform) fn fake_model(metadata: Metadata, tensors: Vec<(String, Encoding, Shape)>) -> Model {
    let rows = Arc::new(MemoryRows { bytes: Vec::new(), row_bytes: 0 });
    let entry =
        |(name, encoding, shape): (String, Encoding, Shape)| TensorEntry::new(name, shape, encoding, rows.clone());
    let mut model = Model {
        path: PathBuf::new(),
        format: FormatId::Gguf,
        files: Vec::new(),
        tensors: tensors.into_iter().map(entry).collect(),
        metadata,
        sidecars: Sidecars::default(),
        opened: Vec::new(),
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings: Vec::new(),
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
        graph: None,
    };
    crate::arch::identify(&mut model);
    model
}

/// The matrix of `tiny-llama` with the name that the golden command line used. It was read from the GGUF form, which has one entry more
/// than the legacy file: that of the output.
fn imatrix() -> Option<Arc<Imatrix>> {
    let bytes = std::fs::read(golden("imatrix/tiny-llama.imatrix.dat")?).unwrap();
    let mut imatrix = Imatrix::parse_dat(&bytes, "tiny-llama.imatrix.gguf").unwrap();
    imatrix.entries.insert("output.weight".to_owned(), vec![1.0; 256]);
    imatrix.listed += 1;
    Some(Arc::new(imatrix))
}

fn differences(source: &Path, want: &Path, req: &QuantizeRequest) -> Vec<String> {
    let (source, want) = (json(source), json(want));
    let model = fake_model(metadata(&source), tensors(&source));
    let plan = match plan_quantize(&model, req) {
        Ok(plan) => plan,
        Err(e) => return vec![e.to_string()],
    };
    let mut out = Vec::new();
    let got: Vec<_> = (plan.order.iter().zip(&plan.choices))
        .map(|(&i, c)| (model.tensors[i].name.to_string(), c.encoding, model.tensors[i].shape.clone()))
        .collect();
    let want_tensors = tensors(&want);
    assert_eq!(got.len(), want_tensors.len());
    for (g, w) in got.iter().zip(&want_tensors).filter(|(g, w)| g != w) {
        out.push(format!("{} {} instead of {} {}", g.0, g.1, w.0, w.1));
    }
    let want_metadata = metadata(&want);
    if plan.metadata.iter().ne(want_metadata.iter()) {
        let wrong = plan.metadata.iter().zip(&want_metadata).find(|(a, b)| a != b);
        out.push(format!("metadata: {wrong:?}, {} entries instead of {}", plan.metadata.len(), want_metadata.len()));
    }
    out
}

#[test]
fn every_golden_file_is_planned_as_written() {
    let Some(folder) = golden("gguf") else { return };
    let imatrix = imatrix();
    let (mut files, mut failures) = (0, Vec::new());
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some((model, rest)) = name.split_once(".quantize-") else { continue };
        let (ty, weighted) = match rest.strip_suffix(".imatrix.json") {
            Some(ty) => (ty, true),
            None => (rest.strip_suffix(".json").unwrap(), false),
        };
        let mut req = QuantizeRequest::new(FileType::parse(ty).unwrap());
        req.imatrix = imatrix.clone().filter(|_| weighted);
        files += 1;
        let found = differences(&folder.join(format!("{model}.convert-f32.json")), &path, &req);
        failures.extend(found.into_iter().map(|f| format!("{name}: {f}")));
    }
    assert!(failures.is_empty(), "{} of {files} files:\n{}", failures.len(), failures.join("\n"));
    assert!(files > 200, "only {files} golden files");
}

fn small(encoding: impl Into<Encoding> + Copy) -> Model {
    let mut metadata = Metadata::new();
    metadata.insert("general.architecture".into(), "llama".into());
    metadata.insert("llama.block_count".into(), 16u32.into());
    metadata.insert("split.count".into(), MetaValue::U16(2));
    let mut tensors = vec![
        ("output.weight".to_owned(), encoding.into(), Shape::from([512, 256])),
        ("token_embd.weight".to_owned(), encoding.into(), Shape::from([512, 256])),
    ];
    for i in [10, 2] {
        tensors.push((format!("blk.{i}.attn_v.weight"), encoding.into(), Shape::from([64, 256])));
        tensors.push((format!("blk.{i}.ffn_down.weight"), encoding.into(), Shape::from([256, 288])));
        tensors.push((format!("blk.{i}.attn_norm.weight"), DType::F32.into(), Shape::from([256])));
    }
    fake_model(metadata, tensors)
}

fn choice_of(model: &Model, plan: &QuantizePlan, name: &str) -> Choice {
    let at = plan.order.iter().position(|&i| model.tensors[i].name == name).unwrap();
    plan.choices[at]
}

#[test]
fn options_overrule_the_mix() {
    let model = small(DType::F32);
    let mut req = QuantizeRequest::new(FileType::Q4_K_M);
    let plan = plan_quantize(&model, &req).unwrap();
    let names: Vec<&str> = plan.order.iter().map(|&i| model.tensors[i].name.as_str()).collect();
    assert_eq!(names[..3], ["output.weight", "token_embd.weight", "blk.2.attn_norm.weight"]);
    assert_eq!(choice_of(&model, &plan, "output.weight").encoding, BlockType::Q6_K.into());
    assert!(!plan.metadata.contains_key("split.count"));
    let down = choice_of(&model, &plan, "blk.2.ffn_down.weight");
    assert_eq!((down.encoding, down.fallback_from), (BlockType::Q8_0.into(), Some(BlockType::Q6_K.into())));
    let fallen: Vec<&str> = plan.warnings.iter().filter(|w| w.code == FALLBACK).map(|w| w.text.as_str()).collect();
    assert!(fallen.len() == 1 && fallen[0].starts_with("2 tensors have rows of "), "{fallen:?}");

    req.no_fallback = true;
    let e = plan_quantize(&model, &req).unwrap_err().to_string();
    assert!(e.contains("blk.2.ffn_down.weight") && e.contains("blk.10.ffn_down.weight"), "{e}");

    req.no_fallback = false;
    req.pure = true;
    req.output_type = Some(BlockType::Q8_0.into());
    req.tensor_types = [("blk.2.attn_v.weight".into(), BlockType::Q3_K.into())].into();
    let plan = plan_quantize(&model, &req).unwrap();
    assert_eq!(choice_of(&model, &plan, "output.weight").encoding, BlockType::Q8_0.into());
    assert_eq!(choice_of(&model, &plan, "token_embd.weight").encoding, BlockType::Q4_K.into());
    assert_eq!(choice_of(&model, &plan, "blk.2.attn_v.weight").encoding, BlockType::Q3_K.into());
    assert_eq!(choice_of(&model, &plan, "blk.10.attn_v.weight").encoding, BlockType::Q4_K.into());

    req.leave_output = true;
    let plan = plan_quantize(&model, &req).unwrap();
    assert_eq!(choice_of(&model, &plan, "output.weight").encoding, DType::F32.into());
}

#[test]
fn requests_that_cannot_be_met_are_refused() {
    let refused = |model: &Model, req: &QuantizeRequest, part: &str| {
        let e = plan_quantize(model, req).unwrap_err();
        assert!(e.to_string().contains(part), "{e} does not say {part}");
        assert!(e.hint().is_some());
    };
    let model = small(DType::F32);
    refused(&model, &QuantizeRequest::new(FileType::Q2_K_S), "needs an importance matrix");
    refused(&small(BlockType::Q8_0), &QuantizeRequest::new(FileType::Q4_0), "requantizing");
    refused(&model, &QuantizeRequest::new(FileType::Q1_0), "no fallback");

    let mut entries = IndexMap::new();
    entries.insert("blk.2.attn_v.weight".to_owned(), vec![1f32; 255]);
    let mut req = QuantizeRequest::new(FileType::Q4_0);
    req.imatrix = Some(Arc::new(Imatrix::from_entries(entries.clone()).unwrap()));
    refused(&model, &req, "255 values");
    entries.insert("x".to_owned(), vec![f32::NAN]);
    assert!(Imatrix::from_entries(entries).is_err());

    let copy = plan_quantize(&small(BlockType::Q8_0), &QuantizeRequest::new(FileType::Copy)).unwrap();
    assert!(copy.choices.iter().all(|c| c.because.is_none()));
}
