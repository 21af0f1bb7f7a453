//! Files made here, and the files of the material.

mod engine;
mod evaluation;
mod inference;
mod reject;
mod roundtrip;

use super::write::layout;
use crate::formats::ExternalData;
use crate::formats::protobuf::Encoder;
use crate::model::{Model, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A folder with files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, bytes: Vec<u8>) -> Result<Model> {
        let path = self.path("a.onnx");
        std::fs::write(&path, bytes).unwrap();
        super::open(&path)
    }
}

/// Writes a model as the engine does: fixed bytes and the data of tensors, in their places.
fn write(model: &Model, path: &Path, external: ExternalData) -> Result<()> {
    let sizes: Vec<u64> = model.tensors.iter().map(|t| t.bytes()).collect();
    for plan in layout(path, model.graph.as_ref().unwrap(), &sizes, external)? {
        let file = File::create(&plan.path).unwrap();
        file.set_len(plan.bytes).unwrap();
        for (offset, bytes) in &plan.fixed {
            file.write_all_at(bytes, *offset).unwrap();
        }
        for slot in &plan.slots {
            file.write_all_at(&model.tensors[slot.tensor].read_all()?, slot.offset).unwrap();
        }
    }
    Ok(())
}

/// Writes a graph without tensors outside of it to a file.
pub(crate) fn write_graph(graph: &crate::graph::Graph, path: &Path) {
    for plan in layout(path, graph, &[], ExternalData::Never).unwrap() {
        let file = File::create(&plan.path).unwrap();
        file.set_len(plan.bytes).unwrap();
        plan.fixed.iter().for_each(|(offset, bytes)| file.write_all_at(bytes, *offset).unwrap());
    }
}

/// Writes a file of a graph without nodes into a folder, with so many matrices of 2048 bytes that are its outputs.
pub(crate) fn weights_only(folder: &Path, count: u8) -> PathBuf {
    let mut g = Encoder::default();
    g.text(2, "weights");
    let names: Vec<String> = (0..count).map(|i| format!("w{i}")).collect();
    for (name, i) in names.iter().zip(0..count) {
        let data: Vec<u8> = (0..512u16).flat_map(|n| (f32::from(n) + f32::from(i)).to_le_bytes()).collect();
        g.message(5, tensor(name, &[8, 64], 1, |t| t.bytes(9, &data)));
    }
    for name in &names {
        let mut output = Encoder::default();
        output.bytes(1, name.as_bytes());
        g.message(12, output);
    }
    let path = folder.join("source.onnx");
    std::fs::write(&path, model_of(g)).unwrap();
    path
}

/// `ModelProto` with this graph.
fn model_of(graph: Encoder<'_>) -> Vec<u8> {
    let mut opset = Encoder::default();
    opset.varint(2, 21);
    let mut m = Encoder::default();
    m.varint(1, 10);
    m.message(7, graph);
    m.message(8, opset);
    m.into_bytes()
}

/// `NodeProto`.
fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> Encoder<'static> {
    let mut n = Encoder::default();
    inputs.iter().for_each(|i| n.bytes(1, i.as_bytes()));
    outputs.iter().for_each(|o| n.bytes(2, o.as_bytes()));
    n.text(3, &format!("the {op}"));
    n.text(4, op);
    n
}

/// `ValueInfoProto` without a type.
fn info(name: &str) -> Encoder<'static> {
    let mut v = Encoder::default();
    v.text(1, name);
    v
}

/// `TensorProto` with these fields after its dimensions and type.
fn tensor(name: &str, dims: &[i64], data_type: i64, rest: impl FnOnce(&mut Encoder<'static>)) -> Encoder<'static> {
    let mut t = Encoder::default();
    dims.iter().for_each(|d| t.varint(1, *d as u64));
    t.varint(2, data_type as u64);
    // The data before the name: fields may come in any order.
    rest(&mut t);
    t.text(8, name);
    t
}

/// A graph with one initializer that is its output.
fn constant_graph(tensor: Encoder<'_>, name: &str) -> Vec<u8> {
    let mut g = Encoder::default();
    g.text(2, "g");
    g.message(5, tensor);
    g.message(12, info(name));
    model_of(g)
}

/// Numbers in the packed form.
fn packed(values: &[i64]) -> Vec<u8> {
    let mut out = Vec::new();
    for v in values {
        let mut e = Encoder::default();
        e.varint(1, *v as u64);
        out.extend_from_slice(&e.into_bytes()[1..]);
    }
    out
}
