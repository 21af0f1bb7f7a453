//! The pre-tokenizer of a file as a list of steps, compared with those known.

use super::table::{KNOWN, Step};
use serde_json::Value;

/// The name whose steps are exactly those of the file.
pub(super) fn recognise(pre: &Value) -> Option<&'static str> {
    let steps = steps(pre)?;
    let known =
        KNOWN.iter().find(|k| k.steps.len() == steps.len() && k.steps.iter().zip(&steps).all(|(a, b)| same(a, b)))?;
    Some(known.names[0])
}

/// A step of a file.
#[derive(Debug, PartialEq)]
enum FileStep<'a> {
    Split(&'a str),
    Gpt2,
    Digits { individual: bool },
    Punctuation,
}

fn same(known: &Step, file: &FileStep<'_>) -> bool {
    match (known, file) {
        (Step::Split(a), FileStep::Split(b)) => a == b || spelled(a) == spelled(b),
        (Step::Gpt2, FileStep::Gpt2)
        | (Step::Digits, FileStep::Digits { individual: true })
        | (Step::DigitRuns, FileStep::Digits { individual: false })
        | (Step::Punctuation, FileStep::Punctuation) => true,
        _ => false,
    }
}

/// One spelling of expressions that mean the same: line ends as escapes.
fn spelled(regex: &str) -> String {
    regex.replace('\r', r"\r").replace('\n', r"\n")
}

/// The steps that split; `None` if one is of another kind, or changes the text.
fn steps(pre: &Value) -> Option<Vec<FileStep<'_>>> {
    let mut out = Vec::new();
    let mut byte_level = false;
    let single = std::slice::from_ref(pre);
    let list = if pre["type"] == "Sequence" { pre["pretokenizers"].as_array()?.as_slice() } else { single };
    if list.len() > super::probe::MAX_STEPS {
        return None;
    }
    for step in list {
        match step["type"].as_str()? {
            "ByteLevel" => {
                byte_level = true;
                if step["use_regex"].as_bool().unwrap_or(true) {
                    out.push(FileStep::Gpt2);
                }
            }
            "Split" => {
                let regex = step["pattern"]["Regex"].as_str()?;
                match (step["behavior"].as_str()?, step["invert"].as_bool().unwrap_or(false)) {
                    ("Isolated", _) | ("Removed", true) => out.push(FileStep::Split(regex)),
                    _ => return None,
                }
            }
            "Digits" => {
                out.push(FileStep::Digits { individual: step["individual_digits"].as_bool().unwrap_or(false) });
            }
            "Punctuation" if step["behavior"] == "Contiguous" => out.push(FileStep::Punctuation),
            _ => return None,
        }
    }
    byte_level.then_some(out)
}
