//! Graphs in files, compared as `remold compare` does it.

use crate::evaluate::{BaselineSource, GraphRequest, Graphs, Set};
use crate::graph::eval::{Tensor, pack};
use crate::graph::make::Maker;
use crate::graph::{Dim, Elem, Graph};
use crate::task::Task;
use std::path::{Path, PathBuf};

/// x [batch, 4] → Add a constant → `op` → MatMul → y
fn graph(op: &str, weight: f32) -> Graph {
    let mut m = Maker::new(21, 10);
    let x = m.input("x", Elem::F32, &[Dim::parse("batch"), Dim::Known(4)]);
    let c = m.floats("bias", &[0.5, -0.5, 1.0, 2.0]);
    let sum = m.op("Add", &[x, c], &[]);
    let mid = m.op(op, &[sum], &[]);
    let w: Vec<f32> = (0u8..8).map(|i| f32::from(i) * 0.1 * weight).collect();
    let w = m.floats("w", &w);
    let w = m.reshape(w, &[4, 2]);
    let y = m.op("MatMul", &[mid, w], &[]);
    m.output("y", y, Elem::F32, &[Dim::parse("batch"), Dim::Known(2)]);
    m.finish().unwrap()
}

fn file(folder: &Path, name: &str, graph: &Graph) -> PathBuf {
    let path = folder.join(name);
    crate::formats::onnx::write_graph(graph, &path);
    path
}

fn compared(paths: &[PathBuf], request: &GraphRequest) -> crate::model::Result<Graphs> {
    let set = Set::open(paths, Some((0, BaselineSource::Given)), None)?;
    set.graph_outputs(request, Task::quiet(), &|_| {}).map(Option::unwrap)
}

#[test]
fn outputs_are_compared_and_the_first_difference_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b, c) = (graph("Relu", 1.0), graph("Relu", 1.0), graph("Abs", 1.0));
    let paths = [("a.onnx", &a), ("b.onnx", &b), ("c.onnx", &c)].map(|(name, g)| file(folder.path(), name, g));
    let request = GraphRequest { sizes: vec![("batch".to_owned(), 3)], ..GraphRequest::default() };
    let g = compared(&paths, &request).unwrap();
    assert_eq!((g.engine.as_str(), g.seed, g.inputs[0].shape.as_slice()), ("reference", Some(0), &[3, 4][..]));
    let same = &g.variants[1];
    assert!(same.compared[0].passed && same.compared[0].snr() == "equal" && same.bisection.is_none(), "{same:?}");
    assert_eq!(same.worst()[0], ("output_snr_db", f64::INFINITY));
    let other = &g.variants[2];
    assert!(!other.compared[0].passed && other.compared[0].max_error.unwrap() > 0.0, "{other:?}");
    let shown: Vec<_> = other.operators.iter().map(|o| (o.op.as_str(), o.baseline, o.here)).collect();
    assert_eq!(shown, [("Abs", 0, 1), ("Relu", 1, 0)]);
    let found = other.bisection.as_ref().unwrap();
    let first = found.first.as_ref().unwrap();
    // The value of Abs has another name than that of Relu, so MatMul is the first that can be compared.
    assert_eq!((first.op.as_str(), first.unmatched), ("MatMul", 1), "{found:?}");
    assert!(g.differ());
}

#[test]
fn weights_that_differ_part_the_graphs_where_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [("a.onnx", 1.0), ("b.onnx", 1.001)].map(|(name, w)| file(folder.path(), name, &graph("Relu", w)));
    let g = compared(&paths, &GraphRequest { bisect: true, ..GraphRequest::default() }).unwrap();
    let first = g.variants[1].bisection.as_ref().unwrap().first.clone().unwrap();
    assert_eq!(first.op, "Reshape", "of the weights");
    let db = g.variants[1].compared[0].snr_db.unwrap();
    assert!((db - 60.0).abs() < 0.1, "{db}");
}

#[test]
fn inputs_come_from_a_file_and_have_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.onnx", "b.onnx"].map(|name| file(folder.path(), name, &graph("Relu", 1.0)));
    let npy = |name: &str, descr: &str, t: &Tensor| {
        let dims: Vec<String> = t.dims.iter().map(usize::to_string).collect();
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({},)}}", dims.join(", "));
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(pack(t).unwrap());
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        GraphRequest { data: Some(path), ..GraphRequest::default() }
    };
    let x = Tensor::floats([2, 4], vec![0.25; 8]);
    let g = compared(&paths, &npy("x.npy", "<f4", &x)).unwrap();
    assert_eq!((g.seed, g.inputs[0].what.as_str()), (None, "from the file"));
    assert!(!g.differ());
    let doubles = Tensor::numbers(Elem::F64, [1, 4], vec![0.5; 4]);
    assert!(!compared(&paths, &npy("d.npy", "<f8", &doubles)).unwrap().differ(), "rounded to the type of the graph");
    let longs = compared(&paths, &npy("i.npy", "<i8", &Tensor::longs([1, 4], vec![1; 4]))).unwrap();
    assert!(longs.variants[0].failed.as_ref().unwrap().contains("it is i64, and the graph takes f32"), "{longs:?}");
    let wide = compared(&paths, &npy("w.npy", "<f4", &Tensor::floats([1, 5], vec![0.0; 5]))).unwrap();
    assert!(wide.variants[0].failed.as_ref().unwrap().contains("[1, 5]"), "{wide:?}");
    assert!(wide.differ(), "what was not run has not passed");
}
