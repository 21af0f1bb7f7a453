//! Vocabularies: from the tokenizer files of a Hugging Face folder to GGUF's `tokenizer.*` metadata, and back.
//!
//! The output equals that of llama.cpp's converter, entry by entry and in its order; each file here names the part of the
//! converter it follows. Must not know file formats, nor tensors. The types that matter: [`VocabRequest`] in, [`Vocab`] out;
//! [`restore_sidecars`] is the inverse, [`describe()`] gives a short description, [`Runner`] encodes a text with it.

mod base;
mod begin;
mod cache;
mod chat;
mod describe;
pub(crate) mod early;
mod files;
mod key;
mod pre;
mod request;
mod restore;
mod run;
mod run_spm;
mod special;
mod spm;
mod spm_json;
mod tokens;
mod unigram;

pub(crate) use begin::begin_token;
pub use describe::{describe, describe_metadata};
pub(crate) use key::token_key;
pub(crate) use request::Vocab;
pub use request::VocabRequest;
pub use restore::{config_fields, restore_sidecars};
pub(crate) use run::Runner;
pub use run::{Encoded, Piece};

use crate::model::{Result, Warning};
use files::Files;
use request::Entries;
use serde_json::Value;
use special::{Options, SpecialVocab};

/// Builds the `tokenizer.*` metadata of a GGUF file, `tokenizer.ggml.token_type_count` of BERT included.
///
/// # Errors
/// When no tokenizer file is there, one is broken, or the pre-tokenizer is not recognised.
pub fn vocab_metadata(request: &VocabRequest<'_>) -> Result<Vocab> {
    let key = cache::Key::of(request);
    if let Some(known) = key.as_ref().and_then(cache::Key::get) {
        return Ok(known);
    }
    let vocab = build(request)?;
    if let Some(key) = key {
        key.put(&vocab);
    }
    Ok(vocab)
}

fn build(request: &VocabRequest<'_>) -> Result<Vocab> {
    let files = Files::open(request)?;
    let mut entries = Entries::default();
    let mut warnings = Vec::new();
    let (e, w) = (&mut entries, &mut warnings);
    let has_model = request.sidecars.has("tokenizer.model");
    match request.arch {
        "llama" => llama(&files, request, e, w)?,
        "qwen2" | "qwen3" if has_model => spm::write(&files, spm::Flavour::Common, e, w)?,
        "gemma" | "gemma2" => gemma(&files, e, w)?,
        "gemma3" if has_model || is_sentencepiece(&files) => gemma(&files, e, w)?,
        "phi3" if is_phi3_sentencepiece(&files) => spm::write(&files, spm::Flavour::Phi3, e, w)?,
        "bert" if unigram::is_unigram(&files) => unigram::write(&files, request, e, w)?,
        "bert" => base::bert(&files, request, e, w)?,
        _ => base::gpt2(&files, request, e, w)?,
    }
    Ok(Vocab { entries: entries.0.into_iter().collect(), warnings })
}

fn is_sentencepiece(files: &Files<'_>) -> bool {
    files.tokenizer_json.as_ref().is_some_and(spm_json::is_sentencepiece)
}

/// Gemma adds no space before the text. For `tokenizer.model` the converter always writes that; `tokenizer.json` has its own
/// setting.
fn gemma(files: &Files<'_>, e: &mut Entries, w: &mut Vec<Warning>) -> Result<()> {
    spm::write(files, spm::Flavour::Common, e, w)?;
    if files.sidecars.has("tokenizer.model") {
        e.set(key::ADD_SPACE_PREFIX, false);
    }
    Ok(())
}

/// Phi-3 is SentencePiece, Phi-4 byte-level BPE (conversion/phi.py, `set_vocab`). Without tokenizer.model the vocabulary in
/// tokenizer.json decides.
fn is_phi3_sentencepiece(files: &Files<'_>) -> bool {
    files.setting("tokenizer_class").is_none_or(|c| c != "GPT2Tokenizer")
        && (files.sidecars.has("tokenizer.model")
            || files.tokenizer_json.as_ref().is_none_or(|json| !base::is_byte_level(&json.decoder)))
}

/// Llama, Mistral, Mixtral: SentencePiece, else its JSON form, else byte-level BPE (conversion/llama.py, `set_vocab`).
fn llama(files: &Files<'_>, request: &VocabRequest<'_>, e: &mut Entries, w: &mut Vec<Warning>) -> Result<()> {
    if let Some(prefix) = files.setting("add_prefix_space").filter(|v| !v.is_null()) {
        e.set(key::ADD_SPACE_PREFIX, files::truthy(prefix));
    }
    if request.sidecars.has("tokenizer.model") || is_sentencepiece(files) {
        spm::write(files, spm::Flavour::Common, e, w)?;
    } else {
        base::gpt2(files, request, e, w)?;
    }
    match files.hparam("vocab_size").and_then(Value::as_u64) {
        // Code Llama: of its infill tokens GGUF keeps only the end.
        Some(32016) => {
            let options = Options { merges: false, n_vocab: None, roles: Some(&["prefix", "suffix", "middle", "eot"]) };
            let mut special = SpecialVocab::load(files, &options, w)?;
            special.set_id("eot", 32010, None);
            special.write(e);
        }
        // Granite's small models.
        Some(49152) => e.set("tokenizer.ggml.add_bos_token", false),
        _ => {}
    }
    Ok(())
}
