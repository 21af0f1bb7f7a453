//! Which tensors of a model its graph uses.

use super::encoding_of;
use crate::formats::onnx::names::UniqueNames;
use crate::graph::{ConstantData, Graph, Source, TensorRef};
use crate::model::{MemoryRows, ModelError, Result, TensorEntry};
use crate::tensor::Shape;
use std::sync::Arc;

/// The tensors that the constants of a graph are, each constant with one of its own, in the order and under the names that they have when the file is
/// read. The graph is changed to name them: readers give every initializer a tensor, however small it is. A tensor that no constant uses is left out;
/// one that two constants use is written twice.
///
/// # Errors
/// A constant that names a tensor which is not there.
pub(crate) fn own_tensors(graph: &mut Graph, tensors: &[TensorEntry]) -> Result<Vec<TensorEntry>> {
    let mut tensors = tensors.to_vec();
    hold_initializers(graph, &mut tensors);
    let (mut own, mut names, mut missing) = (Vec::new(), UniqueNames::default(), None);
    graph.visit_constants(&mut |constant, name| {
        let ConstantData::Tensor(tensor) = constant.data else { return };
        let Some(entry) = tensors.get(tensor.0 as usize) else {
            missing.get_or_insert_with(|| name.to_owned());
            return;
        };
        constant.data = ConstantData::Tensor(TensorRef(own.len() as u32));
        let name = names.unique(name.into());
        own.push(if entry.name == name { entry.clone() } else { entry.renamed(name) });
    });
    match missing {
        Some(name) => Err(ModelError::bad("the graph names a tensor that the model does not have").field(name)),
        None => Ok(own),
    }
}

/// Makes tensors of initializers that are held inline.
fn hold_initializers(graph: &mut Graph, tensors: &mut Vec<TensorEntry>) {
    for (_, value) in graph.values.iter_mut().filter(|(_, v)| !matches!(v.source, Source::Node(_))) {
        let Some(constant) = &mut value.constant else { continue };
        let ConstantData::Inline(bytes) = &constant.data else { continue };
        let encoding = encoding_of(constant.elem);
        let shape = match constant.elem.dtype() {
            Some(_) => Shape(constant.dims.clone()),
            None => Shape(vec![bytes.len() as u64]),
        };
        let row_bytes = encoding.row_bytes(shape.cols()).unwrap_or(0);
        let rows = MemoryRows { bytes: bytes.to_vec(), row_bytes };
        tensors.push(TensorEntry::new(&*value.name, shape, encoding, Arc::new(rows)));
        constant.data = ConstantData::Tensor(TensorRef(tensors.len() as u32 - 1));
    }
}
