//! Every file type of a model, resolved: what a forecast lists, and what a budget is compared with.

use super::super::{Resolved, resolve};
use super::Ready;
use super::overrides::Overrides;
use super::split::trial;
use crate::arch::OutType;
use crate::model::{ErrorKind, FormatId, Model, ModelError, Name, Result, TensorEntry};
use crate::plan::trial::layout_tensors;
use crate::quant::Encoding;
use crate::recipe::Target;
use crate::recipe::options::gguf;
use crate::task::Task;
use crate::tensor::DType;
use crate::transform::FileType;
use std::collections::HashMap;

/// A resolved file type without its metadata, which is as large as the vocabulary.
#[derive(Clone)]
pub(super) struct Outline {
    /// Of the file type, or of the budget.
    pub name: String,
    /// The file type that it declares.
    pub file_type: FileType,
    /// Exact size of the file or files.
    pub bytes: u64,
    /// Every tensor with its encoding.
    pub types: Vec<(Name, Encoding)>,
    /// Tensors whose rows do not fit the type.
    pub fallbacks: usize,
}

impl Outline {
    /// Bytes of its tensors. `model` has the shapes.
    pub(super) fn data_bytes(&self, model: &Model) -> u64 {
        let by_name: HashMap<&str, &TensorEntry> = model.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
        let bytes = |(name, e): &(Name, Encoding)| e.tensor_bytes(&by_name.get(name.as_str())?.shape);
        self.types.iter().filter_map(bytes).fold(0, u64::saturating_add)
    }

    /// The tensors and the encodings that have to be measured to say what this loses.
    pub(super) fn lossy(&self, real: &[TensorEntry]) -> Vec<(Name, Encoding)> {
        let by_name: HashMap<&str, &TensorEntry> = real.iter().map(|t| (t.name.as_str(), t)).collect();
        let lossy = |(name, e): &&(Name, Encoding)| {
            let entry = by_name.get(name.as_str());
            entry.is_some_and(|t| t.shape.rank() > 1 && t.encoding != *e) && *e != DType::F32.into()
        };
        self.types.iter().filter(lossy).cloned().collect()
    }
}

/// A file type that a model cannot become, and the reason.
pub(super) type RefusedType = (String, String);

/// Every file type, resolved; and those that this model cannot become.
pub(super) fn outlines(
    model: &Model,
    target: &Target,
    ready: &Ready,
    overrides: &Overrides,
    how: Task<'_>,
) -> Result<(Vec<Outline>, Vec<RefusedType>)> {
    for_each_type(how, |file_type| {
        let resolved = as_file_type(model, target, ready, overrides, file_type, how)?;
        outline(model, target, file_type, &resolved)
    })
}

/// What `make` gives for every file type, and those that it refuses.
///
/// # Errors
/// I/O errors of `make`; the first error if it refuses every type; cancelled.
pub(super) fn for_each_type<T>(
    how: Task<'_>,
    mut make: impl FnMut(FileType) -> Result<T>,
) -> Result<(Vec<T>, Vec<RefusedType>)> {
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    let mut first_error: Option<ModelError> = None;
    for &file_type in FileType::ALL.iter().filter(|t| !t.is_copy()) {
        if how.is_cancelled() {
            return Err(ModelError::request("cancelled while measuring"));
        }
        match make(file_type) {
            Ok(one) => made.push(one),
            Err(e) if e.kind() == ErrorKind::Io => return Err(e),
            Err(e) => {
                refused.push((file_type.name().to_owned(), e.to_string()));
                first_error.get_or_insert(e);
            }
        }
    }
    if let (true, Some(e)) = (made.is_empty(), first_error) {
        return Err(e);
    }
    Ok((made, refused))
}

/// The target with this file type, as if it were asked for by name. `target` has no budget.
///
/// # Errors
/// Those of resolving.
pub(super) fn as_file_type(
    model: &Model,
    target: &Target,
    ready: &Ready,
    overrides: &Overrides,
    file_type: FileType,
    how: Task<'_>,
) -> Result<Resolved> {
    let by_converter = model.format != FormatId::Gguf && OutType::parse(file_type.name()).is_some();
    if by_converter && target.get(&gguf::PRUNE_LAYERS).is_empty() {
        let named = Target { quantization: Some(file_type.name().to_ascii_lowercase()), ..target.clone() };
        return resolve(model, &named, how);
    }
    ready.quantized(target, file_type, overrides)
}

/// The sizes and types of a resolved target.
///
/// # Errors
/// Those of laying it out.
pub(super) fn outline(model: &Model, target: &Target, file_type: FileType, resolved: &Resolved) -> Result<Outline> {
    let tensors = layout_tensors(&resolved.tensors);
    let files = trial(model, target, &tensors, &resolved.metadata)?;
    Ok(Outline {
        name: file_type.name().to_owned(),
        file_type,
        bytes: files.iter().map(|f| f.bytes).sum(),
        types: tensors.into_iter().map(|t| (t.name, t.encoding)).collect(),
        fallbacks: resolved.reasons.iter().filter(|r| r.fallback_from.is_some()).count(),
    })
}
