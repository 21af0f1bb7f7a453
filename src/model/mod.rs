//! A [`Model`] is something opened from disk: lazy tensors, typed metadata, the sidecar files of its folder.
//!
//! Knows no single file format. A [`TensorEntry`] is a name, a shape, an encoding and a way to produce any range of its rows
//! or part of a row ([`TensorData`]); steps wrap entries in the lazy views of `view` and nothing is computed until a writer pulls rows.

mod code;
mod constants;
mod defect;
mod dims;
mod entry;
mod error;
mod file_slice;
mod hint;
mod index;
pub(crate) mod kv_cache;
mod metadata;
mod name;
mod network;
mod opened;
mod option_name;
mod output_folder;
mod piece;
mod placeholder;
pub(crate) mod python_json;
mod request_file;
mod role;
mod sidecar;
mod source_check;
pub(crate) mod tokenizer;
mod unreadable;
mod view;

pub use code::ErrorCode;
pub use defect::Defect;
pub(crate) use defect::UNSAFE_CODE;
pub(crate) use dims::Dims;
pub use entry::{TensorData, TensorEntry};
pub use error::{ErrorKind, ModelError, Result};
pub(crate) use error::{Field, few};
pub(crate) use file_slice::FileSlice;
pub use hint::{Hint, Place, Remedy};
pub(crate) use hint::{Listing, Words};
pub(crate) use index::numbered;
pub use index::{OutputIndex, TensorIndex};
pub use metadata::{MetaArray, MetaValue, Metadata};
pub(crate) use name::Name;
pub use network::{Network, PerLayer, Rope, RopeKind, RopeScaling};
pub(crate) use opened::OpenedFile;
pub use option_name::OptionName;
pub(crate) use option_name::OptionPath;
pub(crate) use output_folder::check_output_folder;
pub use piece::Piece;
pub(crate) use piece::{Cut, PART_ALIGN};
pub(crate) use placeholder::placeholder;
pub(crate) use request_file::{open_request_file, read_request_file, read_request_text};
pub use role::{Role, TensorClass, TensorKind};
pub use sidecar::{Sidecar, Sidecars};
pub(crate) use source_check::{SourceCheck, SourceChecks};
pub(crate) use unreadable::Unreadable;
pub use view::{ConcatRows, MemoryRows, decode_piece};
pub(crate) use view::{MapRows, Transposed};

use crate::graph::Graph;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The file formats a model can come from or go to. `formats` lists what each can do.
///
/// The default is the first: for structures that are filled in field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "names of the formats")]
pub enum FormatId {
    #[default]
    Safetensors,
    Pytorch,
    Gguf,
    Ggml,
    Onnx,
    Ort,
    Tflite,
    Savedmodel,
}

impl FormatId {
    /// The name used on the command line and in recipes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Pytorch => "pytorch",
            Self::Gguf => "gguf",
            Self::Ggml => "ggml",
            Self::Onnx => "onnx",
            Self::Ort => "ort",
            Self::Tflite => "tflite",
            Self::Savedmodel => "savedmodel",
        }
    }

    /// The format of that name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name().eq_ignore_ascii_case(name))
    }

    /// True for formats in which a network has the tensor names of GGUF and declares itself by GGUF keys. The others keep the names of
    /// their source, which are Hugging Face's for a transformer.
    pub(crate) const fn has_gguf_names(self) -> bool {
        matches!(self, Self::Gguf | Self::Ggml)
    }

    /// True for ggml's files from before GGUF: `arch` gives their networks GGUF's names where it knows them, and types of blocks may be
    /// those that GGUF does not have.
    pub(crate) const fn is_before_gguf(self) -> bool {
        matches!(self, Self::Ggml)
    }

    /// Every format of the command-line contract.
    pub const ALL: [Self; 8] = [
        Self::Safetensors,
        Self::Pytorch,
        Self::Gguf,
        Self::Ggml,
        Self::Onnx,
        Self::Ort,
        Self::Tflite,
        Self::Savedmodel,
    ];
}

impl std::fmt::Display for FormatId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Something said about a model or a plan that is not an error. `code` is stable and machine-readable (`config.unknown-field`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Warning {
    /// Stable identifier, `area.what`.
    pub code: String,
    /// One sentence for people.
    pub text: String,
    /// The tensor it is about, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
}

impl Warning {
    /// A warning about no tensor in particular.
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into(), tensor: None }
    }

    /// A warning about one tensor.
    pub(crate) fn about(code: &str, tensor: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into(), tensor: Some(tensor.to_owned()) }
    }
}

/// A model opened from disk, or the result of a step. Cloning is cheap: tensor data is shared.
#[derive(Clone, Debug)]
pub struct Model {
    /// The file or folder it was opened from.
    pub path: PathBuf,
    /// The format its tensors are stored in.
    pub format: FormatId,
    /// Every file read, in reading order (shards, not sidecars).
    pub files: Vec<PathBuf>,
    /// Every file that something was or will be read from, as it was before: shards, their index, sidecars.
    pub opened: Vec<OpenedFile>,
    /// The tensors, in the order of the file(s).
    pub tensors: Vec<TensorEntry>,
    /// Typed metadata of the file itself (GGUF key-values, safetensors `__metadata__`), in file order.
    pub metadata: Metadata,
    /// `config.json` and the tokenizer files next to the tensors, by file name; empty for a lone file.
    pub sidecars: Sidecars,
    /// Things found that are not tensors and are not converted (`optimizer state: 120 tensors`, opaque pickled objects).
    pub opaque: Vec<String>,
    /// Tensors of the model that the file holds in a form that cannot be read (sparse, quantized, subclasses).
    pub unreadable: Vec<Unreadable>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
    /// Checksums that the files carry for their own bytes.
    pub checks: SourceChecks,
    /// The layer of the source that each layer was, by its number now, where a step renumbered them; empty otherwise. What is named after
    /// layers of the source, such as an importance matrix, is renamed with it.
    pub layer_origins: BTreeMap<u32, u32>,
    /// The hyper-parameters, if the files describe a network; `None` until `arch::identify` has looked for them.
    pub network: Option<Network>,
    /// The operator graph, if the files hold one. Its constants are tensors of [`Model::tensors`] by their places, so a step that changes the
    /// list of tensors changes the graph too or drops it.
    pub graph: Option<Arc<Graph>>,
}

/// True for the metadata of an importance matrix (llama.cpp, `tools/imatrix`).
pub(crate) fn is_importance_matrix(metadata: &Metadata) -> bool {
    metadata.get("general.type").and_then(MetaValue::as_str) == Some("imatrix")
        || metadata.get("imatrix.chunk_count").is_some()
}

impl Model {
    /// True for an importance matrix, which has the form of a model in some formats.
    pub(crate) fn is_importance_matrix(&self) -> bool {
        is_importance_matrix(&self.metadata)
    }

    /// The tensor of that exact name.
    pub fn tensor(&self, name: &str) -> Option<&TensorEntry> {
        self.tensors.iter().find(|t| t.name == name)
    }

    /// GGUF's name of the architecture, if it is known.
    pub(crate) fn architecture(&self) -> Option<&str> {
        self.network.as_ref()?.architecture.as_deref()
    }

    /// Total elements over all tensors (saturating).
    pub fn parameters(&self) -> u64 {
        self.tensors.iter().fold(0u64, |a, t| a.saturating_add(t.shape.elems().unwrap_or(0)))
    }

    /// Total bytes of tensor data as stored (saturating).
    pub fn tensor_bytes(&self) -> u64 {
        self.tensors.iter().fold(0u64, |a, t| a.saturating_add(t.bytes()))
    }

    /// `config.json` parsed, if the folder has a valid one.
    pub fn config(&self) -> Option<serde_json::Value> {
        self.sidecars.json("config.json").ok()?
    }
}
