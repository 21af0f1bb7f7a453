//! The token list of a GGUF vocabulary: text, type and (SentencePiece) score of every id.

use super::{Entries, key};
use crate::model::tokenizer::MAX_VOCAB;
use crate::model::{MetaArray, ModelError, Result};
use serde_json::Value;

/// Token types (gguf-py/gguf/constants.py, `TokenType`).
pub(super) mod kind {
    pub(crate) const NORMAL: i32 = 1;
    pub(crate) const UNKNOWN: i32 = 2;
    pub(crate) const CONTROL: i32 = 3;
    pub(crate) const USER_DEFINED: i32 = 4;
    pub(crate) const UNUSED: i32 = 5;
    pub(crate) const BYTE: i32 = 6;
}

/// Score of a token that was added to the model.
pub(super) const ADDED_SCORE: f32 = -1000.0;

/// Score of an undefined id.
pub(super) const PADDING_SCORE: f32 = -10000.0;

/// All tokens, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tokens {
    pub texts: Vec<Vec<u8>>,
    pub kinds: Vec<i32>,
    pub scores: Vec<f32>,
}

impl Tokens {
    /// `n` tokens that are not defined yet: `[PAD0]`, `[PAD1]`, …
    pub(super) fn padding(n: usize) -> Self {
        Self {
            texts: (0..n).map(|i| padding_text(i).into_bytes()).collect(),
            kinds: vec![kind::UNUSED; n],
            scores: vec![PADDING_SCORE; n],
        }
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Appends a token.
    pub(super) fn push(&mut self, text: impl Into<Vec<u8>>, kind: i32, score: f32) {
        self.texts.push(text.into());
        self.kinds.push(kind);
        self.scores.push(score);
    }

    /// Replaces a token.
    pub(super) fn set(&mut self, id: usize, text: impl Into<Vec<u8>>, kind: i32, score: f32) {
        self.texts[id] = text.into();
        self.kinds[id] = kind;
        self.scores[id] = score;
    }

    /// Appends model, pre-tokenizer, tokens, scores (`with_scores`) and types.
    pub(super) fn write(self, model: &str, pre: &str, with_scores: bool, entries: &mut Entries) {
        entries.set(key::MODEL, model);
        entries.set(key::PRE, pre);
        entries.set(key::TOKENS, MetaArray::Str(self.texts));
        if with_scores {
            entries.set(key::SCORES, MetaArray::F32(self.scores));
        }
        entries.set(key::TOKEN_TYPE, MetaArray::I32(self.kinds));
    }
}

/// The text of an undefined id.
pub(super) fn padding_text(id: usize) -> String {
    format!("[PAD{id}]")
}

/// `vocab_size` of config.json, checked; `None` if it is not there (or 0).
pub(super) fn vocab_size(value: Option<&Value>) -> Result<Option<usize>> {
    let Some(value) = value else { return Ok(None) };
    match value.as_u64().and_then(|n| usize::try_from(n).ok()) {
        Some(0) => Ok(None),
        Some(n) if n <= MAX_VOCAB => Ok(Some(n)),
        _ => Err(ModelError::bad(format!("vocab_size is {value}, not a number from 1 to {MAX_VOCAB}"))
            .field("config.json vocab_size")
            .with_hint("Set vocab_size to the number of rows of the embedding tensor.")),
    }
}

/// True for texts that are control tokens although their files do not say so (conversion/base.py,
/// `does_token_look_special`).
pub(super) fn looks_special(text: &str) -> bool {
    matches!(text, "<pad>" | "<mask>" | "<2mass>" | "[@BOS@]")
        || (text.starts_with("<|") && text.ends_with("|>"))
        || (text.starts_with("<｜") && text.ends_with("｜>"))
        || (text.starts_with("<unused") && text.ends_with('>'))
}
