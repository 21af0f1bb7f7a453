//! Conversion between Hugging Face and GGUF against what llama.cpp's converter writes for the same folders.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../src/skip.rs"]
mod skip;

use remold::testing::arch::{self, ConfigStatus, GgufModel, GgufOptions, OutType, check_complete, to_gguf, to_hf};
use remold::testing::formats;
use remold::testing::model::{
    ConcatRows, MemoryRows, MetaArray, MetaValue, Model, Piece, Sidecar, TensorEntry, decode_piece,
};
use remold::testing::quant::{Encoding, dequantize_rows, quantize_rows};
use remold::testing::tensor::{DType, decode_f32, encode_f32};
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
        skip::skipped(&format!("{inside} absent"));
    }
    found
}

fn golden() -> Option<(PathBuf, PathBuf)> {
    // The whole set of models: the fixtures are a part of it.
    Some((data("golden/gguf", "golden/gguf")?, data("hf", "material/hf")?))
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

/// The tensor in its output encoding, computed in small pieces.
fn encoded(tensor: &TensorEntry, encoding: Encoding) -> Vec<u8> {
    let (rows, cols) = (tensor.rows(), tensor.cols() as usize);
    let row = encoding.row_bytes(cols as u64).unwrap() as usize;
    let mut out = vec![0u8; rows as usize * row];
    for start in (0..rows).step_by(7) {
        let end = (start + 7).min(rows);
        let mut floats = vec![0f32; (end - start) as usize * cols];
        decode_piece(tensor, &Piece::rows(tensor, start..end), &mut Vec::new(), &mut floats).unwrap();
        let dst = &mut out[start as usize * row..end as usize * row];
        match encoding {
            Encoding::Plain(dtype) => assert!(encode_f32(dtype, &floats, dst)),
            Encoding::Block(block) => quantize_rows(block, &floats, cols, None, dst).unwrap(),
        }
    }
    out
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

fn options(model: &str, out_type: OutType) -> GgufOptions {
    GgufOptions { out_type, pre_tokenizer: pre_tokenizer(model).map(str::to_owned), ..GgufOptions::default() }
}

fn convert(folder: &Path, model: &str, out_type: OutType) -> GgufModel {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models").join(model);
    let source = formats::open(&if fixture.is_dir() { fixture } else { folder.join(model) });
    let source = source.unwrap_or_else(|e| panic!("{model}: {e}"));
    to_gguf(&source, &options(model, out_type)).unwrap_or_else(|e| panic!("{model}: {e} ({:?})", e.hint()))
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
        } else if hex(Sha256::digest(encoded(tensor, *encoding))) != entry["sha256"] {
            out.push(format!("{}: other bytes", tensor.name));
        }
    }
    out
}

/// The source's tensors by name as f32, and its configuration.
fn floats(model: &Model) -> std::collections::BTreeMap<String, (Vec<u64>, Vec<f32>)> {
    let each = model.tensors.iter().map(|t| {
        let mut out = vec![0f32; t.shape.elems().unwrap() as usize];
        decode_piece(t, &Piece::rows(t, 0..t.rows()), &mut Vec::new(), &mut out).unwrap();
        (t.name.to_string(), (t.shape.0.clone(), out))
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
            // Mistral goes back as Llama: the GGUF does not distinguish them.
            let mapped = field.status == ConfigStatus::Mapped && field.name != "architectures";
            let same = match (was.as_f64(), is.as_f64()) {
                (Some(a), Some(b)) => a == b,
                _ => was == is,
            };
            assert!(!mapped || same, "{name}: {} was {was} and is {is}", field.name);
            assert_ne!(field.status, ConfigStatus::Unknown, "{name}: {}", field.name);
        }
        // And once more to GGUF: the same metadata, but for the vocabulary, which another room answers for.
        let again = to_gguf(&Model { path: source.path.clone(), ..back.model }, &options(name, OutType::F32))
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
        let ours = convert(&models, model, out_type);
        for difference in differences(&ours, &want) {
            failures.push(format!("{model} {}: {difference}", out_type.name()));
        }
        checked += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(checked, 65, "13 models in 5 types");
}

/// A base model under another configuration, card and folder name.
fn variant(base: &Model, name: &str, files: &[(&str, Option<String>)]) -> Model {
    let mut model = Model { path: PathBuf::from(name), ..base.clone() };
    for (file, contents) in files {
        match contents {
            Some(c) => model.sidecars.0.insert((*file).to_owned(), Sidecar::Bytes(c.clone().into_bytes())),
            None => model.sidecars.0.shift_remove(*file),
        };
    }
    model
}

/// Configurations of every style over the golden models' tensors: rope scaling of each kind, defaults of the classes, model
/// cards, sampling advice. `arch-variants.json` has what llama.cpp's converter (transformers 4.57.6) made of them:
/// every key but the tokenizer's, and the generated tensors.
#[test]
fn other_configurations_equal_the_reference() {
    let Some((_, models)) = golden() else { return };
    let cases: Vec<Value> = serde_json::from_str(include_str!("arch-variants.json")).unwrap();
    let mut failures = Vec::new();
    for case in &cases {
        let (name, base) = (case["name"].as_str().unwrap(), case["base"].as_str().unwrap());
        let source = formats::open(&models.join(base)).unwrap();
        let generation = (!case["generation"].is_null()).then(|| case["generation"].to_string());
        let files = [
            ("config.json", Some(case["config"].to_string())),
            ("README.md", case["readme"].as_str().map(str::to_owned)),
            ("generation_config.json", generation),
        ];
        let ours = to_gguf(&variant(&source, name, &files), &options(base, OutType::BF16)).unwrap();
        let got: Vec<Value> = ours
            .model
            .metadata
            .iter()
            .filter(|(k, _)| !k.starts_with("tokenizer."))
            .map(|(k, v)| {
                let (kind, value) = shown(v);
                serde_json::json!([k, kind, value])
            })
            .collect();
        let want: Vec<Value> = case["metadata"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| {
                let (kind, value) = golden_value(m);
                serde_json::json!([m["key"], kind, value])
            })
            .collect();
        if got != want {
            failures.push(format!("{name}:\n  {got:?}\n  {want:?}"));
        }
        for (i, tensor) in case["generated"].as_array().unwrap().iter().enumerate() {
            let ours = &ours.model.tensors[i];
            assert_eq!(ours.name, tensor["name"].as_str().unwrap(), "{name}");
            assert_eq!(hex(Sha256::digest(ours.read_all().unwrap())), tensor["sha256"].as_str().unwrap(), "{name}");
        }
        // And back: the configuration that comes out means the same. (Mistral goes back as Llama, which always says the
        // size of a head.)
        let back = to_hf(&ours.model).unwrap_or_else(|e| panic!("{name}: {e}"));
        let again = to_gguf(&Model { path: PathBuf::from(name), ..back.model }, &options(base, OutType::BF16)).unwrap();
        for (key, value) in ours.model.metadata.iter().filter(|(k, _)| k.starts_with(&ours.architecture)) {
            assert_eq!(Some(value), again.model.metadata.get(key), "{name}, there and back: {key}");
        }
        let made = |m: &GgufModel| -> Vec<(String, Vec<u8>)> {
            let rope = m.model.tensors.iter().filter(|t| t.name.starts_with("rope_"));
            rope.map(|t| (t.name.to_string(), t.read_all().unwrap())).collect()
        };
        assert_eq!(made(&ours), made(&again), "{name}, there and back");
        let generated = ours.model.tensors.iter().filter(|t| t.name.starts_with("rope_")).count();
        assert_eq!(generated, case["generated"].as_array().unwrap().len(), "{name}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Names, types and hashes of the tensors in output order.
fn summary(m: &GgufModel) -> Vec<(String, String, String)> {
    let each = m.model.tensors.iter().zip(&m.encodings);
    each.map(|(t, e)| (t.name.to_string(), e.to_string(), hex(Sha256::digest(encoded(t, *e))))).collect()
}

/// Names as base models and old checkpoints have them lead to the same tensors.
#[test]
fn variants_of_names_lead_to_the_same_tensors() {
    let Some((_, models)) = golden() else { return };
    type Rename = fn(&str) -> String;
    let cases: [(&str, &str, Rename); 5] = [
        ("tiny-llama", "LlamaForCausalLM", |n| format!("language_model.{n}")),
        ("tiny-qwen2", "Qwen2Model", |n| n.strip_prefix("model.").unwrap_or(n).to_owned()),
        ("tiny-gpt2", "GPT2LMHeadModel", |n| n.strip_prefix("transformer.").unwrap_or(n).to_owned()),
        ("tiny-bert", "BertModel", |n| {
            format!(
                "bert.{}",
                n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            )
        }),
        ("tiny-gemma3", "Gemma3ForConditionalGeneration", |n| n.replace("model.", "model.language_model.")),
    ];
    for (name, class, rename) in cases {
        let source = formats::open(&models.join(name)).unwrap();
        let mut config = source.config().unwrap();
        config["architectures"] = serde_json::json!([class]);
        let mut other = variant(&source, name, &[("config.json", Some(config.to_string()))]);
        other.tensors = source.tensors.iter().map(|t| t.renamed(rename(&t.name))).collect();
        let a = to_gguf(&source, &options(name, OutType::F16)).unwrap();
        let b = to_gguf(&other, &options(name, OutType::F16)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let sorted = |m: &GgufModel| {
            let mut s = summary(m);
            s.sort();
            s
        };
        assert_eq!(sorted(&a), sorted(&b), "{name}");
    }
}

/// Experts fused by transformers 5 are taken apart into the same stacks.
#[test]
fn fused_experts_lead_to_the_same_tensors() {
    let Some((_, models)) = golden() else { return };
    let source = formats::open(&models.join("tiny-qwen3moe")).unwrap();
    let mut fused = source.clone();
    let expert = |l: u64, e: u64, part: &str| {
        source.tensor(&format!("model.layers.{l}.mlp.experts.{e}.{part}.weight")).unwrap().clone()
    };
    fused.tensors.retain(|t| !t.name.contains(".experts."));
    for l in 0..3 {
        let both: Vec<TensorEntry> =
            (0..8).flat_map(|e| [expert(l, e, "gate_proj"), expert(l, e, "up_proj")]).collect();
        let down: Vec<TensorEntry> = (0..8).map(|e| expert(l, e, "down_proj")).collect();
        for (name, parts, rows) in [("gate_up_proj", both, 2), ("down_proj", down, 1)] {
            let (r, c, encoding) = (parts[0].rows(), parts[0].cols(), parts[0].encoding);
            let data = std::sync::Arc::new(ConcatRows { parts });
            let name = format!("model.layers.{l}.mlp.experts.{name}");
            fused.tensors.push(TensorEntry::new(name, [8, r * rows, c], encoding, data));
        }
    }
    let sorted = |m: &Model| {
        let mut s = summary(&to_gguf(m, &options("tiny-qwen3moe", OutType::BF16)).unwrap());
        s.sort();
        s
    };
    assert_eq!(sorted(&source), sorted(&fused));
}

/// What is wrong is said with its place and its remedy.
#[test]
fn bad_models_are_refused_with_a_reason() {
    let Some((_, models)) = golden() else { return };
    let base = formats::open(&models.join("tiny-mixtral")).unwrap();
    let config = base.config().unwrap();
    let with = |field: &str, value: Value| {
        let mut c = config.clone();
        c[field] = value;
        variant(&base, "x", &[("config.json", Some(c.to_string()))])
    };
    let without = |tensor: &str| Model {
        tensors: base.tensors.iter().filter(|t| t.name != tensor).cloned().collect(),
        ..base.clone()
    };
    let renamed = |from: &str, to: &str| Model {
        tensors: base.tensors.iter().map(|t| if t.name == from { t.renamed(to) } else { t.clone() }).collect(),
        ..base.clone()
    };
    let fails = |model: &Model, words: &[&str]| {
        let e = to_gguf(model, &options("tiny-mixtral", OutType::F16)).unwrap_err();
        let text =
            format!("{e} / {}", e.hint().map(remold::testing::recipe::remedies::on_command_line).unwrap_or_default());
        assert!(words.iter().all(|w| text.contains(w)), "{text}");
    };
    fails(
        &with("architectures", serde_json::json!(["MixtralForCausalLN"])),
        &["MixtralForCausalLN", "nearest one is MixtralForCausalLM", "BertModel"],
    );
    fails(&with("architectures", serde_json::json!([])), &["no architecture is named", "config.json architectures"]);
    fails(&variant(&base, "x", &[("config.json", None)]), &["no config.json"]);
    fails(&variant(&base, "x", &[("config.json", Some("{".into()))]), &["not valid JSON"]);
    fails(&with("num_hidden_layers", 2.into()), &["layer 2", "2 layers"]);
    fails(&with("num_attention_heads", 7.into()), &["q_proj.weight", "7 heads"]);
    fails(&with("num_attention_heads", "eight".into()), &["num_attention_heads", "not a whole number"]);
    fails(&with("num_local_experts", 3.into()), &["experts"]);
    fails(&with("rms_norm_eps", Value::Array(vec![])), &["rms_norm_eps", "not a finite number"]);
    fails(&with("vocab_size", 2000.into()), &["2000 tokens", "1000 rows"]);
    fails(&with("quantization_config", serde_json::json!({"quant_method": "gptq"})), &["GPTQ", "original"]);
    fails(
        &without("model.layers.1.block_sparse_moe.experts.2.w3.weight"),
        &["layer 1", "experts.2.w3.weight", "missing"],
    );
    fails(&renamed("model.norm.weight", "model.nrm.weight"), &["model.nrm.weight", "no place"]);
    fails(&renamed("model.norm.weight", "norm.weight.weight"), &["no place"]);
    let odd = to_gguf(&with("brand_new_field", 1.into()), &options("tiny-mixtral", OutType::F16)).unwrap();
    assert!(odd.model.warnings.iter().any(|w| w.code == "config.unknown-field" && w.text.contains("brand_new_field")));
    let odd = to_gguf(&with("hidden_act", "relu".into()), &options("tiny-mixtral", OutType::F16)).unwrap();
    assert!(odd.model.warnings.iter().any(|w| w.code == "config.unsupported-value"));
}

/// llama.cpp always renormalises the weights of the chosen experts of qwen3moe, and GGUF has no key for it.
#[test]
fn weights_of_experts_that_are_not_renormalised_are_warned_of() {
    let Some((_, models)) = golden() else { return };
    let base = formats::open(&models.join("tiny-qwen3moe")).unwrap();
    let warnings = |value: Option<bool>| {
        let mut config = base.config().unwrap();
        config.as_object_mut().unwrap().remove("norm_topk_prob");
        if let Some(value) = value {
            config["norm_topk_prob"] = value.into();
        }
        let model = variant(&base, "x", &[("config.json", Some(config.to_string()))]);
        let gguf = to_gguf(&model, &options("tiny-qwen3moe", OutType::F16)).unwrap();
        let about = gguf.model.warnings.into_iter().filter(|w| w.text.contains("norm_topk_prob"));
        about.map(|w| (w.code, w.text)).collect::<Vec<_>>()
    };
    assert_eq!(warnings(Some(true)), []);
    for (value, said) in [(Some(false), "is false, but"), (None, "is false by default, but")] {
        let found = warnings(value);
        assert_eq!(found.len(), 1, "{found:?}");
        let (code, text) = &found[0];
        assert_eq!(code, "config.unsupported-value");
        assert!(text.contains(said) && text.contains("qwen3moe") && text.contains("results will differ"), "{text}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Any value in any field of the configuration: an answer or an error, never a panic.
    #[test]
    fn configurations_never_panic(which in 0usize..12, field in 0usize..64, value in 0usize..16) {
        let names = ["tiny-llama", "tiny-mistral-sharded", "tiny-mixtral", "tiny-qwen2", "tiny-qwen3", "tiny-qwen3moe",
            "tiny-gemma2", "tiny-gemma3", "tiny-phi3", "tiny-gpt2", "tiny-bert", "tiny-llama"];
        let values = serde_json::json!([null, 0, -1, 1, 7, 1e300, 18446744073709551615u64, "x", "", [], [1], {}, true, 0.5, {"rope_type": "llama3"},
            {"rope_type": "yarn", "factor": 0, "long_factor": ["a"]}]);
        if let Some((_, models)) = golden() {
            let base = formats::open(&models.join(names[which])).unwrap();
            let mut config = base.config().unwrap();
            let keys: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
            config[&keys[field % keys.len()]] = values[value].clone();
            let model = variant(&base, "x", &[("config.json", Some(config.to_string()))]);
            if let Ok(gguf) = to_gguf(&model, &options(names[which], OutType::Auto)) {
                let _ = to_hf(&gguf.model);
            }
        }
    }

    /// Any name has a role.
    #[test]
    fn names_never_panic(name in "[a-z0-9._é-]{0,40}|\\PC*") {
        let mut model = formats::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama")).unwrap();
        model.tensors.truncate(1);
        model.tensors[0].name = name.into();
        remold::testing::arch::identify(&mut model);
        let _ = model.tensors[0].kind();
    }
}

/// A folder, its conversion and the way back describe the same network with the same tensors.
#[test]
fn a_network_is_the_same_in_every_format() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama");
    let source = arch::open(&folder).unwrap();
    let gguf = to_gguf(&source, &options("tiny-llama", OutType::F32)).unwrap().model;
    let back = to_hf(&gguf).unwrap().model;
    let what = |m: &Model| {
        let n = m.network.clone().unwrap();
        let epsilon = n.rms_norm_epsilon.map(|f| f as f32);
        (n.architecture, n.layers, n.hidden_size, n.ffn_size, n.heads, n.kv_heads, n.vocabulary, n.context, epsilon)
    };
    assert_eq!(what(&source).0.as_deref(), Some("llama"));
    assert_eq!(what(&source).1, Some(4));
    assert_eq!(what(&gguf), what(&source));
    assert_eq!(what(&back), what(&source));
    let classes = |m: &Model| {
        let mut all: Vec<_> = m.tensors.iter().map(|t| (t.layer(), t.class.kind, t.role())).collect();
        all.sort();
        all
    };
    assert!(source.tensors.iter().all(|t| t.class.kind.is_some()));
    assert_eq!(classes(&gguf), classes(&source));
    assert_eq!(classes(&back), classes(&source));
}

/// GGUF files that are not whole models of a known architecture (type samples, bare vocabularies) are refused with a reason.
#[test]
fn ggufs_that_are_no_model_are_refused_with_a_reason() {
    let Some(folder) = data("material/gguf", "material/gguf") else { return };
    let mut folders = vec![folder];
    let mut refused = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(model) = formats::open(&path) {
                let e = to_hf(&model).unwrap_err();
                assert!(e.to_string().contains('.'), "{}: {e}", path.display());
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

/// An output matrix that is the embedding's own storage is written once, and that is said; a copy stays.
#[test]
fn tied_storage_is_written_once() {
    let Some((_, models)) = golden() else { return };
    let mut source = formats::open(&models.join("tiny-llama")).unwrap();
    let names = |m: &Model| -> Vec<String> {
        let gguf = to_gguf(m, &options("tiny-llama", OutType::F16)).unwrap();
        let tied = gguf.model.warnings.iter().any(|w| w.code == "tensors.tied");
        assert_eq!(tied, gguf.model.tensor("output.weight").is_none());
        gguf.model.tensors.iter().map(|t| t.name.to_string()).collect()
    };
    let untied = names(&source);
    for t in &mut source.tensors {
        if t.name == "lm_head.weight" || t.name == "model.embed_tokens.weight" {
            t.storage = Some(7);
        }
    }
    let tied = names(&source);
    assert_eq!(untied.len(), tied.len() + 1);
    assert!(untied.contains(&"output.weight".to_owned()));
}

/// The user's values are in the metadata.
#[test]
fn options_are_honoured() {
    let Some((_, models)) = golden() else { return };
    let source = formats::open(&models.join("tiny-qwen3")).unwrap();
    let asked = GgufOptions { model_name: Some("My Model".into()), ..options("tiny-qwen3", OutType::Auto) };
    let gguf = to_gguf(&source, &asked).unwrap();
    assert_eq!(gguf.model.metadata["general.name"], MetaValue::Str("My Model".into()));
}

/// A quantized GGUF goes back as f16: rows permuted and experts unstacked as blocks, transposes decoded.
#[test]
fn quantized_models_go_back() {
    let Some((_, models)) = golden() else { return };
    for name in ["tiny-llama", "tiny-mixtral", "tiny-gpt2"] {
        let source = floats(&formats::open(&models.join(name)).unwrap());
        let mut gguf = convert(&models, name, OutType::Q8_0);
        for (tensor, encoding) in gguf.model.tensors.iter_mut().zip(&gguf.encodings) {
            let bytes = encoded(tensor, *encoding);
            let row_bytes = encoding.row_bytes(tensor.cols()).unwrap();
            let data = std::sync::Arc::new(MemoryRows { bytes, row_bytes });
            *tensor = TensorEntry::new(tensor.name.clone(), tensor.shape.clone(), *encoding, data);
        }
        let back = to_hf(&gguf.model).unwrap();
        for (t, encoding) in back.model.tensors.iter().zip(&back.encodings) {
            let matrix = t.shape.rank() > 1 && !t.name.ends_with("wpe.weight") && !t.name.ends_with("moe.gate.weight");
            assert_eq!(*encoding, if matrix { DType::F16.into() } else { DType::F32.into() }, "{}", t.name);
            let mut got = vec![0f32; t.shape.elems().unwrap() as usize];
            let bytes = t.read_all().unwrap();
            match t.encoding {
                Encoding::Plain(d) => decode_f32(d, &bytes, &mut got),
                Encoding::Block(b) => dequantize_rows(b, &bytes, &mut got).unwrap(),
            }
            let want = &source[t.name.as_str()];
            assert_eq!(want.0, t.shape.0, "{}", t.name);
            let largest = want.1.iter().fold(0f32, |a, x| a.max(x.abs()));
            let off = want.1.iter().zip(&got).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            assert!(off <= largest / 100.0, "{name} {}: off by {off} of {largest}", t.name);
        }
    }
}

/// Every model that there is, from both sides: whole ones pass; without any one of their tensors they are refused by its name,
/// and so they are when it has another shape.
#[test]
fn every_tensor_of_every_architecture_is_missed() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models");
    let places = [Some(fixtures), data("hf", "material/hf")];
    let folders = places.into_iter().flatten().flat_map(|p| std::fs::read_dir(p).unwrap()).map(|e| e.unwrap().path());
    let (mut failures, mut architectures) = (Vec::new(), std::collections::BTreeSet::new());
    for folder in folders.filter(|f| f.join("config.json").is_file()) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let Ok(source) = formats::open(&folder) else { continue };
        let Ok(gguf) = to_gguf(&source, &options(&name, OutType::F32)) else { continue };
        architectures.insert(source.config().unwrap()["architectures"][0].as_str().unwrap().to_owned());
        for model in [&source, &gguf.model] {
            let mut model = model.clone();
            if model.metadata.contains_key("general.architecture") {
                model.format = remold::testing::model::FormatId::Gguf;
            }
            if let Err(e) = check_complete(&model) {
                failures.push(format!("{name}: {e}"));
            }
            for i in 0..model.tensors.len() {
                let tensor = model.tensors[i].name.clone();
                // What may be absent: a tied output, the pooler, what is made from the configuration, token types in a GGUF.
                let optional = tensor.contains("pooler") || tensor.starts_with("rope_");
                let optional = optional || ["output.weight", "token_types.weight"].contains(&tensor.as_str());
                let mut cut = model.clone();
                cut.tensors.remove(i);
                match check_complete(&cut) {
                    Err(e) if e.to_string().contains("missing") && e.to_string().contains(tensor.as_str()) => {}
                    Ok(()) if optional => {}
                    other => failures.push(format!("{name} without {tensor}: {other:?}")),
                }
                let mut odd = model.clone();
                let dims = odd.tensors[i].shape.0.len();
                odd.tensors[i].shape.0[dims - 1] += 1;
                match check_complete(&odd) {
                    Err(e) if e.to_string().contains("contradict") && e.to_string().contains(tensor.as_str()) => {}
                    // Nothing says how wide a pooler is, or how many positions a GGUF has.
                    Ok(()) if optional && !tensor.starts_with("output") => {}
                    other => failures.push(format!("{name} with another {tensor}: {other:?}")),
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    eprintln!("checked: {architectures:?}");
    assert!(architectures.len() >= 3, "{architectures:?}");
}

/// A configuration that asks for more layers or experts than anything has takes no time and no memory.
#[test]
fn sizes_beyond_reason_are_counted_and_not_listed() {
    let source = formats::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/tiny-llama")).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut config = source.config().unwrap();
        change(&mut config);
        check_complete(&variant(&source, "m", &[("config.json", Some(config.to_string()))])).unwrap_err()
    };
    let error = with(&|c| c["num_hidden_layers"] = (1u64 << 40).into());
    assert!(error.to_string().contains("and 9895604649") && error.to_string().len() < 2500, "{error}");
    assert!(error.hint().unwrap().text().contains("layers 4 to 1099511627775"), "{:?}", error.hint());
    let error = with(&|c| {
        c["architectures"] = serde_json::json!(["MixtralForCausalLM"]);
        c["num_local_experts"] = (1u64 << 40).into();
    });
    assert!(
        error.to_string().contains("block_sparse_moe.gate.weight") || error.to_string().contains("experts.0"),
        "{error}"
    );
    let error = with(&|c| c["intermediate_size"] = 999.into());
    assert!(
        error.to_string().contains("12 tensors have shapes that config.json contradicts (intermediate_size 999)"),
        "{error}"
    );
    assert!(
        error.to_string().contains("model.layers.0.mlp.down_proj.weight is 256 × 768 instead of 256 × 999 and 9 more"),
        "{error}"
    );
}
