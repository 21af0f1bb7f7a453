//! Chat templates: what a model's Jinja template makes of a conversation.
//!
//! `render` renders a template as Hugging Face's libraries do. [`ChatShape::derive`] finds out, by rendering small conversations, which
//! text comes before and after the messages of each role; other template languages can be written from that. Must not know those languages.

mod derive;
mod render;
mod shape;

pub(crate) use render::ChatTemplate;
pub(crate) use shape::{ChatShape, Frame, System};

use crate::model::{MetaArray, MetaValue, Metadata};

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

    /// The control tokens of a text, in order.
    pub(crate) fn control_in<'a>(&'a self, text: &str) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let first = self.control.iter().filter_map(|t| Some((rest.find(t.as_str())?, t.as_str())));
            let Some((at, token)) = first.min_by_key(|(at, t)| (*at, std::cmp::Reverse(t.len()))) else { break };
            found.push(token);
            rest = rest.get(at + token.len()..).unwrap_or_default();
        }
        found
    }
}
