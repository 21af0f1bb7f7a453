//! JSON as Python writes and reads it: `NaN`, `Infinity` and `-Infinity` as numbers, and a byte-order mark in front.
//!
//! Strict JSON (RFC 8259) has neither, but Python's `json` module writes the numbers by default: every Mamba2, Falcon-H1 and
//! Granite 4 configuration has `"time_step_limit": [0.0, Infinity]`, and trainer files hold losses of NaN. Editors on Windows
//! add the mark. Such a number is read as `null`, since JSON values cannot hold it; [`edit`] keeps it in the text.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

/// The words, longest first where one begins with another.
pub(crate) const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// UTF-8's byte-order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// As `serde_json::from_slice`, for the JSON of Python.
///
/// # Errors
/// As `serde_json::from_slice`.
pub(crate) fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let bytes = without_mark(bytes);
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        // Looked for only now: almost every file is strict JSON, and a tokenizer.json has tens of megabytes.
        Err(e) => match replaced(bytes, |_| "null".to_owned()) {
            Some(text) => serde_json::from_slice(&text),
            None => Err(e),
        },
    }
}

/// As [`from_slice`], but such a number becomes a string with its word, so that it differs from an absent value.
///
/// # Errors
/// As [`from_slice`].
pub(crate) fn from_slice_with_words<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let bytes = without_mark(bytes);
    match replaced(bytes, |word| format!("\"{word}\"")) {
        Some(text) => serde_json::from_slice(&text),
        None => serde_json::from_slice(bytes),
    }
}

/// The bytes without a byte-order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// Changes a document and gives it back indented. Numbers keep their text (`1e-05`, `Infinity`, `1000000000000000019884624838656`), so
/// that the bytes depend neither on what an `f64` can hold nor on serde_json's `arbitrary_precision`. `change` sees the numbers
/// that an `f64` could reword as strings.
///
/// # Errors
/// As `serde_json::from_slice`.
pub(crate) fn edit(bytes: &[u8], change: impl FnOnce(&mut Value)) -> serde_json::Result<Vec<u8>> {
    let bytes = without_mark(bytes);
    let marked = replaced_where(bytes, |rest| word_at(rest).or_else(|| number_at(rest)), placeholder);
    let mut value: Value = serde_json::from_slice(marked.as_deref().unwrap_or(bytes))?;
    change(&mut value);
    let text = serde_json::to_string_pretty(&value)?;
    Ok(if marked.is_some() { restored(&text) } else { text }.into_bytes())
}

/// Begins and ends a JSON string that no file holds; a number is kept in it between reading and writing.
const OPEN: &str = "\"\\u0000";
const CLOSE: &str = "\\u0000\"";

fn placeholder(number: &str) -> String {
    format!("{OPEN}{number}{CLOSE}")
}

/// The text with its placeholders replaced by their numbers.
fn restored(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        out.push_str(before);
        match after.split_once(CLOSE) {
            Some((number, behind)) if WORDS.contains(&number) || is_number(number) => {
                out.push_str(number);
                rest = behind;
            }
            _ => {
                out.push_str(OPEN);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The word that the bytes begin with.
fn word_at(bytes: &[u8]) -> Option<&str> {
    WORDS.into_iter().find(|w| bytes.starts_with(w.as_bytes()))
}

/// The number that the bytes begin with, unless it is a plain integer, which every JSON library writes as it reads it.
fn number_at(bytes: &[u8]) -> Option<&str> {
    const PLAIN_DIGITS: usize = 18;
    let end = bytes.iter().position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    let text = std::str::from_utf8(&bytes[..end.unwrap_or(bytes.len())]).ok()?;
    let plain = text.len() <= PLAIN_DIGITS && !text.contains(['.', 'e', 'E']) && text != "-0";
    (!plain && is_number(text)).then_some(text)
}

/// Whether a text is one number of strict JSON, of any size.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The text with every word outside of strings replaced; `None` if there is none.
fn replaced(bytes: &[u8], put: impl Fn(&str) -> String) -> Option<Vec<u8>> {
    replaced_where(bytes, word_at, put)
}

/// The text with everything outside of strings that `find` finds at the start of the remaining bytes replaced.
fn replaced_where(bytes: &[u8], find: impl Fn(&[u8]) -> Option<&str>, put: impl Fn(&str) -> String) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut copied, mut at, mut in_string) = (0, 0, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => in_string = !in_string,
            // The character after it does not end the string.
            b'\\' if in_string => at += 1,
            b'-' | b'I' | b'N' | b'0'..=b'9' if !in_string => {
                if let Some(found) = find(&bytes[at..]) {
                    out.extend_from_slice(&bytes[copied..at]);
                    out.extend_from_slice(put(found).as_bytes());
                    at += found.len();
                    copied = at;
                    continue;
                }
                // The rest of a number is not another one.
                while matches!(bytes.get(at + 1), Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
                    at += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(&bytes[copied..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_of_python_are_null_and_strings_stay() {
        let text = br#"{"a": [0.0, Infinity, -Infinity, NaN], "NaN": "Infinity \" NaN \\", "b": -1}"#;
        let value: Value = from_slice(text).unwrap();
        assert_eq!(value, json!({"a": [0.0, null, null, null], "NaN": "Infinity \" NaN \\", "b": -1}));
        let marked: Value = from_slice(b"\xef\xbb\xbf{\"a\": NaN}").unwrap();
        assert_eq!(marked, json!({"a": null}));
    }

    #[test]
    fn the_words_are_kept_for_those_who_ask() {
        let value: Value =
            from_slice_with_words(b"\xef\xbb\xbf{\"a\": NaN, \"b\": [-Infinity, 1], \"c\": null}").unwrap();
        assert_eq!(value, json!({"a": "NaN", "b": ["-Infinity", 1], "c": null}));
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for bad in [
            "{\"a\": Infinit}",
            "{\"a\": NaNx}",
            "{\"a\": +Infinity}",
            "{NaN: 1}",
            "NaN NaN",
            "{\"a\": \"NaN}",
            "\\",
            "-",
        ] {
            assert!(from_slice::<Value>(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_edited_document_keeps_its_numbers() {
        let text = br#"{"limit": [0.0, Infinity, -Infinity], "x": NaN, "name": "NaN", "dtype": "bfloat16"}"#;
        let out = edit(text, |v| v["dtype"] = "float16".into()).unwrap();
        let out = String::from_utf8(out).unwrap().split_whitespace().collect::<String>();
        assert_eq!(out, r#"{"limit":[0.0,Infinity,-Infinity],"x":NaN,"name":"NaN","dtype":"float16"}"#);
        let plain = edit(b"\xef\xbb\xbf{\"a\": 1}", |v| v["a"] = 2.into()).unwrap();
        assert_eq!(plain, b"{\n  \"a\": 2\n}");
    }

    #[test]
    fn an_edited_document_keeps_the_text_of_its_numbers() {
        for number in [
            "1e-05",
            "1E+5",
            "0.10",
            "-0",
            "-0.0",
            "1e999",
            "123456789012345678",
            "18446744073709551616",
            "1000000000000000019884624838656",
            "0.1000000000000000055511151231257827",
        ] {
            let text = format!("{{\n  \"a\": [\n    {number},\n    {number}\n  ],\n  \"b\": \"{number}\"\n}}");
            let out = edit(text.as_bytes(), |_| {}).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        for bad in ["01", "1.", "1e", "--1", "1-1", ".5", "+1.5", "-", "1.5.5", "-Infinity1", "1NaN"] {
            assert!(edit(format!("[{bad}]").as_bytes(), |_| {}).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn strict_json_is_read_as_before(text in "[\\[\\]{}:,\"\\\\ aNIinfty0-9.-]{0,40}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                proptest::prop_assert_eq!(from_slice::<Value>(text.as_bytes()).unwrap(), value);
            } else {
                let _ = from_slice::<Value>(text.as_bytes());
                let _ = edit(text.as_bytes(), |_| {});
            }
        }
    }
}
