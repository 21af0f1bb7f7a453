//! Common names: models of different ecosystems under the same tensor names and orientation.

use crate::arch::{self, GgufOptions, OutType};
use crate::model::{Hint, Model, ModelError, Result, TensorEntry};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Whose names the tensors of a comparison have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// Those of GGUF; what came from elsewhere was renamed, permuted and stacked as a conversion would.
    Gguf,
    /// Those that the files have.
    Own,
}

/// A model and, if it can be converted, its GGUF version.
pub(super) struct Both {
    pub model: Model,
    converted: Result<Model>,
}

impl Both {
    pub(crate) fn new(model: Model) -> Self {
        let converted = if model.format.has_gguf_names() {
            Ok(model.clone())
        } else if model.graph.is_some() {
            Err(ModelError::unsupported("a graph has no names of GGUF"))
        } else {
            // No type is chosen here: the lazy tensors keep the encodings that the source has.
            let options = GgufOptions { out_type: OutType::F32, ..GgufOptions::default() };
            arch::to_gguf(&model, &options).map(|g| g.model)
        };
        Self { model, converted }
    }

    /// The model as it would be in a GGUF, where it can be described by one.
    pub(crate) fn described(&self) -> Option<&Model> {
        self.converted.as_ref().ok()
    }

    fn own(&self) -> &[TensorEntry] {
        &self.model.tensors
    }
}

/// The tensors of every model under common names, and whose names these are.
///
/// # Errors
/// A model that has to be brought to GGUF names and cannot.
pub(super) fn common(models: &mut [Both]) -> Result<(Names, Vec<Vec<TensorEntry>>)> {
    let gguf = models.iter().any(|m| m.model.format.has_gguf_names());
    let all_gguf = models.iter().all(|m| m.model.format.has_gguf_names());
    let own = |models: &[Both]| models.iter().map(|m| m.own().to_vec()).collect();
    // A lone file of tensors keeps its names in a GGUF: where names agree, nothing has to be brought to others.
    if all_gguf || agree(models) || (!gguf && models.iter().any(|m| m.converted.is_err())) {
        let names = if all_gguf { Names::Gguf } else { Names::Own };
        return Ok((names, own(models)));
    }
    let mut all = Vec::new();
    for m in models {
        match &m.converted {
            Ok(model) => all.push(model.tensors.clone()),
            Err(_) => {
                let gone = std::mem::replace(&mut m.converted, Err(ModelError::request("taken")));
                let Err(e) = gone else { continue };
                let hint = match e.hint() {
                    Some(hint) => {
                        Hint::from("To be compared with a GGUF, a model is converted to GGUF names first. ").join(hint)
                    }
                    None => "To be compared with a GGUF, a model is converted to GGUF names first.".into(),
                };
                return Err(e.in_file(&m.model.path).with_hint(hint));
            }
        }
    }
    Ok((Names::Gguf, all))
}

/// True when more than half of the first model's names are in every other.
fn agree(models: &[Both]) -> bool {
    let Some((first, others)) = models.split_first() else { return true };
    others.iter().all(|m| {
        let names: HashSet<&str> = m.own().iter().map(|t| t.name.as_str()).collect();
        let shared = first.own().iter().filter(|t| names.contains(t.name.as_str())).count();
        shared * 2 > first.own().len().min(m.own().len())
    })
}
