//! PyTorch checkpoints. Being built.

use super::{FormatSpec, Head, Verdict};
use crate::model::{FormatId, Model, ModelError, Result};
use std::path::Path;

/// The format's entry.
pub static SPEC: FormatSpec = FormatSpec {
    id: FormatId::Pytorch,
    about: "checkpoints of torch.save",
    extensions: &["pt", "pth", "bin", "ckpt"],
    probe,
    open,
    layout: None,
};

fn probe(_head: &Head<'_>) -> Verdict {
    Verdict::Weak
}

/// Opens one checkpoint file.
///
/// # Errors
/// Always, for now.
pub fn open(path: &Path) -> Result<Model> {
    Err(ModelError::unsupported("PyTorch checkpoints are being built").in_file(path))
}

/// Opens the checkpoint that a `pytorch_model.bin.index.json` describes.
///
/// # Errors
/// Always, for now.
pub fn open_index(path: &Path) -> Result<Model> {
    Err(ModelError::unsupported("PyTorch checkpoints are being built").in_file(path))
}
