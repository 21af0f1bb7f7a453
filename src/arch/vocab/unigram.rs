//! Unigram vocabularies (XLM-RoBERTa's, which multilingual BERT models have too): the tokens of `tokenizer.json` with their
//! scores and normalization rules (conversion/bert.py, `_xlmroberta_set_vocab`). llama.cpp calls the kind `t5`.

use super::files::{Files, in_sidecar};
use super::special::{Options, SpecialVocab};
use super::spm_json::{adds_space_prefix, is_byte, steps};
use super::tokens::{ADDED_SCORE, Tokens, kind, vocab_size};
use super::{Entries, VocabRequest, base, key};
use crate::model::tokenizer::charsmap;
use crate::model::tokenizer::{AddedToken, TokenizerJson};
use crate::model::{MetaArray, ModelError, Result, Warning};
use serde_json::Value;
use std::collections::HashMap;

const REMAKE: &str = "The file is damaged; save the tokenizer again with the library that made it.";

/// True if `tokenizer.json` holds a Unigram vocabulary.
pub(super) fn is_unigram(files: &Files<'_>) -> bool {
    files.tokenizer_json.as_ref().is_some_and(|json| json.model.kind.as_deref() == Some("Unigram"))
}

/// Writes the vocabulary.
pub(super) fn write(
    files: &Files<'_>,
    request: &VocabRequest<'_>,
    entries: &mut Entries,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let json = base::load(files, warnings)?;
    let rules = rules(&json).map_err(|e| in_sidecar(e, files.sidecars, "tokenizer.json").with_hint(REMAKE))?;
    let unknown = unknown(&json, files);
    let tokens = tokens(&json, files, unknown, warnings)?;
    let options = Options { merges: false, n_vocab: Some(tokens.len()), roles: None };
    tokens.write("t5", "default", true, entries);
    entries.set(key::ADD_SPACE_PREFIX, adds_space_prefix(&json));
    let types = request.config.get("type_vocab_size").and_then(Value::as_u64).unwrap_or(1);
    entries.set(key::TOKEN_TYPE_COUNT, u32::try_from(types).unwrap_or(1));
    entries.set(key::REMOVE_EXTRA_WHITESPACES, joins_spaces(&json));
    if !rules.is_empty() {
        entries.set(key::CHARSMAP, MetaArray::U8(rules));
    }
    SpecialVocab::load(files, &options, warnings)?.write(entries);
    // llama.cpp assumes token 2 unless the file says otherwise.
    if let (Some(id), Some(name)) = (unknown, key::token_id("unk"))
        && !entries.0.contains_key(name)
    {
        entries.set(name, id);
    }
    warn(&json, unknown, warnings);
    Ok(())
}

fn tokens(
    json: &TokenizerJson,
    files: &Files<'_>,
    unknown: Option<u32>,
    warnings: &mut Vec<Warning>,
) -> Result<Tokens> {
    let model = &json.model;
    let size = match vocab_size(files.hparam("vocab_size"))? {
        Some(n) => n.max(model.vocab.len()),
        None => json.added_tokens.iter().map(|t| t.id as usize + 1).max().unwrap_or(0).max(model.vocab.len()),
    };
    let added: HashMap<u32, &AddedToken> = json.added_tokens.iter().map(|t| (t.id, t)).collect();
    let kind_of = |id: u32, text: &str| match added.get(&id) {
        _ if Some(id) == unknown => kind::UNKNOWN,
        Some(token) if token.special => kind::CONTROL,
        Some(_) => kind::USER_DEFINED,
        None if model.byte_fallback == Some(true) && is_byte(text) => kind::BYTE,
        None => kind::NORMAL,
    };
    let mut tokens = Tokens::padding(size);
    for ((text, id), score) in model.vocab.iter().zip(&model.scores) {
        tokens.set(*id as usize, text.as_str(), kind_of(*id, text), *score as f32);
    }
    for token in json.added_tokens.iter().filter(|t| t.id as usize >= model.vocab.len()) {
        if token.id as usize >= size {
            let text = format!(
                "The token {:?} has the id {}, but the vocabulary size is {size}; it is left out.",
                token.content, token.id
            );
            warnings.push(Warning::new("tokenizer.beyond", text));
            continue;
        }
        tokens.set(token.id as usize, token.content.as_str(), kind_of(token.id, &token.content), ADDED_SCORE);
    }
    Ok(tokens)
}

/// The id of the unknown token: the model's, else that of the token with the name.
fn unknown(json: &TokenizerJson, files: &Files<'_>) -> Option<u32> {
    let named = files.setting("unk_token").and_then(|v| v.as_str().or_else(|| v["content"].as_str()));
    let text = named.unwrap_or("<unk>");
    let by_text = || json.model.vocab.iter().find(|(t, _)| t == text).map(|(_, id)| *id);
    json.model.unk_id.or_else(by_text)
}

/// True if the tokenizer treats a run of spaces as one. The converter reads `clean_up_tokenization_spaces` instead, which is
/// about decoding and often missing; in published models that have it, the two agree.
fn joins_spaces(json: &TokenizerJson) -> bool {
    let runs = |s: &Value| s["type"] == "Replace" && s["pattern"]["Regex"] == " {2,}";
    steps(&json.normalizer, "normalizers").iter().any(runs)
        || steps(&json.pre_tokenizer, "pretokenizers").iter().any(|s| s["type"] == "WhitespaceSplit")
}

/// The compiled normalization rules; empty where the tokenizer has none.
fn rules(json: &TokenizerJson) -> Result<Vec<u8>> {
    let field = "normalizer.precompiled_charsmap";
    let normalizers = steps(&json.normalizer, "normalizers");
    let step = normalizers.iter().find(|s| s["type"] == "Precompiled");
    let Some(text) = step.and_then(|s| s["precompiled_charsmap"].as_str()) else { return Ok(Vec::new()) };
    match charsmap::from_base64(text) {
        None => Err(ModelError::bad("not base64").field(field)),
        Some(bytes) if !charsmap::is_sound(&bytes) => {
            Err(ModelError::bad("the compiled normalization rules are damaged").field(field))
        }
        Some(bytes) => Ok(bytes),
    }
}

fn warn(json: &TokenizerJson, unknown: Option<u32>, warnings: &mut Vec<Warning>) {
    let mut say = |text: String| warnings.push(Warning::new("tokenizer.steps", text));
    if unknown.is_none() {
        say("The tokenizer has no unknown token; llama.cpp will use token 2 for characters that it cannot encode."
            .to_owned());
    }
    if json.model.byte_fallback == Some(true) {
        say("The tokenizer encodes unknown characters as byte tokens; llama.cpp uses the unknown token instead."
            .to_owned());
    }
    let normalizers = steps(&json.normalizer, "normalizers");
    let splitters = steps(&json.pre_tokenizer, "pretokenizers");
    let known = |step: &&Value| match step["type"].as_str() {
        Some("Precompiled" | "Strip" | "WhitespaceSplit" | "Metaspace") => true,
        Some("Replace") => step["pattern"]["Regex"] == " {2,}",
        _ => false,
    };
    for (what, odd) in [
        ("normalizer", normalizers.iter().find(|s| !known(s))),
        ("pre-tokenizer", splitters.iter().find(|s| !known(s))),
    ] {
        if let Some(step) = odd {
            let name = step["type"].as_str().unwrap_or("unknown");
            say(format!(
                "The {what} in tokenizer.json has a step ({name}) that llama.cpp does not support for Unigram vocabularies, so \
                it may split some texts differently."
            ));
        }
    }
}
