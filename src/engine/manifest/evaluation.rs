//! Adding to the manifest of a published output what was measured afterwards. The manifest is replaced in one step.

use super::publish;
use super::write::write_part;
use crate::engine::OutputEvaluation;
use crate::model::{ModelError, Result};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// The line of a manifest before which the head ends.
const LISTS: &[u8] = b"\"files\": [\n";
/// Bytes read at once.
const BUFFER_BYTES: usize = 1 << 20;
/// Longest head of a manifest in bytes; the recipe in it may be long.
const MAX_HEAD: usize = 256 << 20;

/// Writes the manifest `manifest` again with an evaluation, by way of the unfinished file `part`.
///
/// # Errors
/// I/O errors; a manifest that is not the one that was published.
pub(crate) fn add_evaluation(manifest: &Path, part: &Path, mode: u32, evaluation: &OutputEvaluation) -> Result<()> {
    let old = File::open(manifest).map_err(|e| ModelError::io(manifest, "opening", e))?;
    let mut old = BufReader::with_capacity(BUFFER_BYTES, old);
    let file = write_part(part, manifest, mode, |out| insert(&mut old, out, evaluation))?;
    publish(&file)
}

/// Copies a manifest, with one more line at the end of its head.
fn insert(old: &mut impl BufRead, out: &mut dyn Write, evaluation: &OutputEvaluation) -> io::Result<()> {
    let (mut line, mut head) = (Vec::new(), 0);
    loop {
        line.clear();
        head += old.read_until(b'\n', &mut line)?;
        if line.is_empty() || head > MAX_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not the manifest that was written"));
        }
        if line == LISTS {
            break;
        }
        out.write_all(&line)?;
    }
    out.write_all(b"\"evaluation\": ")?;
    serde_json::to_writer(&mut *out, evaluation)?;
    out.write_all(b",\n")?;
    out.write_all(&line)?;
    io::copy(old, out).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evaluation_is_the_last_line_of_the_head() {
        let old = b"{\n\"remold_manifest\": 1,\n\"recipe\": \"\\\"files\\\": [\",\n\"files\": [\n{}\n],\n\"tensors\": [\n]\n}\n";
        let evaluation = OutputEvaluation { measured_on: "2 windows".into(), ..OutputEvaluation::default() };
        let mut new = Vec::new();
        insert(&mut &old[..], &mut new, &evaluation).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&new).unwrap();
        assert_eq!(json["evaluation"]["measured_on"], "2 windows");
        let text = String::from_utf8(new).unwrap();
        let without: String =
            text.lines().filter(|l| !l.starts_with("\"evaluation\"")).map(|l| format!("{l}\n")).collect();
        assert_eq!(without.as_bytes(), old);
        assert!(insert(&mut &b"{}"[..], &mut Vec::new(), &evaluation).is_err());
    }
}
