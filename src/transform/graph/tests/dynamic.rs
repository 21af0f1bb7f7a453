//! Dynamic quantization against `quantize_dynamic` of ONNX Runtime 1.32.

use super::*;
use crate::task::Task;
use crate::transform::graph::{DynamicOptions, Rule, Select, quantize_dynamic};
use std::collections::BTreeMap;

const MODELS: [(&str, &str); 6] = [
    ("basic-pitch", "basic-pitch/nmp.onnx"),
    ("magika-fast", "magika-fast_v2_1/model.onnx"),
    ("mnist", "ort-examples/mnist.onnx"),
    ("rfb320-nopost", "ultraface-RFB-320/version-RFB-320_without_postprocessing.onnx"),
    ("silero16k", "silero/silero_vad_16k_op15.onnx"),
    ("tiny-bert", "tiny-bert/model.onnx"),
];

/// The options of ONNX Runtime that the golden data has names for.
fn options(name: &str) -> DynamicOptions {
    let theirs = DynamicOptions { per_channel: false, ..DynamicOptions::default() };
    match name {
        "default" => theirs,
        "quint8" => DynamicOptions { signed: false, ..theirs },
        "per_channel" => DynamicOptions { per_channel: true, ..theirs },
        "per_channel_reduce" => DynamicOptions { per_channel: true, reduce_range: true, ..theirs },
        "asym" => DynamicOptions { symmetric: Some(false), ..theirs },
        // The golden data of this set was made with a scale for each channel.
        "matmul_only" => DynamicOptions { convolutions: false, embeddings: false, per_channel: true, ..theirs },
        other => panic!("options {other}"),
    }
}

#[test]
fn weights_scales_names_and_operators_are_those_of_the_reference() {
    let (Some(golden), Some(material)) = (shared("golden/graph/dynamic"), shared("material/onnx")) else { return };
    let (mut weights, mut wrong) = (0, Vec::new());
    for (name, file) in MODELS {
        let model = crate::formats::open(&material.join(file)).unwrap();
        let golden = json(&golden.join(format!("{name}.json")));
        for (set, wanted) in golden.as_object().unwrap() {
            let place = format!("{name} {set}");
            let changed = quantize_dynamic(&model, &options(set), &Task::quiet()).unwrap();
            weights += compare(&place, &changed.model, wanted, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(weights > 400, "{weights} weights compared");
}

fn compare(place: &str, model: &Model, wanted: &serde_json::Value, wrong: &mut Vec<String>) -> usize {
    let g = model.graph.as_ref().unwrap();
    let weights = wanted["weights"].as_object().unwrap();
    for (name, w) in weights {
        let Some(q) = tensor(model, &format!("{name}_quantized")) else {
            wrong.push(format!("{place}: {name} was not quantized"));
            continue;
        };
        let scales = tensor(model, &format!("{name}_scale")).unwrap().read_all().unwrap();
        let zeros = tensor(model, &format!("{name}_zero_point")).unwrap().read_all().unwrap();
        let signed = w["dtype"] == "int8";
        let zeros: Vec<i64> = zeros.iter().map(|b| if signed { i64::from(*b as i8) } else { i64::from(*b) }).collect();
        let found = [
            ("type", q.encoding.name() == if signed { "i8" } else { "u8" }),
            ("shape", serde_json::json!(q.shape.0) == w["shape"]),
            ("scales", w["scale_sha256"] == sha256(&scales)),
            (
                "zero points",
                w["zero_point"].as_array().unwrap().iter().zip(&zeros).all(|(a, b)| a.as_i64() == Some(*b)),
            ),
            ("integers", w["sha256"] == sha256(&q.read_all().unwrap())),
        ];
        wrong.extend(found.iter().filter(|f| !f.1).map(|(what, _)| format!("{place}: {what} of {name}")));
    }
    let mut ops: BTreeMap<String, usize> = BTreeMap::new();
    for (_, node) in g.nodes.iter().filter(|(_, n)| n.region == g.main) {
        *ops.entry(node.op.to_string()).or_default() += 1;
    }
    let wanted_ops: BTreeMap<String, usize> = serde_json::from_value(wanted["ops"].clone()).unwrap();
    if ops != wanted_ops {
        wrong.push(format!("{place}: operators {ops:?} instead of {wanted_ops:?}"));
    }
    for first in wanted["first_nodes"].as_array().into_iter().flatten() {
        let name = first["name"].as_str().unwrap();
        if name.is_empty() {
            continue;
        }
        let Some(node) = node(g, name) else {
            wrong.push(format!("{place}: there is no node {name:?}"));
            continue;
        };
        let (inputs, outputs) = (names(g, &node.inputs), names(g, &node.outputs));
        if serde_json::json!(inputs) != first["inputs"] || serde_json::json!(outputs) != first["outputs"] {
            wrong.push(format!("{place}: {name}: {inputs:?} {outputs:?} instead of {first}"));
        }
    }
    if let Err(e) = g.check() {
        wrong.push(format!("{place}: {e}"));
    }
    wrong.extend(g.infer().problems.iter().map(|p| format!("{place}: {p}")));
    weights.len()
}

#[test]
fn what_stays_float_is_listed_with_its_reason() {
    let Some(material) = shared("material/onnx") else { return };
    let model = crate::formats::open(&material.join("tiny-bert/model.onnx")).unwrap();
    let select =
        Select { only: Vec::new(), except: vec![Rule::Node("MatMul_2*".into()), Rule::Operator("Gather".into())] };
    let options = DynamicOptions { select, ..DynamicOptions::default() };
    let changed = quantize_dynamic(&model, &options, &Task::quiet()).unwrap();
    let why = |op: &str, part: &str| {
        changed
            .report
            .kept
            .iter()
            .filter(|k| k.node.op == op && k.why.contains(part))
            .map(|k| k.node.name.clone())
            .collect::<Vec<_>>()
    };
    assert!(why("MatMul", "excluded by the node \"MatMul_2*\"").contains(&"MatMul_27".to_owned()));
    assert_eq!(why("Gather", "excluded by the operator Gather").len(), 2, "{:?}", changed.report.kept);
    assert_eq!(why("MatMul", "not a constant").len(), 4);
    let total = changed.report.changed.len() + changed.report.kept.iter().filter(|k| k.node.op == "MatMul").count();
    assert_eq!(total, 18, "16 MatMul and 2 Gemm");
    let excluded = model.tensors.iter().find(|t| &*t.name == "302").unwrap();
    let kept = tensor(&changed.model, "302").unwrap();
    assert_eq!(kept.read_all().unwrap(), excluded.read_all().unwrap());
}

#[test]
fn a_weight_that_is_not_finite_stays_float_and_rows_in_part_are_those_of_the_whole() {
    use crate::graph::{Elem, Graph, Node, Opset, Port, ValueType};
    use crate::model::MemoryRows;
    use crate::tensor::DType;
    use std::sync::Arc;
    let mut g = Graph::default();
    g.opsets.push(Opset { domain: "".into(), version: 17, extra: Vec::new() });
    g.about.format_version = 8;
    let x = g.add_input(g.main, "x", ValueType::tensor(Elem::F32, [2u64, 3].map(Into::into)));
    let mut tensors = Vec::new();
    for (i, name) in ["good", "bad"].iter().enumerate() {
        let mut values: Vec<f32> = (0..12).map(|i| i as f32 - 3.5).collect();
        if *name == "bad" {
            values[7] = f32::NAN;
        }
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensors.push(TensorEntry::new(*name, [3u64, 4], DType::F32, Arc::new(MemoryRows { bytes, row_bytes: 16 })));
        let constant = crate::graph::Constant {
            elem: Elem::F32,
            dims: vec![3, 4],
            data: ConstantData::Tensor(crate::graph::TensorRef(i as u32)),
            ints: None,
            floats: None,
            name: "".into(),
            extra: Vec::new(),
        };
        let w = g.add_constant(g.main, *name, constant);
        let (_, y) = g.add_node(g.main, Node::new("MatMul", 17, &[x, w]), &[&format!("y_{name}")]);
        g.regions[g.main].outputs.push(Port::of(y[0]));
    }
    let model = model_of(g, tensors);
    let changed = quantize_dynamic(&model, &DynamicOptions::default(), &Task::quiet()).unwrap();
    assert_eq!((changed.report.changed.len(), changed.report.kept.len()), (1, 1));
    assert!(changed.report.kept[0].why.contains("not finite") && changed.report.kept[0].bytes == 48);
    assert!(tensor(&changed.model, "bad").is_some() && tensor(&changed.model, "good").is_none());
    let q = tensor(&changed.model, "good_quantized").unwrap();
    let whole = q.read_all().unwrap();
    let mut part = [0u8; 2];
    q.data.read_part(1, 1..3, &mut part).unwrap();
    assert_eq!(part, whole[5..7]);
    // Each column has its own scale: the largest of each is 127.
    assert_eq!(whole[8..].iter().map(|b| *b as i8).collect::<Vec<_>>(), [127; 4]);
}

#[test]
fn a_model_without_a_graph_is_refused() {
    let Some(material) = shared("material/hf/tiny-gpt2/model.safetensors") else { return };
    let model = crate::formats::open(&material).unwrap();
    let e = quantize_dynamic(&model, &DynamicOptions::default(), &Task::quiet()).unwrap_err();
    assert!(e.to_string().contains("no operator graph"), "{e}");
}
