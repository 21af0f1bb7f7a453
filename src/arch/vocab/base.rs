//! Byte-level BPE and WordPiece: the tokens of `tokenizer.json` as the converter lists them (conversion/base.py,
//! `get_vocab_base`; conversion/bert.py, `set_vocab`).

use super::files::{Files, in_sidecar};
use super::special::{Options, SpecialVocab};
use super::tokens::{Tokens, kind, looks_special, padding_text, vocab_size};
use super::{Entries, VocabRequest, key, pre};
use crate::model::tokenizer::{AddedToken, TokenizerJson};
use crate::model::{ModelError, Result, Warning};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Byte-level BPE.
pub(super) fn gpt2(
    files: &Files<'_>,
    request: &VocabRequest<'_>,
    entries: &mut Entries,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let json = load(files, warnings)?;
    let (tokens, pre) = vocab_base(files, &json, request, warnings)?;
    tokens.write("gpt2", &pre, false, entries);
    let options = Options { merges: true, n_vocab: None, roles: None };
    let special = SpecialVocab::load(files, &options, warnings)?;
    special.write(entries);
    if !entries.0.contains_key(key::MERGES) {
        let text = "The tokenizer has no merges; what is written may not be able to encode texts.";
        warnings.push(Warning::new("tokenizer.merges", text));
    }
    Ok(())
}

/// WordPiece: pieces that start a word are written with a `▁`, those that continue one without their `##`.
pub(super) fn bert(
    files: &Files<'_>,
    request: &VocabRequest<'_>,
    entries: &mut Entries,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let json = load(files, warnings)?;
    let (mut tokens, pre) = vocab_base(files, &json, request, warnings)?;
    let types = request.config.get("type_vocab_size").and_then(Value::as_u64).unwrap_or(1);
    entries.set(key::TOKEN_TYPE_COUNT, u32::try_from(types).unwrap_or(1));
    for (text, &kind) in tokens.texts.iter_mut().zip(&tokens.kinds) {
        if kind == kind::CONTROL {
            continue;
        }
        match text.strip_prefix(b"##") {
            Some(rest) => *text = rest.to_vec(),
            None => *text = ["▁".as_bytes(), text.as_slice()].concat(),
        }
    }
    let options = Options { merges: false, n_vocab: Some(tokens.len()), roles: None };
    tokens.write("bert", &pre, false, entries);
    SpecialVocab::load(files, &options, warnings)?.write(entries);
    Ok(())
}

/// The tokenizer with every added token the library would add from `tokenizer_config.json`.
pub(super) fn load(files: &Files<'_>, warnings: &mut Vec<Warning>) -> Result<TokenizerJson> {
    let mut json = files.tokenizer(warnings)?;
    if json.model.vocab.is_empty() {
        let error = ModelError::bad("the vocabulary is empty").field("model.vocab");
        return Err(in_sidecar(error, files.sidecars, "tokenizer.json"));
    }
    if let Some(config) = &files.tokenizer_config {
        let wanted = added_by_config(config, files)?;
        merge_added(&mut json, wanted);
    }
    Ok(json)
}

/// Tokens of `added_tokens_decoder` by id, then the role tokens (`bos_token`, …), which are special.
fn added_by_config(config: &Map<String, Value>, files: &Files<'_>) -> Result<Vec<(AddedToken, bool)>> {
    let mut out = Vec::new();
    if let Some(Value::Object(decoder)) = config.get("added_tokens_decoder") {
        for (id, value) in decoder {
            let parsed = id.parse::<u32>().ok().zip(serde_json::from_value::<AddedToken>(with_id(value, id)).ok());
            let Some((id, token)) = parsed else {
                let error = ModelError::bad(format!("the entry {id:?} is not a token")).field("added_tokens_decoder");
                return Err(in_sidecar(error, files.sidecars, "tokenizer_config.json"));
            };
            out.push((AddedToken { id, ..token }, true));
        }
        out.sort_by_key(|(t, _)| t.id);
    }
    for role in ["bos", "eos", "unk", "sep", "pad", "cls", "mask"] {
        let value = config.get(&format!("{role}_token"));
        if let Some(text) = value.and_then(|v| v.as_str().or_else(|| v["content"].as_str())) {
            out.push((AddedToken::new(0, text, true), false));
        }
    }
    Ok(out)
}

fn with_id(value: &Value, id: &str) -> Value {
    let mut value = value.clone();
    if let (Value::Object(map), Ok(id)) = (&mut value, id.parse::<u32>()) {
        map.insert("id".into(), id.into());
    }
    value
}

/// Adds tokens as the library does: a known text keeps its id (and takes the new flags if they are given), an unknown one
/// gets the next free id.
fn merge_added(json: &mut TokenizerJson, wanted: Vec<(AddedToken, bool)>) {
    let ids: HashMap<&str, u32> = json.model.vocab.iter().map(|(t, id)| (t.as_str(), *id)).collect();
    let mut at: HashMap<String, usize> =
        json.added_tokens.iter().enumerate().map(|(i, t)| (t.content.clone(), i)).collect();
    let top = json.model.vocab.iter().map(|(_, id)| *id).chain(json.added_tokens.iter().map(|t| t.id)).max();
    let mut next = top.map_or(0, |id| id + 1);
    for (token, has_flags) in wanted {
        match at.get(&token.content) {
            Some(&i) if has_flags => json.added_tokens[i] = AddedToken { id: json.added_tokens[i].id, ..token },
            Some(_) => {}
            None => {
                let id = ids.get(token.content.as_str()).copied().unwrap_or_else(|| {
                    next += 1;
                    next - 1
                });
                at.insert(token.content.clone(), json.added_tokens.len());
                json.added_tokens.push(AddedToken { id, ..token });
            }
        }
    }
}

fn vocab_base(
    files: &Files<'_>,
    json: &TokenizerJson,
    request: &VocabRequest<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(Tokens, String)> {
    let kind_name =
        json.model.kind.as_deref().unwrap_or(if json.model.merges.is_empty() { "WordPiece" } else { "BPE" });
    if !matches!(kind_name, "BPE" | "WordPiece") {
        let error = ModelError::unsupported(format!("the tokenizer is of the kind {kind_name}, not BPE or WordPiece"));
        let hint = "Put the tokenizer.model of the base model into the folder.";
        return Err(in_sidecar(error, files.sidecars, "tokenizer.json").with_hint(hint));
    }
    let names = json.model.vocab.iter().map(|(text, id)| (text.as_str(), *id));
    let added = json.added_tokens.iter().map(|t| (t.content.as_str(), t.id));
    let top = names.clone().chain(added.clone()).max_by_key(|(_, id)| *id);
    let (top_text, top_id) = top.unwrap_or(("", 0));
    let n = match vocab_size(files.hparam("vocab_size"))? {
        Some(n) => n,
        None => names.clone().chain(added.clone()).map(|(_, id)| id).collect::<HashSet<u32>>().len(),
    };
    if top_id as usize >= n {
        let error =
            ModelError::bad(format!("the token {top_text:?} has the id {top_id}, but the vocabulary size is {n}"));
        let hint = "vocab_size in config.json must be at least the highest token id plus one: was the embedding resized \
            after tokens were added?";
        return Err(in_sidecar(error, files.sidecars, "tokenizer.json").with_hint(hint));
    }
    let pre = pre::recognise(json, request.pre_tokenizer, warnings)?;

    let mut by_id: Vec<Option<&str>> = vec![None; n];
    for (text, id) in names.chain(added) {
        by_id[id as usize] = Some(text);
    }
    let mut added: HashMap<&str, &AddedToken> = HashMap::with_capacity(json.added_tokens.len());
    for token in &json.added_tokens {
        added.insert(&token.content, token);
    }
    let mut tokens = Tokens::default();
    let mut holes = 0usize;
    for (id, text) in by_id.into_iter().enumerate() {
        let Some(text) = text else {
            holes += usize::from(id < top_id as usize);
            tokens.push(padding_text(id), kind::UNUSED, 0.0);
            continue;
        };
        match added.get(text) {
            None => tokens.push(text, kind::NORMAL, 0.0),
            Some(token) => {
                let text = if token.is_normalized() { text.to_owned() } else { decoded(text, &json.decoder) };
                if token.special || looks_special(&text) {
                    tokens.push(text, kind::CONTROL, 0.0);
                } else {
                    tokens.push(text.replace('▁', " "), kind::USER_DEFINED, 0.0);
                }
            }
        }
    }
    if holes > 0 {
        let text = format!("{holes} ids below {top_id} have no token; they are filled with [PAD…] entries.");
        warnings.push(Warning::new("tokenizer.holes", text));
    }
    Ok((tokens, pre))
}

/// What the library decodes an added token to: the byte-level decoder reads its letters as bytes if all of them are.
pub(super) fn decoded(text: &str, decoder: &Value) -> String {
    match letters(text).filter(|_| is_byte_level(decoder)) {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => text.to_owned(),
    }
}

/// True for a decoder that reads letters as bytes.
pub(super) fn is_byte_level(decoder: &Value) -> bool {
    decoder["type"] == "ByteLevel"
        || decoder["decoders"].as_array().is_some_and(|d| d.iter().any(|d| d["type"] == "ByteLevel"))
}

/// The bytes that a token's letters represent in byte-level BPE, if all of them do.
pub(super) fn letters(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

/// The byte that a letter represents in byte-level BPE: printable Latin-1 represents itself, the rest follows from U+0100
/// in order.
fn byte_of(c: char) -> Option<u8> {
    let own = |b: u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let code = u32::from(c);
    if let Ok(b) = u8::try_from(code) {
        return own(b).then_some(b);
    }
    (0..=255u8).filter(|&b| !own(b)).nth((code.checked_sub(256)?) as usize)
}

/// The letter that represents a byte in byte-level BPE: the inverse of [`byte_of`].
pub(super) fn letter_of(byte: u8) -> char {
    let own = |b: u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if own(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&b| !own(b)).count() as u32;
    char::from_u32(256 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The letters that represent bytes.
pub(super) fn letters_of(bytes: &[u8]) -> String {
    bytes.iter().map(|b| letter_of(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn letters_of_byte_level_bpe_are_bytes() {
        let pairs = [('!', 0x21), ('Ġ', 0x20), ('Ċ', 0x0a), ('ÿ', 0xff), ('Ń', 0xad), ('Ā', 0x00), ('ĉ', 0x09)];
        for (c, b) in pairs {
            assert_eq!(byte_of(c), Some(b), "{c:?}");
        }
        assert!((0..=255).all(|b| byte_of(letter_of(b)) == Some(b)));
        assert_eq!(byte_of(' '), None);
        assert_eq!(byte_of('ń'), None);
        let decoder = json!({"type": "ByteLevel"});
        assert_eq!(decoded("<|a|>", &decoder), "<|a|>");
        assert_eq!(decoded("Ġa", &decoder), " a");
        assert_eq!(decoded("<｜a▁b｜>", &decoder), "<｜a▁b｜>");
        assert_eq!(decoded("Ġa", &Value::Null), "Ġa");
    }

    #[test]
    fn tokens_of_the_configuration_are_added_as_the_library_does() {
        let mut json = TokenizerJson::parse(
            br#"{"added_tokens":[{"id":2,"content":"x"}],"model":{"type":"BPE","vocab":{"a":0,"b":1}}}"#,
        )
        .unwrap();
        let token = |t: &str, special| AddedToken::new(9, t, special);
        merge_added(
            &mut json,
            vec![
                (token("x", true), true),
                (token("y", false), true),
                (token("b", true), false),
                (token("x", false), false),
            ],
        );
        let got: Vec<_> = json.added_tokens.iter().map(|t| (t.content.as_str(), t.id, t.special)).collect();
        assert_eq!(got, [("x", 2, true), ("y", 3, false), ("b", 1, true)]);
    }
}
