//! Network architectures, one file per family: tensor names across ecosystems, roles, hyper-parameter mapping.
//!
//! Must not know file formats. The reference for everything written to GGUF is llama.cpp's own converter: [`to_gguf()`] gives the
//! same keys, value types, tensor names, order, types and bytes. [`to_hf()`] is the inverse. [`open`] and [`identify()`] set what each
//! tensor of a model is for, by its name in any ecosystem, and the model's hyper-parameters; the rooms below read them from the model.
//! Adding a family is a file and a line in `family::FAMILIES` (`docs/adding-an-architecture.md`).

mod adapter;
mod back;
pub(crate) mod chat;
mod class;
mod complete;
mod computation;
mod config;
mod early;
mod family;
mod frequencies;
mod general;
pub(crate) mod graph;
mod identify;
mod network;
mod params;
mod quantized;
mod roles;
mod rope;
mod tensors;
mod to_gguf;
mod to_hf;
mod types;
mod views;
pub(crate) mod vocab;
mod wrapped;

pub(crate) use adapter::adapter;
pub(crate) use class::LAYER_COUNT_KEYS;
pub(crate) use computation::{Activation, Computation, Gate, Norm, Position, Window, computation, is_encoder};
pub(crate) use early::{LoraPair, is_stored_key, lora, named, with_given};
pub(crate) use frequencies::{Frequencies, Scaling, YARN_TURNS};
pub(crate) use identify::open_as_format;
pub use identify::{identify, open};
pub(crate) use quantized::quantized;
pub(crate) use roles::layer_span;
pub use types::{ConfigStatus, GgufModel, GgufOptions, OutType};
pub(crate) use types::{FamilyInfo, HfModel};

use crate::model::{Model, Result, Warning};

/// Converts a Hugging Face model (tensors plus `config.json` and tokenizer sidecars) to GGUF names, metadata and encodings.
/// Lazy: nothing is read but configuration and vocabulary.
///
/// # Errors
/// An unsupported architecture, a configuration that lacks what GGUF needs, tensors without a place in the architecture, a
/// vocabulary that cannot be read or does not fit the embedding.
pub fn to_gguf(model: &Model, options: &GgufOptions) -> Result<GgufModel> {
    to_gguf::convert(model, options)
}

/// True for a model in Hugging Face's names whose family stores matrices as \[in, out\]: a row of such a matrix is what one input is
/// multiplied with, not what one output is computed from.
pub(crate) fn stores_transposed(model: &Model) -> bool {
    if model.metadata.contains_key("general.architecture") {
        return false;
    }
    let class = model.network.as_ref().and_then(|n| n.class.as_deref());
    let family = class.and_then(|c| family::by_class(c).ok());
    let mut rules = family.into_iter().flat_map(|f| f.rules.iter().copied().flatten());
    rules.any(|r| r.op == family::Op::Transpose)
}

/// Converts a GGUF model back to Hugging Face names, `config.json`, `generation_config.json` and tokenizer files. Lazy.
/// Block-quantized tensors keep their encoding in the model; `encodings` names the plain type to write (f16).
///
/// # Errors
/// An unsupported architecture, missing metadata, tensors without a place in the architecture.
pub fn to_hf(model: &Model) -> Result<HfModel> {
    to_hf::convert(model)
}

/// The model with tensor names as its architecture has them, if a training framework added a prefix (`_orig_mod.`,
/// `module.`), and a note about it; `None` if there is nothing to remove. [`to_gguf()`] does this by itself.
pub(crate) fn unwrapped(model: &Model) -> Option<(Model, Warning)> {
    wrapped::unwrapped(model)
}

/// Refuses a model of a known architecture that lacks tensors, or whose tensor shapes differ from its configuration (GGUF: its
/// metadata). Reads names and shapes only; models of other architectures pass.
///
/// # Errors
/// A bad-file error that names missing tensors and those with other shapes: the first 20 of each, and how many there
/// are.
pub fn check_complete(model: &Model) -> Result<()> {
    match wrapped::unwrapped(model) {
        Some((model, _)) => complete::check(&model),
        None => complete::check(model),
    }
}

/// Every family that can be converted, for documentation and messages.
pub(crate) fn supported() -> &'static [FamilyInfo] {
    family::infos()
}
