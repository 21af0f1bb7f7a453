//! A text as the token ids that a model sees, as llama-perplexity makes them.
//!
//! The file is read whole, one line end at its end is dropped, and it is tokenized once. Control tokens that the text spells out (`<s>`)
//! are text. If the vocabulary says so, a begin token comes first. Refused: files that are not UTF-8 text, that are empty, or that are
//! longer than [`MAX_TEXT`].

use crate::arch::vocab::{Runner, begin_token};
use crate::arch::{self, GgufOptions};
use crate::model::{ErrorKind, MetaArray, MetaValue, Metadata, Model, ModelError, Result, read_request_text};
use std::borrow::Cow;
use std::path::Path;

/// Longest text in bytes: about eight million tokens, of which the tokenizer needs about 100 bytes each at a time.
pub(crate) const MAX_TEXT: u64 = 32 << 20;
/// Characters of a token shown in a message.
const SHOWN: usize = 40;

/// Reads a text to evaluate models on, without one line end at its end.
///
/// # Errors
/// A file that cannot be read, is too long, empty, or not UTF-8 text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let hint = "Use a plain text file in UTF-8, for instance a part of the Wikitext test set.";
    let mut text = read_request_text(path, MAX_TEXT).map_err(|e| match e.hint() {
        None if e.kind() == ErrorKind::Limit => {
            e.with_hint("Use a part of it: the first 32 MiB are enough for any figure.")
        }
        // Of a file that cannot be opened the contents say nothing.
        None if e.os_error().is_none() && path.is_file() => e.with_hint(hint),
        _ => e,
    })?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.is_empty() {
        return Err(ModelError::request("the text is empty").in_file(path).with_hint(hint));
    }
    if text.contains('\0') {
        return Err(ModelError::bad("it is not a text file: it contains zero bytes").in_file(path).with_hint(hint));
    }
    Ok(text)
}

/// The tokenizer of a model, for whole texts.
pub(crate) struct TextTokenizer {
    runner: Runner,
    /// The token that is put before every text.
    pub begin: Option<u32>,
    /// The texts of the vocabulary by id.
    tokens: Vec<Vec<u8>>,
    /// Tokens that end a text.
    pub ends: Vec<u32>,
    /// How an encoder makes one vector of a text: GGUF's number, if the model says one.
    pub pooling: Option<u64>,
}

impl TextTokenizer {
    /// The tokenizer of an opened model.
    ///
    /// # Errors
    /// When it has none, or one that cannot be run here.
    pub(crate) fn of(model: &Model) -> Result<Self> {
        let in_model = |e: ModelError| e.in_file(&model.path);
        let metadata = gguf_metadata(model).map_err(in_model)?;
        let tokens = match metadata.get("tokenizer.ggml.tokens") {
            Some(MetaValue::Array(MetaArray::Str(tokens))) if !tokens.is_empty() => tokens.clone(),
            _ => {
                let hint = "Put the tokenizer files back into the folder, or use a GGUF that contains its vocabulary.";
                return Err(in_model(ModelError::bad("the model has no tokenizer").with_hint(hint)));
            }
        };
        let runner = Runner::of(model).map_err(in_model)?.without_control_tokens();
        let pooling = metadata.iter().find(|(key, _)| key.ends_with(".pooling_type")).and_then(|(_, v)| v.as_u64());
        let end = |key: &str| metadata.get(key).and_then(|v| u32::try_from(v.as_u64()?).ok());
        let ends =
            ["eos", "eot", "eom"].iter().filter_map(|name| end(&format!("tokenizer.ggml.{name}_token_id"))).collect();
        Ok(Self { runner, begin: begin_token(&metadata), ends, tokens, pooling })
    }

    /// The ids of a text in which the texts of control tokens are those tokens, without a begin token of its own: for chats, whose
    /// templates write it.
    ///
    /// # Errors
    /// As [`Self::tokens`].
    pub(crate) fn with_control_tokens(&self, text: &str) -> Result<Vec<u32>> {
        self.checked(self.runner.ids_with_control_tokens(text)?)
    }

    /// The text that a token adds behind others. A character that is not whole yet belongs to the token that completes it.
    pub(crate) fn piece(&self, before: &[u32], id: u32) -> String {
        const CONTEXT: usize = 8;
        let mut ids = before[before.len().saturating_sub(CONTEXT)..].to_vec();
        let whole_part = |text: String| text.trim_end_matches('\u{fffd}').to_owned();
        let head = whole_part(self.runner.decode(&ids));
        ids.push(id);
        let all = whole_part(self.runner.decode(&ids));
        all.strip_prefix(&head).map_or_else(|| self.runner.decode(&[id]), str::to_owned)
    }

    /// Tokens in the vocabulary.
    pub(crate) fn size(&self) -> usize {
        self.tokens.len()
    }

    /// The ids of a text, with the begin token if the model has one.
    ///
    /// # Errors
    /// The tokenizer's error; an id beyond the vocabulary.
    pub(crate) fn tokens(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids: Vec<u32> = self.begin.into_iter().collect();
        ids.extend(self.runner.ids(text)?);
        self.checked(ids)
    }

    /// The ids of a short text for an encoder, with the tokens that the model puts around it, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::tokens`].
    pub(crate) fn framed(&self, text: &str, limit: usize) -> Result<Vec<u32>> {
        self.checked(self.runner.framed_ids(text, limit)?)
    }

    fn checked(&self, ids: Vec<u32>) -> Result<Vec<u32>> {
        match ids.iter().find(|id| **id as usize >= self.tokens.len()) {
            Some(id) => {
                let what = format!("the tokenizer gives token {id}, but the vocabulary has {} tokens", self.size());
                Err(ModelError::bad(what))
            }
            None => Ok(ids),
        }
    }

    /// How the vocabulary of a model differs from another, as a clause; `None` if it does not.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let first = self.tokens.iter().zip(&other.tokens).position(|(a, b)| a != b);
        if let Some(id) = first {
            let (a, b) = (shown(&self.tokens[id]), shown(&other.tokens[id]));
            return Some(format!("token {id} is {a} in one and {b} in the other"));
        }
        (self.size() != other.size())
            .then(|| format!("the vocabularies have {} and {} tokens", self.size(), other.size()))
    }
}

fn shown(token: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(token).chars().take(SHOWN).collect();
    format!("{text:?}")
}

/// The metadata that the model has as a GGUF: its own, or what a conversion would write.
pub(super) fn gguf_metadata(model: &Model) -> Result<Cow<'_, Metadata>> {
    if model.metadata.contains_key("general.architecture") {
        return Ok(Cow::Borrowed(&model.metadata));
    }
    Ok(Cow::Owned(arch::to_gguf(model, &GgufOptions::default())?.model.metadata))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip;

    fn fixture(path: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
    }

    fn tokenizer(path: &Path) -> TextTokenizer {
        TextTokenizer::of(&arch::open(path).unwrap()).unwrap()
    }

    #[test]
    fn ids_are_those_of_the_trial_and_of_llama_cpp() {
        for name in ["tiny-llama", "tiny-llama3-pt", "tiny-mistral-sharded"] {
            let path = fixture(&format!("models/{name}"));
            let text = read_text(&fixture("golden/eval/eval.txt")).unwrap();
            let ids = tokenizer(&path).tokens(&text).unwrap();
            let trial = Runner::of(&arch::open(&path).unwrap()).unwrap().encode(&text).unwrap();
            let trial: Vec<u32> = trial.pieces.iter().filter(|p| !p.added).map(|p| p.id).collect();
            assert_eq!(ids[ids.len() - trial.len()..], trial, "{name}");
        }
        // 15 windows of 256 tokens in llama-perplexity (fixtures/golden/eval).
        let text = read_text(&fixture("golden/eval/eval.txt")).unwrap();
        let llama = tokenizer(&fixture("models/tiny-llama"));
        assert_eq!(llama.begin, None);
        assert_eq!(tokenizer(&fixture("models/tiny-mistral-sharded")).begin, Some(1));
        assert_eq!(llama.tokens(&text).unwrap().len() / 256, 15);
    }

    #[test]
    fn window_counts_are_those_of_llama_perplexity() {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
        let text = read_text(&fixture("golden/eval/eval.txt")).unwrap();
        let names = ["gemma3-c512", "gpt2", "llama", "mixtral", "qwen2", "qwen3", "qwen3moe-c128"];
        for name in names {
            let golden = shared.join(format!("golden/quality/perplexity/tiny-{name}.json"));
            let (model, context) = name.split_once("-c").unwrap_or((name, "256"));
            let folder = shared.join(format!("material/hf/tiny-{model}"));
            let Ok(json) = std::fs::read(&golden) else {
                skip::skipped(&format!("windows of tiny-{model}: ../shared has no {}", golden.display()));
                continue;
            };
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let windows = json["base"]["chunks"].as_array().unwrap().len();
            let ids = tokenizer(&folder).tokens(&text).unwrap();
            assert_eq!(ids.len() / context.parse::<usize>().unwrap(), windows, "{name}");
        }
    }

    #[test]
    fn control_tokens_in_a_text_are_text() {
        let mistral = tokenizer(&fixture("models/tiny-mistral-sharded"));
        let ids = mistral.tokens("<s>a</s>").unwrap();
        assert_eq!(ids.iter().filter(|id| **id <= 2).count(), 1, "{ids:?}");
    }

    #[test]
    fn what_is_not_a_text_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("data");
        for (bytes, wanted) in
            [(&b"\xff\xfe\x00"[..], "not UTF-8"), (b"", "empty"), (b"\n", "empty"), (b"a\0b", "zero bytes")]
        {
            std::fs::write(&file, bytes).unwrap();
            let e = read_text(&file).unwrap_err();
            assert!(e.to_string().contains(wanted) && e.hint().is_some(), "{e}");
        }
        std::fs::write(&file, "a\n\n").unwrap();
        assert_eq!(read_text(&file).unwrap(), "a\n");
        assert!(read_text(&dir.path().join("none")).is_err());
    }

    #[test]
    fn vocabularies_are_compared_token_by_token() {
        let (a, b) = (tokenizer(&fixture("models/tiny-llama")), tokenizer(&fixture("models/tiny-llama3-pt")));
        assert_eq!(a.difference(&a), None);
        let words = a.difference(&b).unwrap();
        assert_eq!(words, "token 0 is \"<|begin|>\" in one and \"<|endoftext|>\" in the other");
    }
}
