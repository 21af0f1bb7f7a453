//! Locations of storages in a file, and checked tensor entries over them.

use super::checksum::{Checked, StorageCheck};
use super::limits::MAX_EXPANDED_ELEMS;
use super::pickle::{Element, Node, TensorRef, Tree};
use super::strided::Strided;
use crate::formats::zip::Blob;
use crate::model::{
    Defect, FileSlice, ModelError, Result, SourceCheck, SourceChecks, TensorData, TensorEntry, open_request_file,
};
use crate::tensor::{DType, Shape};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open file and the storages in it, by key.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file.
    pub file: Arc<File>,
    /// Its path.
    pub path: Arc<PathBuf>,
    /// Its length in bytes.
    pub len: u64,
    /// The storages.
    pub blobs: HashMap<String, Blob>,
    /// CRC-32 of those of a zip archive that have one, by offset.
    pub crcs: HashMap<u64, u32>,
    /// The checks of the storages that tensors show, by offset.
    checks: RefCell<BTreeMap<u64, Arc<StorageCheck>>>,
}

/// A plain strided view, however a file spells it.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Element type.
    pub dtype: DType,
    /// First element within the storage.
    pub offset: u64,
    /// Dimensions, outermost first.
    pub size: Vec<u64>,
    /// Elements between indices.
    pub stride: Vec<u64>,
}

impl Source {
    /// Opens a file without storages.
    ///
    /// # Errors
    /// I/O errors.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = open_request_file(path)?;
        let len = file.metadata().map_err(|e| ModelError::io(path, "reading", e))?.len();
        Ok(Self {
            file: Arc::new(file),
            path: Arc::new(path.to_owned()),
            len,
            blobs: HashMap::new(),
            crcs: HashMap::new(),
            checks: RefCell::default(),
        })
    }

    /// The checksums of every storage that entries made so far show.
    pub(crate) fn checks(&self) -> SourceChecks {
        SourceChecks(self.checks.borrow().values().map(|c| Arc::clone(c) as Arc<dyn SourceCheck>).collect())
    }

    /// The check of a whole storage, if it has a checksum.
    fn check(&self, entry: &str, tensor: &str, whole: Blob) -> Option<Arc<StorageCheck>> {
        let crc = *self.crcs.get(&whole.offset).filter(|_| whole.bytes > 0)?;
        let mut checks = self.checks.borrow_mut();
        let check = checks.entry(whole.offset).or_insert_with(|| {
            Arc::new(StorageCheck::new((&self.file, &self.path), entry.to_owned(), tensor, whole, crc))
        });
        Some(Arc::clone(check))
    }

    /// The entry for a pickled tensor; `Err(Ok(reason))` when its element type is not one this program computes with.
    ///
    /// # Errors
    /// Views that leave their storage, storages without data, limits.
    pub(crate) fn pickled(&self, tree: &Tree, name: &str, t: &TensorRef) -> Result<Result<TensorEntry, String>> {
        let dtype = match &t.element {
            Element::Plain(d) => *d,
            Element::Untyped => DType::U8,
            Element::Other(name, _) => {
                return Ok(Err(format!("unsupported element type {}", super::pickle::printable(name))));
            }
        };
        let Node::Storage(storage) = tree.get(t.storage) else {
            return Ok(Err("a tensor without a storage".to_owned()));
        };
        let whole = self.blobs.get(&*storage.key).copied();
        let Some(whole) = whole else {
            let what = format!("the file has no data for storage `{}`", super::pickle::printable(&storage.key));
            let hint = "Was the file truncated, or is it one part of a split checkpoint?";
            return Err(ModelError::bad(what).defect(Defect::Cut).field(name).with_hint(hint));
        };
        let mut blob = whole;
        // Typed storages count elements, untyped ones bytes. What the pickle says must be there.
        let unit = storage.element.bytes().unwrap_or(1);
        let (first, elems) = storage.view.unwrap_or((0, storage.elems));
        let start = first.checked_mul(unit);
        let bytes = elems.checked_mul(unit);
        match (start, bytes, start.zip(bytes).and_then(|(s, b)| s.checked_add(b))) {
            (Some(start), Some(bytes), Some(end)) if end <= blob.bytes => {
                blob = Blob { offset: blob.offset + start, bytes };
            }
            _ => {
                let what = format!(
                    "storage `{}` should have {elems} elements starting at {first}, but has {} bytes",
                    super::pickle::printable(&storage.key),
                    blob.bytes
                );
                return Err(ModelError::bad(what)
                    .defect(Defect::Cut)
                    .field(name)
                    .with_hint("Was the file truncated while it was written?"));
            }
        }
        let view = View { dtype, offset: t.offset, size: t.size.clone(), stride: t.stride.clone() };
        let check = self.check(&format!("data/{}", super::pickle::printable(&storage.key)), name, whole);
        self.view(name, blob, &view, check).map(Ok)
    }

    /// The entry for a view of a file of the archive, which is named for errors.
    ///
    /// # Errors
    /// As [`Self::pickled`].
    pub(crate) fn entry(&self, name: &str, (file, blob): (&str, Blob), view: &View) -> Result<TensorEntry> {
        self.view(name, blob, view, self.check(file, name, blob))
    }

    /// The entry for a view of a blob.
    ///
    /// # Errors
    /// Views that leave the blob, sizes that overflow, expanded views beyond the limit.
    fn view(&self, name: &str, blob: Blob, view: &View, check: Option<Arc<StorageCheck>>) -> Result<TensorEntry> {
        let View { dtype, offset, size, stride } = view;
        let shape = Shape(size.clone());
        let elem_bytes = dtype.size_bytes() as u64;
        let wrong = |what: String| ModelError::bad(what).field(name).in_file(&self.path).at(blob.offset);
        let total = shape.elems().filter(|n| n.checked_mul(elem_bytes).is_some());
        let total = total.ok_or_else(|| wrong(format!("its shape [{shape}] overflows")))?;
        let have = blob.bytes / elem_bytes;
        if total == 0 {
            // `rows` of [n, 0] may be n: nothing is read for any of them.
            if shape.0.iter().any(|&d| d > MAX_EXPANDED_ELEMS) {
                return Err(wrong(format!("an empty tensor of shape [{shape}]")));
            }
            let row_bytes = shape.cols() * elem_bytes;
            return Ok(TensorEntry::new(name, shape, *dtype, self.slice(blob.offset, row_bytes)));
        }
        let row_bytes = shape.cols() * elem_bytes;
        let last = size.iter().zip(stride).try_fold(*offset, |at, (&n, &s)| at.checked_add((n - 1).checked_mul(s)?));
        if last.is_none_or(|last| last >= have) {
            let what = format!(
                "its view (offset {offset}, strides {stride:?}, shape [{shape}]) exceeds its storage of {have} elements"
            );
            return Err(wrong(what));
        }
        if total > have && total > MAX_EXPANDED_ELEMS {
            let what = format!("it has {total} elements, but its storage has {have}");
            return Err(ModelError::limit(what).field(name).in_file(&self.path).at(blob.offset));
        }
        // Strides of dimensions with one index mean nothing: they are set to what row-major order has there.
        let mut row_major = vec![1u64; size.len()];
        for i in (1..size.len()).rev() {
            row_major[i - 1] = row_major[i] * size[i];
        }
        let stride: Vec<u64> =
            size.iter().zip(stride).zip(&row_major).map(|((&n, &s), &r)| if n == 1 { r } else { s }).collect();
        let at = blob.offset + offset * elem_bytes;
        let in_order = stride == row_major;
        let data: Arc<dyn TensorData> = if in_order {
            self.slice(at, row_bytes)
        } else {
            Arc::new(Strided {
                file: Arc::clone(&self.file),
                path: Arc::clone(&self.path),
                offset: at,
                elem_bytes,
                size: size.clone(),
                stride: stride.clone(),
            })
        };
        let data = match check {
            Some(check) => {
                if in_order {
                    check.shown(at, total * elem_bytes);
                }
                Arc::new(Checked { inner: data, check, rows: in_order.then_some((at, row_bytes)) })
            }
            None => data,
        };
        let mut entry = TensorEntry::new(name, shape, *dtype, data);
        let mut identity = DefaultHasher::new();
        (&*self.path, at, dtype, size, stride).hash(&mut identity);
        entry.storage = Some(identity.finish());
        Ok(entry)
    }

    fn slice(&self, offset: u64, row_bytes: u64) -> Arc<dyn TensorData> {
        Arc::new(FileSlice { file: Arc::clone(&self.file), path: Arc::clone(&self.path), offset, row_bytes })
    }
}
