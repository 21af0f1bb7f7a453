//! A file, or the set it belongs to, as a model.

use super::choose::{Chosen, choose};
use super::container::Container;
use super::era::Era;
use super::parts;
use super::rowwise::{self, RowWise};
use super::walk::Record;
use crate::model::{FileSlice, FormatId, MetaValue, Metadata, Model, Result, Sidecars, TensorData, TensorEntry};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows whose scales are looked at to tell the first layout from the second.
const ROWS_LOOKED_AT: u64 = 64;

/// Bytes of such a row that are read at most; longer rows are not looked at.
const ROW_BYTES: u64 = 1 << 20;

/// Opens a model, with all its parts.
///
/// # Errors
/// A file that no known header fits, with the place up to which the best one does; missing parts.
pub(crate) fn open(path: &Path) -> Result<Model> {
    let first_path = parts::first_of(path);
    let start = if first_path.is_file() { &first_path } else { path };
    let first = choose(start)?;
    let count = parts::count(&first)?;
    let others = parts::others(start, &first, count)?;
    model(path, first, others)
}

/// Opens one file as it is, whatever set it belongs to.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_alone(path: &Path) -> Result<Model> {
    model(path, choose(path)?, Vec::new())
}

fn model(path: &Path, first: Chosen, others: Vec<Chosen>) -> Result<Model> {
    let row_wise = is_row_wise(&first)?;
    let files: Vec<PathBuf> = [&first].into_iter().chain(&others).map(|c| c.reader.path().as_ref().clone()).collect();
    let opened = [&first].into_iter().chain(&others).map(|c| c.reader.opened().clone()).collect();
    let mut tensors = Vec::with_capacity(first.records.len());
    for (i, record) in first.records.iter().enumerate() {
        let own = entry(&first, record, row_wise);
        tensors.push(if others.is_empty() {
            own
        } else {
            let more = others.iter().map(|c| entry(c, &c.records[i], row_wise));
            parts::join([own].into_iter().chain(more).collect()).map_err(|e| e.in_file(path))?
        });
    }
    let mut metadata = Metadata::new();
    metadata.insert("ggml.container".to_owned(), first.container.name().into());
    if let Some(version) = first.container.version() {
        metadata.insert("ggml.version".to_owned(), MetaValue::U32(version));
    }
    metadata.insert("ggml.family".to_owned(), first.family.into());
    let layout = if row_wise { "f32 scales, all of a row before its nibbles" } else { first.era.describe() };
    metadata.insert("ggml.blocks".to_owned(), layout.into());
    metadata.extend(first.metadata);
    Ok(Model {
        path: path.to_owned(),
        format: FormatId::Ggml,
        files,
        opened,
        tensors,
        metadata,
        sidecars: Sidecars::default(),
        opaque: Vec::new(),
        unreadable: Vec::new(),
        warnings: Vec::new(),
        checks: Default::default(),
        layer_origins: Default::default(),
        network: None,
        graph: None,
    })
}

fn slice(chosen: &Chosen, record: &Record) -> FileSlice {
    let row_bytes = record.encoding.row_bytes(record.shape.cols()).unwrap_or(0);
    FileSlice {
        file: chosen.reader.file().clone(),
        path: chosen.reader.path().clone(),
        offset: record.offset,
        row_bytes,
    }
}

fn entry(chosen: &Chosen, record: &Record, row_wise: bool) -> TensorEntry {
    let inner = slice(chosen, record);
    let data: Arc<dyn TensorData> = match rowwise::numbers(record.encoding).filter(|_| row_wise) {
        Some(numbers) => Arc::new(RowWise { inner, blocks: rowwise::blocks(record.shape.cols()), numbers }),
        None => Arc::new(inner),
    };
    TensorEntry::new(record.name.clone(), record.shape.clone(), record.encoding, data)
}

/// Whether a file has the first layout, by the scales of a few rows of its first tensors that may have it.
fn is_row_wise(chosen: &Chosen) -> Result<bool> {
    if chosen.container != Container::Plain || chosen.era != Era::Pairs {
        return Ok(false);
    }
    let (mut one_by_one, mut by_rows, mut looked_at) = (0, 0, 0);
    for record in &chosen.records {
        let Some(numbers) = rowwise::numbers(record.encoding) else { continue };
        let slice = slice(chosen, record);
        // Of one block, both layouts are the same.
        if rowwise::blocks(record.shape.cols()) < 2 || slice.row_bytes > ROW_BYTES {
            continue;
        }
        let mut row = vec![0; slice.row_bytes as usize];
        for r in 0..record.shape.rows().min(ROWS_LOOKED_AT - looked_at) {
            slice.read_rows(r..r + 1, &mut row)?;
            let (a, b) = rowwise::plausible(&row, numbers);
            one_by_one += a;
            by_rows += b;
            looked_at += 1;
        }
        if looked_at >= ROWS_LOOKED_AT {
            break;
        }
    }
    Ok(by_rows > one_by_one)
}
