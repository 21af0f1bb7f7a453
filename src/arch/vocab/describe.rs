//! A short description of a tokenizer.

use super::files::Files;
use super::{key, pre};
use crate::model::tokenizer::SentencePieceModel;
use crate::model::{MetaArray, MetaValue, Metadata, Result, Sidecars};
use serde_json::Value;

/// A tokenizer in a few lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizerInfo {
    /// `BPE`, `SentencePiece`, `WordPiece`, `Unigram`, or GGUF's name for another kind.
    pub kind: String,
    /// Number of tokens, padding included.
    pub tokens: usize,
    /// Number of merges; 0 where the kind has none.
    pub merges: usize,
    /// llama.cpp's name of the pre-tokenizer, if it is known.
    pub pre: Option<String>,
    /// Special tokens: role (`bos`), id, text.
    pub special: Vec<(String, u32, String)>,
    /// Whether there is a chat template.
    pub chat_template: bool,
}

/// Describes the tokenizer of a folder; `None` without one. `config` is its `config.json` (`Null` if there is none).
/// Reads the files once and runs nothing.
///
/// # Errors
/// When a tokenizer file cannot be read or is broken.
pub fn describe(sidecars: &Sidecars, config: &Value) -> Result<Option<TokenizerInfo>> {
    let files = Files::read(sidecars, config)?;
    let mut info = TokenizerInfo::default();
    let mut texts: Vec<(u32, String)> = Vec::new();
    if let Some(bytes) = sidecars.read("tokenizer.model")? {
        let model =
            SentencePieceModel::parse(&bytes).map_err(|e| super::files::in_sidecar(e, sidecars, "tokenizer.model"))?;
        info.kind = "SentencePiece".to_owned();
        info.tokens = model.pieces.len();
        let pieces = (0u32..).zip(&model.pieces).map(|(id, p)| (id, String::from_utf8_lossy(&p.text).into_owned()));
        texts.extend(pieces);
    } else if files.tokenizer_json.is_some() || sidecars.has("vocab.json") || sidecars.has("vocab.txt") {
        let json = files.tokenizer(&mut Vec::new())?;
        info.kind = json.model.kind.clone().unwrap_or_else(|| "BPE".to_owned());
        info.pre = pre::by_structure(&json).map(str::to_owned);
        info.merges = json.model.merges.len();
        texts.extend(json.model.vocab.iter().map(|(t, id)| (*id, t.clone())));
        texts.extend(json.added_tokens.iter().map(|t| (t.id, t.content.clone())));
        info.tokens = texts.iter().map(|(id, _)| *id as usize + 1).max().unwrap_or(0);
    } else {
        return Ok(None);
    }
    for (role, _) in key::IDS.into_iter().chain([("cls", "")]) {
        let text = files.setting(&format!("{role}_token")).and_then(|v| v.as_str().or_else(|| v["content"].as_str()));
        let by_text = text.and_then(|t| texts.iter().rev().find(|(_, other)| other == t));
        let id = || config.get(format!("{role}_token_id"))?.as_u64().and_then(|id| u32::try_from(id).ok());
        let by_id = id().and_then(|id| texts.iter().rev().find(|(other, _)| *other == id));
        // Without tokenizer.json the ids in GGUF come from config.json only.
        let found = if files.tokenizer_json.is_some() { by_text.or(by_id) } else { by_id.or(by_text) };
        if let Some((id, text)) = found {
            info.special.push((role.to_owned(), *id, text.clone()));
        }
    }
    info.chat_template = ["chat_template.jinja", "chat_template.json"].iter().any(|f| sidecars.has(f))
        || files.setting("chat_template").is_some_and(|v| !v.is_null());
    Ok(Some(info))
}

/// Describes the tokenizer in GGUF metadata; `None` without one.
pub fn describe_metadata(metadata: &Metadata) -> Option<TokenizerInfo> {
    let model = metadata.get(key::MODEL)?.as_str()?;
    let kind = match model {
        "gpt2" => "BPE",
        "llama" => "SentencePiece",
        "bert" => "WordPiece",
        "t5" => "Unigram",
        other => other,
    };
    let texts = match metadata.get(key::TOKENS) {
        Some(MetaValue::Array(MetaArray::Str(texts))) => texts.as_slice(),
        _ => &[],
    };
    let merges = match metadata.get(key::MERGES) {
        Some(MetaValue::Array(merges)) => merges.len(),
        _ => 0,
    };
    let special = key::IDS.iter().filter_map(|(role, key)| {
        let id = u32::try_from(metadata.get(*key)?.as_u64()?).ok()?;
        let text = String::from_utf8_lossy(texts.get(id as usize)?).into_owned();
        Some(((*role).to_owned(), id, text))
    });
    Some(TokenizerInfo {
        kind: kind.to_owned(),
        tokens: texts.len(),
        merges,
        pre: metadata.get(key::PRE).and_then(MetaValue::as_str).map(str::to_owned),
        special: special.collect(),
        chat_template: metadata.contains_key(key::CHAT_TEMPLATE) || metadata.contains_key(key::CHAT_TEMPLATES),
    })
}
