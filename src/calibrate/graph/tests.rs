//! Small graphs that are calibrated on files, and golden data of ONNX Runtime 1.32.

use super::*;
use crate::graph::eval::{Data, Value};
use crate::graph::make::Maker;
use crate::graph::{Dim, Elem, TensorRef};
use crate::model::{FormatId, MemoryRows, TensorEntry};
use crate::quant::affine::{Fit, Int, affine};
use crate::skip::skipped;
use crate::task::Task;
use crate::tensor::{DType, Shape};
use crate::transform::graph::{DynamicOptions, StaticOptions, quantize_dynamic};
use std::path::Path;
use std::sync::Arc;

/// An array file of `f32`.
fn npy(dims: &[usize], values: &[f32]) -> Vec<u8> {
    let shape: String = dims.iter().map(|d| format!("{d},")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut all = b"\x93NUMPY\x01\x00".to_vec();
    all.extend((header.len() as u16).to_le_bytes());
    all.extend(header.as_bytes());
    all.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    all
}

/// Numbers from -1 to 1 that look random.
fn noise(seed: u32, n: usize) -> Vec<f32> {
    let mut x = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        (x >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn model_of(graph: crate::graph::Graph, tensors: Vec<TensorEntry>) -> Model {
    Model {
        path: "made.graph".into(),
        format: FormatId::ALL[0],
        files: Vec::new(),
        opened: Vec::new(),
        tensors,
        metadata: Default::default(),
        sidecars: Default::default(),
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings: Vec::new(),
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
        graph: Some(Arc::new(graph)),
    }
}

/// Two products with a `Relu` between them, `x [n, 8]` to `y [n, 4]`.
fn network() -> Model {
    let mut m = Maker::new(17, 8);
    let n = Dim::symbol("n");
    let x = m.input("x", Elem::F32, &[n.clone(), Dim::Known(8)]);
    let first = m.weight("first", TensorRef(0), Elem::F32, &[8, 16]);
    let second = m.weight("second", TensorRef(1), Elem::F32, &[16, 4]);
    let h = m.op("MatMul", &[x, first], &[]);
    let h = m.op("Relu", &[h], &[]);
    let y = m.op("MatMul", &[h, second], &[]);
    m.output("y", y, Elem::F32, &[n, Dim::Known(4)]);
    let tensor = |name: &str, seed, rows: u64, cols: u64| {
        let bytes = noise(seed, (rows * cols) as usize).iter().flat_map(|v| v.to_le_bytes()).collect();
        let rows_of = MemoryRows { bytes, row_bytes: cols * 4 };
        TensorEntry::new(name, Shape(vec![rows, cols]), DType::F32, Arc::new(rows_of))
    };
    model_of(m.finish().unwrap(), vec![tensor("first", 1, 8, 16), tensor("second", 2, 16, 4)])
}

fn task() -> Task<'static> {
    Task { threads: 2, ..Task::quiet() }
}

#[test]
fn a_graph_is_quantized_with_ranges_of_data_and_measured_on_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.npy");
    // One value is far from the others.
    let mut values = noise(7, 16 * 32 * 8);
    values[5] = 40.0;
    std::fs::write(&file, npy(&[16, 32, 8], &values)).unwrap();
    let model = network();
    let samples = Samples::open(&file, &model, &model).unwrap();
    assert_eq!(samples.len(), 16);
    let parts = Parts::of(samples.len(), None);
    let options = StaticOptions::default();
    let found = |method, threads| {
        let request =
            Request { model: &model, options: &options, method, percent: 99.9, samples: &samples, parts: &parts };
        calibrate(&request, &Task { threads, ..Task::quiet() }).unwrap()
    };
    let by: Vec<Calibrated> =
        [Method::MinMax, Method::Percentile, Method::Entropy, Method::Mse].map(|m| found(m, 2)).into();
    assert_eq!(by[0].ranges["x"].1, 40.0);
    assert!(by[1].ranges["x"].1 < 2.0, "{:?}", by[1].ranges["x"]);
    let snr = |c: &Calibrated| c.measured.outputs[0].1.snr_db();
    assert!(snr(&by[0]) > 5.0 && snr(&by[1]) > snr(&by[0]) + 2.0, "{} {}", snr(&by[0]), snr(&by[1]));
    let auto = found(Method::Auto, 2);
    assert_ne!(auto.method, Method::Auto);
    assert_eq!(auto.tried.len(), 4);
    assert!(by.iter().all(|c| snr(&auto) >= snr(c)), "{}", snr(&auto));
    // The nodes are named, and the number of threads changes nothing.
    let nodes: Vec<String> = auto.measured.worst_nodes().into_iter().map(|n| n.op).collect();
    assert!(nodes.contains(&"MatMul".to_owned()), "{nodes:?}");
    let alone = found(Method::Auto, 1);
    assert_eq!((alone.ranges, alone.measured.outputs), (auto.ranges, auto.measured.outputs));
}

#[test]
fn any_change_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.npy");
    std::fs::write(&file, npy(&[4, 8], &noise(3, 32))).unwrap();
    let model = network();
    let samples = Samples::open(&file, &model, &model).unwrap();
    let changed = quantize_dynamic(&model, &DynamicOptions::default(), &task()).unwrap();
    let subject = Subject { model: &changed.model, changed: &changed.report.changed };
    let [found] = measure(&model, &[subject], &samples, &[3], &task()).unwrap().try_into().unwrap();
    let [(name, d)] = found.outputs.as_slice() else { panic!("{found:?}") };
    assert!(name == "y" && d.elems == 4 && d.snr_db() > 20.0 && d.snr_db() < 70.0, "{d:?} {}", d.snr_db());
    assert_eq!(found.worst_nodes().len(), 2);
}

#[test]
fn values_are_dropped_and_every_sample_is_seen_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.npy");
    let values = noise(9, 10 * 8);
    std::fs::write(&file, npy(&[10, 8], &values)).unwrap();
    let model = network();
    let samples = Samples::open(&file, &model, &model).unwrap();
    let wanted: Vec<usize> = (0..10).collect();
    let seen = observe::ranges(&model, &["x".to_owned()], &samples, &wanted, &task()).unwrap();
    let h = &observe::histograms(&model, &seen, &samples, &wanted, &task()).unwrap()["x"];
    assert_eq!(h.total(), 80);
    let whole = crate::quant::affine::histogram::Histogram::of(&values, crate::quant::affine::histogram::BINS);
    assert_eq!(h, &whole, "a histogram of all values at once");
}

#[test]
fn data_that_do_not_fit_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let model = network();
    let refused = |name: &str, bytes: &[u8]| {
        let file = dir.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let e = Samples::open(&file, &model, &model).err().unwrap();
        assert_eq!(e.file(), Some(file.as_path()));
        format!("{e} {}", e.hint().map(|h| format!("{h:?}")).unwrap_or_default())
    };
    let shape = refused("shape.npy", &npy(&[4, 9], &[0.0; 36]));
    assert!(shape.contains("[4, 9]") && shape.contains("\"x\"") && shape.contains("f32 [n, 8]"), "{shape}");
    let text = refused("calib.txt", b"some words\n");
    assert!(text.contains("input_ids") && text.contains("x f32 [n, 8]"), "{text}");
    let kind = String::from_utf8_lossy(&npy(&[4, 8], &[])).replace("<f4", "<f8");
    let mut doubles = b"\x93NUMPY\x01\x00".to_vec();
    doubles.extend(kind.as_bytes().iter().skip_while(|b| **b != b'{').copied().collect::<Vec<u8>>());
    let length = (doubles.len() - 8) as u16;
    doubles.splice(8..8, length.to_le_bytes());
    doubles.extend([0u8; 256]);
    let kind = refused("kind.npy", &doubles);
    assert!(kind.contains("f64") && kind.contains("f32"), "{kind}");
    // Found when the sample is read: the file may be large.
    let file = dir.path().join("nan.npy");
    let mut values = [0.5; 32];
    values[17] = f32::NAN;
    std::fs::write(&file, npy(&[4, 8], &values)).unwrap();
    let samples = Samples::open(&file, &model, &model).unwrap();
    assert!(samples.get(1).is_ok());
    let nan = samples.get(2).unwrap_err();
    assert_eq!((nan.file(), nan.to_string().contains("has NaN in sample 2")), (Some(file.as_path()), true), "{nan}");
    let empty = dir.path().join("folder");
    std::fs::create_dir(&empty).unwrap();
    assert!(Samples::open(&empty, &model, &model).is_err());
}

/// The two-layer network with inputs that have heavy tails: ranges of each method against those of the reference.
#[test]
fn ranges_of_a_heavy_tail_are_those_of_the_reference() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/graph/calib");
    if !golden.exists() {
        return skipped("calibration of graphs: ../shared/golden/graph/calib is not there");
    }
    let dir = tempfile::tempdir().unwrap();
    for array in crate::formats::samples::open(&golden.join("heavy_io.npz")).unwrap() {
        let Value::Tensor(t) = Value::from(array.read().unwrap()) else { continue };
        let Data::F32(values) = &*t.data else { panic!("{}", array.name) };
        match array.name.as_str() {
            "calibration" => std::fs::write(dir.path().join("a.npy"), npy(&t.dims, values)).unwrap(),
            "x" => std::fs::write(dir.path().join("b.npy"), npy(&[1, 512, 48], values)).unwrap(),
            _ => {}
        }
    }
    let model = crate::formats::open(&golden.join("heavy.onnx")).unwrap();
    let samples = Samples::open(dir.path(), &model, &model).unwrap();
    assert_eq!(samples.len(), 33);
    let parts = Parts { observed: (0..32).collect(), held_out: vec![32] };
    let json = std::fs::read(golden.join("calib.json")).unwrap();
    let wanted: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let options = StaticOptions::default();
    let found = |method, percent| {
        let request = Request { model: &model, options: &options, method, percent, samples: &samples, parts: &parts };
        calibrate(&request, &task()).unwrap()
    };
    let mut snr = Vec::new();
    for (name, method, percent) in [("minmax", Method::MinMax, 0.0), ("entropy_2048", Method::Entropy, 0.0)] {
        let calibrated = found(method, percent);
        for (value, theirs) in wanted["heavy_net"][name]["scales"].as_object().unwrap() {
            let value = value.trim_end_matches("_QuantizeLinear_Input");
            let Some((min, max)) = calibrated.ranges.get(value).copied() else {
                panic!("{name}: {value} was not seen")
            };
            let ours = affine(min, max, Int::U8, Fit::default());
            let theirs = (theirs[0].as_f64().unwrap(), theirs[1].as_i64().unwrap());
            assert!((f64::from(ours.scale) / theirs.0 - 1.0).abs() < 1e-4, "{name} {value}: {ours:?} {theirs:?}");
            assert_eq!(i64::from(ours.zero_point), theirs.1, "{name} {value}");
        }
        let db = calibrated.measured.outputs[0].1.snr_db();
        snr.push((name, db, wanted["heavy_net"][name]["sqnr_db"].as_f64().unwrap()));
    }
    assert!(snr.iter().all(|(_, ours, theirs)| (ours - theirs).abs() < 1.5), "{snr:?}");
    // The reference's percentiles were made symmetric around 0; the bounds of `percentile` are tested with the histograms.
    // Entropy alone is worse than the whole range here; what is chosen is not.
    let auto = found(Method::Auto, 99.99);
    let (minmax, entropy, chosen) = (snr[0].1, snr[1].1, auto.measured.outputs[0].1.snr_db());
    assert!(entropy < minmax && chosen > minmax, "{snr:?} {chosen}");
}
