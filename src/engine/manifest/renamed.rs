//! The manifest of an output whose files got other names: the same text with other names in it, line by line, since there may be a million tensors.

use super::seal::Sealing;
use super::types::{Crc32, FileRecord, Rest};
use crate::files;
use crate::model::{ModelError, Result};
use std::io::{BufRead, BufReader, Read as _, Write};
use std::path::Path;

/// Longest line of the head, in bytes: the recipe in it has at most a few megabytes.
const MAX_LINE: u64 = 64 << 20;

/// A file of the output that has another name, as the manifest spells names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameChange {
    /// The name in the manifest.
    pub from: String,
    /// The new name.
    pub to: String,
    /// For a small file whose contents change with its name: the new contents.
    pub contents: Option<Vec<u8>>,
}

/// Writes the manifest `path` to `out` with the new names.
///
/// # Errors
/// I/O errors; a bad-file error for a manifest that is not written line by line, as remold writes it.
pub(crate) fn renamed(path: &Path, out: &mut impl Write, changes: &[NameChange]) -> Result<()> {
    let bad = |what: &str| {
        ModelError::bad(format!("the manifest cannot be changed: {what}"))
            .in_file(path)
            .with_hint("Move it away to rename the model without it.")
    };
    let file = files::open(path).map_err(|e| bad(&e.to_string()))?;
    let mut lines = BufReader::new(file);
    let mut out = Sealing::new(out);
    let (mut output, mut in_files, mut done) = (false, false, false);
    // The names of files in a folder are relative to it.
    let mut files = changes;
    let mut line = Vec::new();
    while lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(|e| ModelError::io(path, "reading", e))?
        > 0
    {
        let mut text = std::mem::take(&mut line);
        if !done {
            let shown = std::str::from_utf8(&text).map_err(|_| bad("it is not UTF-8"))?;
            if let Some(value) = shown.strip_prefix("\"output\": ") {
                let (line, folder) =
                    output_line(value, changes).ok_or_else(|| bad("its output is not on a line of its own"))?;
                (text, output) = (line, true);
                files = if folder { &[] } else { changes };
            } else if in_files && shown.starts_with(']') {
                done = true;
            } else if in_files {
                text = file_line(shown, files).ok_or_else(|| bad("its files are not on lines of their own"))?;
            } else if shown.trim_end() == "\"files\": [" {
                in_files = true;
            }
        }
        out.write_all(&text).map_err(|e| ModelError::io(path, "writing a new manifest for", e))?;
    }
    if !(output && done) {
        return Err(bad("it is not written line by line"));
    }
    out.finish().map_err(|e| ModelError::io(path, "writing a new manifest for", e))
}

/// The value of a line, and what follows it.
fn value_of(line: &str) -> (&str, &'static str) {
    let value = line.trim_end();
    value.strip_suffix(',').map_or((value, "\n"), |value| (value, ",\n"))
}

/// The line with the new name, and whether the output is a folder.
fn output_line(line: &str, changes: &[NameChange]) -> Option<(Vec<u8>, bool)> {
    let (value, end) = value_of(line);
    let mut output: serde_json::Value = serde_json::from_str(value).ok()?;
    let name = output.get("name")?.as_str()?;
    if let Some(change) = changes.iter().find(|c| c.from == name) {
        let to = change.to.clone();
        *output.get_mut("name")? = to.into();
    }
    let folder = output.get("folder").and_then(serde_json::Value::as_bool).unwrap_or(false);
    Some((format!("\"output\": {output}{end}").into_bytes(), folder))
}

fn file_line(line: &str, changes: &[NameChange]) -> Option<Vec<u8>> {
    let (value, end) = value_of(line);
    let mut record: FileRecord = serde_json::from_str(value).ok()?;
    if let Some(change) = changes.iter().find(|c| c.from == record.name) {
        record.name.clone_from(&change.to);
        if let Some(contents) = &change.contents {
            let (bytes, crc32) = (contents.len() as u64, Crc32(crc32fast::hash(contents)));
            (record.bytes, record.crc32) = (bytes, Some(crc32));
            record.rest = vec![Rest { offset: 0, bytes, crc32 }];
        }
    }
    let mut text = serde_json::to_vec(&record).ok()?;
    text.extend_from_slice(end.as_bytes());
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::seal::{Seal, seal_of};
    use super::*;

    #[test]
    fn only_names_and_what_changed_with_them_are_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.gguf.remold.json");
        let text = "{\n\"remold_manifest\": 1,\n\"output\": {\"folder\":false,\"name\":\"m.gguf\"},\n\"files\": [\n\
            {\"name\":\"m.gguf\",\"bytes\":9,\"rest\":[]},\n{\"name\":\"m.Modelfile\",\"bytes\":3,\"rest\":[]}\n],\n\
            \"tensors\": [\n{\"name\":\"m.gguf\"}\n]\n}\n";
        std::fs::write(&path, text).unwrap();
        let change = |from: &str, to: &str, contents: Option<&str>| NameChange {
            from: from.into(),
            to: to.into(),
            contents: contents.map(|c| c.as_bytes().to_vec()),
        };
        let changes = [change("m.gguf", "n.gguf", None), change("m.Modelfile", "n.Modelfile", Some("FROM"))];
        let mut out = Vec::new();
        renamed(&path, &mut out, &changes).unwrap();
        let out = String::from_utf8(out).unwrap();
        let mut again = Vec::new();
        std::fs::write(&path, &out).unwrap();
        assert_eq!(seal_of(&path).unwrap(), Seal::Intact);
        renamed(&path, &mut again, &[]).unwrap();
        assert_eq!(out.as_bytes(), again);
        let (out, _) = out.split_once(",\n\"xxh3\"").map(|(text, seal)| (format!("{text}\n}}\n"), seal)).unwrap();
        let crc = serde_json::to_string(&Crc32(crc32fast::hash(b"FROM"))).unwrap();
        let wanted = text
            .replacen("\"name\":\"m.gguf\"},\n\"files\"", "\"name\":\"n.gguf\"},\n\"files\"", 1)
            .replacen("{\"name\":\"m.gguf\",\"bytes\":9", "{\"name\":\"n.gguf\",\"bytes\":9", 1)
            .replacen(
                "{\"name\":\"m.Modelfile\",\"bytes\":3,\"rest\":[]}",
                &format!(
                    "{{\"name\":\"n.Modelfile\",\"bytes\":4,\"crc32\":{crc},\"rest\":[{{\"offset\":0,\"bytes\":4,\"crc32\":{crc}}}]}}"
                ),
                1,
            );
        assert_eq!(out, wanted);
        std::fs::write(&path, text.replace('\n', " ")).unwrap();
        assert!(renamed(&path, &mut Vec::new(), &changes).unwrap_err().to_string().contains("cannot be changed"));
    }
}
