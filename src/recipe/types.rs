//! The recipe as the rest of remold sees it, whatever file or flags it came from.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the user wants: a source, steps, targets, checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name shown in lists; the file's stem when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Folder for the outputs of targets that name none; the working folder when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_dir: Option<PathBuf>,
    /// Memory the conversion may take: `2GB`; 80 % of what is available when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<String>,
    /// Whether a manifest is written beside each output; it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<bool>,
    /// Where the model is.
    #[serde(default)]
    pub source: Source,
    /// Steps, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipeline: Vec<Step>,
    /// What to write.
    #[serde(default, rename = "target", skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// What to check afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate: Option<Validate>,
    /// Keys at the top that are understood and not acted on yet, by canonical name. `check` refuses a recipe that has any.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub later: IndexMap<String, serde_json::Value>,
    /// Files that were read to make this recipe: its own, lists of tensor types. No output may be one of them.
    #[serde(skip)]
    pub read_from: Vec<PathBuf>,
}

/// Where the model is and how to read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A file or folder; may be left to the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Format name, when probing must not decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Convert although checksums in the source do not match its bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_checksums: bool,
    /// Write sparse tensors in full.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub densify: bool,
}

/// One step of the pipeline. This version carries out none of them: a recipe with steps is refused at check time by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// `prune`, `distil`, `quantize`, `split`, `optimize`, `validate`, `convert`, …
    pub step: String,
    /// The step's own keys.
    #[serde(flatten)]
    pub options: IndexMap<String, serde_json::Value>,
}

/// One thing to write.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Format name: `gguf`, `safetensors`, `pytorch`, …
    pub format: String,
    /// Quantization or element type: `q4_k_m`, `bf16`, `f16`, `auto`; absent = keep the source's types (GGUF: `auto`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Destination; absent = named after the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// Name of the output in its folder, without type and extension; the source's when absent. `{source}`, `{quant}` and `{format}`
    /// stand for what they say; a name with `{quant}` gets no other type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_name: Option<String>,
    /// An earlier output of the same kind: what did not change since is copied from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<PathBuf>,
    /// Overwrite an existing destination.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// The tensors alone: no configuration, no tokenizer, no check that they are a whole model.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
    /// GGUF: the context length to declare; the config's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// GGUF: type of the token embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_type: Option<String>,
    /// GGUF: type of the output matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_type: Option<String>,
    /// GGUF: types by tensor: roles (`attention`, `ffn`), parts of names, names with `*`, or `re:` patterns; first match wins.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub tensor_types: IndexMap<String, String>,
    /// GGUF: leave the output matrix as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leave_output: bool,
    /// GGUF: every allowed tensor at the base type, no mix.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pure: bool,
    /// GGUF: quantize again what is quantized already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_requantize: bool,
    /// GGUF: a type that does not fit a tensor's shape is an error instead of a fallback.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_fallback: bool,
    /// GGUF: importance matrix file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imatrix: Option<PathBuf>,
    /// GGUF: what to call the importance matrix in the file; its path as given when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imatrix_name: Option<String>,
    /// GGUF: choose types so that the file has at most this size, in bytes or as `4.5GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_size: Option<String>,
    /// GGUF: choose types so that a weight takes at most this many bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_bpw: Option<f64>,
    /// GGUF: the only types that a budget may choose; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budget_types: Vec<String>,
    /// GGUF: tensors the importance matrix is used for, as selectors or parts of names; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_weights: Vec<String>,
    /// GGUF: tensors the importance matrix is not used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_weights: Vec<String>,
    /// GGUF: metadata to set. Tables inside count as dots in the key.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub override_kv: IndexMap<String, serde_json::Value>,
    /// GGUF: layers to leave out, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prune_layers: Vec<u32>,
    /// GGUF: how hard to search for each block's scales: `reference` (the bytes of llama.cpp) or `max`; absent = `reference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// GGUF: pre-tokenizer name, when it cannot be recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_tokenizer: Option<String>,
    /// GGUF: model name to write (`general.name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    /// Write an Ollama Modelfile beside the output.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub modelfile: bool,
    /// A runtime setting: goes into the Modelfile, not into the GGUF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_mlock: Option<bool>,
    /// Split above this size, in bytes or as `5GB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_shard_size: Option<String>,
    /// GGUF: split after so many tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_max_tensors: Option<u64>,
    /// GGUF: split after so many whole layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_max_layers: Option<u64>,
    /// GGUF: the first file holds the metadata and no tensor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_tensor_first_split: bool,
    /// GGUF: the files of the source, with the same tensors in each.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_split: bool,
    /// Keys that are understood and not acted on yet, by canonical name. `check` refuses a target that has any.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub later: IndexMap<String, serde_json::Value>,
}

impl Target {
    /// Two keys that say different things about how the output is split.
    pub fn two_splits(&self) -> Option<(&'static str, &'static str)> {
        let given = [
            ("max_shard_size", self.max_shard_size.is_some()),
            ("split_max_tensors", self.split_max_tensors.is_some()),
            ("split_max_layers", self.split_max_layers.is_some()),
            ("no_tensor_first_split", self.no_tensor_first_split && self.keep_split),
            ("keep_split", self.keep_split),
        ];
        let mut given = given.into_iter().filter(|(_, is)| *is).map(|(key, _)| key);
        Some((given.next()?, given.next()?))
    }
}

/// What to check afterwards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    /// Text to measure on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Conditions that make the run end with exit code 3: metric → `"> 0.05"`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub fail_if: IndexMap<String, String>,
}
