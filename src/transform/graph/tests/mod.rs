//! Golden data of ONNX Runtime, and graphs made here.

mod blocks;
mod calibration;
mod dynamic;
mod files;
mod fixed;
mod half;
mod npz;

use crate::graph::{AttrValue, ConstantData, Graph, Node, Value};
use crate::model::{Model, TensorEntry};
use crate::skip::skipped;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A file or folder beside the repository; what is not there is reported.
fn shared(path: &str) -> Option<PathBuf> {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    let there = whole.exists();
    if !there {
        skipped(&format!("quantization of graphs against ../shared/{path}, which is not there"));
    }
    there.then_some(whole)
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The value of that name in the main region.
fn value<'g>(g: &'g Graph, name: &str) -> Option<&'g Value> {
    g.values.iter().map(|(_, v)| v).find(|v| &*v.name == name)
}

/// The tensor of a constant.
fn tensor<'m>(model: &'m Model, name: &str) -> Option<&'m TensorEntry> {
    match &value(model.graph.as_ref()?, name)?.constant.as_ref()?.data {
        ConstantData::Tensor(t) => model.tensors.get(t.0 as usize),
        _ => None,
    }
}

fn node<'g>(g: &'g Graph, name: &str) -> Option<&'g Node> {
    g.nodes.iter().map(|(_, n)| n).find(|n| &*n.name == name)
}

fn names(g: &Graph, values: &[Option<crate::graph::ValueId>]) -> Vec<String> {
    values.iter().map(|v| v.map_or_else(String::new, |v| g.values[v].name.to_string())).collect()
}

fn int(node: &Node, name: &str) -> Option<i64> {
    if let Some(AttrValue::Int(v)) = node.attribute(name) { Some(*v) } else { None }
}

/// A model with that graph.
fn model_of(graph: Graph, tensors: Vec<TensorEntry>) -> Model {
    Model {
        path: "made.onnx".into(),
        format: crate::model::FormatId::Onnx,
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
        graph: Some(std::sync::Arc::new(graph)),
    }
}
