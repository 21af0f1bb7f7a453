//! Operator graphs on the command line.

use crate::lab::{Lab, fixture};
use std::fs;

fn graphs() -> Lab {
    let lab = Lab::new();
    for name in ["attention", "branches", "functions"] {
        lab.write(&format!("{name}.onnx"), fs::read(fixture(&format!("graphs/{name}-f32.onnx"))).unwrap());
    }
    lab.write("types.onnx", fs::read(fixture("graphs/types.onnx")).unwrap());
    lab.write("weights.onnx", weights());
    lab
}

/// A field of Protocol Buffers with these contents.
fn field(number: u8, contents: impl AsRef<[u8]>) -> Vec<u8> {
    let contents = contents.as_ref();
    let mut out = vec![number << 3 | 2];
    let mut len = contents.len();
    while len > 127 {
        out.push(len as u8 | 128);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(contents);
    out
}

/// `ModelProto` of IR version 10 and opset 21 with this graph.
fn model(graph: Vec<u8>) -> Vec<u8> {
    [vec![8, 10], field(7, graph), field(8, [16, 21])].concat()
}

/// `ValueInfoProto` of a tensor with one dimension; `elem` is ONNX's code of the type.
fn info(name: &str, elem: u8, dim: u8) -> Vec<u8> {
    let shape = field(1, [8, dim]);
    let tensor = [vec![8, elem], field(2, shape)].concat();
    [field(1, name), field(2, field(1, tensor))].concat()
}

/// A graph with two weights, of 8192 and 2048 bytes, that are its outputs.
fn weights() -> Vec<u8> {
    let weight = |name: &str, rows: u8, seed: u8| {
        let bytes: Vec<u8> =
            (0..u32::from(rows) * 64).flat_map(|i| (i as f32 + f32::from(seed)).to_le_bytes()).collect();
        field(5, [vec![8, rows, 8, 64, 16, 1], field(8, name), field(9, bytes)].concat())
    };
    let outputs = ["large", "small"].map(|name| field(12, field(1, name))).concat();
    model([field(2, "weights"), weight("large", 32, 0), weight("small", 8, 5), outputs].concat())
}

/// A graph with an operator on a type that it does not take.
fn wrong() -> Vec<u8> {
    let node = [field(1, "x"), field(2, "y"), field(3, "the relu"), field(4, "Relu")].concat();
    let graph = [field(1, node), field(2, "g"), field(11, info("x", 8, 4)), field(12, info("y", 8, 4))].concat();
    model(graph)
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

/// The graph of a file as `inspect` prints it.
fn graph_of(lab: &Lab, file: &str) -> serde_json::Value {
    let said = lab.run(&format!("inspect {file} --json")).expect(0).out;
    serde_json::from_str::<serde_json::Value>(&said).unwrap()["graph"].clone()
}

#[test]
fn a_graph_is_written_as_it_was() {
    let lab = graphs();
    for name in ["attention", "branches", "functions"] {
        lab.run(&format!("convert {name}.onnx --to onnx -o out/{name}.onnx")).expect(0);
        let (before, after) =
            (fs::read(lab.path(&format!("{name}.onnx"))), fs::read(lab.path(&format!("out/{name}.onnx"))));
        assert!(before.unwrap() == after.unwrap(), "{name}");
        assert!(lab.run(&format!("verify out/{name}.onnx")).expect(0).out.contains("all bytes match"));
        lab.run(&format!("verify out/{name}.onnx --source {name}.onnx")).expect(0);
    }
    lab.run("convert attention.onnx --to onnx -o again.onnx --dry-run").expect(0);
}

#[test]
fn tensors_go_to_a_data_file_and_back() {
    let lab = graphs();
    lab.run("convert weights.onnx --to onnx -o out/w.onnx --external-data").expect(0);
    assert!(lab.path("out/w.onnx.data").is_file(), "{:?}", lab.tree().keys());
    assert!(fs::metadata(lab.path("out/w.onnx")).unwrap().len() < 1000);
    assert_eq!(graph_of(&lab, "out/w.onnx"), graph_of(&lab, "weights.onnx"));
    lab.run("verify out/w.onnx").expect(0);
    let same = lab.run("compare weights.onnx out/w.onnx").expect(0).out;
    assert!(same.contains("identical") || same.contains("same"), "{same}");
    // A model with a data file becomes one with a data file.
    lab.run("convert out/w.onnx --to onnx -o kept/w.onnx").expect(0);
    assert_eq!(fs::read(lab.path("kept/w.onnx.data")).unwrap(), fs::read(lab.path("out/w.onnx.data")).unwrap());
    lab.run("convert out/w.onnx --to onnx -o whole.onnx --set save_as_external_data=false").expect(0);
    assert!(fs::read(lab.path("whole.onnx")).unwrap() == fs::read(lab.path("weights.onnx")).unwrap());
    // Above the threshold there is one tensor of the two.
    lab.run("convert weights.onnx --to onnx -o some.onnx --external-data-threshold 5000").expect(0);
    assert_eq!(fs::metadata(lab.path("some.onnx.data")).unwrap().len(), 8192);
}

#[test]
fn a_data_file_is_never_that_of_the_source_or_of_another_output() {
    let lab = graphs();
    lab.run("convert weights.onnx --to onnx -o w.onnx --external-data").expect(0);
    let before = lab.tree();
    let refused = lab.run("convert w.onnx --to onnx -o w.onnx --force").expect(2).err;
    assert!(refused.contains("the output is the input"), "{refused}");
    fs::create_dir(lab.path("d")).unwrap();
    fs::hard_link(lab.path("w.onnx.data"), lab.path("d/x.onnx.data")).unwrap();
    let refused = lab.run("convert w.onnx --to onnx -o d/x.onnx --force").expect(2).err;
    assert!(refused.contains("x.onnx.data: the output is the input"), "{refused}");
    fs::remove_dir_all(lab.path("d")).unwrap();
    let refused = lab.run("convert w.onnx --to onnx --to onnx -o out/").expect(2).err;
    assert!(refused.contains("two targets write to the same output"), "{refused}");
    assert_eq!(lab.tree(), before);
}

#[test]
fn a_missing_data_file_is_named() {
    let lab = graphs();
    lab.run("convert weights.onnx --to onnx -o w.onnx --external-data").expect(0);
    fs::remove_file(lab.path("w.onnx.data")).unwrap();
    let refused = lab.run("convert w.onnx --to onnx -o x.onnx").expect(2).err;
    assert!(refused.contains("w.onnx") && refused.contains("\"w.onnx.data\" is missing"), "{refused}");
    lab.write("w.onnx.data", [0; 100]);
    let refused = lab.run("convert w.onnx --to onnx -o x.onnx").expect(2).err;
    assert!(refused.contains("which has 100 bytes"), "{refused}");
}

#[test]
fn a_graph_that_does_not_fit_together_is_refused() {
    let lab = graphs();
    // Relu of strings.
    lab.write("wrong.onnx", wrong());
    let refused = lab.run("convert wrong.onnx --to onnx -o x.onnx").expect(2).err;
    assert!(refused.contains("wrong.onnx") && refused.contains("Relu") && refused.contains("--bare"), "{refused}");
    assert!(!lab.path("x.onnx").exists());
    lab.run("convert wrong.onnx --to onnx -o x.onnx --bare").expect(0);
    assert!(fs::read(lab.path("x.onnx")).unwrap() == wrong());
}

#[test]
fn a_graph_becomes_a_file_of_tensors_but_no_gguf() {
    let lab = graphs();
    let ran = lab.run("convert weights.onnx --to safetensors -o w.safetensors").expect(0);
    assert!(ran.err.contains("the operator graph is not written"), "{}", ran.err);
    let said = lab.run("inspect w.safetensors --json").expect(0).out;
    let names: Vec<String> = serde_json::from_str::<serde_json::Value>(&said).unwrap()["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["large", "small"]);
    lab.run("convert weights.onnx --to pytorch:f16 -o w.pt").expect(0);
    let refused = lab.run("convert attention.onnx --to gguf").expect(2).err;
    assert!(refused.contains("attention.onnx: the source is an operator graph"), "{refused}");
    assert!(refused.contains("Convert the checkpoint that the graph was exported from"), "{refused}");
    lab.run("convert weights.onnx --to gguf --bare -o w.gguf").expect(0);
    let refused = lab.run("convert types.onnx --to safetensors -o t.safetensors").expect(2).err;
    assert!(refused.contains("which safetensors does not hold"), "{refused}");
}

#[test]
fn requests_that_no_graph_can_fulfil_are_refused() {
    let lab = graphs();
    for (args, says) in [
        ("convert attention.onnx --to onnx -o x.gguf", "the name ends in .gguf, but the format is onnx"),
        ("convert attention.onnx --to onnx:q4_k_m -o x.onnx", "onnx"),
        (
            "convert attention.onnx --to onnx -o attention.onnx/x.onnx",
            "this is a file, so no output can be inside of it",
        ),
        (
            "convert attention.onnx --to onnx --context-length 5 -o x.onnx",
            "--context-length is an option of gguf targets",
        ),
    ] {
        let refused = lab.run(args).expect(2).err;
        assert!(refused.contains(says), "{args}: {refused}");
    }
    lab.write("r.toml", "[source]\npath = \"attention.onnx\"\n[[pipeline]]\nstep = \"prune_layers\"\nlayers = [0]\n[[target]]\nformat = \"onnx\"\noutput = \"x.onnx\"\n");
    let refused = lab.run("run r.toml").expect(2).err;
    assert!(refused.contains("prune_layers") && refused.contains("the source is an operator graph"), "{refused}");
    // A folder that is not there is made.
    lab.run("convert attention.onnx --to onnx -o new/deep/x.onnx").expect(0);
}

#[test]
fn a_cut_file_is_named() {
    let lab = graphs();
    let whole = fs::read(lab.path("attention.onnx")).unwrap();
    lab.write("cut.onnx", &whole[..whole.len() / 2]);
    let refused = lab.run("inspect cut.onnx").expect(2).err;
    assert!(refused.contains("cut.onnx @") && refused.contains("Is the download complete?"), "{refused}");
}
