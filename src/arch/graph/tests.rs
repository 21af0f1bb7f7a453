//! Graphs of the checkpoints of the material: inputs and outputs as Optimum has them, types, sizes, and what is refused.

use super::*;
use crate::graph::{Dim, Elem, Value as GraphValue};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

/// The folder of a checkpoint of the material; `None`, reported, where it is absent.
fn folder(name: &str) -> Option<PathBuf> {
    let places = ["material/hf", "golden/graph/encoders"].map(|p| shared().join(p).join(name));
    let found = places.into_iter().find(|p| p.is_dir());
    if found.is_none() {
        crate::skip::skipped(&format!("../shared has no {name}: its graph is not built"));
    }
    found
}

/// Name, type and dimensions of a port, as the golden files have them.
fn shown(value: &GraphValue) -> Value {
    let dims = value.ty.shape().unwrap_or_default().iter().map(|d| match d {
        Dim::Known(n) => json!(n),
        other => json!(other.to_string()),
    });
    let dtype = match value.ty.elem() {
        Some(Elem::I64) => "INT64",
        Some(Elem::F32) => "FLOAT",
        _ => "?",
    };
    json!({"name": &*value.name, "dtype": dtype, "shape": dims.collect::<Vec<_>>()})
}

fn options(task: &str) -> GraphOptions {
    GraphOptions { past: task.ends_with("-with-past"), features: task == "feature-extraction" }
}

#[test]
fn inputs_and_outputs_are_those_of_optimum() {
    let golden = shared().join("golden/graph/optimum");
    let Ok(files) = fs::read_dir(&golden) else {
        return crate::skip::skipped("golden/graph/optimum absent: names of inputs and outputs are not compared");
    };
    let mut names: Vec<String> = files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut wrong = Vec::new();
    for file in names {
        let expected: Value = serde_json::from_slice(&fs::read(golden.join(&file)).unwrap()).unwrap();
        let (model, task) = file.strip_suffix(".json").and_then(|f| f.split_once('.')).unwrap();
        // Optimum cannot export it.
        if expected.get("error").is_some() {
            continue;
        }
        let Some(folder) = folder(model) else { continue };
        let built = match to_graph(&crate::arch::open(&folder).unwrap(), &options(task)) {
            Ok(built) => built,
            Err(e) => {
                wrong.push(format!("{file}: {e}"));
                continue;
            }
        };
        let graph = built.graph.unwrap();
        for (what, got) in [("inputs", graph.inputs()), ("outputs", graph.outputs())] {
            let got: Value = got.into_iter().map(shown).collect::<Vec<_>>().into();
            if got != expected[what] {
                wrong.push(format!("{file} {what}:\n  {got}\n  {}", expected[what]));
            }
        }
        let nodes = expected["nodes"].as_u64().unwrap();
        let own = graph.nodes.len() as u64;
        println!("{file}: {own} nodes of {nodes}");
        // Optimum's decoders have much that is computed again in each layer, its encoders less. Its ResNets have no batch norms.
        let times = if task.starts_with("text-generation") { 4 } else { 3 };
        if own * times > nodes && !model.contains("resnet") {
            wrong.push(format!("{file}: {own} nodes, and Optimum has {nodes}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_type_is_inferred_and_every_weight_fits_its_constant() {
    for name in ["tiny-mixtral", "tiny-qwen3moe", "tiny-llama3-pt", "tiny-gemma3", "tiny-sbert-cls-dense", "tiny-vit"] {
        let Some(folder) = folder(name) else { continue };
        let built = to_graph(&crate::arch::open(&folder).unwrap(), &GraphOptions::default()).unwrap();
        let graph = built.graph.unwrap();
        let types = graph.infer();
        let unknown: Vec<&str> =
            graph.values.iter().filter(|(id, _)| types.ty(*id).elem().is_none()).map(|(_, v)| &*v.name).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
        let mut used = 0;
        for (constant, tensor) in graph.constants().filter_map(|c| Some((c, c.tensor()?))) {
            let entry = &built.tensors[tensor.0 as usize];
            assert_eq!(constant.dims, entry.shape.0[..], "{name} {}", entry.name);
            assert_eq!(constant.bytes(), Some(entry.bytes()), "{name} {}", entry.name);
            used += 1;
        }
        assert_eq!(used, built.tensors.len(), "{name}: every tensor is in the graph once");
    }
}

#[test]
fn a_tied_matrix_is_in_the_graph_once() {
    let Some(folder) = folder("tiny-qwen2") else { return };
    let built = to_graph(&crate::arch::open(&folder).unwrap(), &GraphOptions::default()).unwrap();
    let of = |word: &str| built.tensors.iter().filter(|t| t.name.contains(word)).count();
    assert_eq!((of("embed_tokens"), of("lm_head")), (1, 0));
}

/// A folder with a configuration and the tensors of another one.
fn with_config(name: &str, change: impl FnOnce(&mut Value)) -> Option<(tempfile::TempDir, Model)> {
    let folder = folder(name)?;
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(&folder).unwrap().flatten().filter(|f| f.path().is_file()) {
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let path = copy.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(&path, config.to_string()).unwrap();
    let model = crate::arch::open(copy.path()).unwrap();
    Some((copy, model))
}

#[test]
fn what_no_graph_is_built_for_is_refused_with_the_field() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 8] = [
        ("tiny-llama", |c| c["architectures"] = json!(["MambaForCausalLM"]), "MambaForCausalLM"),
        ("tiny-llama", |c| c["rope_scaling"] = json!({"rope_type": "dynamic", "factor": 2.0}), "dynamic"),
        ("tiny-llama", |c| c["hidden_act"] = json!("relu6"), "relu6"),
        ("tiny-llama", |c| c["num_hidden_layers"] = json!(3), "layer"),
        ("tiny-qwen3", |c| c["layer_types"] = json!(["full_attention", "linear_attention", "x"]), "linear_attention"),
        ("tiny-roberta", |c| c["architectures"] = json!(["RobertaForMultipleChoice"]), "RobertaForMultipleChoice"),
        ("tiny-roberta", |c| c["position_embedding_type"] = json!("relative_key"), "relative_key"),
        ("tiny-resnet-basic", |c| c["hidden_act"] = json!("silu"), "relu"),
    ];
    for (name, change, word) in cases {
        let Some((_folder, model)) = with_config(name, change) else { continue };
        let e = to_graph(&model, &GraphOptions::default()).unwrap_err();
        let text = format!("{e} {:?}", e.hint());
        assert!(text.contains(word), "{name}: {text}");
    }
}

#[test]
fn tensors_alone_do_not_say_how_the_network_computes() {
    let Some(folder) = folder("tiny-roberta") else { return };
    let alone = tempfile::tempdir().unwrap();
    let path = alone.path().join("weights.safetensors");
    fs::copy(folder.join("model.safetensors"), &path).unwrap();
    let e = to_graph(&crate::arch::open(&path).unwrap(), &GraphOptions::default()).unwrap_err();
    assert!(e.to_string().contains("config.json") && e.to_string().contains("weights.safetensors"), "{e}");
}

#[test]
fn a_missing_tensor_is_named() {
    let Some(folder) = folder("tiny-roberta") else { return };
    let mut model = crate::arch::open(&folder).unwrap();
    model.tensors.retain(|t| t.name != "encoder.layer.1.output.dense.weight");
    let e = to_graph(&model, &GraphOptions::default()).unwrap_err();
    assert!(e.to_string().contains("missing") && e.to_string().contains("encoder.layer.1.output.dense.weight"), "{e}");
}
