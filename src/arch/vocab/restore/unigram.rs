//! Unigram: `tokenizer.json` with the scores and the normalization rules.

use super::{KEEP, Source, bpe, config, key, post, put};
use crate::arch::vocab::tokens::{ADDED_SCORE, kind};
use crate::model::tokenizer::TokenizerJson;
use crate::model::tokenizer::charsmap;
use crate::model::{MetaArray, MetaValue, ModelError, Result, Sidecars};
use serde_json::{Map, Value, json};

pub(super) fn restore(source: &Source<'_>, out: &mut Sidecars) -> Result<()> {
    let scores = source.scores()?;
    let added = |id: usize| scores[id] == ADDED_SCORE && source.is_added(id);
    // The tokens after the model's own tokens: padding, then added tokens.
    let mut end = source.texts.len();
    while end > 0 && (source.is_padding(end - 1) || added(end - 1)) {
        end -= 1;
    }
    let (mut vocab, mut tokens) = (Vec::with_capacity(end), Vec::new());
    for (id, score) in scores.iter().enumerate() {
        let text = source.text(id)?;
        if id < end {
            vocab.push(json!([text, score]));
        }
        if source.is_added(id) || source.kinds[id] == kind::UNKNOWN {
            let special = source.kinds[id] != kind::USER_DEFINED;
            let lstrip = source.id("mask") == u32::try_from(id).ok();
            tokens.push(json!({"id": id, "content": text, "single_word": false, "lstrip": lstrip, "rstrip": false,
                "normalized": false, "special": special}));
        }
    }
    let unknown = source.kinds.iter().position(|k| *k == kind::UNKNOWN).or(source.id("unk").map(|id| id as usize));
    let Some(unknown) = unknown.filter(|id| *id < end) else {
        return Err(ModelError::bad("the vocabulary has no unknown token").field(key::TOKENS).with_hint(KEEP));
    };
    let mut settings = Map::new();
    settings.insert("tokenizer_class".into(), "PreTrainedTokenizerFast".into());
    settings.insert("added_tokens_decoder".into(), bpe::decoder_table(&tokens));
    let scheme = if source.boolean(key::ADD_SPACE_PREFIX).unwrap_or(true) { "always" } else { "never" };
    let metaspace = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
    let post_processor = post::build(source, false, &mut settings)?;
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": tokens,
        "normalizer": normalizer(source)?,
        "pre_tokenizer": metaspace,
        "post_processor": post_processor,
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": source.kinds.contains(&kind::BYTE)},
    });
    let bytes = json.to_string();
    TokenizerJson::parse(bytes.as_bytes())?;
    put(out, "tokenizer.json", bytes);
    let mut roles: Vec<(&str, u32)> = Vec::new();
    for (role, of) in [
        ("bos", "bos"),
        ("eos", "eos"),
        ("unk", "unk"),
        ("sep", "sep"),
        ("pad", "pad"),
        ("cls", "bos"),
        ("mask", "mask"),
    ] {
        if let Some(id) = source.id(of) {
            roles.push((role, id));
        }
    }
    config::write(source, &roles, settings, out)
}

/// The rules, then llama.cpp's handling of runs of spaces.
fn normalizer(source: &Source<'_>) -> Result<Value> {
    let mut steps = Vec::new();
    let rules: Vec<u8> = match source.metadata.get(key::CHARSMAP) {
        Some(MetaValue::Array(MetaArray::U8(bytes))) => bytes.clone(),
        Some(MetaValue::Array(MetaArray::I8(bytes))) => bytes.iter().map(|b| *b as u8).collect(),
        _ => Vec::new(),
    };
    if !charsmap::is_sound(&rules) {
        let error = ModelError::bad("the compiled normalization rules are damaged").field(key::CHARSMAP);
        return Err(error.with_hint(KEEP));
    }
    if !rules.is_empty() {
        steps.push(json!({"type": "Precompiled", "precompiled_charsmap": charsmap::to_base64(&rules)}));
    }
    if source.boolean(key::REMOVE_EXTRA_WHITESPACES).unwrap_or(false) {
        steps.push(json!({"type": "Strip", "strip_left": false, "strip_right": true}));
        steps.push(json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}));
    }
    Ok(if steps.is_empty() { Value::Null } else { json!({"type": "Sequence", "normalizers": steps}) })
}
