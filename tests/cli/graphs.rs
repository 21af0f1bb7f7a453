//! Operator graphs on the command line.

use crate::lab::{Lab, fixture};
use std::fs;

fn graphs() -> Lab {
    let lab = Lab::new();
    for name in ["attention", "branches", "functions"] {
        lab.write(&format!("{name}.onnx"), fs::read(fixture(&format!("graphs/{name}-f32.onnx"))).unwrap());
    }
    lab
}

#[test]
fn inspect_shows_inputs_outputs_dimensions_and_operators() {
    let said = graphs().run("inspect attention.onnx").expect(0).out;
    for line in [
        "opset ai.onnx 18",
        "producer make_graphs",
        "dynamic batch · sequence",
        "x f32 [batch, sequence, 8]",
        "y f32 [batch, sequence, 8]",
        "MatMul 5 · Reshape 4 · Transpose 4",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.lines().any(|l| words(l).contains(line)), "{line}\n{said}");
    }
    assert!(!said.contains("problems"), "{said}");
    let said = graphs().run("inspect branches.onnx").expect(0).out;
    assert!(said.contains("6, 5 of them in nested graphs"), "{said}");
    let said = graphs().run("inspect functions.onnx").expect(0).out;
    assert!(said.contains("1, and 1 function") && said.contains("custom.SquareAdd 1"), "{said}");
}

#[test]
fn inspect_prints_the_graph_as_json() {
    let said = graphs().run("inspect attention.onnx --json").expect(0).out;
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    let graph = &json["graph"];
    assert_eq!(graph["inputs"][0]["shape"], serde_json::json!(["batch", "sequence", 8]));
    assert_eq!(graph["opsets"]["ai.onnx"], 18);
    assert_eq!(graph["operators"][0], serde_json::json!({"domain": "", "op": "MatMul", "nodes": 5}));
    assert_eq!(graph["problems"], serde_json::json!([]));
    assert_eq!(json["format"], "onnx");
}

#[test]
fn a_graph_is_compared_but_not_converted() {
    let lab = graphs();
    let refused = lab.run("convert attention.onnx --to gguf").expect(2).err;
    assert!(refused.contains("attention.onnx: the source is an operator graph"), "{refused}");
    assert!(refused.contains("remold inspect"), "{refused}");
    assert_eq!(lab.tree().len(), 3, "{:?}", lab.tree().keys());
}

#[test]
fn a_cut_file_is_named() {
    let lab = graphs();
    let whole = fs::read(lab.path("attention.onnx")).unwrap();
    lab.write("cut.onnx", &whole[..whole.len() / 2]);
    let refused = lab.run("inspect cut.onnx").expect(2).err;
    assert!(refused.contains("cut.onnx @") && refused.contains("Is the download complete?"), "{refused}");
}
