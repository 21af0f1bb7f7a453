//! Which of llama.cpp's pre-tokenizers a `tokenizer.json` has.
//!
//! Three checks, each used if the one before could not decide: the converter's own (it encodes a fixed text and looks up
//! the hash of the ids, so it recognises published tokenizers only), the structure of the file's pre-tokenizer, and its
//! behaviour on a text that distinguishes the known ones.

mod hashes;
mod probe;
mod structure;
mod table;

pub(super) use probe::{assemble, specials};

use crate::model::tokenizer::TokenizerJson;
use crate::model::{Hint, ModelError, OptionName, Remedy, Result, Warning};
use serde_json::{Value, json};
use table::Step;

/// The value of `tokenizer.ggml.pre` for WordPiece, where llama.cpp does not use it.
const WORDPIECE: &str = "bert-bge";

/// The name for `tokenizer.ggml.pre`. A name given by the user takes precedence.
///
/// # Errors
/// When the pre-tokenizer behaves like none of llama.cpp's; the hint names the closest.
pub(super) fn recognise(json: &TokenizerJson, given: Option<&str>, warnings: &mut Vec<Warning>) -> Result<String> {
    if let Some(name) = given {
        if table::find(name).is_none() && !table::OTHER_NAMES.contains(&name) {
            let text = format!("{name} is not among the pre-tokenizers known here; llama.cpp may refuse the file.");
            warnings.push(Warning::new("tokenizer.pre", text));
        }
        return Ok(name.to_owned());
    }
    if let Some(name) = probe::check_hash(json).as_deref().and_then(hashes::name_of) {
        return Ok(name.to_owned());
    }
    if json.model.kind.as_deref() == Some("WordPiece") {
        if json.pre_tokenizer["type"] != "BertPreTokenizer" {
            let text = "The pre-tokenizer is not BERT's; llama.cpp splits WordPiece texts as BERT does.";
            warnings.push(Warning::new("tokenizer.pre", text));
        }
        return Ok(WORDPIECE.to_owned());
    }
    if let Some(name) = structure::recognise(&json.pre_tokenizer) {
        return Ok(name.to_owned());
    }
    match probe::closest(&json.pre_tokenizer) {
        Some((name, 1.0)) => Ok(name.to_owned()),
        closest => {
            let error = ModelError::unsupported("the pre-tokenizer is none that llama.cpp has")
                .in_option(OptionName::PRE_TOKENIZER);
            let known = closest.map_or(String::new(), |(name, share)| {
                format!("It splits most like {name} ({:.0} % of the cuts agree). ", share * 100.0)
            });
            Err(error.with_hint(
                Hint::from(format!("{known}If you know which one llama.cpp should use, "))
                    .then(Remedy::Name("it", OptionName::PRE_TOKENIZER))
                    .then("."),
            ))
        }
    }
}

/// The name by the structure of the file alone: fast, for display.
pub(super) fn by_structure(json: &TokenizerJson) -> Option<&'static str> {
    match json.model.kind.as_deref() {
        Some("WordPiece") => Some(WORDPIECE),
        _ => structure::recognise(&json.pre_tokenizer),
    }
}

/// The `pre_tokenizer` object of `tokenizer.json` for one of llama.cpp's names; `None` for names that cannot be expressed.
pub(super) fn pre_tokenizer_json(name: &str) -> Option<Value> {
    Some(steps_json(table::find(name)?.steps))
}

/// True if tokenizers of that name normalize texts to NFC first.
pub(super) fn normalizes_nfc(name: &str) -> bool {
    table::find(name).is_some_and(|k| k.nfc)
}

fn steps_json(steps: &[Step]) -> Value {
    let byte_level =
        |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let mut list: Vec<Value> = Vec::new();
    for step in steps {
        list.push(match step {
            Step::Split(regex) => {
                json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false})
            }
            Step::Gpt2 => byte_level(true),
            Step::Digits => json!({"type": "Digits", "individual_digits": true}),
            Step::DigitRuns => json!({"type": "Digits", "individual_digits": false}),
            Step::Punctuation => json!({"type": "Punctuation", "behavior": "Contiguous"}),
        });
    }
    if !steps.contains(&Step::Gpt2) {
        list.push(byte_level(false));
    }
    match list.len() {
        1 => list.remove(0),
        _ => json!({"type": "Sequence", "pretokenizers": list}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_pre_tokenizer_is_recognised_by_structure_and_behaviour() {
        let mut alike = Vec::new();
        for known in table::KNOWN {
            let json = steps_json(known.steps);
            assert_eq!(structure::recognise(&json), Some(known.names[0]), "{}", known.names[0]);
            let (name, share) = probe::closest(&json).unwrap_or(("none", 0.0));
            assert_eq!(share, 1.0, "behaviour of {}: closest {name}", known.names[0]);
            if name != known.names[0] {
                alike.push((known.names[0], name));
            }
        }
        // Possessive quantifiers and a missing `+` that change nothing.
        assert_eq!(alike, [("bailingmoe", "qwen2")]);
    }

    #[test]
    fn names_are_unique_but_for_variants() {
        let mut seen = std::collections::HashMap::new();
        for known in table::KNOWN {
            for name in known.names {
                let first = *seen.entry(name).or_insert(known.names[0]);
                assert_eq!(first, known.names[0], "{name}");
            }
        }
        for (_, name) in hashes::HASHES {
            let told = table::find(name).is_some() || table::OTHER_NAMES.contains(name);
            assert!(told, "{name} is in neither list");
        }
    }

    fn with(pre: Value) -> TokenizerJson {
        let model = json!({"type": "BPE", "vocab": {"a": 0}, "merges": []});
        serde_json::from_value(json!({"pre_tokenizer": pre, "model": model})).unwrap()
    }

    #[test]
    fn an_unknown_pre_tokenizer_is_an_error_that_names_the_closest() {
        let llama_with_four =
            table::find("llama-bpe").map(|k| steps_json(k.steps)).unwrap().to_string().replace("{1,3}", "{1,4}");
        let json = with(serde_json::from_str(&llama_with_four).unwrap());
        let error = recognise(&json, None, &mut Vec::new()).unwrap_err();
        let hint = error.hint().unwrap();
        assert!(hint.text().contains("most like llama-bpe"), "{hint:?}");
        assert_eq!(hint.remedies().collect::<Vec<_>>(), [&Remedy::Name("it", OptionName::PRE_TOKENIZER)]);
        assert_eq!(recognise(&json, Some("llama-bpe"), &mut Vec::new()).unwrap(), "llama-bpe");
        assert!(recognise(&with(Value::Null), None, &mut Vec::new()).is_err());
        assert!(recognise(&with(json!({"type": "Metaspace"})), None, &mut Vec::new()).is_err());
    }

    #[test]
    fn an_expression_written_otherwise_is_recognised_by_what_it_does() {
        // llama.cpp's own spelling of the contractions, and each pattern as a piece of its own.
        let spelled = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        let pre = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": spelled}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]});
        assert_eq!(recognise(&with(pre), None, &mut Vec::new()).unwrap(), "llama-bpe");
    }
}
