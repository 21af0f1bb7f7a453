//! Vocabularies of ggml's files from before GGUF: texts by id, sometimes scores, never kinds.
//!
//! Special tokens are known by their place (SentencePiece) or their text. Merges of byte-level BPE are not stored: ids are in the order of
//! the merges, so each token is split with the merges before it, and the two parts that are left are its own. A vocabulary that is not in
//! that order gets a warning. Source: `add_vocab_to_gguf` in llama.cpp's `convert_llama_ggml_to_gguf.py`.

use super::base::{letter_of, letters_of};
use super::key;
use super::request::Entries;
use super::tokens::{PADDING_SCORE, Tokens, kind, looks_special, padding_text};
use crate::model::tokenizer::MAX_VOCAB;
use crate::model::{MetaValue, ModelError, Result, Warning};
use std::collections::HashMap;

/// A vocabulary as a file stores it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub tokens: &'a [Vec<u8>],
    pub scores: Option<&'a [f32]>,
    /// Both parts of each merge, one after the other.
    pub merges: Option<&'a [Vec<u8>]>,
    /// How many ids there are; the last ones may have no text.
    pub size: u64,
}

/// What kind of vocabulary it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// LLaMA's: an unknown token, begin, end, 256 bytes, then pieces in the order of their merges.
    SentencePiece,
    /// Byte-level BPE, the bytes of each token; GGUF's name of the pre-tokenizer.
    Bytes(&'static str),
    /// The same, each byte as the UTF-8 of the code point with its number.
    CodePoints(&'static str),
    /// BERT's.
    WordPiece,
}

/// Ids of LLaMA's vocabulary before the pieces.
const FIRST_BYTE: usize = 3;
const FIRST_PIECE: usize = 259;

/// What the first converters wrote for a byte that is not text.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Longest token that is split into merges; longer ones are runs of spaces and lines.
const LONGEST: usize = 128;

/// Pairs that are looked up at most to find merges. The largest vocabularies need a few million.
const MOST_LOOKUPS: u64 = 200_000_000;

/// The metadata of a vocabulary, in the converter's order.
///
/// # Errors
/// More ids than a vocabulary can have.
pub(crate) fn metadata(
    stored: &Stored<'_>,
    kind: Kind,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<(String, MetaValue)>> {
    let size = usize::try_from(stored.size).unwrap_or(usize::MAX).max(stored.tokens.len());
    if size > MAX_VOCAB {
        return Err(ModelError::limit(format!("{size} tokens are more than the {MAX_VOCAB} allowed")).field("n_vocab"));
    }
    let mut entries = Entries::default();
    if !stored.tokens.is_empty() {
        match kind {
            Kind::SentencePiece => sentencepiece(stored, size, warnings).write("llama", "default", true, &mut entries),
            Kind::Bytes(pre) => byte_level(stored, size, pre, stored.tokens, &mut entries, warnings),
            Kind::CodePoints(pre) => {
                let tokens: Vec<Vec<u8>> = stored.tokens.iter().map(|t| from_code_points(t)).collect();
                byte_level(stored, size, pre, &tokens, &mut entries, warnings);
            }
            Kind::WordPiece => wordpiece(stored, size, &mut entries),
        }
        if kind == Kind::SentencePiece {
            for (role, id) in [("bos", 1u32), ("eos", 2), ("unk", 0)] {
                if let Some(key) = key::token_id(role).filter(|_| size > FIRST_BYTE) {
                    entries.set(key, id);
                }
            }
        }
    }
    Ok(entries.0.into_iter().collect())
}

fn sentencepiece(stored: &Stored<'_>, size: usize, warnings: &mut Vec<Warning>) -> Tokens {
    let mut tokens = Tokens::padding(size);
    let scores = stored.scores.filter(|s| s.iter().any(|x| *x != 0.0));
    if scores.is_none() {
        let text = "the file has no scores of tokens: they are set by the order of the tokens, which is that of the merges in LLaMA's vocabulary";
        warnings.push(Warning::new("ggml.scores", text));
    }
    for (id, text) in stored.tokens.iter().enumerate() {
        let score = match scores {
            Some(scores) => scores.get(id).copied().unwrap_or(0.0),
            None => -(id.saturating_sub(FIRST_PIECE) as f32),
        };
        let byte = |b: u8| format!("<0x{b:02X}>");
        match id {
            0 => tokens.set(id, "<unk>", kind::UNKNOWN, score),
            1 => tokens.set(id, "<s>", kind::CONTROL, score),
            2 => tokens.set(id, "</s>", kind::CONTROL, score),
            _ if text.is_empty() => tokens.set(id, padding_text(id), kind::UNUSED, PADDING_SCORE),
            FIRST_BYTE..FIRST_PIECE if text.len() == 1 => tokens.set(id, byte(text[0]), kind::BYTE, score),
            FIRST_BYTE..FIRST_PIECE if text == REPLACEMENT => {
                tokens.set(id, byte((id - FIRST_BYTE) as u8), kind::BYTE, score);
            }
            _ => tokens.set(id, replaced(text), kind::NORMAL, score),
        }
    }
    tokens
}

/// A piece with the letter for a space.
fn replaced(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    for &b in text {
        if b == b' ' { out.extend("▁".as_bytes()) } else { out.push(b) }
    }
    out
}

/// The bytes that code points below 256 stand for; other texts stay as they are.
fn from_code_points(text: &[u8]) -> Vec<u8> {
    let bytes =
        std::str::from_utf8(text).ok().and_then(|t| t.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect());
    bytes.unwrap_or_else(|| text.to_vec())
}

fn byte_level(
    stored: &Stored<'_>,
    size: usize,
    pre: &str,
    texts: &[Vec<u8>],
    entries: &mut Entries,
    warnings: &mut Vec<Warning>,
) {
    let mut tokens = Tokens::padding(size);
    let texts = with_lost_bytes(texts);
    let mut lost = 0;
    let mut seen = HashMap::new();
    for (id, text) in texts.iter().enumerate() {
        let new = seen.insert(text.as_slice(), id).is_none();
        if text.is_empty() || text.windows(3).any(|w| w == REPLACEMENT) || !new {
            lost += 1;
            continue;
        }
        let special = std::str::from_utf8(text).is_ok_and(|t| looks_special(t) || t == "<|endoftext|>");
        let kind = if special { kind::CONTROL } else { kind::NORMAL };
        tokens.set(id, letters_of(text), kind, 0.0);
    }
    if lost > 0 {
        let text = format!(
            "the converter of the file lost the bytes of {lost} tokens that are no text by themselves; they are unused tokens now"
        );
        warnings.push(Warning::new("ggml.lost-tokens", text));
    }
    let end = texts.iter().position(|t| t == b"<|endoftext|>").and_then(|id| u32::try_from(id).ok());
    let merges = match stored.merges {
        Some(pairs) => pairs.as_chunks::<2>().0.iter().map(|[a, b]| merge(a, b)).collect(),
        None => found_merges(&texts, &tokens, warnings),
    };
    tokens.write("gpt2", pre, false, entries);
    entries.set(key::MERGES, crate::model::MetaArray::Str(merges));
    for role in ["bos", "eos"] {
        if let (Some(key), Some(id)) = (key::token_id(role), end) {
            entries.set(key, id);
        }
    }
}

/// Fills in single bytes that the converter replaced: byte-level BPE has them in the order of their letters, beginning with `!`.
fn with_lost_bytes(texts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut texts = texts.to_vec();
    let first = texts.windows(2).position(|w| w[0] == b"!" && w[1] == b"\"");
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.sort_by_key(|b| letter_of(*b));
    for (text, byte) in texts.iter_mut().skip(first.unwrap_or(usize::MAX)).zip(bytes) {
        if text == REPLACEMENT {
            *text = vec![byte];
        }
    }
    texts
}

fn merge(a: &[u8], b: &[u8]) -> Vec<u8> {
    format!("{} {}", letters_of(a), letters_of(b)).into_bytes()
}

/// The merges of a vocabulary in their order.
fn found_merges(texts: &[Vec<u8>], tokens: &Tokens, warnings: &mut Vec<Warning>) -> Vec<Vec<u8>> {
    let mut ranks: HashMap<(&[u8], &[u8]), usize> = HashMap::new();
    let (mut merges, mut lookups, mut without) = (Vec::new(), 0u64, 0);
    for (id, text) in texts.iter().enumerate().filter(|(id, t)| tokens.kinds[*id] == kind::NORMAL && t.len() > 1) {
        // The ends of the parts that the merges so far leave.
        let mut ends: Vec<usize> = (1..=text.len()).collect();
        let whole = text.len() <= LONGEST && lookups < MOST_LOOKUPS;
        while whole && ends.len() > 2 {
            let start = |i: usize| if i == 0 { 0 } else { ends[i - 1] };
            lookups += ends.len() as u64;
            let pairs = (0..ends.len() - 1).filter_map(|i| {
                let rank = ranks.get(&(&text[start(i)..ends[i]], &text[ends[i]..ends[i + 1]]))?;
                Some((*rank, i))
            });
            let Some((_, i)) = pairs.min() else { break };
            ends.remove(i);
        }
        if ends.len() != 2 {
            without += 1;
            continue;
        }
        let (a, b) = text.split_at(ends[0]);
        if ranks.insert((a, b), id).is_none() {
            merges.push(merge(a, b));
        }
    }
    if without > 0 {
        let text = format!(
            "no merge was found for {without} tokens: the file does not store merges, and these tokens do not follow from those before \
             them; texts may be split in another way than by the original tokenizer"
        );
        warnings.push(Warning::new("ggml.merges", text));
    }
    merges
}

fn wordpiece(stored: &Stored<'_>, size: usize, entries: &mut Entries) {
    entries.set(key::TOKEN_TYPE_COUNT, 2u32);
    let mut tokens = Tokens::padding(size);
    let mut ids = Vec::new();
    for (id, text) in stored.tokens.iter().enumerate() {
        let role = match text.as_slice() {
            b"[UNK]" => Some("unk"),
            b"[SEP]" => Some("sep"),
            b"[PAD]" => Some("pad"),
            b"[CLS]" => Some("bos"),
            b"[MASK]" => Some("mask"),
            _ => None,
        };
        if let Some(role) = role {
            ids.extend(key::token_id(role).zip(u32::try_from(id).ok()));
            tokens.set(id, text.clone(), kind::CONTROL, 0.0);
        } else {
            let piece = match text.strip_prefix(b"##") {
                Some(rest) => rest.to_vec(),
                None => ["▁".as_bytes(), text.as_slice()].concat(),
            };
            tokens.set(id, piece, kind::NORMAL, 0.0);
        }
    }
    // The tokens do not say whether texts were brought to lower case, which nearly all models of this kind do.
    tokens.write("bert", "jina-v2-en", false, entries);
    ids.into_iter().for_each(|(key, id)| entries.set(key, id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MetaArray, Metadata};

    fn made(tokens: &[&[u8]], scores: Option<&[f32]>, kind: Kind) -> (Metadata, Vec<Warning>) {
        let tokens: Vec<Vec<u8>> = tokens.iter().map(|t| t.to_vec()).collect();
        let stored = Stored { tokens: &tokens, scores, merges: None, size: 0 };
        let mut warnings = Vec::new();
        let md = metadata(&stored, kind, &mut warnings).unwrap().into_iter().collect();
        (md, warnings)
    }

    fn texts(md: &Metadata, key: &str) -> Vec<String> {
        let MetaValue::Array(MetaArray::Str(texts)) = &md[key] else { panic!("{key}") };
        texts.iter().map(|t| String::from_utf8(t.clone()).unwrap()).collect()
    }

    #[test]
    fn bytes_of_llama_are_known_by_their_place() {
        let mut tokens: Vec<Vec<u8>> = vec![b" ? ".to_vec(), vec![], vec![]];
        tokens.extend((0..=255u8).map(|b| if b < 128 { vec![b] } else { REPLACEMENT.to_vec() }));
        tokens.extend([b" t".to_vec(), b"in".to_vec(), vec![]]);
        let refs: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
        let (md, warnings) = made(&refs, None, Kind::SentencePiece);
        let got = texts(&md, key::TOKENS);
        assert_eq!(
            [&got[0], &got[3], &got[258], &got[259], &got[261]],
            ["<unk>", "<0x00>", "<0xFF>", "▁t", "[PAD261]"]
        );
        let MetaValue::Array(MetaArray::F32(scores)) = &md[key::SCORES] else { panic!() };
        assert_eq!(scores[258..261], [0.0, 0.0, -1.0]);
        assert_eq!(warnings.len(), 1);
        assert_eq!(md["tokenizer.ggml.eos_token_id"], MetaValue::U32(2));
    }

    #[test]
    fn merges_follow_from_the_order_of_tokens() {
        let tokens: [&[u8]; 9] = [b"a", b"b", b" ", b"ab", b" ab", b"abab", b"bbb", b"<|endoftext|>", b"bb"];
        let (md, warnings) = made(&tokens, None, Kind::Bytes("gpt-2"));
        assert_eq!(texts(&md, key::MERGES), ["a b", "Ġ ab", "ab ab", "b b"]);
        assert_eq!(texts(&md, key::TOKENS)[4], "Ġab");
        // `bbb` comes before the merge that it needs.
        assert!(warnings.iter().any(|w| w.code == "ggml.merges" && w.text.contains("for 1 tokens")), "{warnings:?}");
        assert_eq!(md["tokenizer.ggml.eos_token_id"], MetaValue::U32(7));
    }

    #[test]
    fn code_points_and_lost_bytes_become_bytes() {
        assert_eq!(from_code_points("aÿ".as_bytes()), [b'a', 0xff]);
        assert_eq!(from_code_points("€".as_bytes()), "€".as_bytes());
        let mut tokens: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![b]).collect();
        tokens.sort_by_key(|t| letter_of(t[0]));
        let whole = tokens.clone();
        tokens.iter_mut().filter(|t| t[0] >= 128).for_each(|t| *t = REPLACEMENT.to_vec());
        assert_eq!(with_lost_bytes(&tokens), whole);
    }

    #[test]
    fn wordpieces_get_the_mark_of_a_word() {
        let tokens: [&[u8]; 4] = [b"[PAD]", b"[CLS]", b"cook", b"##av"];
        let (md, _) = made(&tokens, None, Kind::WordPiece);
        assert_eq!(texts(&md, key::TOKENS), ["[PAD]", "[CLS]", "▁cook", "av"]);
        assert_eq!(md["tokenizer.ggml.bos_token_id"], MetaValue::U32(1));
    }
}
