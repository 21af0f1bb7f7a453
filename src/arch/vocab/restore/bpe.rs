//! Byte-level BPE: `tokenizer.json` with the pre-tokenizer that `tokenizer.ggml.pre` names.

use super::super::base::decoded;
use super::{KEEP, Source, config, key, post, put};
use crate::arch::vocab::pre;
use crate::arch::vocab::tokens::kind;
use crate::model::tokenizer::TokenizerJson;
use crate::model::{MetaArray, MetaValue, ModelError, Result, Sidecars};
use serde_json::{Map, Value, json};

/// Pre-tokenizers with which llama.cpp takes words that are tokens whole (src/llama-vocab.cpp, `ignore_merges`).
const WHOLE_WORDS: [&str; 15] = [
    "minicpm5",
    "llama3",
    "llama-v3",
    "llama-bpe",
    "falcon3",
    "falcon-h1",
    "pixtral",
    "midm-2.0",
    "lfm2",
    "jina-v5-nano",
    "youtu",
    "glm4",
    "glm5",
    "tekken",
    "granite-embed-multi-97m",
];

pub(super) fn restore(source: &Source<'_>, out: &mut Sidecars) -> Result<()> {
    let name = source.metadata.get(key::PRE).and_then(MetaValue::as_str).unwrap_or("default");
    let Some(mut pre_tokenizer) = pre::pre_tokenizer_json(name) else {
        let what = format!("the pre-tokenizer {name:?} has no Hugging Face form here");
        return Err(ModelError::unsupported(what).field(key::PRE).with_hint(KEEP));
    };
    let decoder = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true});
    let (vocab, added) = vocabulary(source, &decoder)?;
    let mut settings = Map::new();
    settings.insert("tokenizer_class".into(), "PreTrainedTokenizerFast".into());
    settings.insert("added_tokens_decoder".into(), decoder_table(&added));
    if let Some(prefix) = source.boolean(key::ADD_SPACE_PREFIX) {
        settings.insert("add_prefix_space".into(), prefix.into());
        set_prefix(&mut pre_tokenizer, prefix);
    }
    let post_processor = post::build(source, true, &mut settings)?;
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": added,
        "normalizer": normalizer(source, name),
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": decoder,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": WHOLE_WORDS.contains(&name),
            "vocab": vocab, "merges": merges(source)?,
        },
    });
    let bytes = json.to_string();
    TokenizerJson::parse(bytes.as_bytes())?;
    put(out, "tokenizer.json", bytes);
    let mut roles = Vec::new();
    for role in ["bos", "eos", "unk", "sep", "pad", "mask"] {
        // If the end of a text is not the end of a turn, the latter was the end token of the configuration.
        let of =
            if role == "eos" && source.flag("eos") == Some(true) && source.id("eot").is_some() { "eot" } else { role };
        if let Some(id) = source.id(of).filter(|id| source.is_added(*id as usize)) {
            roles.push((role, id));
        }
    }
    config::write(source, &roles, settings, out)
}

/// The vocabulary without padding, and the added tokens.
pub(super) fn vocabulary(source: &Source<'_>, decoder: &Value) -> Result<(Map<String, Value>, Vec<Value>)> {
    let mut vocab = Map::with_capacity(source.texts.len());
    let mut added = Vec::new();
    for id in 0..source.texts.len() {
        if source.is_padding(id) {
            continue;
        }
        let text = source.text(id)?;
        insert(&mut vocab, text, id)?;
        if source.is_added(id) {
            let special = source.kinds[id] == kind::CONTROL;
            added.push(json!({"id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": decoded(text, decoder) != text, "special": special}));
        }
    }
    Ok((vocab, added))
}

/// Adds a token that must be new.
pub(super) fn insert(vocab: &mut Map<String, Value>, text: &str, id: usize) -> Result<()> {
    match vocab.insert(text.to_owned(), id.into()) {
        None => Ok(()),
        Some(other) => Err(ModelError::bad(format!("the token {text:?} is there twice, as {other} and {id}"))
            .field(key::TOKENS)
            .with_hint(KEEP)),
    }
}

/// The `added_tokens_decoder` of `tokenizer_config.json`.
pub(super) fn decoder_table(added: &[Value]) -> Value {
    let mut out = Map::new();
    for token in added {
        let mut entry = token.as_object().cloned().unwrap_or_default();
        if let Some(id) = entry.shift_remove("id") {
            out.insert(id.to_string(), entry.into());
        }
    }
    out.into()
}

fn merges<'a>(source: &Source<'a>) -> Result<Vec<&'a str>> {
    match source.metadata.get(key::MERGES) {
        None => Ok(Vec::new()),
        Some(MetaValue::Array(MetaArray::Str(merges))) => merges
            .iter()
            .enumerate()
            .map(|(i, m)| {
                std::str::from_utf8(m)
                    .map_err(|_| ModelError::bad("the merge is not UTF-8").field(format!("{}[{i}]", key::MERGES)))
            })
            .collect(),
        Some(_) => Err(ModelError::bad("the merges are not an array of strings").field(key::MERGES)),
    }
}

fn normalizer(source: &Source<'_>, pre: &str) -> Value {
    let (lowercase, accents) = (source.boolean(key::LOWERCASE), source.boolean(key::STRIP_ACCENTS));
    let mut list = Vec::new();
    if pre::normalizes_nfc(pre) {
        list.push(json!({"type": "NFC"}));
    }
    if lowercase == Some(false) || accents == Some(false) {
        list.push(json!({"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": false,
            "strip_accents": accents, "lowercase": lowercase.unwrap_or(false)}));
    } else {
        list.extend(lowercase.map(|_| json!({"type": "Lowercase"})));
        list.extend(accents.map(|_| json!({"type": "StripAccents"})));
    }
    match list.len() {
        0 => Value::Null,
        1 => list.remove(0),
        _ => json!({"type": "Sequence", "normalizers": list}),
    }
}

/// Sets whether the byte-level step puts a space before a text.
fn set_prefix(pre: &mut Value, prefix: bool) {
    let set = |step: &mut Value| {
        if step["type"] == "ByteLevel" {
            step["add_prefix_space"] = prefix.into();
        }
    };
    set(pre);
    if let Some(steps) = pre.get_mut("pretokenizers").and_then(Value::as_array_mut) {
        steps.iter_mut().for_each(set);
    }
}
