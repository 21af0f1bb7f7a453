//! A GGUF file, or the set it belongs to, as a model.

use super::arrays::Arrays;
use super::header::{Header, read_header};
use super::split::{KEYS, shard_paths, split_of};
use crate::formats::TensorPlace;
use crate::model::{
    FileSlice, FormatId, MetaValue, Metadata, Model, ModelError, Result, Sidecars, TensorData, TensorEntry, Warning,
};
use crate::quant::Encoding;
use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens a file or, if it is part of a split set, the whole set.
///
/// # Errors
/// As [`read_header`]; missing or contradicting shards.
pub(crate) fn open(path: &Path) -> Result<Model> {
    let first = read_header(path, Arrays::Keep)?;
    let Some((_, count, total)) = split_of(&first.metadata) else {
        // One file of a set whose key split.count is damaged would be accepted as a whole model.
        let total = first.metadata.get(KEYS[2]).and_then(MetaValue::as_u64);
        if let Some(total) = total.filter(|t| *t > first.tensors.len() as u64) {
            let what = format!(
                "it has {} of the {total} tensors of a split set, but does not state the number of files",
                first.tensors.len()
            );
            let hint = "The file is damaged; download it again.";
            return Err(ModelError::bad(what).in_file(path).field(KEYS[1]).with_hint(hint));
        }
        return Ok(model(path, vec![first]));
    };
    let paths = shard_paths(path, count)?;
    let mut headers = Vec::new();
    for (i, p) in paths.iter().enumerate() {
        let header = read_header(p, Arrays::Keep)?;
        if split_of(&header.metadata).map(|(no, n, _)| (no, n)) != Some((i as u64, count)) {
            let what = format!("the metadata does not mark it as number {i} of {count} (split.no, split.count)");
            return Err(ModelError::bad(what).in_file(p).with_hint("Check that all files belong to the same model."));
        }
        headers.push(header);
    }
    let mut names = HashSet::new();
    for h in &headers {
        if let Some(t) = h.tensors.iter().find(|t| !names.insert(t.name.as_str())) {
            let error =
                ModelError::bad("the tensor is also in an earlier file of the set").in_file(&h.path).field(&t.name);
            return Err(error.with_hint("Check that all files belong to the same model."));
        }
    }
    if total.is_some_and(|t| t != names.len() as u64) {
        let what = format!("the set should have {} tensors but has {}", total.unwrap_or(0), names.len());
        let error = ModelError::bad(what).in_file(path).field(KEYS[2]);
        return Err(error.with_hint("Check that all files belong to the same model."));
    }
    Ok(model(path, headers))
}

/// Opens one file as it is, whatever set it belongs to.
///
/// # Errors
/// As [`read_header`].
pub fn open_alone(path: &Path) -> Result<Model> {
    Ok(model(path, vec![read_header(path, Arrays::Keep)?]))
}

/// Joins the headers of a set; the metadata is the first one's.
fn model(path: &Path, headers: Vec<Header>) -> Model {
    let files: Vec<PathBuf> = headers.iter().map(|h| h.path.as_ref().clone()).collect();
    let opened = headers.iter().map(|h| h.opened.clone()).collect();
    let mut warnings = Vec::new();
    let mut tensors = Vec::new();
    let mut metadata = Metadata::new();
    for (i, mut header) in headers.into_iter().enumerate() {
        // Moved, not copied: there may be a million.
        let infos = std::mem::take(&mut header.tensors);
        tensors.extend(infos.into_iter().map(|t| entry(&header, t)));
        warnings.extend(header.warnings);
        if header.big_endian && i == 0 {
            let text = "the file is big-endian; its numbers are swapped while reading";
            warnings.push(Warning::new("gguf.big-endian", text));
        }
        if i == 0 {
            metadata = header.metadata;
        }
    }
    if files.len() > 1 {
        metadata.retain(|k, _| !KEYS.contains(&k.as_str()));
    }
    Model {
        path: path.to_owned(),
        format: FormatId::Gguf,
        files,
        opened,
        tensors,
        metadata,
        sidecars: Sidecars::default(),
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings,
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
        graph: None,
    }
}

fn entry(header: &Header, t: TensorPlace) -> TensorEntry {
    let row_bytes = t.encoding.row_bytes(t.shape.cols()).unwrap_or(0);
    let slice = FileSlice { file: header.file.clone(), path: header.path.clone(), offset: t.offset, row_bytes };
    let data: Arc<dyn TensorData> = match t.encoding {
        Encoding::Plain(d) if header.big_endian && d.size_bytes() > 1 => {
            Arc::new(Swapped { inner: slice, element_bytes: d.size_bytes() })
        }
        _ => Arc::new(slice),
    };
    TensorEntry::new(t.name, t.shape, t.encoding, data)
}

/// Converts big-endian elements to little-endian.
#[derive(Debug)]
struct Swapped {
    inner: FileSlice,
    element_bytes: usize,
}

impl TensorData for Swapped {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.inner.read_rows(rows, dst)?;
        dst.chunks_exact_mut(self.element_bytes).for_each(<[u8]>::reverse);
        Ok(())
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        self.inner.read_part(row, bytes, dst)?;
        dst.chunks_exact_mut(self.element_bytes).for_each(<[u8]>::reverse);
        Ok(())
    }
}
