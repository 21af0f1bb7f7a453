//! SentencePiece: `tokenizer.model`, with added tokens in `tokenizer_config.json`.

use super::{KEEP, Source, config, key, put, put_json};
use crate::arch::vocab::tokens::{ADDED_SCORE, kind, looks_special};
use crate::model::tokenizer::{ModelType, Piece, PieceType, SentencePieceModel};
use crate::model::{MetaArray, MetaValue, ModelError, Result, Sidecars};
use serde_json::{Map, Value, json};

pub(super) fn restore(source: &Source<'_>, out: &mut Sidecars) -> Result<()> {
    let scores = source.scores()?;
    let normal = |id: &usize| source.kinds[*id] == kind::NORMAL;
    let ids = 0..source.texts.len();
    if ids.clone().filter(normal).count() > 1 && ids.clone().filter(normal).all(|id| scores[id] == ADDED_SCORE) {
        let what = "all tokens have the same score, so the order of merges is lost";
        return Err(ModelError::unsupported(what).field(key::SCORES).with_hint(KEEP));
    }
    let arch = source.metadata.get("general.architecture").and_then(MetaValue::as_str).unwrap_or_default();
    let added = |id: usize| scores[id] == ADDED_SCORE && source.is_added(id);
    // The tokens after the model's own pieces: padding, then added tokens.
    let mut end = source.texts.len();
    while end > 0 && source.is_padding(end - 1) {
        end -= 1;
    }
    while end > 0 && added(end - 1) {
        end -= 1;
    }
    let model = model(source, scores, end)?;
    put(out, "tokenizer.model", model.to_bytes());

    let (mut decoder, mut plain) = (Map::new(), Map::new());
    for id in ids.filter(|&id| added(id)) {
        let text = source.text(id)?;
        let special = source.kinds[id] == kind::CONTROL;
        if !special && (text.contains('▁') || (arch != "phi3" && looks_special(text))) {
            plain.insert(text.to_owned(), id.into());
            continue;
        }
        let entry = json!({"content": text, "lstrip": false, "normalized": false, "rstrip": false,
            "single_word": false, "special": special});
        decoder.insert(id.to_string(), entry);
    }
    if !plain.is_empty() {
        put_json(out, "added_tokens.json", &Value::Object(plain));
    }
    let mut settings = Map::new();
    let class = if arch.starts_with("gemma") { "GemmaTokenizer" } else { "LlamaTokenizer" };
    settings.insert("tokenizer_class".into(), class.into());
    for role in ["bos", "eos"] {
        if let Some(flag) = source.flag(role) {
            settings.insert(format!("add_{role}_token"), flag.into());
        }
    }
    if let Some(prefix) = source.boolean(key::ADD_SPACE_PREFIX).filter(|_| arch == "llama") {
        settings.insert("add_prefix_space".into(), prefix.into());
    }
    settings.insert("legacy".into(), false.into());
    if !decoder.is_empty() {
        settings.insert("added_tokens_decoder".into(), decoder.into());
    }
    config::write(source, &roles(source), settings, out)
}

/// The ids of the tokens with a role.
fn roles(source: &Source<'_>) -> Vec<(&'static str, u32)> {
    let mut roles: Vec<(&str, u32)> = Vec::new();
    for (role, fallback) in [("bos", None), ("eos", None), ("unk", unknown(source)), ("pad", None)] {
        if let Some(id) = source.id(role).or(fallback) {
            roles.push((role, id));
        }
    }
    // If config.json of another family swapped begin and end, the names in the vocabulary take precedence.
    let text = |id: Option<u32>| id.and_then(|id| source.texts.get(id as usize)).map(Vec::as_slice);
    if text(source.id("bos")) == Some(b"</s>") && text(source.id("eos")) == Some(b"<s>") {
        let (bos, eos) = (roles[0].1, roles[1].1);
        (roles[0].1, roles[1].1) = (eos, bos);
    }
    roles
}

/// The unknown token: by its type, by its id, by its usual text.
fn unknown(source: &Source<'_>) -> Option<u32> {
    let by_kind = source.kinds.iter().position(|k| *k == kind::UNKNOWN);
    let by_text = || source.texts.iter().position(|t| t == b"<unk>");
    by_kind.and_then(|id| u32::try_from(id).ok()).or_else(|| source.id("unk")).or_else(|| by_text()?.try_into().ok())
}

fn model(source: &Source<'_>, scores: &[f32], end: usize) -> Result<SentencePieceModel> {
    let Some(unknown) = unknown(source).filter(|id| (*id as usize) < end) else {
        return Err(ModelError::bad("the vocabulary has no unknown token").field(key::TOKENS).with_hint(KEEP));
    };
    // Symbols the user defined are before the byte pieces with the score 0; GGUF lists them as normal.
    let first_byte = source.kinds.iter().position(|k| *k == kind::BYTE).unwrap_or(0);
    let defined = |id: usize| id < first_byte && scores[id].to_bits() == 0;
    let piece = |id: usize| {
        let kind = match source.kinds[id] {
            _ if id == unknown as usize => PieceType::Unknown,
            kind::UNKNOWN => PieceType::Normal,
            kind::CONTROL => PieceType::Control,
            kind::USER_DEFINED => PieceType::UserDefined,
            kind::UNUSED => PieceType::Unused,
            kind::BYTE => PieceType::Byte,
            _ if defined(id) => PieceType::UserDefined,
            _ => PieceType::Normal,
        };
        Piece { text: source.texts[id].clone(), score: scores[id], kind }
    };
    let pieces: Vec<Piece> = (0..end).map(piece).collect();
    // BPE scores are minus the rank; unigram scores are logarithms.
    let mut ranks = pieces.iter().filter(|p| p.kind == PieceType::Normal).map(|p| p.score);
    let is_bpe = ranks.all(|s| s <= 0.0 && s.fract() == 0.0);
    let id = |role: &str| source.id(role).filter(|id| (*id as usize) < end).map_or(-1, |id| id as i32);
    let pad = Some(id("pad")).filter(|p| ![unknown as i32, id("bos"), id("eos")].contains(p)).unwrap_or(-1);
    let model = SentencePieceModel {
        model_type: if is_bpe { ModelType::Bpe } else { ModelType::Unigram },
        byte_fallback: pieces.iter().any(|p| p.kind == PieceType::Byte),
        add_dummy_prefix: source.boolean(key::ADD_SPACE_PREFIX).unwrap_or(true),
        remove_extra_whitespaces: source.boolean(key::REMOVE_EXTRA_WHITESPACES).unwrap_or(false),
        precompiled_charsmap: charsmap(source),
        special_ids: [unknown as i32, id("bos"), id("eos"), pad],
        pieces,
    };
    // The output must be readable: duplicate or empty pieces are found here.
    SentencePieceModel::parse(&model.to_bytes()).map_err(|e| e.field(key::TOKENS).with_hint(KEEP))
}

fn charsmap(source: &Source<'_>) -> Vec<u8> {
    match source.metadata.get(key::CHARSMAP) {
        Some(MetaValue::Array(MetaArray::U8(bytes))) => bytes.clone(),
        Some(MetaValue::Array(MetaArray::I8(bytes))) => bytes.iter().map(|b| *b as u8).collect(),
        _ => Vec::new(),
    }
}
