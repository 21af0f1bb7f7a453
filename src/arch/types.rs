//! What goes into a conversion between Hugging Face and GGUF, and what comes out.

use crate::model::Model;
use crate::quant::Encoding;

/// The converter's `--outtype`: the type of every tensor that has no rule of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OutType {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// bfloat16.
    BF16,
    /// ggml's Q8_0; F16 where the rows do not fit its blocks.
    Q8_0,
    /// The highest-fidelity 16-bit type: that of the first matrix that is bf16 or f16; f16 when there is none.
    #[default]
    Auto,
}

impl OutType {
    /// Parses `f32`, `f16`, `bf16`, `q8_0` or `auto`, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "f32" => Self::F32,
            "f16" => Self::F16,
            "bf16" => Self::BF16,
            "q8_0" => Self::Q8_0,
            "auto" => Self::Auto,
            _ => return None,
        })
    }

    /// The name [`OutType::parse`] takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Auto => "auto",
        }
    }
}

/// What the user can choose when a model goes to GGUF.
#[derive(Clone, Debug, Default)]
pub struct GgufOptions {
    /// Type of the matrices.
    pub out_type: OutType,
    /// `general.name` instead of the one derived from the model card, configuration or folder.
    pub model_name: Option<String>,
    /// Pre-tokenizer name, when it cannot be recognised.
    pub pre_tokenizer: Option<String>,
}

/// What happened to a field of `config.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigStatus {
    /// It went into the output (metadata or the way tensors are arranged).
    Mapped,
    /// It was absent and the architecture's default was used.
    Defaulted,
    /// It goes into the output where other files do not say the same.
    Fallback,
    /// Known, and without effect on the output.
    Ignored,
    /// Unknown; a warning names it.
    Unknown,
}

impl ConfigStatus {
    /// Lower-case name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Defaulted => "defaulted",
            Self::Fallback => "fallback",
            Self::Ignored => "ignored",
            Self::Unknown => "unknown",
        }
    }
}

/// One line of the table that says what happened to every field of `config.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigField {
    /// The field, with a dot path for nested ones: `rope_scaling.factor`.
    pub name: String,
    /// What happened to it.
    pub status: ConfigStatus,
    /// The value, and where it went or why it does not matter.
    pub detail: String,
}

/// A model under GGUF names, ready to be laid out.
#[derive(Clone, Debug)]
pub struct GgufModel {
    /// Tensors by GGUF name in output order; metadata holds every key in order; warnings are for the user.
    pub model: Model,
    /// The type to write each tensor in, parallel to `model.tensors`.
    pub encodings: Vec<Encoding>,
    /// GGUF architecture: `llama`.
    pub architecture: String,
    /// What happened to every field of `config.json`.
    pub config_table: Vec<ConfigField>,
}

/// A model under Hugging Face names, ready to be laid out.
#[derive(Clone, Debug)]
pub struct HfModel {
    /// Tensors by Hugging Face name; sidecars hold `config.json`, `generation_config.json` and the tokenizer files.
    pub model: Model,
    /// The plain type to write each tensor in, parallel to `model.tensors`.
    pub encodings: Vec<Encoding>,
}

/// One supported family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FamilyInfo {
    /// GGUF architecture name.
    pub gguf_arch: &'static str,
    /// `architectures` entries of `config.json` that it covers.
    pub hf_classes: &'static [&'static str],
}
