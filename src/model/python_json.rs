//! JSON as Python writes and reads it: `NaN`, `Infinity` and `-Infinity` as numbers, and a byte-order mark in front.
//!
//! Strict JSON (RFC 8259) has neither, but Python's `json` module writes the numbers by default: every Mamba2, Falcon-H1 and
//! Granite 4 configuration has `"time_step_limit": [0.0, Infinity]`, and trainer files hold losses of NaN. Editors on Windows
//! add the mark. Such a number is read as `null`, since JSON values cannot hold it; [`edit`] keeps it in the text.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The words, longest first where one begins with another.
pub const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// UTF-8's byte-order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// As `serde_json::from_slice`, for the JSON of Python.
///
/// # Errors
/// As `serde_json::from_slice`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
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
pub fn from_slice_with_words<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let bytes = without_mark(bytes);
    match replaced(bytes, |word| format!("\"{word}\"")) {
        Some(text) => serde_json::from_slice(&text),
        None => serde_json::from_slice(bytes),
    }
}

/// The bytes without a byte-order mark.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// Changes a document and gives it back indented; numbers that strict JSON does not have stay what they were.
///
/// # Errors
/// As `serde_json::from_slice`.
pub fn edit(bytes: &[u8], change: impl FnOnce(&mut Value)) -> serde_json::Result<Vec<u8>> {
    let bytes = without_mark(bytes);
    let marked = replaced(bytes, stand_in);
    let mut value: Value = serde_json::from_slice(marked.as_deref().unwrap_or(bytes))?;
    change(&mut value);
    let text = serde_json::to_string_pretty(&value)?;
    let restored = match marked {
        Some(_) => WORDS.iter().fold(text, |t, word| t.replace(&stand_in(word), word)),
        None => text,
    };
    Ok(restored.into_bytes())
}

/// A JSON string that no file holds, for the time between reading and writing.
fn stand_in(word: &str) -> String {
    format!("\"\\u0000{word}\\u0000\"")
}

/// The text with every such number outside of strings replaced; `None` if there is none.
fn replaced(bytes: &[u8], put: impl Fn(&str) -> String) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut copied, mut at, mut in_string) = (0, 0, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => in_string = !in_string,
            // The character behind it is no end of the string.
            b'\\' if in_string => at += 1,
            b'-' | b'I' | b'N' if !in_string => {
                if let Some(word) = WORDS.iter().find(|w| bytes[at..].starts_with(w.as_bytes())) {
                    out.extend_from_slice(&bytes[copied..at]);
                    out.extend_from_slice(put(word).as_bytes());
                    at += word.len();
                    copied = at;
                    continue;
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
