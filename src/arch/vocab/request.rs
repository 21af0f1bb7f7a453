//! What a vocabulary is made from, and what it is.

use crate::model::{MetaValue, Metadata, Sidecars, Warning};

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
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// Entries in order, by key.
#[derive(Debug, Default)]
pub(super) struct Entries(pub(super) Metadata);

impl Entries {
    /// Sets a value; an existing key keeps its place.
    pub(super) fn set(&mut self, key: &str, value: impl Into<MetaValue>) {
        self.0.insert(key.to_owned(), value.into());
    }
}
