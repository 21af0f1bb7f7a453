//! Which tensors of a model its graph uses.

use crate::formats::onnx::names::UniqueNames;
use crate::graph::{ConstantData, Graph, TensorRef};
use crate::model::{ModelError, Result, TensorEntry};

/// The tensors that the constants of a graph are, each constant with one of its own, in the order and under the names that they have when the file is
/// read. The graph is changed to name them. A tensor that no constant uses is left out; what one that two use takes is written twice.
///
/// # Errors
/// A constant that names a tensor which is not there.
pub(crate) fn own_tensors(graph: &mut Graph, tensors: &[TensorEntry]) -> Result<Vec<TensorEntry>> {
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
