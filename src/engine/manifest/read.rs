//! Reading a manifest, piece by piece: a million tensors are never held at once.

use super::types::{FileRecord, Head, MANIFEST_VERSION, TensorRecord};
use crate::files;
use crate::model::{ModelError, Result};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// No manifest is read beyond this size. That of a million tensors has some 300 MB.
const MAX_BYTES: u64 = 4 << 30;
const BUFFER_BYTES: usize = 1 << 20;

/// The keys of [`Head`].
const HEAD_KEYS: [&str; 13] = [
    "remold_manifest",
    "remold",
    "encoder",
    "job",
    "host",
    "started",
    "finished",
    "command",
    "recipe",
    "target",
    "source",
    "output",
    "evaluation",
];

/// Reads a manifest and hands each tensor to `take`, in order. An error of `take` ends the reading.
///
/// # Errors
/// I/O errors; a bad-file error for what is not a manifest, a damaged one, or one of a later version of the layout.
pub(crate) fn read(path: &Path, take: impl FnMut(TensorRecord) -> Result<()>) -> Result<(Head, Vec<FileRecord>)> {
    const HINT: &str = "The output can still be read without its manifest, but its bytes cannot be checked.";
    let bad = |what: String| ModelError::bad(what).in_file(path).with_hint(HINT);
    let file = files::open(path).map_err(|e| match e {
        files::ReadError::Io(e) => ModelError::io(path, "opening", e),
        other => bad(format!("not a manifest of remold: {other}")),
    })?;
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER_BYTES, file.take(MAX_BYTES)));
    let mut reading = Reading { head: serde_json::Map::new(), files: Vec::new(), take, error: None };
    let read = (&mut json).deserialize_map(&mut reading).and_then(|()| json.end());
    if let Some(e) = reading.error {
        return Err(e);
    }
    read.map_err(|e| match e.io_error_kind() {
        Some(kind) => ModelError::io(path, "reading", kind.into()),
        None => bad(format!("not a manifest of remold, or it is damaged: {e}")),
    })?;
    let version = reading.head.get("remold_manifest").and_then(serde_json::Value::as_u64);
    match version {
        Some(v) if v <= u64::from(MANIFEST_VERSION) => {}
        Some(v) => {
            let what =
                format!("the manifest has version {v}, but this version of remold reads only up to {MANIFEST_VERSION}");
            return Err(ModelError::unsupported(what).in_file(path).with_hint("Use a newer version of remold."));
        }
        None => return Err(bad("not a manifest of remold".to_owned())),
    }
    let head = serde_json::from_value(serde_json::Value::Object(reading.head));
    let head: Head = head.map_err(|e| bad(format!("the manifest is damaged: {e}")))?;
    Ok((head, reading.files))
}

struct Reading<F> {
    head: serde_json::Map<String, serde_json::Value>,
    files: Vec<FileRecord>,
    take: F,
    error: Option<ModelError>,
}

impl<'de, F: FnMut(TensorRecord) -> Result<()>> Visitor<'de> for &mut Reading<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "files" => self.files = map.next_value()?,
                "tensors" => map.next_value_seed(Tensors(self))?,
                known if HEAD_KEYS.contains(&known) => {
                    let value = map.next_value()?;
                    self.head.insert(key, value);
                }
                // Not kept: what another program added may be long.
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Tensors<'a, F>(&'a mut Reading<F>);

impl<'de, F: FnMut(TensorRecord) -> Result<()>> DeserializeSeed<'de> for Tensors<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(TensorRecord) -> Result<()>> Visitor<'de> for Tensors<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tensors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while let Some(tensor) = seq.next_element::<TensorRecord>()? {
            if let Err(e) = (self.0.take)(tensor) {
                self.0.error = Some(e);
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
