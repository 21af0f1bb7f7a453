//! The tensors of a model as constants of its graph.

use super::Model;
use crate::graph::TensorRef;
use crate::graph::eval::Constants;

impl Constants for Model {
    fn bytes(&self, tensor: TensorRef) -> Result<Vec<u8>, String> {
        let entry = self.tensors.get(tensor.0 as usize).ok_or("a constant is not a tensor of the model")?;
        entry.read_all().map_err(|e| e.to_string())
    }
}
