//! Tokenizer files of a model folder: `tokenizer.json` (Hugging Face tokenizers) and `tokenizer.model`
//! (SentencePiece), parsed into plain data with every length and id checked.
//!
//! Must not know GGUF, architectures or how a text is encoded. The types that matter: [`TokenizerJson`] and
//! [`SentencePieceModel`].

pub(crate) mod charsmap;
mod json;
mod sentencepiece;
mod wire;

pub(crate) use json::{AddedToken, JsonModel, TokenizerJson};
pub(crate) use sentencepiece::{ModelType, Piece, PieceType, SentencePieceModel};

/// No vocabulary has more entries than this (the largest in use hold about 260,000).
pub(crate) const MAX_VOCAB: usize = 1 << 22;
