//! SentencePiece: the tokens of `tokenizer.model` with what other files add (conversion/base.py,
//! `_create_vocab_sentencepiece`; conversion/phi.py, `set_vocab`), and Llama's BPE with byte fallback in `tokenizer.json`
//! alone (gguf-py/gguf/vocab.py, `LlamaHfVocab`).

use super::files::{Files, in_sidecar};
use super::special::{Options, SpecialVocab};
use super::tokens::{ADDED_SCORE, Tokens, kind, looks_special, vocab_size};
use super::{Entries, base};
use crate::model::tokenizer::{PieceType, SentencePieceModel};
use crate::model::{ModelError, Result, Warning};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// How the converters of the families differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// The common rules.
    Common,
    /// Phi-3: added tokens of `tokenizer.json` count too, no token is control by its looks, none may lie beyond the end.
    Phi3,
}

/// Writes the vocabulary of `tokenizer.model`.
pub(super) fn write(
    files: &Files<'_>,
    flavour: Flavour,
    entries: &mut Entries,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let tokens = tokens(files, flavour, warnings)?;
    finish(tokens, files, entries, warnings)
}

fn finish(tokens: Tokens, files: &Files<'_>, entries: &mut Entries, warnings: &mut Vec<Warning>) -> Result<()> {
    let options = Options { merges: false, n_vocab: Some(tokens.len()), roles: None };
    tokens.write("llama", "default", true, entries);
    SpecialVocab::load(files, &options, warnings)?.write(entries);
    Ok(())
}

fn tokens(files: &Files<'_>, flavour: Flavour, warnings: &mut Vec<Warning>) -> Result<Tokens> {
    let Some(bytes) = files.sidecars.read("tokenizer.model")? else {
        let error = ModelError::request("the model has no tokenizer.model");
        return Err(error.with_hint("Copy the tokenizer.model of the base model into the model's folder."));
    };
    let model = SentencePieceModel::parse(&bytes).map_err(|e| in_sidecar(e, files.sidecars, "tokenizer.model"))?;
    let size = match flavour {
        Flavour::Common => files.hparam("vocab_size_per_layer_input").or_else(|| files.hparam("vocab_size")),
        Flavour::Phi3 => files.hparam("vocab_size"),
    };
    let n = vocab_size(size)?.unwrap_or(model.pieces.len());
    let mut tokens = Tokens::padding(n);
    if model.pieces.len() > n {
        let text =
            format!("tokenizer.model has {} pieces, vocab_size is {n}; the last are left out.", model.pieces.len());
        if flavour == Flavour::Phi3 {
            return Err(in_sidecar(ModelError::bad(text), files.sidecars, "tokenizer.model").with_hint(RESIZE));
        }
        warnings.push(Warning::new("tokenizer.beyond", text));
    }
    for (id, piece) in model.pieces.into_iter().enumerate().take(n) {
        let kind = match piece.kind {
            PieceType::Normal | PieceType::UserDefined => kind::NORMAL,
            PieceType::Unknown => kind::UNKNOWN,
            PieceType::Control => kind::CONTROL,
            PieceType::Unused => kind::UNUSED,
            PieceType::Byte => kind::BYTE,
        };
        tokens.set(id, piece.text, kind, piece.score);
    }
    let mut adder = Adder { files, flavour, tokens, warnings };
    adder.added_tokens_json()?;
    adder.added_tokens_decoder()?;
    if flavour == Flavour::Phi3 {
        adder.tokenizer_json()?;
    }
    Ok(adder.tokens)
}

const RESIZE: &str = "vocab_size in config.json must be at least the highest token id plus one.";

/// Puts added tokens over the pieces.
struct Adder<'a, 'f> {
    files: &'a Files<'f>,
    flavour: Flavour,
    tokens: Tokens,
    warnings: &'a mut Vec<Warning>,
}

impl Adder<'_, '_> {
    /// The id as an index; `None` (with a warning) beyond the end.
    fn place(&mut self, id: Option<i64>, text: &str, file: &str) -> Result<Option<usize>> {
        let Some(id) = id.and_then(|id| usize::try_from(id).ok()) else {
            return Err(in_sidecar(
                ModelError::bad(format!("the id of {text:?} is no token id")),
                self.files.sidecars,
                file,
            ));
        };
        if id < self.tokens.len() {
            return Ok(Some(id));
        }
        let what = format!("the token {text:?} has the id {id}, but the vocabulary size is {}", self.tokens.len());
        if self.flavour == Flavour::Phi3 && file != "added_tokens.json" {
            return Err(in_sidecar(ModelError::bad(what), self.files.sidecars, file).with_hint(RESIZE));
        }
        self.warnings.push(Warning::new("tokenizer.beyond", format!("In {file} {what}; it is left out.")));
        Ok(None)
    }

    fn added_tokens_json(&mut self) -> Result<()> {
        let Some(Value::Object(map)) = self.files.sidecars.json("added_tokens.json")? else { return Ok(()) };
        for (text, id) in &map {
            if let Some(id) = self.place(id.as_i64(), text, "added_tokens.json")? {
                self.tokens.set(id, text.as_str(), kind::USER_DEFINED, ADDED_SCORE);
            }
        }
        Ok(())
    }

    fn added_tokens_decoder(&mut self) -> Result<()> {
        let Some(Value::Object(decoder)) = self.files.setting("added_tokens_decoder") else { return Ok(()) };
        for (id, value) in decoder {
            let Some(text) = value["content"].as_str() else {
                let error = ModelError::bad(format!("the entry {id:?} has no content")).field("added_tokens_decoder");
                return Err(in_sidecar(error, self.files.sidecars, "tokenizer_config.json"));
            };
            if let Some(id) = self.place(id.parse().ok(), text, "tokenizer_config.json")? {
                let special = value["special"].as_bool().unwrap_or(false);
                self.add(id, text, special);
            }
        }
        Ok(())
    }

    fn tokenizer_json(&mut self) -> Result<()> {
        let Some(json) = &self.files.tokenizer_json else { return Ok(()) };
        for token in &json.added_tokens {
            if let Some(id) = self.place(Some(token.id.into()), &token.content, "tokenizer.json")? {
                self.add(id, &token.content, token.special);
            }
        }
        Ok(())
    }

    fn add(&mut self, id: usize, text: &str, special: bool) {
        match self.flavour {
            Flavour::Common if special || looks_special(text) => self.tokens.set(id, text, kind::CONTROL, ADDED_SCORE),
            Flavour::Common => self.tokens.set(id, text.replace('▁', " "), kind::USER_DEFINED, ADDED_SCORE),
            Flavour::Phi3 => {
                let kind = if special { kind::CONTROL } else { kind::USER_DEFINED };
                self.tokens.set(id, text, kind, ADDED_SCORE);
            }
        }
    }
}

/// True if `tokenizer.json` holds Llama's SentencePiece-style BPE: byte fallback and a decoder in steps.
pub(super) fn is_llama_json(files: &Files<'_>) -> bool {
    files.tokenizer_json.as_ref().is_some_and(|json| {
        json.model.kind.as_deref().is_none_or(|k| k == "BPE")
            && json.model.byte_fallback == Some(true)
            && json.decoder["type"] == "Sequence"
    })
}

/// Writes the vocabulary of such a `tokenizer.json`. All scores are −1000, as the converter has them.
pub(super) fn write_llama_json(files: &Files<'_>, entries: &mut Entries, warnings: &mut Vec<Warning>) -> Result<()> {
    let json = base::load(files, warnings)?;
    let fail = |what: String| in_sidecar(ModelError::bad(what), files.sidecars, "tokenizer.json");
    let base_size = json.model.vocab.len();
    let special: HashSet<String> = special_texts(files)?;
    let mut texts: HashMap<u32, &str> = json.model.vocab.iter().map(|(t, id)| (*id, t.as_str())).collect();
    let mut added: Vec<_> = json.added_tokens.iter().collect();
    added.sort_by_key(|t| t.id);
    texts.extend(added.iter().map(|t| (t.id, t.content.as_str())));
    let mut tokens = Tokens::default();
    for id in 0..base_size as u32 {
        let Some(text) = texts.get(&id) else {
            return Err(
                fail(format!("no token has the id {id}")).with_hint("Ids must follow each other without a gap.")
            );
        };
        tokens.push(*text, kind_of(text, &special), ADDED_SCORE);
    }
    for token in added.iter().filter(|t| t.id as usize >= base_size) {
        if token.id as usize != tokens.len() {
            let text = format!(
                "The added token {:?} has the id {}, but is written as {}.",
                token.content,
                token.id,
                tokens.len()
            );
            warnings.push(Warning::new("tokenizer.holes", text));
        }
        let kind = if special.contains(&token.content) { kind::CONTROL } else { kind::USER_DEFINED };
        tokens.push(token.content.as_str(), kind, ADDED_SCORE);
    }
    let text = "Without tokenizer.model the merge order cannot be kept: llama.cpp may split texts differently from the \
        original tokenizer.";
    warnings.push(Warning::new("tokenizer.no-scores", text));
    finish(tokens, files, entries, warnings)
}

fn kind_of(text: &str, special: &HashSet<String>) -> i32 {
    let hex = text.strip_prefix("<0x").and_then(|t| t.strip_suffix('>'));
    if hex.is_some_and(|h| h.len() == 2 && h.bytes().all(|b| b.is_ascii_hexdigit())) {
        kind::BYTE
    } else if special.contains(text) {
        kind::CONTROL
    } else {
        kind::NORMAL
    }
}

/// The texts of all special roles: `tokenizer_config.json`, and `special_tokens_map.json` where the former lists no tokens.
fn special_texts(files: &Files<'_>) -> Result<HashSet<String>> {
    const ROLES: [&str; 7] =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
    let map = files.sidecars.json("special_tokens_map.json")?;
    let map = map.filter(|_| files.setting("added_tokens_decoder").is_none());
    let text = |v: &Value| v.as_str().or_else(|| v["content"].as_str()).map(str::to_owned);
    let field = |name: &str| {
        let from_map = map.as_ref().and_then(|m| m.get(name)).filter(|v| !v.is_null());
        from_map.or_else(|| files.setting(name)).cloned().unwrap_or_default()
    };
    let mut out: HashSet<String> = ROLES.iter().filter_map(|role| text(&field(role))).collect();
    for list in ["additional_special_tokens", "extra_special_tokens"] {
        match field(list) {
            Value::Array(items) => out.extend(items.iter().filter_map(text)),
            Value::Object(items) => out.extend(items.values().filter_map(text)),
            _ => {}
        }
    }
    if out.is_empty() {
        out.extend(["<s>", "</s>", "<unk>"].map(str::to_owned));
    }
    Ok(out)
}
