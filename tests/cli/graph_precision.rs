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
        ("--to onnx:static", "needs data to find the ranges"),
        ("--to onnx:int8 --quantization-mode static", "needs data to find the ranges"),
        ("--to onnx:dynamic --quantization-mode static", "contradict each other"),
        ("--to onnx:int8 --calibration-method mse", "option of static quantization"),
        ("--to onnx --calibration-data t.txt", "option of a change of precision"),
        ("--to onnx:static --calibration-data t.txt --quant-format qoperator", "not available in this version"),
        ("--to onnx:static --calibration-data none.txt", "none.txt"),
        ("--to gguf --precision f16", "--precision is an option of"),
    ] {
        let refused = lab.run(&format!("convert mini-bert {args} -o x.out")).expect(2).err;
        assert!(refused.contains(says), "{args}: {refused}");
    }
}

/// An array file of `f32` as `numpy.save` writes it.
fn npy(dims: &[usize], values: &[f32]) -> Vec<u8> {
    let shape: String = dims.iter().map(|d| format!("{d},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
    header.push('\n');
    let mut all = b"\x93NUMPY\x01\x00".to_vec();
    all.extend((header.len() as u16).to_le_bytes());
    all.extend(header.as_bytes());
    all.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    all
}

#[test]
fn a_graph_is_quantized_statically_on_a_text_and_its_error_is_reported() {
    let lab = Lab::new();
    lab.model("mini-bert");
    let lines = ["a few words", "other words of a text", "the third line", "and one that is held out"];
    std::fs::write(lab.path("t.txt"), lines.join("\n")).unwrap();
    let to = "--to onnx:int8 --calibration-data t.txt --calibration-method minmax";
    let planned = lab.run(&format!("convert mini-bert {to} --dry-run")).expect(0).out;
    assert!(planned.contains("by minmax, on 3 samples of t.txt"), "{planned}");
    assert!(planned.contains("on 1 other sample: last_hidden_state "), "{planned}");
    lab.run(&format!("convert mini-bert {to} -o s.onnx")).expect(0);
    let found = operators(&lab, "s.onnx");
    assert!(found["QuantizeLinear"] > 10 && !found.contains_key("MatMulInteger"), "{found:?}");
    let manifest: Value = serde_json::from_slice(&std::fs::read(lab.path("s.onnx.remold.json")).unwrap()).unwrap();
    let measured = &manifest["output"]["calibration"];
    assert_eq!((&measured["method"], &measured["measured_on"]), (&Value::from("minmax"), &Value::from(1)));
    assert!(measured["outputs"][0]["snr_db"].as_f64().unwrap() > 10.0, "{measured}");
    assert!(measured["worst"][0]["node"].is_string(), "{measured}");
    // Without data, it is said that nothing was measured; with data, dynamic quantization is measured too.
    let plain = lab.run("convert mini-bert --to onnx:dynamic -o d.onnx").expect(0);
    assert!(plain.err.contains("was not measured"), "{}", plain.err);
    let dynamic = lab.run("convert mini-bert --to onnx:dynamic --calibration-data t.txt --dry-run").expect(0).out;
    assert!(dynamic.contains("outputs against the original on 1 sample: last_hidden_state"), "{dynamic}");
}

#[test]
fn calibration_data_that_do_not_fit_are_named() {
    let lab = Lab::new();
    lab.model("mini-bert");
    std::fs::write(lab.path("x.npy"), npy(&[2, 3], &[0.0; 6])).unwrap();
    let refused = lab.run("convert mini-bert --to onnx:static --calibration-data x.npy -o x.onnx").expect(2).err;
    assert!(refused.contains("x.npy") && refused.contains("input_ids"), "{refused}");
}
