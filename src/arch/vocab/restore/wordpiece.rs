//! WordPiece: `tokenizer.json` and `vocab.txt`, with the `##` restored on pieces that continue a word.

use super::{KEEP, Source, bpe, config, key, post, put};
use crate::arch::vocab::tokens::{kind, padding_text};
use crate::model::tokenizer::TokenizerJson;
use crate::model::{ModelError, Result, Sidecars};
use serde_json::{Map, Value, json};

pub(super) fn restore(source: &Source<'_>, out: &mut Sidecars) -> Result<()> {
    let mut vocab = Map::with_capacity(source.texts.len());
    let mut added = Vec::new();
    let mut lines = String::new();
    for id in 0..source.texts.len() {
        let text = piece(source, id, &vocab)?;
        lines.push_str(&text);
        lines.push('\n');
        if source.kinds[id] == kind::UNUSED && text == padding_text(id) {
            continue;
        }
        bpe::insert(&mut vocab, &text, id)?;
        if source.is_added(id) {
            added.push(json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": source.kinds[id] == kind::CONTROL}));
        }
    }
    let unknown = source.id("unk").map_or(Ok("[UNK]"), |id| source.text(id as usize))?;
    if !vocab.contains_key(unknown) {
        let what = format!("the unknown token {unknown:?} is not in the vocabulary");
        return Err(ModelError::bad(what).field(key::TOKENS).with_hint(KEEP));
    }
    let lowercase = source.boolean(key::LOWERCASE).unwrap_or(true);
    let accents = source.boolean(key::STRIP_ACCENTS);
    let mut settings = Map::new();
    settings.insert("tokenizer_class".into(), "BertTokenizer".into());
    settings.insert("added_tokens_decoder".into(), bpe::decoder_table(&added));
    settings.insert("do_lower_case".into(), lowercase.into());
    settings.insert("strip_accents".into(), accents.into());
    settings.insert("tokenize_chinese_chars".into(), true.into());
    let post_processor = post::build(source, false, &mut settings)?;
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": accents, "lowercase": lowercase},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": post_processor,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab},
    });
    let bytes = json.to_string();
    TokenizerJson::parse(bytes.as_bytes())?;
    put(out, "tokenizer.json", bytes);
    put(out, "vocab.txt", lines);
    config::write(source, &roles(source), settings, out)
}

/// The text with its `##` or without its `▁`. If that is already taken, it is a continuing piece that began with a `▁`.
fn piece(source: &Source<'_>, id: usize, vocab: &Map<String, Value>) -> Result<String> {
    let text = source.text(id)?;
    if source.kinds[id] == kind::CONTROL {
        return Ok(text.to_owned());
    }
    Ok(match text.strip_prefix('▁') {
        Some(word) if !vocab.contains_key(word) => word.to_owned(),
        _ => format!("##{text}"),
    })
}

/// BERT's begin and end are its class and separator tokens.
fn roles<'a>(source: &Source<'_>) -> Vec<(&'a str, u32)> {
    let mut out = Vec::new();
    let mut push = |role, id: Option<u32>| {
        if let Some(id) = id.filter(|id| source.is_added(*id as usize)) {
            out.push((role, id));
        }
    };
    push("unk", source.id("unk"));
    push("sep", source.id("sep").or_else(|| source.id("eos")));
    push("pad", source.id("pad"));
    push("cls", source.id("bos").or_else(|| source.id("cls")));
    push("mask", source.id("mask"));
    if source.id("sep").is_some() && source.id("sep") != source.id("eos") {
        push("eos", source.id("eos"));
    }
    out
}
