//! Networks of ggml's files from before GGUF: their names, hyper-parameters and vocabularies in GGUF's words.
//!
//! The reader of the format leaves what a file says under `ggml.…` in the metadata; [`name`] makes of it what a GGUF of the same network
//! has. Networks whose stored names are those of Hugging Face and that remold does not know there keep them until a format with GGUF's names is
//! written ([`named`]). Nothing is read but headers, a few rows of a fused projection, and the vocabulary. What a file does not store is
//! assumed, listed in a warning, and can be given ([`with_given`]). Sources: llama.cpp's `convert_llama_ggml_to_gguf.py` and the classes of its
//! converter for the other networks. Test: `cargo test --lib arch::early`.

mod family;
mod given;
mod lora;
mod names;
mod params;
#[cfg(test)]
mod tests;
mod views;

pub(crate) use given::with_given;
pub(crate) use lora::{LoraPair, is_lora, lora};

use crate::model::{MetaArray, MetaValue, Metadata, Model, ModelError, Result, Warning};
use family::EarlyFamily;
use std::borrow::Cow;

/// The key that holds the name of the network.
const FAMILY: &str = "ggml.family";

/// Code of the warning about what is assumed.
const ASSUMED: &str = "ggml.assumed";

/// True for the metadata that says what was read, which no output has.
pub(crate) fn is_stored_key(key: &str) -> bool {
    key.starts_with("ggml.")
}

/// The family of a model from such a file.
fn family_of(model: &Model) -> Option<&'static EarlyFamily> {
    let name = model.metadata.get(FAMILY).and_then(MetaValue::as_str)?;
    family::FAMILIES.iter().find(|f| f.name == name)
}

/// Gives a model that was just opened GGUF's names and metadata, if it is from such a file and remold knows its network by them. A model that does
/// not fit keeps what it has, and a warning says why.
pub(super) fn name(model: &mut Model) {
    if !model.format.is_before_gguf() {
        return;
    }
    family::find_repeated_keys(model);
    let Some(family) = family_of(model).filter(|f| !f.hugging_face) else { return };
    match convert(model, family) {
        Ok(converted) => *model = converted,
        Err(e) => {
            let text = format!("the tensors keep their names, because they cannot be brought to GGUF's: {e}");
            model.warnings.push(Warning::new("ggml.not-named", text));
        }
    }
}

/// The model under GGUF's names, if it is from such a file and has other names.
///
/// # Errors
/// Tensors without a place in the network, hyper-parameters that contradict the tensors.
pub(crate) fn named(model: &Model) -> Result<Cow<'_, Model>> {
    let unnamed = model.format.is_before_gguf() && !model.metadata.contains_key("general.architecture");
    let Some(family) = family_of(model).filter(|_| unnamed) else { return Ok(Cow::Borrowed(model)) };
    let mut converted = convert(model, family)?;
    super::identify(&mut converted);
    Ok(Cow::Owned(converted))
}

fn convert(model: &Model, family: &'static EarlyFamily) -> Result<Model> {
    let mut out = Model { tensors: Vec::with_capacity(model.tensors.len()), ..model.clone() };
    for t in &model.tensors {
        match names::gguf_name(family, &t.name) {
            Some(name) if name.is_empty() => {}
            Some(name) => out.tensors.push(t.renamed(name)),
            None => {
                let what = format!("the tensor has no place in a {} network", family.name);
                return Err(ModelError::unsupported(what).in_file(&model.path).field(t.name.as_str()));
            }
        }
    }
    let mut entries = Metadata::new();
    entries.insert("general.architecture".to_owned(), family.arch.into());
    let facts = params::Facts { model: &out, arch: family.arch };
    let (values, assumed) = params::all(&facts, family)?;
    (family.tensors)(&mut out, &values)?;
    entries.extend(values);
    entries.insert("general.quantization_version".to_owned(), MetaValue::U32(2));
    entries.extend(vocabulary(model, family, &mut out.warnings)?);
    let kept = model.metadata.iter().filter(|(k, _)| !VOCABULARY.contains(&k.as_str()));
    entries.extend(kept.map(|(k, v)| (k.clone(), v.clone())));
    out.metadata = entries;
    params::warn(&mut out, &assumed);
    Ok(out)
}

/// What becomes metadata of the tokenizer.
const VOCABULARY: [&str; 3] = ["ggml.tokens", "ggml.scores", "ggml.merges"];

fn vocabulary(model: &Model, family: &EarlyFamily, warnings: &mut Vec<Warning>) -> Result<Vec<(String, MetaValue)>> {
    let strings = |key: &str| match model.metadata.get(key) {
        Some(MetaValue::Array(MetaArray::Str(texts))) => Some(&texts[..]),
        _ => None,
    };
    let scores = match model.metadata.get(VOCABULARY[1]) {
        Some(MetaValue::Array(MetaArray::F32(scores))) => Some(&scores[..]),
        _ => None,
    };
    let stored = super::vocab::early::Stored {
        tokens: strings(VOCABULARY[0]).unwrap_or_default(),
        scores,
        merges: strings(VOCABULARY[2]),
        size: model.metadata.get("ggml.n_vocab").and_then(MetaValue::as_u64).unwrap_or(0),
    };
    super::vocab::early::metadata(&stored, family.vocabulary, warnings)
}
