//! The entry table of a zip archive, checked, and the entries that make a checkpoint.
//!
//! Data is never unpacked: a stored entry is a range of the file. The checksum of `data.pkl` is compared here, those of storages
//! while they are read (`checksum`). That the archive has one meaning only is checked by `formats::zip`.

use super::checksum::WrongChecksum;
use super::limits::MAX_JSON_BYTES;
use super::pickle::{Input, printable};
use super::source::Source;
use crate::formats::zip::{Archive, Blob, Record};
use crate::model::{ModelError, Result, SourceCheck};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What to do about an archive that PyTorch did not write like this.
const REPACKED: &str = "The archive was packed with another tool; save the checkpoint again with torch.save.";

/// One entry of the archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Its bytes in the file (as stored, compressed or not).
    pub blob: Blob,
    /// True when they are the contents, neither compressed nor encrypted.
    pub stored: bool,
    /// CRC-32 of the contents, as the archive says.
    pub crc32: u32,
}

/// The entries by name, without the archive's root folder.
pub(crate) type Entries = IndexMap<String, Entry>;

/// Refuses an archive whose numbers are not little-endian.
///
/// # Errors
/// As said, and I/O errors.
pub(crate) fn byte_order(source: &Source, entries: &Entries) -> Result<()> {
    let Some(order) = entries.get("byteorder") else { return Ok(()) };
    let order = read(source, "byteorder", order, 64)?;
    if order.trim_ascii() == b"little" {
        return Ok(());
    }
    let what = format!("its numbers are stored {}-endian", String::from_utf8_lossy(&order).escape_debug());
    Err(ModelError::unsupported(what).with_hint("Save it again on a little-endian machine."))
}

/// The checksums of the storages that have one, by offset.
pub(crate) fn crcs(entries: &Entries) -> impl Iterator<Item = (u64, u32)> {
    let storages = entries.iter().filter(|(n, e)| n.starts_with("data/") && e.stored && e.crc32 != 0);
    storages.map(|(_, e)| (e.blob.offset, e.crc32))
}

/// The storages, by key.
///
/// # Errors
/// A storage that is compressed or encrypted.
pub(crate) fn storages(entries: &Entries) -> Result<HashMap<String, Blob>> {
    let mut blobs = HashMap::new();
    for (name, entry) in entries {
        let Some(key) = name.strip_prefix("data/") else { continue };
        if !entry.stored {
            let hint = "Save it again with torch.save; a storage must not be packed with another tool.";
            return Err(ModelError::unsupported("the storage is compressed or encrypted").field(name).with_hint(hint));
        }
        blobs.insert(key.to_owned(), entry.blob);
    }
    Ok(blobs)
}

/// The archive's pickle, `data.pkl`; next to it a check that fails if its checksum is wrong.
///
/// # Errors
/// When it is missing or compressed, and I/O errors.
pub(crate) fn object(source: &Source, entries: &Entries) -> Result<(Input, Option<Arc<dyn SourceCheck>>)> {
    let pickle = stored_entry("data.pkl", entries)?;
    let right = pickle.crc32 == 0 || crc_of(source, pickle.blob)? == pickle.crc32;
    let path = source.path.to_path_buf();
    let wrong = WrongChecksum { path, entry: "data.pkl", on: AtomicBool::new(true) };
    let end = pickle.blob.offset + pickle.blob.bytes;
    let input = Input::file(&source.file, &source.path, pickle.blob.offset, end);
    Ok((input, (!right).then(|| Arc::new(wrong) as Arc<dyn SourceCheck>)))
}

/// An entry that must be there and be stored as it is.
///
/// # Errors
/// When it is missing or compressed.
fn stored_entry(name: &str, entries: &Entries) -> Result<Entry> {
    let entry = entries.get(name).ok_or_else(|| ModelError::bad(format!("the archive has no {name}")))?;
    if !entry.stored {
        return Err(ModelError::unsupported("it is compressed or encrypted").field(name).with_hint(REPACKED));
    }
    Ok(*entry)
}

/// The contents of a small stored entry.
///
/// # Errors
/// When it is larger than `max`, compressed, or cannot be read.
pub(crate) fn read(source: &Source, name: &str, entry: &Entry, max: u64) -> Result<Vec<u8>> {
    let Blob { offset, bytes } = entry.blob;
    if bytes > max.min(MAX_JSON_BYTES) {
        return Err(ModelError::limit(format!("it has {bytes} bytes, more than the {max} allowed")).field(name));
    }
    if !entry.stored {
        return Err(ModelError::unsupported("it is compressed or encrypted").field(name).with_hint(REPACKED));
    }
    let mut out = vec![0; bytes as usize];
    source.file.read_exact_at(&mut out, offset).map_err(|e| ModelError::io(&source.path, "reading", e).at(offset))?;
    Ok(out)
}

fn crc_of(source: &Source, blob: Blob) -> Result<u32> {
    let mut crc = crc32fast::Hasher::new();
    let mut buf = [0u8; 16 << 10];
    let mut at = 0;
    while at < blob.bytes {
        let n = (blob.bytes - at).min(buf.len() as u64) as usize;
        let io = |e| ModelError::io(&source.path, "reading", e).at(blob.offset + at);
        source.file.read_exact_at(&mut buf[..n], blob.offset + at).map_err(io)?;
        crc.update(&buf[..n]);
        at += n as u64;
    }
    Ok(crc.finalize())
}

/// The entry table of the archive in `len` bytes at `start`, without the archive's root folder.
///
/// # Errors
/// Damaged archives, and archives that two readers could read differently.
pub(crate) fn entries(source: &Source, start: u64, len: u64) -> Result<Entries> {
    let archive = Archive { file: &source.file, path: &source.path, start, len };
    let found = archive.records()?;
    let mut roots = found.iter().filter_map(|r| root_before_pickle(&r.name));
    if let (Some(first), Some(second)) = (roots.next(), roots.next()) {
        let what = format!("it contains two models: {}data.pkl and {}data.pkl", printable(first), printable(second));
        return Err(ModelError::bad(what).with_hint("Programs would read this file differently; do not trust it."));
    }
    let root = root_of(&found).to_owned();
    let named = found.into_iter().filter_map(|r| {
        let name = r.name.strip_prefix(&root)?.to_owned();
        Some((name, Entry { blob: r.blob, stored: r.stored, crc32: r.crc32 }))
    });
    Ok(named.collect())
}

/// The root folder with its slash, if the entry is a model's pickle.
fn root_before_pickle(name: &str) -> Option<&str> {
    let root = name.strip_suffix("data.pkl")?;
    (root.matches('/').count() <= 1 && (root.is_empty() || root.ends_with('/'))).then_some(root)
}

/// The archive's root folder with its slash: where `data.pkl` is, else what the first entry begins with.
fn root_of(found: &[Record]) -> &str {
    found.iter().find_map(|r| root_before_pickle(&r.name)).unwrap_or_else(|| {
        let first = found.first().map_or("", |r| r.name.as_str());
        let root = first.find('/').map_or("", |i| &first[..=i]);
        if found.iter().all(|r| r.name.starts_with(root)) { root } else { "" }
    })
}
