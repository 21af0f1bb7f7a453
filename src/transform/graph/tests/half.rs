//! Half precision: which constants and values have it, and what stays.

use super::*;
use crate::graph::{Elem, Opset, Port, ValueType};
use crate::model::MemoryRows;
use crate::task::Task;
use crate::tensor::DType;
use crate::transform::graph::{Half, HalfOptions, Rule, Select, to_half};
use std::sync::Arc;

/// The constants of a type, initializers and those of `Constant` nodes.
fn constants(model: &Model, elem: Elem) -> Vec<String> {
    let g = model.graph.as_ref().unwrap();
    let mut found = Vec::new();
    for (_, v) in g.values.iter() {
        let given = match v.source {
            crate::graph::Source::Node(n) => match g.nodes[n].attribute("value") {
                Some(AttrValue::Tensor(c)) if &*g.nodes[n].op == "Constant" => Some(c.as_ref()),
                _ => None,
            },
            _ => v.constant.as_ref(),
        };
        if given.is_some_and(|c| c.elem == elem) {
            found.push(v.name.to_string());
        }
    }
    found.sort();
    found
}

fn convert(model: &Model, options: &HalfOptions) -> (Model, crate::transform::graph::Report) {
    let changed = to_half(model, options, &Task::quiet()).unwrap();
    let g = changed.model.graph.as_ref().unwrap();
    g.check().unwrap();
    let problems = g.infer().problems;
    assert!(problems.is_empty(), "{problems:?}");
    (changed.model, changed.report)
}

#[test]
fn every_model_of_the_material_stays_sound() {
    let Some(material) = shared("material/onnx") else { return };
    let mut halves = 0;
    for file in [
        "basic-pitch/nmp.onnx",
        "magika-fast_v2_1/model.onnx",
        "ort-examples/mnist.onnx",
        "ultraface-RFB-320/version-RFB-320_without_postprocessing.onnx",
        "ultraface-RFB-320/version-RFB-320.onnx",
        "silero/silero_vad_16k_op15.onnx",
        "tiny-bert/model.onnx",
    ] {
        let model = crate::formats::open(&material.join(file)).unwrap();
        let before = model.graph.as_ref().unwrap();
        for keep_io in [true, false] {
            for half in [Half::F16, Half::Bf16] {
                let (changed, _) = convert(&model, &HalfOptions { half, keep_io, ..HalfOptions::default() });
                let g = changed.graph.as_ref().unwrap();
                let ports = |g: &Graph| {
                    let values = |all: Vec<&Value>| all.iter().map(|v| v.name.to_string()).collect::<Vec<_>>();
                    (values(g.inputs()), values(g.outputs()))
                };
                assert_eq!(ports(g), ports(before), "{file}");
                let types = g.infer();
                let outputs = g.regions[g.main].outputs.iter().map(|p| types.ty(p.value).elem());
                if keep_io {
                    assert!(outputs.into_iter().all(|e| e != Some(Elem::F16) && e != Some(Elem::BF16)), "{file}");
                }
                halves += usize::from(!constants(&changed, Elem::F16).is_empty());
            }
        }
    }
    assert!(halves >= 14, "{halves}");
}

/// x → MatMul(w1) → LayerNormalization(s, b) → MatMul(w2) → Add(s) → y
fn network() -> Model {
    let mut g = Graph::default();
    g.opsets.push(Opset { domain: "".into(), version: 17, extra: Vec::new() });
    g.about.format_version = 8;
    let mut tensors = Vec::new();
    let mut constant = |g: &mut Graph, name: &str, dims: Vec<u64>, values: Vec<f32>| {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let row_bytes = dims.last().unwrap() * 4;
        let entry = TensorEntry::new(
            name,
            crate::tensor::Shape(dims.clone()),
            DType::F32,
            Arc::new(MemoryRows { bytes, row_bytes }),
        );
        let data = ConstantData::Tensor(crate::graph::TensorRef(tensors.len() as u32));
        tensors.push(entry);
        let c = crate::graph::Constant {
            elem: Elem::F32,
            dims,
            data,
            ints: None,
            floats: None,
            name: "".into(),
            extra: Vec::new(),
        };
        g.add_constant(g.main, name, c)
    };
    let x = g.add_input(g.main, "x", ValueType::tensor(Elem::F32, [2u64, 4].map(Into::into)));
    let w1 = constant(&mut g, "w1", vec![4, 4], vec![0.5; 16]);
    let w2 = constant(&mut g, "w2", vec![4, 4], (0..16).map(|i| if i == 3 { -3.4e38 } else { 1.0 }).collect());
    let s = constant(&mut g, "s", vec![4], vec![1.0; 4]);
    let b = constant(&mut g, "b", vec![4], vec![0.0; 4]);
    let mut add = |op: &str, name: &str, inputs: &[crate::graph::ValueId], out: &str| {
        let mut node = Node::new(op, 17, inputs);
        node.name = name.into();
        g.add_node(g.main, node, &[out]).1[0]
    };
    let h = add("MatMul", "first", &[x, w1], "h");
    let n = add("LayerNormalization", "norm", &[h, s, b], "n");
    let m = add("MatMul", "second", &[n, w2], "m");
    let y = add("Add", "sum", &[m, s], "y");
    g.regions[g.main].outputs.push(Port::of(y));
    model_of(g, tensors)
}

#[test]
fn exactly_the_selected_constants_are_half() {
    let model = network();
    let halves = |only: Vec<Rule>, except: Vec<Rule>| {
        let options = HalfOptions { select: Select { only, except }, ..HalfOptions::default() };
        let (changed, _) = convert(&model, &options);
        (constants(&changed, Elem::F16), constants(&changed, Elem::F32))
    };
    let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    assert_eq!(halves(vec![], vec![]), (list(&["b", "s", "w1", "w2"]), list(&[])));
    // What two nodes of different precision use is there twice.
    let norm = vec![Rule::Operator("LayerNormalization".into())];
    assert_eq!(halves(vec![], norm), (list(&["s_f16", "w1", "w2"]), list(&["b", "s"])));
    let second = vec![Rule::Tensor("w2".into())];
    assert_eq!(halves(second.clone(), vec![]), (list(&["w2"]), list(&["b", "s", "w1"])));
    assert_eq!(halves(vec![], second), (list(&["b", "s", "w1"]), list(&["w2"])));
    assert_eq!(halves(vec![Rule::Node("f*".into())], vec![]), (list(&["w1"]), list(&["b", "s", "w2"])));
}

#[test]
fn values_beyond_the_range_are_counted_and_bounded() {
    let (changed, report) = convert(&network(), &HalfOptions::default());
    assert_eq!(report.notes, ["1 value beyond the range of f16 became ±65504: \"w2\""]);
    let bytes = tensor(&changed, "w2").unwrap().read_all().unwrap();
    assert_eq!(u16::from_le_bytes([bytes[6], bytes[7]]), 0xfbff);
    let mut part = [0u8; 4];
    tensor(&changed, "w2").unwrap().data.read_part(0, 4..8, &mut part).unwrap();
    assert_eq!(part, bytes[4..8]);
}

#[test]
fn casts_stand_between_nodes_of_different_precision_and_at_the_ends() {
    let model = network();
    let casts = |options: &HalfOptions| {
        let (changed, _) = convert(&model, options);
        let g = changed.graph.unwrap();
        let nodes = g.regions[g.main].nodes.iter().map(|n| &g.nodes[*n]);
        let casts = nodes.filter(|n| &*n.op == "Cast").map(|n| n.name.to_string()).collect::<Vec<_>>();
        let ends = [g.inputs()[0].ty.elem(), g.outputs()[0].ty.elem()];
        (casts, ends)
    };
    let (found, ends) = casts(&HalfOptions::default());
    assert_eq!(found, ["x_to_f16", "y_f16_to_f32"]);
    assert_eq!(ends[0], Some(Elem::F32));
    let (found, ends) = casts(&HalfOptions { keep_io: false, ..HalfOptions::default() });
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(ends[0], Some(Elem::F16));
    let select = Select { only: Vec::new(), except: vec![Rule::Node("norm".into())] };
    let (found, _) = casts(&HalfOptions { select, ..HalfOptions::default() });
    assert_eq!(found, ["x_to_f16", "h_to_f32", "n_to_f16", "y_f16_to_f32"]);
}
