//! A SentencePiece model as the `tokenizer.json` that Hugging Face's converter makes of it (transformers,
//! `convert_slow_tokenizer.py`): pieces become BPE merges in the order of their scores, or a Unigram vocabulary.

use super::files::{Files, in_sidecar, truthy};
use crate::model::tokenizer::charsmap;
use crate::model::tokenizer::{AddedToken, JsonModel, ModelType, PieceType, SentencePieceModel, TokenizerJson};
use crate::model::{ModelError, Result};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The tokenizer of `tokenizer.model`; omissions go to `notes`.
///
/// # Errors
/// A broken file; a model of another kind than BPE or Unigram.
pub(super) fn tokenizer(bytes: &[u8], files: &Files<'_>, notes: &mut Vec<String>) -> Result<TokenizerJson> {
    let sidecars = files.sidecars;
    let model = SentencePieceModel::parse(bytes).map_err(|e| in_sidecar(e, sidecars, "tokenizer.model"))?;
    if !matches!(model.model_type, ModelType::Bpe | ModelType::Unigram) {
        let error = ModelError::unsupported("a SentencePiece model that is neither BPE nor Unigram is not run here");
        let hint = "Its facts are shown; to try a text, use the model's own program.";
        return Err(in_sidecar(error, sidecars, "tokenizer.model").with_hint(hint));
    }
    let unigram = model.model_type == ModelType::Unigram;
    if !unigram && !model.precompiled_charsmap.is_empty() {
        notes.push("approximated: the normalization rules in tokenizer.model are not applied".to_owned());
    }
    let texts: Vec<String> = model.pieces.iter().map(|p| String::from_utf8_lossy(&p.text).into_owned()).collect();
    let vocab: Vec<(String, u32)> = texts.iter().cloned().zip(0u32..).collect();
    let mut added: Vec<AddedToken> = Vec::new();
    let mut unknown = None;
    for ((text, id), piece) in vocab.iter().zip(&model.pieces) {
        match piece.kind {
            PieceType::Unknown => unknown = Some(text.clone()),
            PieceType::Control | PieceType::UserDefined => {}
            _ => continue,
        }
        let special = piece.kind != PieceType::UserDefined;
        added.push(AddedToken { normalized: Some(false), ..AddedToken::new(*id, text.clone(), special) });
    }
    for token in further(files) {
        added.retain(|t| t.content != token.content);
        added.push(token);
    }
    if unigram {
        return Ok(unigram_tokenizer(&model, vocab, added));
    }
    let mut steps = Vec::new();
    if model.add_dummy_prefix && files.setting("add_prefix_space").is_none_or(truthy) {
        steps.push(json!({"type": "Prepend", "prepend": "▁"}));
    }
    steps.push(json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}));
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if steps.len() > 1 {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let merges = merges(&texts, &model);
    Ok(TokenizerJson {
        added_tokens: added,
        normalizer: json!({"type": "Sequence", "normalizers": steps}),
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model: JsonModel {
            kind: Some("BPE".to_owned()),
            vocab,
            merges,
            unk_token: unknown,
            fuse_unk: Some(true),
            byte_fallback: Some(model.byte_fallback),
            ..JsonModel::default()
        },
        ..TokenizerJson::default()
    })
}

/// A Unigram model: its rules, then spaces as the model has them.
fn unigram_tokenizer(model: &SentencePieceModel, vocab: Vec<(String, u32)>, added: Vec<AddedToken>) -> TokenizerJson {
    let mut steps = Vec::new();
    if !model.precompiled_charsmap.is_empty() {
        let rules = charsmap::to_base64(&model.precompiled_charsmap);
        steps.push(json!({"type": "Precompiled", "precompiled_charsmap": rules}));
    }
    if model.remove_extra_whitespaces {
        steps.push(json!({"type": "Strip", "strip_left": true, "strip_right": true}));
        steps.push(json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}));
    }
    let scheme = if model.add_dummy_prefix { "always" } else { "never" };
    let metaspace = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
    let unknown = model.pieces.iter().position(|p| p.kind == PieceType::Unknown);
    TokenizerJson {
        added_tokens: added,
        normalizer: json!({"type": "Sequence", "normalizers": steps}),
        pre_tokenizer: metaspace.clone(),
        decoder: metaspace,
        model: JsonModel {
            kind: Some("Unigram".to_owned()),
            vocab,
            scores: model.pieces.iter().map(|p| p.score.into()).collect(),
            unk_id: unknown.and_then(|id| u32::try_from(id).ok()),
            byte_fallback: Some(model.byte_fallback),
            ..JsonModel::default()
        },
        ..TokenizerJson::default()
    }
}

/// Tokens that `tokenizer_config.json` and `added_tokens.json` add.
fn further(files: &Files<'_>) -> Vec<AddedToken> {
    let mut out = Vec::new();
    let id = |text: &str| text.parse::<u32>().ok();
    if let Some(Value::Object(table)) = files.setting("added_tokens_decoder") {
        for (key, token) in table {
            if let (Some(id), Ok(token)) = (id(key), serde_json::from_value::<AddedToken>(token.clone())) {
                out.push(AddedToken { id, ..token });
            }
        }
    }
    if let Ok(Some(Value::Object(table))) = files.sidecars.json("added_tokens.json") {
        let plain = table.iter().filter_map(|(text, id)| Some((text, u32::try_from(id.as_u64()?).ok()?)));
        out.extend(plain.map(|(text, id)| AddedToken::new(id, text.clone(), false)));
    }
    out
}

/// Every pair of pieces that makes another piece, best score first.
fn merges(texts: &[String], model: &SentencePieceModel) -> Vec<(String, String)> {
    let ids: HashMap<&str, usize> = texts.iter().enumerate().map(|(id, t)| (t.as_str(), id)).collect();
    let mut found: Vec<(f32, usize, &str, &str)> = Vec::new();
    for (id, text) in texts.iter().enumerate() {
        let mut of_piece: Vec<(usize, usize, &str, &str)> = Vec::new();
        for (at, _) in text.char_indices().skip(1) {
            let (left, right) = text.split_at(at);
            if let (Some(l), Some(r)) = (ids.get(left), ids.get(right)) {
                of_piece.push((*l, *r, left, right));
            }
        }
        of_piece.sort_unstable_by_key(|(l, r, ..)| (*l, *r));
        found.extend(of_piece.into_iter().map(|(_, _, l, r)| (model.pieces[id].score, id, l, r)));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, _, l, r)| (l.to_owned(), r.to_owned())).collect()
}

/// Ids put before and after a text: `tokenizer_config.json` decides; the library's default is a begin token and no end
/// token.
pub(super) fn ends(json: &TokenizerJson, files: &Files<'_>) -> (Vec<u32>, Vec<u32>) {
    let find = |role: &str, usual: &str| {
        let named = files.setting(&format!("{role}_token"));
        let text = named.and_then(|v| v.as_str().or_else(|| v["content"].as_str())).unwrap_or(usual);
        json.added_tokens.iter().find(|t| t.content == text).map(|t| t.id)
    };
    let wants = |role: &str, otherwise: bool| files.setting(&format!("add_{role}_token")).map_or(otherwise, truthy);
    let before = find("bos", "<s>").filter(|_| wants("bos", true));
    let after = find("eos", "</s>").filter(|_| wants("eos", false));
    (before.into_iter().collect(), after.into_iter().collect())
}
