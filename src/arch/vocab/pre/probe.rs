//! What a pre-tokenizer does to texts, found by running it (with the `tokenizers` crate).
//!
//! Files are not trusted: only components that can neither panic nor make a text much longer are handed to the crate.

use super::hashes::CHECK_TEXT;
use super::table::KNOWN;
use crate::model::tokenizer::charsmap;
use crate::model::tokenizer::{JsonModel, TokenizerJson};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::tokenizer::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Tokenizer,
};

/// No pre-tokenizer in use has more steps.
pub(super) const MAX_STEPS: usize = 32;

/// Texts on which any two of the known pre-tokenizers differ: contractions in both cases, digit runs, marks with letters,
/// line ends after spaces and marks, scripts with combining marks, CJK with kana and hangul, long runs of spaces.
const PROBES: &[&str] = &[
    CHECK_TEXT,
    "don't DON'T We'Ll i'D x's 'S'a Türkiye'nin they'RE' x'sabc 'tis rock'N'roll",
    "1 12 123 1234 12345 1234567 x1 x12y a  123   4 ½ ٣٤٥ Ⅳ² 12,345.678",
    "#include <a.h>\nfoo(bar)[baz]: $x=@y/z.w\n\n  \n\t\t x\r\n\r\ny  \r\n/end/\n//\n",
    "ไทย हिन्दी बंगाली e\u{301}te\u{301} Ä\u{308} नमस्ते",
    "漢字かなカナ한국어ㄱ，。！？「」…—“”‘’ﬁ ０１２ Ωmega Жук ǅ",
    "HTTPServer camelCase XMLHttpRequest2 ABCdef'S iPhone",
    "a                                                                                   b  \n   c     ",
    "!!!\n...\n\n?? !! $$$ ^^ ++ == ~~ `` || <=> x+y=z a|b ",
];

/// SHA-256 of the ids of the check text as a Python list; `None` if the file cannot be run safely or at all.
pub(super) fn check_hash(json: &TokenizerJson) -> Option<String> {
    let tokenizer = build(json)?;
    let encoding = tokenizer.encode_fast(CHECK_TEXT, false).ok()?;
    let (before, after) = specials(&json.post_processor)?;
    let ids = before.iter().chain(encoding.get_ids()).chain(&after);
    let mut text = String::from("[");
    for (i, id) in ids.enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        text.push_str(&id.to_string());
    }
    text.push(']');
    Some(Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect())
}

/// Every run of characters in the pieces that the check text is cut into: no other token or merge can affect it, and leaving
/// the others out makes a vocabulary of 128 k tokens ten times cheaper to try. `None` if that is not certain (an added token
/// is in the text and cuts it before the pre-tokenizer does).
fn reach(json: &TokenizerJson) -> Option<HashSet<String>> {
    let mut text = NormalizedString::from(CHECK_TEXT);
    if !json.normalizer.is_null() {
        let normalizer: NormalizerWrapper = serde_json::from_value(json.normalizer.clone()).ok()?;
        normalizer.normalize(&mut text).ok()?;
    }
    let cuts_text = |t: &str| CHECK_TEXT.contains(t) || text.get().contains(t);
    if json.added_tokens.iter().any(|t| cuts_text(&t.content)) {
        return None;
    }
    let mut pieces = PreTokenizedString::from(text);
    if !json.pre_tokenizer.is_null() {
        pre_tokenizer(&json.pre_tokenizer)?.pre_tokenize(&mut pieces).ok()?;
    }
    let suffix = json.model.end_of_word_suffix.as_deref().unwrap_or("");
    let mut runs = HashSet::new();
    for (piece, _, _) in pieces.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
        let piece = format!("{piece}{suffix}");
        let ends: Vec<usize> = piece.char_indices().map(|(i, _)| i).chain([piece.len()]).collect();
        for (n, from) in ends.iter().enumerate() {
            runs.extend(ends[n + 1..].iter().map(|to| piece[*from..*to].to_owned()));
        }
    }
    Some(runs)
}

fn build(json: &TokenizerJson) -> Option<Tokenizer> {
    let is_bpe = json.model.kind.as_deref().is_none_or(|k| k == "BPE");
    let normalizer_is_tame = json.normalizer.is_null() || is_tame(&json.normalizer, &mut 0);
    let reach = if is_bpe && normalizer_is_tame { reach(json) } else { None };
    assemble(json, reach.as_ref())
}

/// The tokenizer without post-processor and decoder, with the tokens and merges in `reach` or with all. `None` if a part is
/// not run here.
pub(in crate::arch::vocab) fn assemble(json: &TokenizerJson, reach: Option<&HashSet<String>>) -> Option<Tokenizer> {
    let model = &json.model;
    let wanted = |token: &str| {
        reach.is_none_or(|r| r.contains(token)) || token.starts_with("<0x") || model.unk_token.as_deref() == Some(token)
    };
    let vocab: Vocab = model.vocab.iter().filter(|(token, _)| wanted(token)).cloned().collect();
    let mut tokenizer = match model.kind.as_deref() {
        Some("WordPiece") => word_piece(model, vocab)?,
        Some("BPE") | None => byte_pairs(model, vocab, reach)?,
        Some("Unigram") => unigram(model)?,
        _ => return None,
    };
    if !json.normalizer.is_null() {
        let mut growth = 0;
        if !is_tame(&json.normalizer, &mut growth) {
            return None;
        }
        let normalizer: NormalizerWrapper = serde_json::from_value(json.normalizer.clone()).ok()?;
        tokenizer.with_normalizer(Some(normalizer)).ok()?;
    }
    if !json.pre_tokenizer.is_null() {
        tokenizer.with_pre_tokenizer(Some(pre_tokenizer(&json.pre_tokenizer)?));
    }
    let added: Vec<tokenizers::AddedToken> = json
        .added_tokens
        .iter()
        .map(|t| {
            tokenizers::AddedToken::from(t.content.clone(), t.special)
                .normalized(t.is_normalized())
                .lstrip(t.lstrip)
                .rstrip(t.rstrip)
                .single_word(t.single_word)
        })
        .collect();
    tokenizer.add_tokens(added).ok()?;
    Some(tokenizer)
}

fn word_piece(model: &JsonModel, vocab: Vocab) -> Option<Tokenizer> {
    let prefix = model.continuing_subword_prefix.clone().unwrap_or_else(|| "##".to_owned());
    let built = WordPiece::builder()
        .vocab(vocab)
        .unk_token(model.unk_token.clone()?)
        .continuing_subword_prefix(prefix)
        .max_input_chars_per_word(model.max_input_chars_per_word.unwrap_or(100) as usize)
        .build();
    Some(Tokenizer::new(built.ok()?))
}

fn byte_pairs(model: &JsonModel, vocab: Vocab, reach: Option<&HashSet<String>>) -> Option<Tokenizer> {
    // The crate slices the second half of a merge by the length of the prefix without checking.
    if model.continuing_subword_prefix.as_deref().is_some_and(|p| !p.is_empty()) {
        return None;
    }
    let mut both = String::new();
    let mut possible = |(left, right): &&(String, String)| {
        both.clear();
        both.extend([left.as_str(), right.as_str()]);
        reach.is_none_or(|r| r.contains(both.as_str()))
    };
    let merges = model.merges.iter().filter(|m| possible(m)).cloned().collect::<Vec<_>>();
    let mut builder = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .fuse_unk(model.fuse_unk.unwrap_or(false))
        .byte_fallback(model.byte_fallback.unwrap_or(false))
        .ignore_merges(model.ignore_merges.unwrap_or(false));
    if let Some(unk) = &model.unk_token {
        builder = builder.unk_token(unk.clone());
    }
    if let Some(suffix) = &model.end_of_word_suffix {
        builder = builder.end_of_word_suffix(suffix.clone());
    }
    Some(Tokenizer::new(builder.build().ok()?))
}

fn unigram(model: &JsonModel) -> Option<Tokenizer> {
    // The crate fails at the first character that no token spells if there is no unknown token.
    let unknown = Some(model.unk_id? as usize);
    if model.scores.iter().any(|score| !score.is_finite()) {
        return None;
    }
    let scores = model.scores.iter().copied();
    let vocab = model.vocab.iter().map(|(text, _)| text.clone()).zip(scores).collect();
    Some(Tokenizer::new(Unigram::from(vocab, unknown, model.byte_fallback.unwrap_or(false)).ok()?))
}

/// True for normalizers that cannot make a text much longer and read no data of their own.
fn is_tame(normalizer: &Value, growth: &mut usize) -> bool {
    const MAX_GROWTH: usize = 4;
    const MAX_INSERT: usize = 16;
    match normalizer["type"].as_str() {
        Some("Sequence") => {
            let list = normalizer["normalizers"].as_array().map_or(&[][..], Vec::as_slice);
            list.len() <= MAX_STEPS && list.iter().all(|n| n["type"] != "Sequence" && is_tame(n, growth))
        }
        Some("Replace" | "Prepend") => {
            *growth += 1;
            let inserted = normalizer["content"].as_str().or_else(|| normalizer["prepend"].as_str());
            *growth <= MAX_GROWTH && inserted.is_some_and(|t| t.len() <= MAX_INSERT)
        }
        Some("NFC" | "NFD" | "NFKC" | "NFKD" | "Lowercase" | "StripAccents" | "BertNormalizer" | "Nmt" | "Strip") => {
            true
        }
        Some("Precompiled") => {
            let rules = normalizer["precompiled_charsmap"].as_str().and_then(charsmap::from_base64);
            rules.is_some_and(|rules| !rules.is_empty() && charsmap::is_sound(&rules))
        }
        _ => false,
    }
}

fn pre_tokenizer(json: &Value) -> Option<PreTokenizerWrapper> {
    let steps = if json["type"] == "Sequence" {
        json["pretokenizers"].as_array()?.as_slice()
    } else {
        std::slice::from_ref(json)
    };
    let tame = |s: &Value| match s["type"].as_str() {
        Some("Split") => {
            s["pattern"]["Regex"].as_str().or_else(|| s["pattern"]["String"].as_str()).is_some_and(|p| p.len() <= 8192)
        }
        Some(
            "ByteLevel" | "Digits" | "Punctuation" | "Whitespace" | "WhitespaceSplit" | "BertPreTokenizer"
            | "Metaspace",
        ) => true,
        _ => false,
    };
    if steps.len() > MAX_STEPS || !steps.iter().all(tame) {
        return None;
    }
    serde_json::from_value(json.clone()).ok()
}

/// Ids that the post-processor puts before and after a text; `None` for one of an unknown kind.
pub(in crate::arch::vocab) fn specials(post: &Value) -> Option<(Vec<u32>, Vec<u32>)> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let single = std::slice::from_ref(post);
    let list = if post["type"] == "Sequence" { post["processors"].as_array()?.as_slice() } else { single };
    let id = |v: &Value| v.as_u64().and_then(|id| u32::try_from(id).ok());
    for processor in list {
        match processor["type"].as_str() {
            None if processor.is_null() => {}
            Some("ByteLevel") => {}
            Some("BertProcessing" | "RobertaProcessing") => {
                before.insert(0, id(&processor["cls"][1])?);
                after.push(id(&processor["sep"][1])?);
            }
            Some("TemplateProcessing") => {
                let mut seen = false;
                let mut front = Vec::new();
                for part in processor["single"].as_array()? {
                    if part.get("Sequence").is_some() {
                        seen = true;
                        continue;
                    }
                    let name = part["SpecialToken"]["id"].as_str()?;
                    let ids = processor["special_tokens"][name]["ids"].as_array()?;
                    let ids = ids.iter().map(id).collect::<Option<Vec<u32>>>()?;
                    if seen { after.extend(ids) } else { front.extend(ids) }
                }
                front.append(&mut before);
                before = front;
            }
            _ => return None,
        }
    }
    Some((before, after))
}

/// Where a pre-tokenizer cuts the probe texts: (text, byte offset). `None` if it cannot be run.
fn cuts(pre: &PreTokenizerWrapper) -> Option<BTreeSet<(usize, usize)>> {
    let mut out = BTreeSet::new();
    for (i, text) in PROBES.iter().enumerate() {
        let mut pieces = PreTokenizedString::from(*text);
        pre.pre_tokenize(&mut pieces).ok()?;
        for (_, (start, end), _) in pieces.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            out.extend([(i, start), (i, end)]);
        }
    }
    Some(out)
}

/// The known pre-tokenizer with the most similar cuts, and the share of cuts (of either) that both make.
pub(super) fn closest(pre: &Value) -> Option<(&'static str, f64)> {
    let bytes = |p: &Value| p["type"] == "ByteLevel";
    if !bytes(pre) && !pre["pretokenizers"].as_array().is_some_and(|l| l.iter().any(bytes)) {
        return None;
    }
    let own = cuts(&pre_tokenizer(pre)?)?;
    let mut best: Option<(&'static str, f64)> = None;
    for known in KNOWN {
        let json = super::steps_json(known.steps);
        let Some(theirs) = pre_tokenizer(&json).as_ref().and_then(cuts) else { continue };
        let both = own.intersection(&theirs).count();
        let share = both as f64 / own.union(&theirs).count().max(1) as f64;
        if best.is_none_or(|(_, s)| share > s) {
            best = Some((known.names[0], share));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_hash_is_what_transformers_gives() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let places = ["fixtures/models", "../shared/material/hf", "../../shared/material/hf"];
        let Some(models) = places.iter().map(|p| root.join(p)).find(|p| p.join("tiny-llama").is_dir()) else {
            crate::skip::skipped(&format!("{} absent", places.join(", ")));
            return;
        };
        // SHA-256 of str(AutoTokenizer.encode(text)), transformers 4.57.6.
        let cases = [
            ("tiny-llama", "9bb969561db5eac79c07c5fe1d1b900277e052a462a1975c7b116a14eb46689b"),
            ("tiny-qwen2", "dcf5d000aec65a2c246195a3da4c821e4976f0583fd26133db20dead8c2a431d"),
            ("tiny-bert", "c960fd58b7b4279225bfe189b0b280b422d5bde457a844cc061c9db704f1ba1d"),
            ("tiny-llama3-pt", "e62cd49fa8912b439a129877f7197e90c576e4b1b8862b47e51beb71c0ec3c86"),
        ];
        for (name, hash) in cases {
            let Ok(bytes) = std::fs::read(models.join(name).join("tokenizer.json")) else {
                crate::skip::skipped(&format!("pre-tokenizer of {name}: its folder is absent"));
                continue;
            };
            let json = TokenizerJson::parse(&bytes).unwrap();
            assert_eq!(check_hash(&json).as_deref(), Some(hash), "{name}");
        }
    }
}
