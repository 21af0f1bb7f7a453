//! What a failed download leaves under the name of a file: a Git LFS pointer, a web page, or a server's error message.
//!
//! Weights and the small files next to them are checked with the same function, so that both get the same words.

use super::{Defect, ModelError};

/// Error messages of servers are short; a longer file is not one.
const MESSAGE_BYTES: usize = 4096;

/// How much of a server's message is shown.
const SHOWN_CHARS: usize = 160;

/// First line of a Git LFS pointer (git-lfs `docs/spec.md`).
const POINTER: &str = "version https://git-lfs.github.com/";

/// Beginnings of the plain texts that huggingface.co and raw.githubusercontent.com answer with instead of a file.
const ANSWERS: [&str; 8] = [
    "access to model",
    "entry not found",
    "repository not found",
    "revision not found",
    "invalid username or password",
    "invalid credentials",
    "unauthorized",
    "404: not found",
];

const FETCH: &str =
    "Download it again; a private or gated repository requires a login (`hf auth login`) and accepted terms.";

/// The error for a file whose bytes are not the file itself; `None` for anything else. `head` is the beginning of the file
/// (4096 bytes are enough), `whole` says that there is no more, and `prose` that the file holds text for people (a model card,
/// a licence, a template), which may be HTML.
pub(crate) fn placeholder(head: &[u8], whole: bool, prose: bool) -> Option<ModelError> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let starts = |s: &str| text.get(..s.len()).is_some_and(|t| t.eq_ignore_ascii_case(s.as_bytes()));
    if starts(POINTER) {
        let error = ModelError::bad("this is a Git LFS pointer, not the file itself").defect(Defect::Pointer);
        return Some(error.with_hint("Run `git lfs pull` in the repository it came from."));
    }
    if prose {
        return None;
    }
    if starts("<!doctype html") || starts("<html") {
        return Some(ModelError::bad("this is a web page, not a model file").with_hint(FETCH));
    }
    let message = (whole && text.len() <= MESSAGE_BYTES).then(|| server_message(text)).flatten()?;
    let what = format!("this is an error message from a server, not a model file: {message}");
    Some(ModelError::bad(what).with_hint(FETCH))
}

/// The message, if the whole text is one.
fn server_message(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    let lower = text.to_ascii_lowercase();
    let xml = lower.starts_with("<?xml") && lower.contains("<error>");
    if xml || ANSWERS.iter().any(|a| lower.starts_with(a)) {
        return Some(shown(text));
    }
    if !text.starts_with('{') {
        return None;
    }
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    let error = json.get("error")?;
    // No file of a model has a field of that name beside its own; an answer has little else.
    (json.as_object()?.len() <= 6).then(|| shown(error.as_str().unwrap_or(text)))
}

/// One line without control characters, cut to a length that people read.
fn shown(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_CHARS).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        line.push('…');
    }
    format!("\"{}\"", line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_downloads_leave_is_recognised() {
        let says = |text: &str| placeholder(text.as_bytes(), true, false).map(|e| e.to_string()).unwrap_or_default();
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 17209920\n";
        assert!(says(pointer).contains("Git LFS pointer"));
        assert!(says("<!DOCTYPE html><html>").contains("web page"));
        assert!(says("\u{feff}\n<HTML lang=en>").contains("web page"));
        assert!(says("Access to model meta-llama/X is restricted.").contains("restricted"));
        assert!(says("{\"error\": \"Repository not found\"}").contains("\"Repository not found\""));
        assert!(says("{\"error\": {\"code\": 401}, \"status\": 401}").contains("401"));
        assert!(says("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>").contains("AccessDenied"));
        for file in [
            "",
            "{}",
            "{\"model_type\": \"llama\"}",
            "[PAD]\n[UNK]\n",
            "#version: 0.2\n",
            "\u{8}\0\0{\"error\"",
            "{\"error\":",
        ] {
            assert_eq!(says(file), "", "{file:?}");
        }
    }

    #[test]
    fn prose_may_be_html_but_no_pointer() {
        assert!(placeholder(b"<html><h1>Model card</h1>", true, true).is_none());
        assert!(placeholder(POINTER.as_bytes(), true, true).is_some());
    }

    #[test]
    fn messages_are_cut_and_hold_no_control_characters() {
        let long = format!("{{\"error\": \"a\\u001b[31m{}\"}}", "x".repeat(500));
        let text = placeholder(long.as_bytes(), true, false).unwrap().to_string();
        assert!(text.len() < 300 && !text.contains('\u{1b}') && text.contains('…'), "{text}");
    }
}
