//! Vocabularies: from the tokenizer files of a Hugging Face folder to GGUF metadata, and back.

use crate::model::{MetaValue, Metadata, ModelError, Result, Sidecars, Warning};

/// What is needed to write a vocabulary into GGUF.
#[derive(Clone, Copy, Debug)]
pub struct VocabRequest<'a> {
    /// The folder's files.
    pub sidecars: &'a Sidecars,
    /// `config.json`.
    pub config: &'a serde_json::Value,
    /// GGUF architecture name: `llama`, `qwen2`, `bert`.
    pub arch: &'a str,
    /// First entry of `architectures` in config.json: `LlamaForCausalLM`.
    pub hf_class: &'a str,
    /// Pre-tokenizer name given by the user, when it cannot be recognised.
    pub pre_tokenizer: Option<&'a str>,
}

/// The `tokenizer.*` metadata, in the order llama.cpp's converter writes it.
#[derive(Clone, Debug, Default)]
pub struct Vocab {
    /// Keys and values in order.
    pub entries: Vec<(String, MetaValue)>,
    /// What to tell the user.
    pub warnings: Vec<Warning>,
}

/// Builds the `tokenizer.*` metadata of a GGUF file.
///
/// # Errors
/// When no tokenizer file is there, one is broken, or the pre-tokenizer is not recognised.
pub fn vocab_metadata(_request: &VocabRequest<'_>) -> Result<Vocab> {
    Err(ModelError::unsupported("vocabularies are being built"))
}

/// Restores tokenizer files (`tokenizer.json` or `tokenizer.model` or `vocab.txt`, `tokenizer_config.json`,
/// `special_tokens_map.json`, `chat_template.jinja`) from GGUF metadata.
///
/// # Errors
/// When the metadata holds no vocabulary, or one of a kind that no Hugging Face tokenizer expresses.
pub fn restore_sidecars(_metadata: &Metadata) -> Result<Sidecars> {
    Err(ModelError::unsupported("vocabularies are being built"))
}
