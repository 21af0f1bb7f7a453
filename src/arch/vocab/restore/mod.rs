//! From GGUF's `tokenizer.*` metadata back to the files of a Hugging Face folder.
//!
//! With these files the library encodes texts as the original did, and writing them into GGUF again gives the same
//! metadata. GGUF does not keep everything (normalizers, white-space flags of added tokens); missing parts are set to the
//! family's usual ones.

mod bpe;
mod config;
mod post;
mod spm;
mod unigram;
mod wordpiece;

use super::key;
use super::tokens::{kind, padding_text};
use crate::model::{MetaArray, MetaValue, Metadata, ModelError, Result, Sidecar, Sidecars};
use serde_json::{Map, Value};

/// Restores tokenizer files (`tokenizer.json` or `tokenizer.model`, `vocab.txt` for WordPiece, `tokenizer_config.json`,
/// `special_tokens_map.json`, `chat_template.jinja`) from GGUF metadata. Special ids of SentencePiece models are in
/// `config.json` only: see [`config_fields`].
///
/// # Errors
/// When the metadata holds no vocabulary, a broken one, or one of a kind that no Hugging Face tokenizer expresses.
pub fn restore_sidecars(metadata: &Metadata) -> Result<Sidecars> {
    let source = Source::new(metadata)?;
    let mut out = Sidecars::default();
    match source.model {
        "gpt2" => bpe::restore(&source, &mut out)?,
        "llama" => spm::restore(&source, &mut out)?,
        "bert" => wordpiece::restore(&source, &mut out)?,
        "t5" => unigram::restore(&source, &mut out)?,
        other => {
            let what = format!("a vocabulary of the kind {other:?} has no Hugging Face form here");
            return Err(ModelError::unsupported(what).field(key::MODEL).with_hint(KEEP));
        }
    }
    Ok(out)
}

const KEEP: &str = "Copy the tokenizer files of the original model instead.";

/// Fields of `config.json` that the vocabulary decides: `vocab_size`, `type_vocab_size` (BERT) and the ids of special
/// tokens (`bos_token_id`, …). Empty without a vocabulary.
pub fn config_fields(metadata: &Metadata) -> Map<String, Value> {
    let mut out = Map::new();
    let Ok(source) = Source::new(metadata) else { return out };
    out.insert("vocab_size".into(), source.texts.len().into());
    if let Some(n) = metadata.get(key::TOKEN_TYPE_COUNT).and_then(MetaValue::as_u64) {
        out.insert("type_vocab_size".into(), n.into());
    }
    let roles: &[&str] = match source.model {
        "llama" => &["bos", "eos", "unk", "sep", "pad", "mask"],
        "bert" => &["pad"],
        _ => &["bos", "eos", "pad"],
    };
    for role in roles {
        if let Some(id) = source.id(role) {
            out.insert(format!("{role}_token_id"), id.into());
        }
    }
    out
}

/// The vocabulary in the metadata, checked.
struct Source<'a> {
    metadata: &'a Metadata,
    model: &'a str,
    texts: &'a [Vec<u8>],
    kinds: Vec<i32>,
}

impl<'a> Source<'a> {
    fn new(metadata: &'a Metadata) -> Result<Self> {
        let Some(model) = metadata.get(key::MODEL).and_then(MetaValue::as_str) else {
            return Err(ModelError::unsupported("the file holds no tokenizer").field(key::MODEL).with_hint(KEEP));
        };
        let Some(MetaValue::Array(MetaArray::Str(texts))) = metadata.get(key::TOKENS) else {
            return Err(ModelError::bad("the tokens are missing or no array of strings").field(key::TOKENS));
        };
        let kinds = match metadata.get(key::TOKEN_TYPE) {
            None => vec![kind::NORMAL; texts.len()],
            Some(MetaValue::Array(MetaArray::I32(kinds))) => kinds.clone(),
            Some(MetaValue::Array(MetaArray::U32(kinds))) => {
                kinds.iter().map(|k| i32::try_from(*k).unwrap_or(kind::NORMAL)).collect()
            }
            Some(_) => {
                return Err(ModelError::bad("the token types are not an array of integers").field(key::TOKEN_TYPE));
            }
        };
        if kinds.len() != texts.len() {
            let what = format!("{} types for {} tokens", kinds.len(), texts.len());
            return Err(ModelError::bad(what).field(key::TOKEN_TYPE));
        }
        Ok(Self { metadata, model, texts, kinds })
    }

    /// The id of a role, if the vocabulary has such a token.
    fn id(&self, role: &str) -> Option<u32> {
        let key = if role == key::OLD_CLS_ID.0 { key::OLD_CLS_ID.1 } else { key::token_id(role)? };
        let id = u32::try_from(self.metadata.get(key)?.as_u64()?).ok()?;
        ((id as usize) < self.texts.len()).then_some(id)
    }

    /// Whether a role's token is added to texts, if the metadata says so.
    fn flag(&self, role: &str) -> Option<bool> {
        self.boolean(key::add_token(role)?)
    }

    fn boolean(&self, key: &str) -> Option<bool> {
        match self.metadata.get(key) {
            Some(MetaValue::Bool(b)) => Some(*b),
            _ => None,
        }
    }

    /// The scores, one for each token.
    fn scores(&self) -> Result<&'a [f32]> {
        let Some(MetaValue::Array(MetaArray::F32(scores))) = self.metadata.get(key::SCORES) else {
            return Err(ModelError::bad("the scores are missing or no array of f32")
                .field(key::SCORES)
                .with_hint(KEEP));
        };
        if scores.len() != self.texts.len() {
            let what = format!("{} scores for {} tokens", scores.len(), self.texts.len());
            return Err(ModelError::bad(what).field(key::SCORES));
        }
        Ok(scores)
    }

    /// The text of a token, which must be UTF-8.
    fn text(&self, id: usize) -> Result<&'a str> {
        std::str::from_utf8(&self.texts[id])
            .map_err(|_| ModelError::bad("the token is not UTF-8").field(format!("{}[{id}]", key::TOKENS)))
    }

    /// True for undefined ids.
    fn is_padding(&self, id: usize) -> bool {
        self.kinds[id] == kind::UNUSED && self.texts[id] == padding_text(id).as_bytes()
    }

    /// True for tokens matched before the model sees the text.
    fn is_added(&self, id: usize) -> bool {
        matches!(self.kinds[id], kind::CONTROL | kind::USER_DEFINED)
    }
}

/// Adds a file made in memory.
fn put(out: &mut Sidecars, name: &str, bytes: impl Into<Vec<u8>>) {
    out.0.insert(name.to_owned(), Sidecar::Bytes(bytes.into()));
}

/// Adds a JSON file, indented as people expect it.
fn put_json(out: &mut Sidecars, name: &str, value: &Value) {
    put(out, name, format!("{value:#}\n"));
}
