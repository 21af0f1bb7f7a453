//! Runs a model's tokenizer on a text, to show the result.
//!
//! Folders are run from `tokenizer.json` (or what the library would make of `vocab.json`, `vocab.txt`, `tokenizer.model`);
//! GGUF from the files restored from its metadata. Only parts that [`pre`] hands to the `tokenizers` crate are
//! run: files are not trusted. Kinds that cannot be run are reported.

use super::files::Files;
use super::{base, pre, restore_sidecars, run_spm};
use crate::model::tokenizer::{AddedToken, TokenizerJson};
use crate::model::{Model, ModelError, Result, Sidecars};
use serde_json::Value;
use std::collections::HashMap;
use tokenizers::Tokenizer;
use tokenizers::decoders::DecoderWrapper;

/// One token of an encoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its id.
    pub id: u32,
    /// The part of the text it covers. If that is less than a character, its bytes (`<C3>`), and if it is empty, the token as in the
    /// vocabulary.
    pub text: String,
    /// Added by the model (begin, end), not from the text.
    pub added: bool,
}

/// The result of encoding a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The tokens in order.
    pub pieces: Vec<Piece>,
    /// The text of the tokens joined again.
    pub decoded: String,
}

/// A tokenizer that can be run.
pub(crate) struct Runner {
    tokenizer: Tokenizer,
    /// Ids of tokens outside the model, which the crate may renumber.
    added: HashMap<String, u32>,
    names: HashMap<u32, String>,
    before: Vec<u32>,
    after: Vec<u32>,
    /// Whether the letters of tokens represent bytes.
    byte_level: bool,
    /// Whether a decoder leaves the space that the normalizer put before a text.
    prefixed: bool,
    /// Where the tokenizer comes from, as text.
    pub source: &'static str,
    /// True if tokens can be joined to a text again.
    pub decodes: bool,
    /// What differs from the model's own tokenizer program.
    pub notes: Vec<String>,
}

impl Runner {
    /// The tokenizer of an opened model.
    ///
    /// # Errors
    /// When it has none, a broken one, or one of a kind that remold does not run.
    pub(crate) fn of(model: &Model) -> Result<Self> {
        let config = model.config().unwrap_or(Value::Null);
        let files = ["tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"];
        if let Some(source) = files.into_iter().find(|name| model.sidecars.has(name)) {
            return Self::of_files(&model.sidecars, &config, source);
        }
        let restored = restore_sidecars(&model.metadata).map_err(|e| e.with_hint(NOT_RUN))?;
        Self::of_files(&restored, &config, "tokenizer.ggml")
    }

    fn of_files(sidecars: &Sidecars, config: &Value, source: &'static str) -> Result<Self> {
        let files = Files::read(sidecars, config)?;
        let mut notes = Vec::new();
        let (json, ends) = match sidecars.read("tokenizer.model")? {
            Some(bytes) if files.tokenizer_json.is_none() => {
                let json = run_spm::tokenizer(&bytes, &files, &mut notes)?;
                let ends = run_spm::ends(&json, &files);
                (json, Some(ends))
            }
            _ => {
                let mut warnings = Vec::new();
                let json = files.tokenizer(&mut warnings)?;
                notes.extend(warnings.into_iter().map(|w| w.text));
                let ends = pre::specials(&json.post_processor);
                (json, ends)
            }
        };
        if ends.is_none() {
            notes.push(
                "tokens that the post-processor adds are not shown: it is of a kind that is not run here".to_owned(),
            );
        }
        let (before, after) = ends.unwrap_or_default();
        Self::assemble(&json, before, after, source, notes)
    }

    fn assemble(
        json: &TokenizerJson,
        before: Vec<u32>,
        after: Vec<u32>,
        source: &'static str,
        mut notes: Vec<String>,
    ) -> Result<Self> {
        let Some(mut tokenizer) = pre::assemble(json, None) else {
            let kind = json.model.kind.as_deref().unwrap_or("BPE");
            let what = format!("this {kind} tokenizer has parts that are not run here");
            return Err(ModelError::unsupported(what).in_file(std::path::Path::new(source)).with_hint(NOT_RUN));
        };
        let decoder = decoder(&json.decoder);
        let decodes = decoder.is_some();
        match decoder {
            Some(decoder) => {
                tokenizer.with_decoder(Some(decoder));
            }
            None => notes.push("this kind of decoder is not supported; the round trip is not checked".to_owned()),
        }
        let added: HashMap<String, u32> = json.added_tokens.iter().map(|t| (t.content.clone(), t.id)).collect();
        let wanted = |id: &u32| before.contains(id) || after.contains(id);
        let of_model = json.model.vocab.iter().filter(|(_, id)| wanted(id)).map(|(t, id)| (*id, t.clone()));
        let of_added = json.added_tokens.iter().map(|t: &AddedToken| (t.id, t.content.clone()));
        let names = of_model.chain(of_added).collect();
        let prefixed = json.pre_tokenizer["add_prefix_space"] == true;
        let byte_level = base::is_byte_level(&json.decoder);
        Ok(Self { tokenizer, added, names, before, after, byte_level, prefixed, source, decodes, notes })
    }

    /// Encodes a text, with the tokens that the model puts around it.
    ///
    /// # Errors
    /// The tokenizer's error.
    pub(crate) fn encode(&self, text: &str) -> Result<Encoded> {
        let broken = |e: tokenizers::Error| ModelError::bad(format!("the tokenizer cannot encode this: {e}"));
        let encoding = self.tokenizer.encode(text, false).map_err(broken)?;
        let (tokens, ids, offsets) = (encoding.get_tokens(), encoding.get_ids(), encoding.get_offsets());
        let mut pieces: Vec<Piece> = self.before.iter().map(|id| self.mark(*id)).collect();
        for (i, (token, id)) in tokens.iter().zip(ids).enumerate() {
            let (from, to) = offsets[i];
            // Several tokens for one character have the same offsets.
            let alone = [i.checked_sub(1), Some(i + 1)]
                .into_iter()
                .flatten()
                .all(|n| offsets.get(n).is_none_or(|o| *o != (from, to)));
            let part = text.get(from..to).filter(|part| alone && !part.is_empty());
            let id = self.added.get(token).copied().unwrap_or(*id);
            let text = part.map_or_else(|| self.said(token), str::to_owned);
            pieces.push(Piece { id, text, added: false });
        }
        pieces.extend(self.after.iter().map(|id| self.mark(*id)));
        let mut decoded = self.tokenizer.decode(ids, false).map_err(broken)?;
        if self.prefixed && !text.starts_with(' ') && decoded.starts_with(' ') {
            decoded.remove(0);
        }
        Ok(Encoded { pieces, decoded })
    }

    /// The same tokenizer, which takes the text of a control token (`<s>`) as text, as llama.cpp's tools do with files.
    #[must_use]
    pub(crate) fn without_control_tokens(mut self) -> Self {
        self.tokenizer.set_encode_special_tokens(true);
        self
    }

    /// As [`Self::ids`], where the texts of control tokens are those tokens.
    ///
    /// # Errors
    /// The tokenizer's error.
    pub(crate) fn ids_with_control_tokens(&self, text: &str) -> Result<Vec<u32>> {
        let mut other = self.tokenizer.clone();
        other.set_encode_special_tokens(false);
        let broken = |e: tokenizers::Error| ModelError::bad(format!("the tokenizer cannot encode this: {e}"));
        let encoding = other.encode_fast(text, false).map_err(broken)?;
        let ids = encoding.get_tokens().iter().zip(encoding.get_ids());
        Ok(ids.map(|(token, id)| self.added.get(token).copied().unwrap_or(*id)).collect())
    }

    /// The text of some tokens; empty where the decoder cannot be run.
    pub(crate) fn decode(&self, ids: &[u32]) -> String {
        self.tokenizer.decode(ids, false).unwrap_or_default()
    }

    /// The ids of a text's tokens, without those that the model puts around it: for long texts, since nothing else is made of them.
    ///
    /// # Errors
    /// The tokenizer's error.
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let broken = |e: tokenizers::Error| ModelError::bad(format!("the tokenizer cannot encode this: {e}"));
        let encoding = self.tokenizer.encode_fast(text, false).map_err(broken)?;
        let renumbered: HashMap<u32, u32> = self
            .added
            .iter()
            .filter_map(|(token, id)| Some((self.tokenizer.token_to_id(token)?, *id)))
            .filter(|(crates, own)| crates != own)
            .collect();
        Ok(encoding.get_ids().iter().map(|id| renumbered.get(id).copied().unwrap_or(*id)).collect())
    }

    /// The ids of a text with the tokens that the model puts around it, cut to at most `limit` tokens; the last ones are those that
    /// the model puts at the end.
    ///
    /// # Errors
    /// The tokenizer's error.
    pub(crate) fn framed_ids(&self, text: &str, limit: usize) -> Result<Vec<u32>> {
        let room = limit.saturating_sub(self.before.len() + self.after.len());
        let mut ids = self.before.clone();
        ids.extend(self.ids(text)?.into_iter().take(room));
        ids.extend(&self.after);
        Ok(ids)
    }

    /// A token of the vocabulary as readable text.
    fn said(&self, token: &str) -> String {
        match base::letters(token).filter(|_| self.byte_level) {
            Some(bytes) => readable(&bytes),
            // A byte that a SentencePiece vocabulary falls back to.
            None => match token.strip_prefix("<0x").and_then(|t| t.strip_suffix('>')) {
                Some(hex) if hex.len() == 2 => format!("<{hex}>"),
                _ => token.to_owned(),
            },
        }
    }

    fn mark(&self, id: u32) -> Piece {
        let text = self.names.get(&id).cloned().unwrap_or_else(|| format!("#{id}"));
        Piece { id, text, added: true }
    }
}

/// Bytes as text; those that are not a whole character as `<C3>`.
fn readable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("<{byte:02X}>"));
        }
    }
    out
}

const NOT_RUN: &str =
    "BPE, WordPiece, Unigram and SentencePiece BPE vocabularies are run; for others try the model's own program.";

/// A decoder of parts that only join, replace and strip.
fn decoder(json: &Value) -> Option<DecoderWrapper> {
    let single = std::slice::from_ref(json);
    let steps = if json["type"] == "Sequence" { json["decoders"].as_array()?.as_slice() } else { single };
    let tame = |s: &Value| {
        matches!(s["type"].as_str(), Some("ByteLevel" | "WordPiece" | "Metaspace" | "ByteFallback" | "Fuse" | "Strip"))
            || (s["type"] == "Replace" && s["pattern"]["String"].is_string())
    };
    (steps.len() <= 16 && steps.iter().all(tame)).then(|| serde_json::from_value(json.clone()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{GgufOptions, to_gguf};
    use crate::model::tokenizer::{Piece as SentencePiece, PieceType, SentencePieceModel};
    use std::path::Path;

    const TEXTS: [&str; 5] = [
        "The capital of Norway is Oslo.",
        "  two  spaces, don't 12345 !?\n\tnext",
        "Blåbærsyltetøy 漢字 🦊",
        "<s>bound</s> [SEP] <|eot_id|>",
        "",
    ];

    fn ids(runner: &Runner, text: &str) -> Vec<u32> {
        runner.encode(text).unwrap().pieces.iter().map(|p| p.id).collect()
    }

    #[test]
    fn what_is_less_than_a_character_is_told_as_bytes() {
        assert_eq!(readable("ü🦊".as_bytes()), "ü🦊");
        assert_eq!(readable(b"\xc3"), "<C3>");
        assert_eq!(readable(b" a\xe6\xbc"), " a<E6><BC>");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models");
        for name in ["tiny-llama", "tiny-llama3-pt"] {
            let model = crate::formats::open(&root.join(name)).unwrap();
            let told = Runner::of(&model).unwrap().encode("漢🦊").unwrap();
            let text: String = told.pieces.iter().filter(|p| !p.added).map(|p| p.text.as_str()).collect();
            let odd = text.chars().any(|c| ('\u{80}'..'\u{180}').contains(&c));
            assert!(text.contains("<E6>") && text.contains("<F0>") && !odd, "{name}: {text}");
        }
    }

    #[test]
    fn unigram_tokenizers_are_run() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tokenizers/xlm-roberta");
        let files = ["tokenizer.json", "tokenizer_config.json"];
        let files = files.map(|f| (f.to_owned(), crate::model::Sidecar::File(folder.join(f))));
        let sidecars = Sidecars(files.into_iter().collect());
        let runner = Runner::of_files(&sidecars, &Value::Null, "tokenizer.json").unwrap();
        assert_eq!(runner.notes, Vec::<String>::new());
        let oracle = Tokenizer::from_file(folder.join("tokenizer.json")).unwrap();
        for text in TEXTS {
            let wanted = oracle.encode(text, true).unwrap();
            assert_eq!(ids(&runner, text), wanted.get_ids(), "{text:?}");
        }
        let encoded = runner.encode(TEXTS[0]).unwrap();
        assert_eq!(encoded.decoded, TEXTS[0]);
        assert_eq!(encoded.pieces[0].text, "<s>");

        // The same as a SentencePiece model, which does not say which tokens surround a text.
        let json = TokenizerJson::parse(&sidecars.read("tokenizer.json").unwrap().unwrap()).unwrap();
        let kind = |id| match id {
            3 => PieceType::Unknown,
            0..3 | 1501 => PieceType::Control,
            _ => PieceType::Normal,
        };
        let pieces = json.model.vocab.iter().zip(&json.model.scores).map(|((text, id), score)| SentencePiece {
            text: text.as_bytes().to_vec(),
            score: *score as f32,
            kind: kind(*id),
        });
        let rules = json.normalizer["normalizers"][0]["precompiled_charsmap"].as_str().unwrap();
        let model = SentencePieceModel {
            pieces: pieces.collect(),
            precompiled_charsmap: crate::model::tokenizer::charsmap::from_base64(rules).unwrap(),
            special_ids: [3, 0, 2, 1],
            ..SentencePieceModel::default()
        };
        let files = [("tokenizer.model".to_owned(), crate::model::Sidecar::Bytes(model.to_bytes()))];
        let same = Runner::of_files(&Sidecars(files.into_iter().collect()), &Value::Null, "tokenizer.model").unwrap();
        for text in TEXTS {
            let wanted = oracle.encode(text, false).unwrap();
            assert_eq!(ids(&same, text)[1..], *wanted.get_ids(), "{text:?}");
        }
        assert_eq!(encoded.pieces.last().unwrap().text, "</s>");
    }

    #[test]
    fn a_folder_and_its_gguf_give_the_same_ids() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models");
        for name in ["tiny-llama", "tiny-llama3-pt", "mini-bert", "tiny-mistral-sharded"] {
            let model = crate::formats::open(&root.join(name)).unwrap();
            let folder = Runner::of(&model).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut gguf = model.clone();
            gguf.metadata = to_gguf(&model, &GgufOptions::default()).unwrap().model.metadata;
            gguf.sidecars = Sidecars::default();
            let back = Runner::of(&gguf).unwrap_or_else(|e| panic!("{name} as gguf: {e}"));
            for text in TEXTS {
                assert_eq!(ids(&folder, text), ids(&back, text), "{name}: {text:?}");
            }
            let encoded = folder.encode(TEXTS[0]).unwrap();
            let wanted = if name == "mini-bert" { TEXTS[0].to_lowercase() } else { TEXTS[0].to_owned() };
            assert_eq!(encoded.decoded, wanted, "{name}");
            let said: String = encoded.pieces.iter().filter(|p| !p.added).map(|p| p.text.as_str()).collect();
            assert_eq!(said.replace(' ', ""), TEXTS[0].replace(' ', ""), "{name}");
        }
    }
}
