//! `tokenizer.json` of Hugging Face tokenizers, typed as far as remold needs it.

use super::MAX_VOCAB;
use crate::model::{ModelError, Result, python_json};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// A token matched in the text before the model sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct AddedToken {
    /// Its id; absent where the id is the key of the object (`added_tokens_decoder`).
    #[serde(default, deserialize_with = "optional_id")]
    pub id: u32,
    /// Its text.
    pub content: String,
    /// Matched as a whole word only.
    #[serde(default)]
    pub single_word: bool,
    /// Takes the white space before it.
    #[serde(default)]
    pub lstrip: bool,
    /// Takes the white space after it.
    #[serde(default)]
    pub rstrip: bool,
    /// Matched in the normalized text; without the field, whatever is not special is.
    #[serde(default)]
    pub normalized: Option<bool>,
    /// A control token.
    #[serde(default)]
    pub special: bool,
}

impl AddedToken {
    /// A plain added token: `special` ones are not normalized.
    pub(crate) fn new(id: u32, content: impl Into<String>, special: bool) -> Self {
        let (single_word, lstrip, rstrip) = (false, false, false);
        Self { id, content: content.into(), single_word, lstrip, rstrip, normalized: None, special }
    }

    /// True if it is matched in the normalized text.
    pub(crate) fn is_normalized(&self) -> bool {
        self.normalized.unwrap_or(!self.special)
    }
}

/// The `model` object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "RawModel")]
pub(crate) struct JsonModel {
    /// `BPE`, `WordPiece`, `Unigram`; old files leave it out.
    pub kind: Option<String>,
    /// Text and id of each entry, in the order of the file.
    pub vocab: Vec<(String, u32)>,
    /// Unigram: the log probability of each entry, in the order of the file. Empty for other kinds.
    pub scores: Vec<f64>,
    /// Unigram: the id of the token for what no other can spell.
    pub unk_id: Option<u32>,
    /// The merges, as pairs; `"a b"` strings are split at their one space.
    pub merges: Vec<(String, String)>,
    /// The token for what no other can spell.
    pub unk_token: Option<String>,
    /// WordPiece: what continues a word (`##`).
    pub continuing_subword_prefix: Option<String>,
    /// BPE: what ends a word.
    pub end_of_word_suffix: Option<String>,
    /// BPE: runs of unknown characters become one token.
    pub fuse_unk: Option<bool>,
    /// BPE and Unigram: unknown characters are spelled `<0xNN>`.
    pub byte_fallback: Option<bool>,
    /// BPE: words that are in the vocabulary are taken whole.
    pub ignore_merges: Option<bool>,
    /// WordPiece: longer words are unknown.
    pub max_input_chars_per_word: Option<u32>,
}

/// The `model` object as it is written. `vocab` gives both the entries and, for Unigram, their scores.
#[derive(Deserialize)]
struct RawModel {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    vocab: RawVocab,
    #[serde(default, deserialize_with = "merges")]
    merges: Vec<(String, String)>,
    #[serde(default)]
    unk_token: Option<String>,
    #[serde(default)]
    unk_id: Option<u32>,
    #[serde(default)]
    continuing_subword_prefix: Option<String>,
    #[serde(default)]
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: Option<bool>,
    #[serde(default)]
    byte_fallback: Option<bool>,
    #[serde(default)]
    ignore_merges: Option<bool>,
    #[serde(default)]
    max_input_chars_per_word: Option<u32>,
}

/// An object of texts and ids, or (Unigram) a list of texts and scores, whose ids are their places.
#[derive(Default)]
struct RawVocab {
    entries: Vec<(String, u32)>,
    /// `None` for an object.
    scores: Option<Vec<f64>>,
}

impl From<RawModel> for JsonModel {
    fn from(raw: RawModel) -> Self {
        // Files of early versions name no type; only Unigram has a list.
        let kind = raw.kind.or_else(|| raw.vocab.scores.as_ref().map(|_| "Unigram".to_owned()));
        Self {
            kind,
            vocab: raw.vocab.entries,
            scores: raw.vocab.scores.unwrap_or_default(),
            unk_id: raw.unk_id,
            merges: raw.merges,
            unk_token: raw.unk_token,
            continuing_subword_prefix: raw.continuing_subword_prefix,
            end_of_word_suffix: raw.end_of_word_suffix,
            fuse_unk: raw.fuse_unk,
            byte_fallback: raw.byte_fallback,
            ignore_merges: raw.ignore_merges,
            max_input_chars_per_word: raw.max_input_chars_per_word,
        }
    }
}

/// A parsed `tokenizer.json`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct TokenizerJson {
    /// Tokens outside the model, in the order of the file.
    #[serde(default)]
    pub added_tokens: Vec<AddedToken>,
    /// As in the file.
    #[serde(default)]
    pub normalizer: Value,
    /// As in the file.
    #[serde(default)]
    pub pre_tokenizer: Value,
    /// As in the file.
    #[serde(default)]
    pub post_processor: Value,
    /// As in the file.
    #[serde(default)]
    pub decoder: Value,
    /// The vocabulary.
    pub model: JsonModel,
}

impl TokenizerJson {
    /// Parses and checks a `tokenizer.json`.
    ///
    /// # Errors
    /// When it is not JSON of that form, an id is negative or huge, two tokens have the same id, or a merge names tokens that
    /// the vocabulary does not hold.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let json: Self =
            python_json::from_slice(bytes).map_err(|e| ModelError::bad(format!("not a tokenizer.json: {e}")))?;
        json.check()?;
        Ok(json)
    }

    /// Checks that ids are unique and merges are made of tokens.
    ///
    /// # Errors
    /// Naming the first token or merge at fault.
    pub(crate) fn check(&self) -> Result<()> {
        let mut by_id: HashMap<u32, &str> = HashMap::with_capacity(self.model.vocab.len());
        let mut texts: HashMap<&str, u32> = HashMap::with_capacity(self.model.vocab.len());
        for (text, id) in &self.model.vocab {
            if let Some(other) = by_id.insert(*id, text) {
                let what = format!("the tokens {other:?} and {text:?} have the same id {id}");
                return Err(ModelError::bad(what).field("model.vocab").with_hint(REMAKE));
            }
            if texts.insert(text, *id).is_some() {
                let error = ModelError::bad(format!("duplicate token {text:?}")).field("model.vocab");
                return Err(error.with_hint(REMAKE));
            }
        }
        for (i, token) in self.added_tokens.iter().enumerate() {
            let clash = by_id.get(&token.id).filter(|t| **t != token.content);
            if let Some(other) = clash {
                let what = format!("the token {:?} has the id {} of {other:?}", token.content, token.id);
                return Err(ModelError::bad(what).field(format!("added_tokens[{i}]")).with_hint(REMAKE));
            }
            by_id.insert(token.id, &token.content);
        }
        if let Some(id) = self.model.unk_id.filter(|id| *id as usize >= self.model.vocab.len()) {
            let what = format!("the id {id} of the unknown token is not in the vocabulary");
            return Err(ModelError::bad(what).field("model.unk_id").with_hint(REMAKE));
        }
        self.check_merges(&texts)
    }

    fn check_merges(&self, texts: &HashMap<&str, u32>) -> Result<()> {
        let prefix = self.model.continuing_subword_prefix.as_deref().unwrap_or("");
        let mut joined = String::new();
        for (i, (a, b)) in self.model.merges.iter().enumerate() {
            joined.clear();
            joined.push_str(a);
            joined.push_str(b.strip_prefix(prefix).unwrap_or(b));
            for part in [a, b, &joined] {
                if !texts.contains_key(part.as_str()) {
                    let what = format!(
                        "the merge of {a:?} and {b:?} needs the token {part:?}, which is not in the vocabulary"
                    );
                    return Err(ModelError::bad(what).field(format!("model.merges[{i}]")).with_hint(REMAKE));
                }
            }
        }
        Ok(())
    }
}

const REMAKE: &str =
    "The file is damaged or was edited by hand; save the tokenizer again with the library that made it.";

/// An id must be a number from 0 to [`MAX_VOCAB`].
fn id_in_range<E: de::Error>(id: i64) -> Result<u32, E> {
    if (0..MAX_VOCAB as i64).contains(&id) {
        Ok(id as u32)
    } else {
        Err(E::custom(format!("the token id {id} is not between 0 and {}", MAX_VOCAB - 1)))
    }
}

fn optional_id<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    id_in_range(i64::deserialize(d)?)
}

impl<'de> Deserialize<'de> for RawVocab {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = RawVocab;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawVocab, A::Error> {
                let mut entries: Vec<(String, u32)> = Vec::new();
                while let Some((text, id)) = map.next_entry::<String, i64>()? {
                    entries.push((text, id_in_range(id)?));
                }
                Ok(RawVocab { entries, scores: None })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawVocab, A::Error> {
                let (mut entries, mut scores) = (Vec::new(), Vec::new());
                while let Some((text, score)) = seq.next_element::<(String, f64)>()? {
                    entries.push((text, id_in_range(entries.len() as i64)?));
                    scores.push(score);
                }
                Ok(RawVocab { entries, scores: Some(scores) })
            }
        }
        d.deserialize_any(V)
    }
}

fn merges<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<(String, String)>, D::Error> {
    /// One merge; an untagged enum would copy each twice.
    struct Merge(String, String);
    impl<'de> Deserialize<'de> for Merge {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            struct M;
            impl<'de> Visitor<'de> for M {
                type Value = Merge;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a merge of two tokens")
                }

                fn visit_str<E: de::Error>(self, text: &str) -> Result<Merge, E> {
                    match text.split_once(' ') {
                        Some((a, b)) if !b.contains(' ') => Ok(Merge(a.to_owned(), b.to_owned())),
                        _ => Err(E::custom(format!("the merge {text:?} does not consist of two tokens"))),
                    }
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Merge, A::Error> {
                    let mut next = || seq.next_element::<String>();
                    match (next()?, next()?, next()?) {
                        (Some(a), Some(b), None) => Ok(Merge(a, b)),
                        _ => Err(de::Error::custom("a merge does not consist of two tokens")),
                    }
                }
            }
            d.deserialize_any(M)
        }
    }
    struct V;
    impl<'de> Visitor<'de> for V {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of merges")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut out = Vec::new();
            while let Some(Merge(a, b)) = seq.next_element()? {
                out.push((a, b));
            }
            Ok(out)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
    }
    d.deserialize_any(V)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = r#"{"added_tokens":[{"id":3,"content":"<s>","special":true}],
        "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}"#;

    #[test]
    fn both_forms_of_merges_are_read() {
        let old = TokenizerJson::parse(GOOD.as_bytes()).unwrap();
        let new = TokenizerJson::parse(GOOD.replace(r#"["a b"]"#, r#"[["a","b"]]"#).as_bytes()).unwrap();
        assert_eq!(old.model.merges, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(old.model.merges, new.model.merges);
        assert_eq!(old.added_tokens[0].id, 3);
    }

    #[test]
    fn broken_files_are_refused_with_the_place() {
        let cases = [
            ("same id 1", GOOD.replace(r#""ab":2"#, r#""ab":1"#)),
            ("not between 0", GOOD.replace(r#""ab":2"#, r#""ab":-2"#)),
            ("not between 0", GOOD.replace(r#""ab":2"#, r#""ab":99999999999"#)),
            ("has the id 2 of", GOOD.replace(r#""id":3"#, r#""id":2"#)),
            ("not between 0", GOOD.replace(r#""id":3"#, r#""id":-1"#)),
            ("needs the token \"c\"", GOOD.replace("a b", "a c")),
            ("not consist of two tokens", GOOD.replace("a b", "ab")),
            ("not consist of two tokens", GOOD.replace("a b", "a b a")),
            ("not consist of two tokens", GOOD.replace(r#""a b""#, r#"["a","b","a"]"#)),
            ("duplicate token", GOOD.replace(r#""b":1"#, r#""b":1,"b":5"#)),
            ("needs the token \"ba\"", GOOD.replace("a b", "b a")),
            ("missing field `model`", "{}".to_owned()),
            (
                "the id 2 of the unknown token",
                r#"{"model":{"type":"Unigram","unk_id":2,"vocab":[["a",0],["b",-1.5]]}}"#.to_owned(),
            ),
            ("not a tokenizer.json", "[".repeat(10_000)),
        ];
        for (want, text) in cases {
            let error = TokenizerJson::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(want), "{error:?} does not say {want:?}");
        }
    }

    #[test]
    fn a_unigram_vocabulary_keeps_its_scores() {
        let text = r#"{"model":{"unk_id":1,"vocab":[["▁a",-0.5],["<unk>",0]]}}"#;
        let model = TokenizerJson::parse(text.as_bytes()).unwrap().model;
        assert_eq!((model.kind.as_deref(), model.unk_id), (Some("Unigram"), Some(1)));
        assert_eq!(model.vocab, [("▁a".to_owned(), 0), ("<unk>".to_owned(), 1)]);
        assert_eq!(model.scores, [-0.5, 0.0]);
    }

    proptest! {
        #[test]
        fn any_flipped_byte_is_parsed_or_refused(at in 0usize..1000, byte in any::<u8>()) {
            let mut bytes = GOOD.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = TokenizerJson::parse(&bytes);
        }
    }
}
