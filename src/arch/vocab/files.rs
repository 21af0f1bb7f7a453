//! The tokenizer files of a folder, each read once.

use super::VocabRequest;
use crate::model::tokenizer::{AddedToken, JsonModel, TokenizerJson};
use crate::model::{ModelError, Result, Sidecar, Sidecars, Warning, python_json};
use serde_json::{Map, Value, json};

/// The contents of the folder.
pub(super) struct Files<'a> {
    /// All files.
    pub sidecars: &'a Sidecars,
    /// `config.json`.
    pub config: &'a Value,
    /// `tokenizer.json`.
    pub tokenizer_json: Option<TokenizerJson>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<Map<String, Value>>,
}

/// True for values that Python treats as true.
pub(super) fn truthy(v: &Value) -> bool {
    match v {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(a) => !a.is_empty(),
        Value::Object(o) => !o.is_empty(),
    }
}

/// Names the file an error is about.
pub(super) fn in_sidecar(error: ModelError, sidecars: &Sidecars, name: &str) -> ModelError {
    match sidecars.0.get(name) {
        Some(Sidecar::File(path)) => error.in_file(path),
        _ => error.in_file(std::path::Path::new(name)),
    }
}

impl<'a> Files<'a> {
    /// Reads `tokenizer.json` and `tokenizer_config.json`.
    pub(super) fn open(request: &VocabRequest<'a>) -> Result<Self> {
        Self::read(request.sidecars, request.config)
    }

    /// As [`Files::open`], from the parts.
    pub(super) fn read(sidecars: &'a Sidecars, config: &'a Value) -> Result<Self> {
        let tokenizer_json = match sidecars.read("tokenizer.json")? {
            Some(bytes) => Some(TokenizerJson::parse(&bytes).map_err(|e| in_sidecar(e, sidecars, "tokenizer.json"))?),
            None => None,
        };
        let tokenizer_config = match sidecars.json("tokenizer_config.json")? {
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(_) => {
                let error = ModelError::bad("not an object");
                return Err(in_sidecar(error, sidecars, "tokenizer_config.json"));
            }
        };
        Ok(Self { sidecars, config, tokenizer_json, tokenizer_config })
    }

    /// Names the model's folder, for errors about a missing file.
    pub(super) fn in_folder(&self, error: ModelError) -> ModelError {
        let path =
            self.sidecars.0.values().find_map(|s| if let Sidecar::File(path) = s { path.parent() } else { None });
        match path {
            Some(folder) => error.in_file(folder),
            None => error,
        }
    }

    /// A text file, with line ends as in Python; `None` if there is none.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(bytes) = self.sidecars.read(name)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|e| {
            in_sidecar(ModelError::bad("not UTF-8").at(e.utf8_error().valid_up_to() as u64), self.sidecars, name)
        })?;
        Ok(Some(if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }))
    }

    /// A field of `tokenizer_config.json`.
    pub(super) fn setting(&self, name: &str) -> Option<&Value> {
        self.tokenizer_config.as_ref()?.get(name)
    }

    /// A field of `config.json`, in `text_config` first (multi-modal models keep the text model's there).
    pub(super) fn hparam(&self, name: &str) -> Option<&Value> {
        [self.config.get("text_config"), Some(self.config)]
            .into_iter()
            .flatten()
            .filter_map(|c| c.get(name))
            .find(|v| !v.is_null())
    }

    /// The merges of `merges.txt`; none without it. Lines that are not two words are skipped with a warning.
    pub(super) fn merges_txt(&self, warnings: &mut Vec<Warning>) -> Result<Vec<(String, String)>> {
        let Some(text) = self.text("merges.txt")? else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        for (i, line) in text.lines().enumerate() {
            if line.trim().is_empty() || (i == 0 && line.trim_start().starts_with('#')) {
                continue;
            }
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some(a), Some(b), None) => out.push((a.to_owned(), b.to_owned())),
                _ => warnings.push(Warning::new(
                    "tokenizer.merges",
                    format!("Line {} of merges.txt is not two tokens and is skipped.", i + 1),
                )),
            }
        }
        Ok(out)
    }

    /// `tokenizer.json`, or what the library would make of `vocab.json` + `merges.txt` (byte-level BPE) or `vocab.txt`
    /// (WordPiece).
    pub(super) fn tokenizer(&self, warnings: &mut Vec<Warning>) -> Result<TokenizerJson> {
        if let Some(json) = &self.tokenizer_json {
            return Ok(json.clone());
        }
        let json = if self.sidecars.has("vocab.json") {
            self.from_vocab_json(warnings)?
        } else if let Some(text) = self.text("vocab.txt")? {
            self.from_vocab_txt(&text)
        } else {
            let error = ModelError::request("the model has no tokenizer: no tokenizer.json, vocab.json or vocab.txt");
            let hint = "Copy the tokenizer files of the base model into the model's folder.";
            return Err(self.in_folder(error).with_hint(hint));
        };
        json.check().map_err(|e| in_sidecar(e, self.sidecars, "vocab.json"))?;
        Ok(json)
    }

    #[allow(clippy::wrong_self_convention, reason = "the file is what it is made from")]
    fn from_vocab_json(&self, warnings: &mut Vec<Warning>) -> Result<TokenizerJson> {
        let bytes = self.sidecars.read("vocab.json")?.unwrap_or_default();
        let wrapped = [br#"{"type":"BPE","vocab":"#, python_json::without_mark(&bytes), b"}"].concat();
        let mut model: JsonModel = serde_json::from_slice(&wrapped)
            .map_err(|e| in_sidecar(ModelError::bad(format!("not a vocabulary: {e}")), self.sidecars, "vocab.json"))?;
        model.merges = self.merges_txt(warnings)?;
        let mut added = Vec::new();
        if let Some(Value::Object(map)) = self.sidecars.json("added_tokens.json")? {
            for (text, id) in map {
                let id = id.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or_else(|| {
                    let error = ModelError::bad(format!("the id of {text:?} is not a token id"));
                    in_sidecar(error, self.sidecars, "added_tokens.json")
                })?;
                added.push(AddedToken::new(id, text, false));
            }
        }
        let class = self.setting("tokenizer_class").and_then(Value::as_str).unwrap_or_default();
        let pre_tokenizer = match class.starts_with("Qwen2") {
            true => super::pre::pre_tokenizer_json("qwen2").unwrap_or_default(),
            false => json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}),
        };
        let decoder = json!({"type": "ByteLevel"});
        Ok(TokenizerJson { added_tokens: added, pre_tokenizer, decoder, model, ..TokenizerJson::default() })
    }

    #[allow(clippy::wrong_self_convention, reason = "the file is what it is made from")]
    fn from_vocab_txt(&self, text: &str) -> TokenizerJson {
        let mut vocab: Vec<(String, u32)> = Vec::new();
        let mut ids = std::collections::HashMap::new();
        for (id, line) in (0u32..).zip(text.lines()) {
            // A line given twice keeps its last number, as in the library's dictionary.
            match ids.insert(line.to_owned(), vocab.len()) {
                Some(at) => {
                    ids.insert(line.to_owned(), at);
                    vocab[at].1 = id;
                }
                None => vocab.push((line.to_owned(), id)),
            }
        }
        let added = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]
            .into_iter()
            .filter_map(|t| ids.get(t).map(|&at| AddedToken::new(vocab[at].1, t, true)))
            .collect();
        let lower = self.setting("do_lower_case").and_then(Value::as_bool).unwrap_or(true);
        TokenizerJson {
            added_tokens: added,
            normalizer: json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": lower}),
            pre_tokenizer: json!({"type": "BertPreTokenizer"}),
            decoder: json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
            model: JsonModel {
                kind: Some("WordPiece".to_owned()),
                vocab,
                unk_token: Some("[UNK]".to_owned()),
                continuing_subword_prefix: Some("##".to_owned()),
                ..JsonModel::default()
            },
            ..TokenizerJson::default()
        }
    }
}
