//! Zip archives: the entry table, checked, and what kind of PyTorch archive it is.
//!
//! Data is never unpacked: a stored entry is a range of the file. The checksum of `data.pkl` is compared; those of storages
//! are not, for that would read them all (PyTorch itself checks none, and may be told to write none).

use super::limits::{MAX_JSON_BYTES, MAX_ZIP_ENTRIES};
use super::pickle::{Input, load};
use super::source::{Blob, Source};
use super::{empty_model, pt2, walk};
use crate::model::{Model, ModelError, Result, Warning};
use indexmap::IndexMap;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use zip::{CompressionMethod, ZipArchive};

/// What to do about an archive that PyTorch did not write like this.
const REPACKED: &str = "The archive was packed with another tool; save the checkpoint again with torch.save.";

/// One entry of the archive.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its bytes in the file (as stored, compressed or not).
    pub blob: Blob,
    /// True when they are the contents, neither compressed nor encrypted.
    pub stored: bool,
    /// CRC-32 of the contents, as the archive says.
    pub crc32: u32,
}

/// The entries by name, without the archive's root folder.
pub type Entries = IndexMap<String, Entry>;

/// Opens an archive.
///
/// # Errors
/// Damaged archives, archives that are no PyTorch file, big-endian data.
pub fn open(mut source: Source) -> Result<Model> {
    let entries = entries(&source)?;
    if let Some(order) = entries.get("byteorder") {
        let order = read(&source, "byteorder", order, 64)?;
        if order.trim_ascii() != b"little" {
            let what = format!("its numbers are stored {}-endian", String::from_utf8_lossy(&order).escape_debug());
            return Err(ModelError::unsupported(what).with_hint("Save it again on a little-endian machine."));
        }
    }
    if !entries.contains_key("data.pkl") {
        return pt2::open(source, &entries);
    }
    for (name, entry) in &entries {
        if let Some(key) = name.strip_prefix("data/") {
            if !entry.stored {
                let hint = "Save it again with torch.save; a storage must not be packed with another tool.";
                return Err(ModelError::unsupported("a storage is compressed or encrypted")
                    .field(name)
                    .with_hint(hint));
            }
            source.blobs.insert(key.to_owned(), entry.blob);
        }
    }
    let mut model = empty_model(&source.path);
    let pickle = stored_entry("data.pkl", &entries)?;
    let crc = crc_of(&source, pickle.blob)?;
    if crc != pickle.crc32 && pickle.crc32 != 0 {
        let text = "the checksum of data.pkl does not match its contents: the file may be damaged";
        model.warnings.push(Warning::new("pytorch.checksum", text));
    }
    let end = pickle.blob.offset + pickle.blob.bytes;
    let tree =
        load(&mut Input::file(&source.file, &source.path, pickle.blob.offset, end)).map_err(|e| e.field("data.pkl"))?;
    if entries.contains_key("constants.pkl") || entries.keys().any(|n| n.starts_with("code/")) {
        let functions = entries.keys().filter(|n| n.starts_with("code/") && n.ends_with(".py")).count();
        model.opaque.push(format!("TorchScript program: {functions} source files, not converted (its weights are)"));
    }
    walk::fill(&mut model, &source, &tree)?;
    Ok(model)
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
pub fn read(source: &Source, name: &str, entry: &Entry, max: u64) -> Result<Vec<u8>> {
    let Blob { offset, bytes } = entry.blob;
    if bytes > max.min(MAX_JSON_BYTES) {
        return Err(ModelError::limit(format!("{bytes} bytes, more than the {max} allowed")).field(name));
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

/// The entry table: every entry inside the file, none overlapping another, no name twice.
///
/// # Errors
/// Damaged archives, with what is wrong.
pub fn entries(source: &Source) -> Result<Entries> {
    let mut archive = ZipArchive::new(BufReader::new(Positioned { source, at: 0 })).map_err(|e| {
        let what = format!("not a readable zip archive: {e}");
        ModelError::bad(what).with_hint("Was the file cut off? The table of a zip archive stands at its end.")
    })?;
    if archive.len() > MAX_ZIP_ENTRIES {
        return Err(ModelError::limit(format!("{} entries in the archive", archive.len())));
    }
    let mut found: Vec<(String, Entry)> = Vec::new();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for i in 0..archive.len() {
        let file = archive.by_index_raw(i).map_err(|e| ModelError::bad(format!("zip entry {i}: {e}")))?;
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let packed = file.compressed_size();
        let stored = file.compression() == CompressionMethod::Stored && !file.encrypted();
        let start = file.data_start().ok_or_else(|| ModelError::bad("an entry without data").field(&name))?;
        let inside = start.checked_add(packed).is_some_and(|end| end <= source.len);
        if !inside {
            let what = format!("its {packed} bytes at {start:#x} reach beyond the file's {} bytes", source.len);
            return Err(ModelError::bad(what).field(&name).with_hint("Was the file cut off while it was copied?"));
        }
        if stored && file.size() != packed {
            return Err(ModelError::bad("its two sizes differ though it is not compressed").field(&name));
        }
        ranges.push((file.header_start(), start + packed));
        found.push((name, Entry { blob: Blob { offset: start, bytes: packed }, stored, crc32: file.crc32() }));
    }
    ranges.sort_unstable();
    if ranges.windows(2).any(|w| w[1].0 < w[0].1) {
        let hint = "No tool writes such archives; do not trust this file.";
        return Err(ModelError::bad("entries of the archive overlap").with_hint(hint));
    }
    if archive.has_duplicate_names() {
        return Err(ModelError::bad("two entries of the archive have the same name"));
    }
    let root = root_of(&found).to_owned();
    Ok(found.into_iter().filter_map(|(n, e)| Some((n.strip_prefix(&root)?.to_owned(), e))).collect())
}

/// The archive's root folder with its slash: where `data.pkl` stands, else what the first entry begins with.
fn root_of(found: &[(String, Entry)]) -> &str {
    let pickled = found.iter().map(|(n, _)| n.as_str()).find_map(|n| match n.strip_suffix("data.pkl") {
        Some(root) if root.matches('/').count() <= 1 && (root.is_empty() || root.ends_with('/')) => Some(root),
        _ => None,
    });
    pickled.unwrap_or_else(|| {
        let first = found.first().map_or("", |(n, _)| n.as_str());
        let root = first.find('/').map_or("", |i| &first[..=i]);
        if found.iter().all(|(n, _)| n.starts_with(root)) { root } else { "" }
    })
}

/// The file as a stream with its own position, so that nothing is shared with other readers.
struct Positioned<'a> {
    source: &'a Source,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.source.file.read_at(buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Positioned<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let to = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.source.len.checked_add_signed(n),
            SeekFrom::Current(n) => self.at.checked_add_signed(n),
        };
        self.at = to.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
