//! Weights in blocks against `MatMulNBitsQuantizer` of ONNX Runtime 1.32.

use super::*;
use crate::graph::{Elem, Opset, Port, ValueType};
use crate::model::{MemoryRows, Transposed};
use crate::tensor::DType;
use crate::transform::graph::{BlockForm, BlockOptions, quantize_blocks};
use std::collections::HashSet;
use std::sync::Arc;

/// `y = x · w` for each of these weights `[K, N]`, with opset 21.
fn products(weights: Vec<TensorEntry>) -> Model {
    let mut g = Graph::default();
    g.opsets.push(Opset { domain: "".into(), version: 21, extra: Vec::new() });
    g.about.format_version = 10;
    for (i, w) in weights.iter().enumerate() {
        let dims = w.shape.0.clone();
        let x = g.add_input(g.main, format!("x{i}"), ValueType::tensor(Elem::F32, [6, dims[0]].map(Into::into)));
        let constant = crate::graph::Constant {
            elem: Elem::F32,
            dims,
            data: ConstantData::Tensor(crate::graph::TensorRef(i as u32)),
            ints: None,
            floats: None,
            name: "".into(),
            extra: Vec::new(),
        };
        let w = g.add_constant(g.main, &*w.name, constant);
        let mut product = Node::new("MatMul", 21, &[x, w]);
        product.name = "mm".into();
        let (_, y) = g.add_node(g.main, product, &[&format!("y{i}")]);
        g.regions[g.main].outputs.push(Port::of(y[0]));
    }
    model_of(g, weights)
}

#[test]
fn integers_scales_zero_points_and_nodes_are_those_of_the_reference() {
    let Some(golden) = shared("golden/graph/nbits") else { return };
    let arrays = npz::read(&golden.join("example.npz"));
    let w = &arrays["W"];
    let data = Arc::new(MemoryRows { bytes: w.bytes.clone(), row_bytes: w.shape[1] * 4 });
    let model = products(vec![TensorEntry::new("W", [w.shape[0], w.shape[1]], DType::F32, data)]);
    let index = json(&golden.join("nbits.json"));
    let mut compared = 0;
    for (name, wanted) in index.as_object().unwrap().iter().filter(|(name, _)| name.starts_with('b')) {
        let parts: Vec<&str> = name.split('_').collect();
        let form = if parts[3] == "QDQ" { BlockForm::Qdq } else { BlockForm::Operator };
        let options = BlockOptions {
            bits: parts[0][1..].parse().unwrap(),
            block: parts[1][1..].parse().unwrap(),
            symmetric: parts[2] == "sym",
            form,
            ..BlockOptions::default()
        };
        let changed = quantize_blocks(&model, &options).unwrap().model;
        let g = changed.graph.as_ref().unwrap();
        g.check().unwrap();
        assert!(g.infer().problems.is_empty(), "{name}: {:?}", g.infer().problems);
        // The reference leaves the float weight there: it cannot write these.
        if options.bits == 8 && form == BlockForm::Qdq {
            assert_eq!(tensor(&changed, "W_DQ_Q8").unwrap().bytes(), 72 * 20);
            continue;
        }
        let nodes: Vec<&Node> = g.regions[g.main].nodes.iter().map(|n| &g.nodes[*n]).collect();
        for (node, wanted) in nodes.iter().zip(wanted["nodes"].as_array().unwrap()) {
            let found = serde_json::json!({
                "op": &*node.op, "domain": &*node.domain, "name": &*node.name,
                "inputs": names(g, &node.inputs), "outputs": names(g, &node.outputs),
            });
            for (key, found) in found.as_object().unwrap() {
                let wanted = wanted[key].to_string().replace("\"x\"", "\"x0\"").replace("\"y\"", "\"y0\"");
                assert_eq!(found.to_string(), wanted, "{name} {key}");
            }
            for (key, wanted) in wanted["attrs"].as_object().unwrap() {
                assert_eq!(int(node, key), wanted.as_i64(), "{name} {key}");
            }
        }
        for init in wanted["initializers"].as_array().unwrap() {
            let init_name = init[0].as_str().unwrap();
            let golden = &arrays[&format!("{name}.{init_name}")];
            let (found, constant) = (tensor(&changed, init_name).unwrap(), value(g, init_name).unwrap());
            let dims: Vec<u64> = constant.constant.as_ref().unwrap().dims.clone();
            assert_eq!(serde_json::json!(dims), init[2], "{name} {init_name}");
            // The golden arrays have one byte for an integer where the type has 4 bits.
            let mut bytes = found.read_all().unwrap();
            match constant.constant.as_ref().unwrap().elem {
                Elem::U4 => bytes = nibbles(&bytes, golden.bytes.len(), |q| q),
                Elem::I4 => bytes = nibbles(&bytes, golden.bytes.len(), |q| ((q << 4) as i8 >> 4) as u8),
                _ => {}
            }
            assert!(bytes == golden.bytes, "{name}: {init_name} differs");
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 2 * 5 + 3 * 5, "arrays compared");
}

fn nibbles(bytes: &[u8], count: usize, of: impl Fn(u8) -> u8) -> Vec<u8> {
    bytes.iter().flat_map(|b| [of(b & 15), of(b >> 4)]).take(count).collect()
}

/// The reference quantized what Optimum exports of the same checkpoint: names differ, hashes do not.
#[test]
fn weights_of_a_checkpoint_have_the_hashes_of_the_reference() {
    let (Some(golden), Some(folder)) = (shared("golden/graph/nbits/nbits.json"), shared("material/hf/tiny-llama"))
    else {
        return;
    };
    let source = crate::formats::open(&folder).unwrap();
    let matrix = |t: &&TensorEntry| t.shape.rank() == 2;
    let view = |t: &TensorEntry| {
        let (shape, inner) = ([t.shape.0[1], t.shape.0[0]], t.clone());
        let bytes: Vec<u8> = {
            let mut values = vec![0f32; t.shape.elems().unwrap() as usize];
            let piece = crate::model::Piece::rows(t, 0..t.rows());
            crate::transform::decode(t, &piece, &mut Vec::new(), &mut values).unwrap();
            values.iter().flat_map(|v| v.to_le_bytes()).collect()
        };
        let rows = MemoryRows { bytes, row_bytes: t.shape.0[1] * 4 };
        let inner = TensorEntry::new(inner.name.clone(), inner.shape.clone(), DType::F32, Arc::new(rows));
        TensorEntry::new(t.name.clone(), shape, DType::F32, Arc::new(Transposed { inner }))
    };
    let weights: Vec<TensorEntry> = source.tensors.iter().filter(matrix).map(view).collect();
    let model = products(weights);
    let index = json(&golden);
    for (set, block, symmetric) in [("b4_g32_sym", 32, true), ("b4_g32_asym", 32, false), ("b4_g128_sym", 128, true)] {
        let options = BlockOptions { block, symmetric, ..BlockOptions::default() };
        let changed = quantize_blocks(&model, &options).unwrap().model;
        let found: HashSet<String> = changed.tensors.iter().map(|t| sha256(&t.read_all().unwrap())).collect();
        let wanted = index[&format!("tiny-llama-past.{set}")]["initializers"].as_object().unwrap();
        let missing: Vec<&String> =
            wanted.iter().filter(|(_, w)| !found.contains(w[2].as_str().unwrap())).map(|(name, _)| name).collect();
        assert!(missing.is_empty(), "{set}: {missing:?} of {}", wanted.len());
    }
}

#[test]
fn what_is_not_possible_is_refused() {
    let model = products(Vec::new());
    for (options, what) in [
        (BlockOptions { bits: 3, ..BlockOptions::default() }, "3 bits"),
        (BlockOptions { block: 48, ..BlockOptions::default() }, "block of 48"),
        (BlockOptions { accuracy_level: Some(9), ..BlockOptions::default() }, "accuracy level"),
    ] {
        let e = quantize_blocks(&model, &options).unwrap_err();
        assert!(e.to_string().contains(what), "{e}");
    }
}
