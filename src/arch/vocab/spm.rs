//! SentencePiece: the tokens of `tokenizer.model` with what other files add (conversion/base.py,
//! `_create_vocab_sentencepiece`; conversion/phi.py, `set_vocab`). Without that file the same pieces are rebuilt from
//! `tokenizer.json`, which the converter refuses (Gemma, Phi-3) or writes without scores (Llama).

use super::files::{Files, in_sidecar};
use super::special::{Options, SpecialVocab};
use super::tokens::{ADDED_SCORE, Tokens, kind, looks_special, vocab_size};
use super::{Entries, base, key, spm_json};
use crate::model::tokenizer::{PieceType, SentencePieceModel, TokenizerJson};
use crate::model::{ModelError, Result, Warning};
use serde_json::Value;

/// How the converters of the families differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// The common rules.
    Common,
    /// Phi-3: added tokens of `tokenizer.json` count too, no token is control because of its text, none may be beyond
    /// the end.
    Phi3,
}

/// Writes the vocabulary of `tokenizer.model`, or of `tokenizer.json` if there is no such file.
pub(super) fn write(
    files: &Files<'_>,
    flavour: Flavour,
    entries: &mut Entries,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    let source = Source::open(files, warnings)?;
    let tokens = tokens(files, &source, flavour, warnings)?;
    let options = Options { merges: false, n_vocab: Some(tokens.len()), roles: None };
    tokens.write("llama", "default", true, entries);
    SpecialVocab::load(files, &options, warnings)?.write(entries);
    // llama.cpp adds a space before the text unless the file says otherwise.
    if source.json.as_ref().is_some_and(|json| !spm_json::adds_space_prefix(json)) {
        entries.set(key::ADD_SPACE_PREFIX, false);
    }
    Ok(())
}

/// The pieces with their ids, and the `tokenizer.json` that they come from, if they do.
struct Source {
    file: &'static str,
    pieces: spm_json::Pieces,
    json: Option<TokenizerJson>,
}

impl Source {
    fn open(files: &Files<'_>, warnings: &mut Vec<Warning>) -> Result<Self> {
        let file = "tokenizer.model";
        if let Some(bytes) = files.sidecars.read(file)? {
            let model = SentencePieceModel::parse(&bytes).map_err(|e| in_sidecar(e, files.sidecars, file))?;
            return Ok(Self { file, pieces: model.pieces.into_iter().enumerate().collect(), json: None });
        }
        if files.tokenizer_json.is_none() {
            let error = ModelError::request("the model has neither tokenizer.model nor tokenizer.json");
            let hint = "Copy the tokenizer files of the base model into the model's folder.";
            return Err(files.in_folder(error).with_hint(hint));
        }
        let (file, json) = ("tokenizer.json", base::load(files, warnings)?);
        if !spm_json::is_sentencepiece(&json) {
            let kind = json.model.kind.as_deref().unwrap_or("BPE");
            let what = format!(
                "the {kind} tokenizer has no byte fallback; this architecture needs a SentencePiece vocabulary"
            );
            let hint = "Copy tokenizer.model from the base model into the folder.";
            return Err(in_sidecar(ModelError::unsupported(what), files.sidecars, file).with_hint(hint));
        }
        Ok(Self { file, pieces: spm_json::pieces(&json, files, warnings), json: Some(json) })
    }

    /// The number of ids, for configurations that do not give it.
    fn size(&self) -> usize {
        let added = self.json.iter().flat_map(|json| &json.added_tokens).map(|t| t.id as usize);
        self.pieces.iter().map(|(id, _)| *id).chain(added).max().map_or(0, |id| id + 1)
    }
}

fn tokens(files: &Files<'_>, source: &Source, flavour: Flavour, warnings: &mut Vec<Warning>) -> Result<Tokens> {
    let size = match flavour {
        Flavour::Common => files.hparam("vocab_size_per_layer_input").or_else(|| files.hparam("vocab_size")),
        Flavour::Phi3 => files.hparam("vocab_size"),
    };
    let n = vocab_size(size)?.unwrap_or_else(|| source.size());
    let mut tokens = Tokens::padding(n);
    let end = source.pieces.last().map_or(0, |(id, _)| id + 1);
    if end > n {
        let text = format!("{} has {end} pieces, vocab_size is {n}; the last are left out.", source.file);
        if flavour == Flavour::Phi3 {
            return Err(in_sidecar(ModelError::bad(text), files.sidecars, source.file).with_hint(RESIZE));
        }
        warnings.push(Warning::new("tokenizer.beyond", text));
    }
    for (id, piece) in source.pieces.iter().filter(|(id, _)| *id < n) {
        let kind = match piece.kind {
            PieceType::Normal | PieceType::UserDefined => kind::NORMAL,
            PieceType::Unknown => kind::UNKNOWN,
            PieceType::Control => kind::CONTROL,
            PieceType::Unused => kind::UNUSED,
            PieceType::Byte => kind::BYTE,
        };
        tokens.set(*id, piece.text.as_slice(), kind, piece.score);
    }
    let mut adder = Adder { files, flavour, tokens, warnings };
    adder.added_tokens_json()?;
    adder.added_tokens_decoder()?;
    match &source.json {
        Some(json) if flavour == Flavour::Common => adder.rebuilt(json)?,
        _ if flavour == Flavour::Phi3 => adder.tokenizer_json()?,
        _ => {}
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
                ModelError::bad(format!("the id of {text:?} is not a token id")),
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

    /// The added tokens of the `tokenizer.json` that the pieces come from. Files of transformers 5 list them nowhere else;
    /// if `added_tokens_decoder` lists them, that has precedence. Unknown and control pieces keep their type.
    fn rebuilt(&mut self, json: &TokenizerJson) -> Result<()> {
        let listed = self.files.setting("added_tokens_decoder").and_then(Value::as_object);
        for token in &json.added_tokens {
            if listed.is_some_and(|listed| listed.contains_key(&token.id.to_string())) {
                continue;
            }
            if let Some(id) = self.place(Some(token.id.into()), &token.content, "tokenizer.json")?
                && !matches!(self.tokens.kinds[id], kind::UNKNOWN | kind::CONTROL)
            {
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
