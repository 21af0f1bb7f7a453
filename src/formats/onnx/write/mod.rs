//! Lays a graph out as an ONNX file, and as a data file next to it where tensors are large.
//!
//! Every byte but the data of tensors is known when a file is laid out, so the engine fills the slots in any order. Protobuf libraries refuse
//! messages of 2 GiB and more; large models have their tensors in a data file. Tensors that are smaller than 1 KiB, and small integers, which feed
//! shapes, stay in the graph: ONNX Runtime 1.23 fails on shapes in data files (microsoft/onnxruntime issue 26261).

mod encode;
mod place;
mod tensors;

pub(crate) use tensors::own_tensors;

use crate::formats::layout::Slot;
use crate::formats::protobuf::Part;
use crate::formats::{ExternalData, FilePlan, LayoutRequest};
use crate::graph::{Elem, Graph};
use crate::model::{ModelError, Result};
use crate::quant::Encoding;
use crate::tensor::DType;
use place::Places;
use std::path::Path;

/// What every protobuf library can read.
const MAX_FILE_BYTES: u64 = (2 << 30) - 1;

/// Lays out the graph of a request.
///
/// # Errors
/// As [`layout`]; requests without a graph; tensors in other types than their constants have.
pub(super) fn lay_out(request: &LayoutRequest<'_>) -> Result<Vec<FilePlan>> {
    let Some(g) = request.graph else {
        return Err(ModelError::request("there is no operator graph to write").in_file(request.path));
    };
    let mut sizes = Vec::with_capacity(request.tensors.len());
    for t in request.tensors {
        let bytes = t.encoding.tensor_bytes(&t.shape);
        sizes.push(bytes.ok_or_else(|| ModelError::bad("the size of the data overflows").field(t.name.as_str()))?);
    }
    for constant in g.graph.constants() {
        let Some(tensor) = constant.tensor().and_then(|t| request.tensors.get(t.0 as usize)) else { continue };
        if tensor.encoding != encoding_of(constant.elem) {
            let what = format!("a tensor of {} cannot be written as {}", tensor.encoding, constant.elem);
            return Err(ModelError::bad(what).field(tensor.name.as_str()));
        }
    }
    layout(request.path, &g.graph, &sizes, g.external)
}

/// The encoding of the tensor that holds elements of a type. Types that no tensor has are packed bytes.
fn encoding_of(elem: Elem) -> Encoding {
    Encoding::Plain(elem.dtype().unwrap_or(DType::U8))
}

/// Lays out a graph; `sizes` are the bytes of each tensor of the model.
///
/// # Errors
/// Graphs that do not fit one file without a data file; tensors that do not have the size of their constants.
pub(crate) fn layout(path: &Path, graph: &Graph, sizes: &[u64], external: ExternalData) -> Result<Vec<FilePlan>> {
    let places = Places::new(path, graph, sizes, external)?;
    let plan = encoded(path, graph, &places)?;
    if plan.bytes > MAX_FILE_BYTES {
        let what =
            format!("the file would have {} bytes, and readers of ONNX take at most {MAX_FILE_BYTES}", plan.bytes);
        return Err(ModelError::request(what).in_file(path).with_hint("Write the tensors to a data file."));
    }
    Ok(std::iter::once(plan).chain(places.data_file()).collect())
}

/// The file of a graph whose tensors have places already: those in `outside` in a data file, the others in the graph.
///
/// # Errors
/// As [`layout`], but for the size of the file.
pub(super) fn encode_as_placed(path: &Path, graph: &Graph, sizes: &[u64], outside: &[Slot]) -> Result<FilePlan> {
    encoded(path, graph, &Places::given(path, sizes, outside)?)
}

fn encoded(path: &Path, graph: &Graph, places: &Places) -> Result<FilePlan> {
    let (parts, bytes) = encode::model(graph, places)?.finish();
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
    Ok(plan)
}
