//! Lays a graph out as an ONNX file, and as a data file next to it where tensors are large.
//!
//! Every byte but the data of tensors is known when a file is laid out, so the engine fills the slots in any order. Protobuf libraries refuse
//! messages of 2 GiB and more; large models have their tensors in a data file. Tensors that are smaller than 1 KiB, and small integers, which feed
//! shapes, stay in the graph: ONNX Runtime 1.23 fails on shapes in data files (microsoft/onnxruntime issue 26261).
#![cfg_attr(not(test), allow(dead_code, reason = "the target that writes ONNX comes next"))]

mod encode;
mod place;

use crate::formats::FilePlan;
use crate::formats::layout::Slot;
use crate::formats::protobuf::Part;
use crate::graph::Graph;
use crate::model::{ModelError, Result};
use place::Places;
use std::path::Path;

/// What every protobuf library can read.
const MAX_FILE_BYTES: u64 = (2 << 30) - 1;

/// Where the data of tensors is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ExternalData {
    /// In a data file if the model is too large for one file.
    #[default]
    Auto,
    /// In the file of the graph.
    Never,
    /// In a data file, for tensors of at least this many bytes.
    From(u64),
}

/// Lays out a graph; `sizes` are the bytes of each tensor of the model.
///
/// # Errors
/// Graphs that do not fit one file without a data file; tensors that do not have the size of their constants.
pub(crate) fn layout(path: &Path, graph: &Graph, sizes: &[u64], external: ExternalData) -> Result<Vec<FilePlan>> {
    let places = Places::new(path, graph, sizes, external)?;
    let (parts, bytes) = encode::model(graph, &places)?.finish();
    if bytes > MAX_FILE_BYTES {
        let what = format!("the file would have {bytes} bytes, and readers of ONNX take at most {MAX_FILE_BYTES}");
        return Err(ModelError::request(what).in_file(path).with_hint("Write the tensors to a data file."));
    }
    let mut plan = FilePlan { path: path.to_owned(), bytes, fixed: Vec::new(), slots: Vec::new(), finish: None };
    let mut at = 0;
    for part in parts {
        match part {
            Part::Bytes(fixed) => {
                let len = fixed.len() as u64;
                plan.fixed.push((at, fixed));
                at += len;
            }
            Part::Tensor(tensor, bytes) => {
                plan.slots.push(Slot { tensor, offset: at, bytes });
                at += bytes;
            }
        }
    }
    Ok(std::iter::once(plan).chain(places.data_file()).collect())
}
