//! Files of models, and tensors found in them: what the workers answer.

use std::path::PathBuf;

/// The files of a model, to be deleted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileList {
    /// The model.
    pub path: PathBuf,
    /// Files and links, and their bytes.
    pub files: Vec<(PathBuf, u64)>,
    /// Folders, each before those inside.
    pub folders: Vec<PathBuf>,
}

impl FileList {
    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// A tensor that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorHit {
    /// The model that has it.
    pub model: PathBuf,
    /// Its name.
    pub tensor: String,
    /// Its shape.
    pub shape: String,
    /// Its type.
    pub encoding: &'static str,
}

/// What a line being edited in the tab is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// The filter of the focused pane, or the text that the tokenizer is tried on.
    #[default]
    Filter,
    /// Another name for the selected model.
    Rename,
    /// A tensor to look for in all models.
    Find,
    /// The text that models are evaluated on.
    EvaluateOn,
    /// The text that an importance matrix is made from.
    ImatrixOn,
}
