//! The recipe as the rest of remold sees it, whatever file or flags it came from.

use super::key::Key;
use super::options::{self, OptionValue, Options, TargetOption};
use crate::model::FormatId;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A conversion: a source, steps, targets, checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name shown in lists; the file's stem when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A one-line description.
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
    /// Its format, when probing must not decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FormatId>,
    /// Convert the source even if its checksums do not match its bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_checksums: bool,
    /// Write sparse tensors in full.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub densify: bool,
    /// An adapter of ggml's from before GGUF that is added to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<PathBuf>,
    /// Hyper-parameters that the files do not store.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub hyperparameters: IndexMap<String, serde_json::Value>,
}

/// One step of the pipeline; `recipe/steps` has the table of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name: `prune_layers`, `quantize`, `split`, …
    pub step: String,
    /// The step's own keys.
    #[serde(flatten)]
    pub options: IndexMap<String, serde_json::Value>,
}

impl Step {
    /// The value of an option, or its default.
    pub(crate) fn get<T: OptionValue>(&self, option: &TargetOption<T>) -> T {
        T::read(self.options.get(option.key.name))
    }
}

/// One thing to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The format.
    pub format: FormatId,
    /// Quantization or element type: `q4_k_m`, `bf16`, `f16`, `auto`; absent = keep the source's types (GGUF: `auto`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Destination; absent = named after the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PathBuf>,
    /// Name of the output in its folder, without type and extension. Default: that of the source. `{source}`, `{quant}` and `{format}`
    /// are replaced; the type is not appended to a name with `{quant}`.
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
    /// The options of the format.
    #[serde(flatten)]
    pub options: Options,
}

impl Target {
    /// A target of that format with nothing else said.
    pub fn of(format: FormatId) -> Self {
        Self {
            format,
            quantization: None,
            output: None,
            output_name: None,
            reuse: None,
            force: false,
            bare: false,
            options: Options::default(),
        }
    }

    /// With a quantization or element type.
    pub fn quantized(mut self, quantization: &str) -> Self {
        self.quantization = Some(quantization.to_owned());
        self
    }

    /// With an option.
    pub fn with<T: OptionValue>(mut self, option: &TargetOption<T>, value: T) -> Self {
        self.options.set(option, value);
        self
    }

    /// The value of an option, or its default.
    pub fn get<T: OptionValue>(&self, option: &TargetOption<T>) -> T {
        self.options.get(option)
    }

    /// True if the option has a value other than its default.
    pub(crate) fn has<T>(&self, option: &TargetOption<T>) -> bool {
        self.options.has(option)
    }

    /// Gives an option a value; its default takes it out.
    pub fn set<T: OptionValue>(&mut self, option: &TargetOption<T>, value: T) {
        self.options.set(option, value);
    }

    /// Two keys that cannot be given together, by the tables of [`super::options`].
    pub(crate) fn conflict(&self) -> Option<(&'static str, &'static str)> {
        let given: Vec<&'static Key> = options::own_keys().filter(|k| self.options.json(k).is_some()).collect();
        let conflicts = given.iter().enumerate().flat_map(|(i, key)| {
            let later = given.iter().skip(i + 1).filter(|other| key.conflicts.contains(&other.name));
            later.map(|other| (key.name, other.name))
        });
        conflicts.into_iter().next()
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
    /// Tokens of a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// Windows to measure at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    /// How activations are rounded: `exact` or `llama.cpp`.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub rounding: Option<String>,
}
