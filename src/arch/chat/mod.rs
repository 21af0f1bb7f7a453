//! Chat templates: what a model's Jinja template makes of a conversation.
//!
//! `render` renders a template as Hugging Face's libraries do. [`ChatShape::derive`] finds out, by rendering small conversations, which
//! text comes before and after the messages of each role; other template languages can be written from that. `apart` does so in a process of its
//! own, since a template can do anything but end. Must not know those languages.

mod apart;
mod derive;
mod render;
mod shape;

pub(crate) use apart::{derive_apart, serve_shape};
pub(crate) use shape::{ChatShape, Frame, System};

use crate::model::{MetaArray, MetaValue, Metadata};
use std::collections::HashSet;

/// A message of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: &'a str,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Instructions for the whole conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The name that templates compare with.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// Type of a control token in GGUF (gguf-py/gguf/constants.py, `TokenType`).
const CONTROL: i32 = 3;

/// Longest control token that is looked for, in bytes; those of models have up to about 30.
const MAX_TOKEN_BYTES: usize = 256;

/// What GGUF metadata says about the tokens of conversations.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChatTokens {
    /// Text of the token that begins a text.
    pub bos: Option<String>,
    /// Text of the token that ends a text.
    pub eos: Option<String>,
    /// Whether the tokenizer adds the begin token by itself, if the file says so.
    pub adds_bos: Option<bool>,
    /// Texts of the control tokens; the longest first.
    control: Vec<String>,
}

impl ChatTokens {
    /// Those of a vocabulary of which only the begin token is known.
    #[cfg(test)]
    pub(crate) fn beginning_with(bos: &str) -> Self {
        Self { bos: Some(bos.to_owned()), ..Self::default() }
    }

    /// From GGUF metadata.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let tokens = match metadata.get("tokenizer.ggml.tokens") {
            Some(MetaValue::Array(MetaArray::Str(tokens))) => tokens.as_slice(),
            _ => &[],
        };
        let text = |i: usize| tokens.get(i).and_then(|t| std::str::from_utf8(t).ok()).filter(|t| !t.is_empty());
        let token = |key: &str| {
            let id = metadata.get(key).and_then(MetaValue::as_u64)?;
            text(usize::try_from(id).ok()?).map(str::to_owned)
        };
        let types = match metadata.get("tokenizer.ggml.token_type") {
            Some(MetaValue::Array(MetaArray::I32(types))) => types.as_slice(),
            _ => &[],
        };
        let control = types.iter().enumerate().filter(|(_, t)| **t == CONTROL).filter_map(|(i, _)| text(i));
        let mut control: Vec<String> = control.map(str::to_owned).collect();
        control.sort_by_key(|t| std::cmp::Reverse(t.len()));
        Self {
            bos: token("tokenizer.ggml.bos_token_id"),
            eos: token("tokenizer.ggml.eos_token_id"),
            adds_bos: match metadata.get("tokenizer.ggml.add_bos_token") {
                Some(MetaValue::Bool(b)) => Some(*b),
                _ => None,
            },
            control,
        }
    }

    /// The control tokens of a text, in order. Where several begin, the longest counts.
    pub(crate) fn control_in<'a>(&'a self, text: &str) -> Vec<&'a str> {
        let known: HashSet<&str> = self.control.iter().map(String::as_str).collect();
        let mut lengths: Vec<usize> = self.control.iter().map(String::len).filter(|n| *n <= MAX_TOKEN_BYTES).collect();
        // The longest are first.
        lengths.dedup();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let token = lengths.iter().find_map(|n| known.get(rest.get(..*n)?));
            found.extend(token);
            at += token.map_or_else(|| rest.chars().next().map_or(1, char::len_utf8), |t| t.len());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_tokens_are_found_in_one_pass() {
        let control = ["<|end|>", "<|e", "é>"].map(str::to_owned).to_vec();
        let tokens = ChatTokens { control, ..ChatTokens::default() };
        assert_eq!(tokens.control_in("é<|end|>x<|e|>é>"), ["<|end|>", "<|e", "é>"]);
        assert!(tokens.control_in("").is_empty() && ChatTokens::default().control_in("<|end|>").is_empty());
        // Many tokens in a long text; with a search of the rest for each, this takes minutes.
        let control = (0..5000).rev().map(|n| format!("<|{n:06}|>")).chain(["<|end|>".to_owned()]).collect();
        let tokens = ChatTokens { control, ..ChatTokens::default() };
        assert_eq!(tokens.control_in(&"<|end|>".repeat(100_000)).len(), 100_000);
    }
}
