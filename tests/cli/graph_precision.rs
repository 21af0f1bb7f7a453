//! Graphs from checkpoints, and the precisions of graphs.

use crate::lab::Lab;
use serde_json::Value;
use std::collections::BTreeMap;

fn inspected(lab: &Lab, file: &str) -> Value {
    serde_json::from_str(&lab.run(&format!("inspect {file} --json")).expect(0).out).unwrap()
}

/// How many tensors of each type a file has.
fn types(lab: &Lab, file: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for t in inspected(lab, file)["tensors"].as_array().unwrap() {
        *found.entry(t["type"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    found
}

fn operators(lab: &Lab, file: &str) -> BTreeMap<String, u64> {
    let graph = &inspected(lab, file)["graph"];
    assert_eq!(graph["problems"], serde_json::json!([]), "{file}");
    let all = graph["operators"].as_array().unwrap().iter();
    all.map(|o| (o["op"].as_str().unwrap().to_owned(), o["nodes"].as_u64().unwrap())).collect()
}

#[test]
fn a_checkpoint_becomes_a_graph_in_every_precision() {
    let lab = Lab::new();
    lab.model("mini-bert");
    let made = "convert mini-bert --to onnx --to onnx:f16 --to onnx:bf16 --to onnx:int8 --to onnx:uint8 --to onnx:int4 -o out/";
    let ran = lab.run(made).expect(0);
    assert!(!ran.err.contains("bug"), "{}", ran.err);
    let plain = operators(&lab, "out/mini-bert.onnx");
    for (file, op) in [
        ("F16", "Cast"),
        ("BF16", "Cast"),
        ("INT8", "MatMulInteger"),
        ("UINT8", "MatMulInteger"),
        ("INT4", "MatMulNBits"),
    ] {
        let name = format!("out/mini-bert-{file}.onnx");
        let changed = operators(&lab, &name);
        assert!(changed.get(op) > plain.get(op), "{file}: {changed:?}");
        lab.run(&format!("verify {name}")).expect(0);
    }
    let f32 = types(&lab, "out/mini-bert.onnx");
    let f16 = types(&lab, "out/mini-bert-F16.onnx");
    assert!(f32["f32"] > 30 && f16["f16"] > 30, "{f32:?} {f16:?}");
    assert!(types(&lab, "out/mini-bert-INT8.onnx")["i8"] > 10);
    lab.run("verify out/mini-bert-INT8.onnx --source mini-bert").expect(0);
    // A graph that was written is a source like any other.
    lab.run("convert out/mini-bert.onnx --to onnx:int8 -o again.onnx").expect(0);
    assert_eq!(operators(&lab, "again.onnx"), operators(&lab, "out/mini-bert-INT8.onnx"));
}

#[test]
fn a_language_model_takes_earlier_keys_and_values_unless_told() {
    let lab = Lab::new();
    lab.model("tiny-llama");
    lab.run("convert tiny-llama --to onnx -o with.onnx").expect(0);
    lab.run("convert tiny-llama --to onnx -o without.onnx --no-past").expect(0);
    let inputs = |file: &str| -> Vec<String> {
        let graph = &inspected(&lab, file)["graph"];
        graph["inputs"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(inputs("with.onnx").iter().any(|n| n.starts_with("past_key_values")), "{:?}", inputs("with.onnx"));
    assert!(!inputs("without.onnx").iter().any(|n| n.starts_with("past")), "{:?}", inputs("without.onnx"));
    let refused = lab.run("convert with.onnx --to onnx -o x.onnx --no-past").expect(2).err;
    assert!(refused.contains("the source is a graph"), "{refused}");
}

#[test]
fn only_selected_nodes_become_half() {
    let lab = Lab::new();
    lab.model("mini-bert");
    lab.run("convert mini-bert --to onnx -o b.onnx").expect(0);
    lab.run("convert b.onnx --to onnx -o mixed.onnx --precision mixed --fp16-layers *query*").expect(0);
    let all = inspected(&lab, "mixed.onnx");
    let half: Vec<&str> = all["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|t| t["type"] == "f16")
        .map(|t| t["name"].as_str().unwrap())
        .collect();
    assert!(half.len() >= 3 && half.iter().all(|n| n.contains("query")), "{half:?}");
}

#[test]
fn precisions_that_make_no_sense_are_refused() {
    let lab = Lab::new();
    lab.model("mini-bert");
    for (args, says) in [
        ("--to onnx --precision mixed", "needs `fp16_layers`"),
        ("--to onnx --precision mixed --fp16-layers nothing-such", "selects no node"),
        ("--to onnx:int8 --block-size 32", "`block_size` is an option of `int4`"),
        ("--to onnx:int8 --precision f16", "contradict each other"),
        ("--to onnx:int4 --block-size 24", "24"),
        ("--to onnx:q4_k_m", "onnx"),
        ("--to onnx:static", "static"),
        ("--to gguf --precision f16", "--precision is an option of"),
    ] {
        let refused = lab.run(&format!("convert mini-bert {args} -o x.out")).expect(2).err;
        assert!(refused.contains(says), "{args}: {refused}");
    }
}
