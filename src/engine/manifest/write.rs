//! Writing a manifest, piece by piece, into a part file beside its output.

use super::seal::Sealing;
use super::types::{Crc32, FileRecord, Head, TensorRecord};
use crate::engine::ErrorStats;
use crate::engine::part_file::PartFile;
use crate::engine::read_back::Stretch;
use crate::engine::source_hash::{Hash128, SourceHash};
use crate::model::{Result, TensorIndex, numbered};
use crate::plan::{PlannedOutput, PreparedOutput, PreparedTensor};
use crate::quant::Encoding;
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Bytes written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What a manifest is written from.
pub(crate) struct Contents<'a> {
    /// Everything but the lists.
    pub head: &'a Head,
    /// The output.
    pub planned: &'a PlannedOutput,
    /// The same, as it was carried out.
    pub output: &'a PreparedOutput,
    /// The files.
    pub files: &'a [FileRecord],
    /// By tensor: the CRC-32 of its bytes, the sums behind its errors, the hash of its source, and whether it was copied from an earlier output.
    pub tensor: &'a dyn Fn(TensorIndex) -> (u32, Option<ErrorStats>, Option<SourceHash>, bool),
}

/// Writes a manifest to `part`, which is to become `destination`, and syncs it.
///
/// # Errors
/// I/O errors.
pub(crate) fn write(part: &Path, destination: &Path, mode: u32, contents: &Contents<'_>) -> Result<PartFile> {
    write_part(part, destination, mode, |mut out| write_json(&mut out, contents))
}

/// Creates a part file that is to become `destination`, and fills it with what `fill` writes, and with the checksum of that.
///
/// # Errors
/// I/O errors.
pub(super) fn write_part(
    part: &Path,
    destination: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<PartFile> {
    super::discard_part(part)?;
    let file = PartFile::create(part, destination, 0, mode & 0o666)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, PartWriter { part: &file, at: 0, error: None });
    let mut sealing = Sealing::new(&mut out);
    let written = fill(&mut sealing).and_then(|()| sealing.finish()).and_then(|()| out.flush());
    let error = out.get_mut().error.take();
    drop(out);
    if let Some(e) = error {
        return Err(e);
    }
    written.map_err(|e| crate::model::ModelError::io(destination, "writing", e))?;
    file.sync()?;
    Ok(file)
}

/// Appends to a part file, and keeps the error that says which file it is of.
struct PartWriter<'a> {
    part: &'a PartFile,
    at: u64,
    error: Option<crate::model::ModelError>,
}

impl Write for PartWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(e) = self.part.write_at(bytes, self.at) {
            self.error.get_or_insert(e);
            return Err(io::Error::other("writing the manifest failed"));
        }
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One key of the head, one file and one tensor a line.
fn write_json(out: &mut impl Write, contents: &Contents<'_>) -> io::Result<()> {
    let head = serde_json::to_value(contents.head)?;
    out.write_all(b"{\n")?;
    for (key, value) in head.as_object().into_iter().flatten() {
        write!(out, "{}: ", serde_json::Value::from(key.as_str()))?;
        serde_json::to_writer(&mut *out, value)?;
        out.write_all(b",\n")?;
    }
    out.write_all(b"\"files\": [\n")?;
    list(out, contents.files.iter())?;
    out.write_all(b"],\n\"tensors\": [\n")?;
    let mut places = vec![(0u32, 0u64); contents.output.tensors.len()];
    for (f, file) in contents.output.files.iter().enumerate() {
        for slot in &file.slots {
            places[slot.tensor] = (f as u32, slot.offset);
        }
    }
    let last = contents.output.tensors.len().saturating_sub(1);
    for (t, tensor) in numbered::<TensorIndex, _>(contents.output.tensors.iter()) {
        serde_json::to_writer(&mut *out, &record(contents, t, tensor, places[t]))?;
        out.write_all(if t.0 < last { b",\n" } else { b"\n" })?;
    }
    out.write_all(b"]\n}\n")
}

fn list<T: Serialize>(out: &mut impl Write, items: impl ExactSizeIterator<Item = T>) -> io::Result<()> {
    let count = items.len();
    for (i, item) in items.enumerate() {
        serde_json::to_writer(&mut *out, &item)?;
        out.write_all(if i + 1 < count { b",\n" } else { b"\n" })?;
    }
    Ok(())
}

fn record(
    contents: &Contents<'_>,
    t: TensorIndex,
    tensor: &PreparedTensor,
    (file, offset): (u32, u64),
) -> TensorRecord {
    let (crc, stats, source, reused) = (contents.tensor)(t);
    let planned = &contents.planned.tensors[t];
    let (whole, pieces) = source.map_or((None, None), |s| (Some(s.whole), s.pieces.map(|p| *p)));
    TensorRecord {
        name: planned.name.to_string(),
        from: planned.from.to_string(),
        to: planned.to.to_string(),
        shape: tensor.entry.shape.0.clone(),
        file: file as usize,
        offset,
        bytes: planned.bytes,
        crc32: Crc32(crc),
        source_xxh3: whole,
        pieces_xxh3: pieces,
        importance_xxh3: importance_hash(tensor),
        rmse: stats.as_ref().map(ErrorStats::rmse),
        sqnr_db: stats.as_ref().and_then(ErrorStats::sqnr_db),
        stats,
        reused,
    }
}

/// The hash of the importance of a tensor's columns that the encoder uses; `None` where it uses none.
pub(crate) fn importance_hash(tensor: &PreparedTensor) -> Option<Hash128> {
    if !matches!(tensor.encoding, Encoding::Block(_)) || tensor.encoding == tensor.entry.encoding {
        return None;
    }
    tensor.importance_of_row(0)?;
    let (each, rows) = (tensor.rows_each(), tensor.entry.rows());
    let mut bytes = Vec::new();
    for expert in 0..rows.div_ceil(each) {
        for value in tensor.importance_of_row(expert * each).unwrap_or_default() {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    Some(Hash128::of(&bytes))
}

/// The CRC-32 of a whole file from those of all its stretches; `None` where they do not cover it exactly.
pub(crate) fn whole_crc(file: usize, bytes: u64, stretches: &[Stretch]) -> Option<Crc32> {
    let mut order: Vec<u32> = (0..stretches.len() as u32)
        .filter(|i| stretches[*i as usize].file == file && stretches[*i as usize].bytes > 0)
        .collect();
    order.sort_unstable_by_key(|i| stretches[*i as usize].offset);
    let (mut crc, mut at) = (crc32fast::Hasher::new(), 0);
    for stretch in order.iter().map(|i| &stretches[*i as usize]) {
        if stretch.offset != at {
            return None;
        }
        crc.combine(&crc32fast::Hasher::new_with_initial_len(stretch.crc, stretch.bytes));
        at += stretch.bytes;
    }
    (at == bytes).then(|| Crc32(crc.finalize()))
}
