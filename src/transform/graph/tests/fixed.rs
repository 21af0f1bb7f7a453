//! Static quantization against `quantize_static` of ONNX Runtime 1.32.

use super::*;
use crate::task::Task;
use crate::transform::graph::{StaticOptions, quantize_static, values_to_observe};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The ranges that scales and zero points of `u8` stand for, by the name of the value.
fn ranges(golden: &serde_json::Value) -> HashMap<String, (f32, f32)> {
    let range = |(name, w): (&String, &serde_json::Value)| {
        let (scale, zero) = (w[0].as_f64().unwrap(), w[1].as_f64().unwrap());
        let name = name.trim_end_matches("_QuantizeLinear_Input").to_owned();
        (name, ((-zero * scale) as f32, ((255.0 - zero) * scale) as f32))
    };
    golden.as_object().unwrap().iter().map(range).collect()
}

#[test]
fn a_detector_gets_the_pairs_of_the_reference() {
    let (Some(golden), Some(file)) = (
        shared("golden/graph/static/rfb320.json"),
        shared("material/onnx/ultraface-RFB-320/version-RFB-320_simplified.onnx"),
    ) else {
        return;
    };
    let model = crate::formats::open(&file).unwrap();
    let index = json(&golden);
    for (name, per_channel) in [("minmax", true), ("minmax_per_tensor", false)] {
        let wanted = &index["variants"][name];
        let acts = &wanted["activation_scale_zp"];
        let options = StaticOptions { per_channel, ..StaticOptions::default() };
        let changed = quantize_static(&model, &options, &ranges(acts), &Task::quiet()).unwrap();
        let g = changed.model.graph.as_ref().unwrap();
        g.check().unwrap();
        assert!(g.infer().problems.is_empty(), "{:?}", g.infer().problems);
        let mut ops: BTreeMap<String, usize> = BTreeMap::new();
        g.nodes.iter().for_each(|(_, n)| *ops.entry(n.op.to_string()).or_default() += 1);
        let wanted_ops: BTreeMap<String, usize> = serde_json::from_value(wanted["ops"].clone()).unwrap();
        assert_eq!(ops, wanted_ops, "{name}");
        let pairs = g.nodes.iter().map(|(_, n)| n).filter(|n| &*n.op == "QuantizeLinear").collect::<Vec<_>>();
        let found: BTreeSet<String> = pairs.iter().map(|n| names(g, &n.inputs)[0].clone()).collect();
        let wanted_names: BTreeSet<String> = acts.as_object().unwrap().keys().cloned().collect();
        assert_eq!(found, wanted_names, "{name}");
        for node in pairs {
            let inputs = names(g, &node.inputs);
            let scale = tensor(&changed.model, &inputs[1]).unwrap().read_all().unwrap();
            let scale = f32::from_le_bytes(scale.try_into().unwrap());
            let zero = tensor(&changed.model, &inputs[2]).unwrap().read_all().unwrap()[0];
            let theirs = acts[&inputs[0]][0].as_f64().unwrap();
            assert!((f64::from(scale) / theirs - 1.0).abs() < 1e-5, "{}: {scale} {theirs}", inputs[0]);
            assert_eq!(Some(u64::from(zero)), acts[&inputs[0]][1].as_u64(), "{}", inputs[0]);
        }
        if let Some(folder) = std::env::var_os("REMOLD_GRAPHS_OUT") {
            files::write(&changed.model, &PathBuf::from(folder).join(format!("rfb320.static-{name}.onnx")));
        }
    }
}

#[test]
fn a_value_without_a_range_is_named() {
    let Some(file) = shared("material/onnx/ort-examples/mnist.onnx") else { return };
    let model = crate::formats::open(&file).unwrap();
    let observed = values_to_observe(&model, &StaticOptions::default()).unwrap();
    assert!(observed.contains(&"Input3".to_owned()), "{observed:?}");
    let e = quantize_static(&model, &StaticOptions::default(), &HashMap::new(), &Task::quiet()).unwrap_err();
    assert!(e.to_string().contains("Input3"), "{e}");
}
