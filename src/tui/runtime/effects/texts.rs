//! Texts for reading: files of a model, and the configurations of two models side by side.

use crate::files;
use crate::tui::core::{ErrorCard, units};
use crate::tui::tabs::models::ModelInfo;
use std::io::Read as _;
use std::path::Path;
use unicode_width::UnicodeWidthStr as _;

/// Bytes of a file that are shown.
const MAX_BYTES: u64 = 1 << 20;
/// Bytes that say whether a file is text.
const HEAD: usize = 4096;
/// Columns of a key and of a value in a comparison.
const KEY: usize = 36;
const VALUE: usize = 20;
/// Columns of a line of it: a terminal of 80.
const LINE: usize = 78;

/// True if the beginning of a file is text.
pub(crate) fn is_text(path: &Path) -> bool {
    let mut head = vec![0; HEAD];
    // A pipe is not waited for.
    let read = files::open(path).ok().and_then(|mut f| f.read(&mut head).ok());
    read.is_some_and(|n| text_of(&head[..n]).is_some())
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        // A letter may be cut at the end.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&bytes[..e.valid_up_to()]).ok(),
        Err(_) => None,
    }
    .filter(|t| !t.contains('\0'))
}

/// The text of a file, its first megabyte.
///
/// # Errors
/// When it is no text, or cannot be read.
pub(crate) fn read(path: &Path) -> Result<String, ErrorCard> {
    let shown = path.display();
    let wrong = |what: String| ErrorCard::new(format!("{shown}: {what}"), true);
    let meta = std::fs::metadata(path).map_err(|e| wrong(format!("reading: {e}")))?;
    if !meta.is_file() {
        return Err(wrong("not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = files::open(path).map_err(|e| wrong(format!("opening: {e}")))?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|e| wrong(format!("reading: {e}")))?;
    let text = text_of(&bytes).ok_or_else(|| wrong("not a text file".to_owned()))?;
    // JSON on one line is for machines.
    let one_line = text.len() > 200 && !text.trim_end().contains('\n');
    let json = || serde_json::from_str::<serde_json::Value>(text).and_then(|v| serde_json::to_string_pretty(&v)).ok();
    let mut out = if one_line { json() } else { None }.unwrap_or_else(|| text.to_owned());
    if meta.len() > MAX_BYTES {
        out += &format!("\n… the first {} of {}", units::bytes(MAX_BYTES), units::bytes(meta.len()));
    }
    Ok(out)
}

/// The metadata of two models side by side: what differs comes first.
///
/// # Errors
/// When one of them cannot be opened.
pub(crate) fn compare_configs(a: &Path, b: &Path) -> Result<String, ErrorCard> {
    Ok(side_by_side(&super::open(a)?, &super::open(b)?))
}

fn side_by_side(a: &ModelInfo, b: &ModelInfo) -> String {
    let mut keys: Vec<&str> = Vec::new();
    let all = a.metadata.iter().chain(&b.metadata).map(|(key, ..)| key.as_str());
    for key in all {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let of = |info: &ModelInfo, key: &str| info.metadata.iter().find(|(k, ..)| k == key).map(|(.., v)| v.clone());
    let (mut differ, mut same) = (Vec::new(), Vec::new());
    for key in keys {
        let (x, y) = (of(a, key), of(b, key));
        if x == y {
            same.push(format!("{key:KEY$}  {}", x.unwrap_or_default()));
        } else {
            let cell = |v: Option<String>| v.unwrap_or_else(|| "–".to_owned());
            let (x, y) = (cell(x), cell(y));
            let columns = KEY.max(key.width()) + VALUE.max(x.width()) + y.width() + 4;
            // Values that are too long for columns are one below the other.
            differ.push(match columns <= LINE {
                true => format!("{key:KEY$}  {x:VALUE$}  {y}"),
                false => format!("{key}\n    {x}\n    {y}"),
            });
        }
    }
    let mut out = match differ.len() {
        0 => "no key differs\n".to_owned(),
        n => format!("{}\n\n{}\n", units::plural(n, "key differs", "keys differ"), differ.join("\n")),
    };
    if !same.is_empty() {
        out += &format!(
            "\n{}\n\n{}\n",
            units::plural(same.len(), "key is the same", "keys are the same"),
            same.join("\n")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_binaries_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("a.json"), format!("{{\"key\": \"{}\"}}", "x".repeat(300))).unwrap();
        std::fs::write(at("b.bin"), b"GGUF\0\x01\xff").unwrap();
        assert!(read(&at("a.json")).unwrap().starts_with("{\n  \"key\""));
        assert!(is_text(&at("a.json")) && !is_text(&at("b.bin")) && !is_text(&at("none")));
        assert!(read(&at("b.bin")).unwrap_err().message.ends_with("not a text file"));
        assert!(read(dir.path()).is_err());
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), mode).unwrap();
        assert!(!is_text(&at("pipe")) && read(&at("pipe")).is_err(), "a pipe is not waited for");
    }

    #[test]
    fn what_differs_comes_first() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models");
        let text = compare_configs(&models.join("tiny-llama"), &models.join("mini-bert")).unwrap();
        let (first, rest) = text.split_once("\n\n").unwrap();
        assert!(first.ends_with("keys differ"), "{first}");
        assert!(
            rest.find("config.model_type").unwrap() < rest.find("keys are the same").unwrap_or(usize::MAX),
            "{text}"
        );
    }
}
