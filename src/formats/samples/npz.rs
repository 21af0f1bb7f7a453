//! `.npz`: a zip archive of `.npy` files, as `numpy.savez` and `numpy.savez_compressed` write it.

use super::npy::{self, HEAD_BYTES};
use super::{Array, MAX_BYTES, Place};
use crate::formats::zip::{Archive, Record};
use crate::model::{ModelError, Result};
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arrays of one file.
const MAX_ARRAYS: usize = 100_000;

/// A compressed entry.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    file: Arc<File>,
    path: Arc<PathBuf>,
    record: Record,
    /// Bytes of the header before the elements.
    header: u64,
}

impl Packed {
    /// The elements: `bytes` bytes.
    pub(super) fn contents(&self, bytes: usize) -> Result<Vec<u8>> {
        let r = &self.record;
        let packed = packed(&self.file, &self.path, r, r.blob.bytes)?;
        // The size was limited when the archive was opened.
        let mut all = decompress_to_vec_with_limit(&packed, usize::try_from(r.size).unwrap_or(usize::MAX))
            .map_err(|_| damaged(r, "its compressed data is damaged"))?;
        if all.len() as u64 != r.size || crc32fast::hash(&all) != r.crc32 {
            return Err(damaged(r, "its checksum does not match"));
        }
        all.drain(..(self.header as usize).min(all.len()));
        all.truncate(bytes);
        Ok(all)
    }
}

/// The arrays of an archive.
pub(super) fn open(path: &Path) -> Result<Vec<Array>> {
    let (file, len) = super::opened(path)?;
    let records = Archive { file: &file, path, start: 0, len }.records()?;
    if records.len() > MAX_ARRAYS {
        return Err(ModelError::limit(format!("it has {} entries", records.len())));
    }
    let shared = Arc::new(path.to_owned());
    records.into_iter().map(|record| array(&file, &shared, &record).map_err(|e| e.field(cut(&record.name)))).collect()
}

fn array(file: &Arc<File>, path: &Arc<PathBuf>, record: &Record) -> Result<Array> {
    let name = record.name.strip_suffix(".npy").ok_or_else(|| {
        ModelError::bad("it is no array").with_hint("A .npz file holds .npy files; write it with `numpy.savez`.")
    })?;
    let (head, len) = if record.stored {
        let mut head = vec![0; record.blob.bytes.min(HEAD_BYTES) as usize];
        file.read_exact_at(&mut head, record.blob.offset).map_err(|e| ModelError::io(path, "reading", e))?;
        (head, record.blob.bytes)
    } else if record.deflated {
        if record.size > MAX_BYTES {
            let what = format!("it has {} bytes, and at most {MAX_BYTES} are unpacked", record.size);
            return Err(ModelError::limit(what).with_hint("Write it with `numpy.savez`, without compression."));
        }
        let first = packed(file, path, record, record.blob.bytes.min(HEAD_BYTES))?;
        // The beginning is enough, so that it ends early is no error.
        let head = match decompress_to_vec_with_limit(&first, HEAD_BYTES as usize) {
            Ok(head) => head,
            Err(e) => e.output,
        };
        (head, record.size)
    } else {
        return Err(ModelError::unsupported("it is encrypted, or compressed by another method than DEFLATE"));
    };
    let h = npy::header(&head)?;
    npy::fits(&h, len)?;
    let place = if record.stored {
        Place::File(super::slice(file, path, record.blob.offset + h.data))
    } else {
        Place::Packed(Packed { file: file.clone(), path: path.clone(), record: record.clone(), header: h.data })
    };
    Ok(Array { name: name.to_owned(), elem: h.elem, dims: h.dims, transposed: h.transposed, place })
}

/// The first bytes of an entry as they are in the file, which has them.
fn packed(file: &File, path: &Path, record: &Record, bytes: u64) -> Result<Vec<u8>> {
    let mut packed = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut packed, record.blob.offset).map_err(|e| ModelError::io(path, "reading", e))?;
    Ok(packed)
}

fn damaged(record: &Record, what: &str) -> ModelError {
    ModelError::bad(what).field(cut(&record.name)).with_hint("Was the file copied completely?")
}

/// The start of a text from a file, for messages.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
