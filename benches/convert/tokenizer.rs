//! A byte-level BPE tokenizer of any size: invented words, but the shape of a real one (Llama 3's pattern, 256 special tokens, more merges than
//! tokens), so that reading it costs what reading a real one costs.

use crate::Fallible;
use crate::synth::Random;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::Path;

/// Special tokens at the end of the vocabulary, as in Llama 3.
const SPECIALS: usize = 256;
/// The longest invented token, in characters.
const LONGEST: usize = 16;
/// Llama 3's splitting pattern, as its `tokenizer.json` states it.
const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The 256 characters that represent bytes in byte-level BPE: printable Latin-1 as itself, the rest from U+0100 on.
fn byte_characters() -> Vec<char> {
    let printable =
        |byte: u32| (0x21..=0x7e).contains(&byte) || (0xa1..=0xac).contains(&byte) || (0xae..=0xff).contains(&byte);
    let mut spare = 0x100..;
    let stands_for = |byte| if printable(byte) { Some(byte) } else { spare.next() };
    (0..256_u32).filter_map(stands_for).filter_map(char::from_u32).collect()
}

/// Tokens in the order of their ids and merges in the order of their ranks.
fn invent(count: usize) -> (Vec<String>, Vec<[String; 2]>) {
    let mut random = Random::new(count as u64);
    let mut tokens: Vec<String> = byte_characters().into_iter().map(String::from).collect();
    let mut ids: HashMap<String, usize> = tokens.iter().cloned().zip(0..).collect();
    // Words are made of 25 characters and, mostly, of the first pairs of them, so that a token can be put together in several ways.
    let mut parts: Vec<usize> =
        ('a'..='x').chain(['Ġ']).filter_map(|letter| ids.get(letter.encode_utf8(&mut [0; 4])).copied()).collect();
    let mut merges = Vec::new();
    while tokens.len() < count {
        let common = parts.len().min(25 + 25 * 25);
        let reach = if random.below(2) == 0 { common } else { parts.len() };
        let (left, right) = (parts[random.below(reach)], parts[random.below(common)]);
        let joined = format!("{}{}", tokens[left], tokens[right]);
        if joined.chars().count() > LONGEST || ids.contains_key(&joined) {
            continue;
        }
        // Every way to put the new token together from two older ones is a merge, as in Llama 3.
        for (at, _) in joined.char_indices().skip(1) {
            let (front, back) = joined.split_at(at);
            if ids.contains_key(front) && ids.contains_key(back) {
                merges.push([front.to_owned(), back.to_owned()]);
            }
        }
        parts.push(tokens.len());
        ids.insert(joined.clone(), tokens.len());
        tokens.push(joined);
    }
    (tokens, merges)
}

/// Writes `tokenizer.json` and `tokenizer_config.json` for `vocab` tokens in all.
pub fn write(dir: &Path, vocab: usize) -> Fallible<()> {
    let (tokens, merges) = invent(vocab - SPECIALS);
    let named = ["<|begin_of_text|>", "<|end_of_text|>"].map(str::to_owned);
    let reserved = (0..SPECIALS - named.len()).map(|number| format!("<|reserved_special_token_{number}|>"));
    let specials: Vec<Value> = named
        .into_iter()
        .chain(reserved)
        .zip(tokens.len()..)
        .map(|(content, id)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
        })
        .collect();
    let mut ids = Map::new();
    ids.extend(tokens.into_iter().zip((0..).map(|id: u32| Value::from(id))));
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": specials, "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
        ]},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": false, "byte_fallback": false, "ignore_merges": true, "vocab": ids, "merges": merges,
        },
    });
    std::fs::write(dir.join("tokenizer.json"), serde_json::to_vec(&tokenizer)?)?;
    let config = json!({
        "bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>", "clean_up_tokenization_spaces": true,
        "model_max_length": 131_072, "tokenizer_class": "PreTrainedTokenizerFast",
    });
    std::fs::write(dir.join("tokenizer_config.json"), serde_json::to_string_pretty(&config)?)?;
    Ok(())
}
