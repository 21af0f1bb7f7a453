//! A zip archive of stored entries, planned before its data exists.
//!
//! APPNOTE.TXT 6.3.10: local headers §4.3.7, central directory §4.3.12, zip64 extra field §4.5.3, end records §4.3.14 to
//! §4.3.16. The padding that aligns data is an extra field `FB`, as in PyTorch's writer.

use crate::formats::{FilePlan, Slot};
use crate::model::{ModelError, Result};
use std::path::{Path, PathBuf};

/// Data of entries begins on a multiple of this, as in PyTorch's own files.
const ALIGN: u64 = 64;
/// From here on a field of four bytes is replaced by one of eight in an extra field.
const ZIP64: u64 = 0xffff_ffff;
/// Names are UTF-8 (general purpose flag, bit 11).
const FLAGS: u16 = 0x0800;
/// 1980-01-01: the earliest date there is, the same for every file.
const DATE: u16 = 0x0021;
/// Offset of the checksum in a local header.
const CRC_AT: u64 = 14;

/// An archive being planned.
pub(crate) struct ZipPlan {
    path: PathBuf,
    at: u64,
    fixed: Vec<(u64, Vec<u8>)>,
    slots: Vec<Slot>,
    parts: Vec<Part>,
}

/// One entry, as the central directory needs it.
#[derive(Clone)]
struct Part {
    name: String,
    header_at: u64,
    bytes: u64,
    /// `None` while the data is unknown: then it is that of the next slot.
    crc32: Option<u32>,
}

impl ZipPlan {
    /// An empty archive.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), at: 0, fixed: Vec::new(), slots: Vec::new(), parts: Vec::new() }
    }

    /// Adds an entry whose contents are known.
    ///
    /// # Errors
    /// Names too long for the format.
    pub(crate) fn known(&mut self, name: &str, contents: Vec<u8>) -> Result<()> {
        let (bytes, crc) = (contents.len() as u64, crc32fast::hash(&contents));
        let at = self.header(name, bytes, Some(crc))?;
        self.fixed.push((at, contents));
        Ok(())
    }

    /// Adds an entry for the data of a tensor.
    ///
    /// # Errors
    /// Names too long for the format.
    pub(crate) fn slot(&mut self, name: &str, tensor: usize, bytes: u64) -> Result<()> {
        let offset = self.header(name, bytes, None)?;
        self.slots.push(Slot { tensor, offset, bytes });
        Ok(())
    }

    /// Writes a local header; gives the offset of the data behind it.
    fn header(&mut self, name: &str, bytes: u64, crc32: Option<u32>) -> Result<u64> {
        let name_len = u16::try_from(name.len());
        let name_len = name_len.map_err(|_| ModelError::request("the file's name is too long for a zip archive"))?;
        let big = bytes >= ZIP64;
        let short = if big { u32::MAX } else { bytes as u32 };
        let mut extra = Vec::new();
        if big {
            extra.extend([1, 0, 16, 0]);
            extra.extend(bytes.to_le_bytes());
            extra.extend(bytes.to_le_bytes());
        }
        let unpadded = self.at + 30 + u64::from(name_len) + extra.len() as u64 + 4;
        let padding = unpadded.next_multiple_of(ALIGN) - unpadded;
        extra.extend(b"FB");
        extra.extend((padding as u16).to_le_bytes());
        extra.resize(extra.len() + padding as usize, b'Z');
        let mut h = Vec::new();
        h.extend(b"PK\x03\x04");
        for v in [if big { 45u16 } else { 20 }, FLAGS, 0, 0, DATE] {
            h.extend(v.to_le_bytes());
        }
        h.extend(crc32.unwrap_or(0).to_le_bytes());
        h.extend(short.to_le_bytes());
        h.extend(short.to_le_bytes());
        h.extend(name_len.to_le_bytes());
        h.extend((extra.len() as u16).to_le_bytes());
        h.extend(name.as_bytes());
        h.extend(extra);
        let data_at = self.at + h.len() as u64;
        self.parts.push(Part { name: name.to_owned(), header_at: self.at, bytes, crc32 });
        self.fixed.push((self.at, h));
        let end = data_at.checked_add(bytes);
        self.at = end.ok_or_else(|| ModelError::request("the size of the file would overflow"))?;
        Ok(data_at)
    }

    /// The plan. Its finish gives the checksums of the slots to the headers and appends the directory.
    ///
    /// # Errors
    /// None today; reserved for limits of the format.
    pub(crate) fn close(self) -> Result<FilePlan> {
        let Self { path, at, fixed, slots, parts } = self;
        let bytes = at + directory(at, &parts, &[]).len() as u64;
        let finish = move |crcs: &[u32]| {
            let unknown = parts.iter().filter(|p| p.crc32.is_none()).zip(crcs);
            let mut pieces: Vec<(u64, Vec<u8>)> =
                unknown.map(|(p, crc)| (p.header_at + CRC_AT, crc.to_le_bytes().to_vec())).collect();
            pieces.push((at, directory(at, &parts, crcs)));
            pieces
        };
        Ok(FilePlan { path, bytes, fixed, slots, finish: Some(Box::new(finish)) })
    }
}

/// Central directory and end records; their length does not depend on the checksums.
fn directory(at: u64, parts: &[Part], crcs: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut crcs = crcs.iter();
    for part in parts {
        let crc = part.crc32.unwrap_or_else(|| crcs.next().copied().unwrap_or(0));
        let mut extra = Vec::new();
        if part.bytes >= ZIP64 {
            extra.extend(part.bytes.to_le_bytes());
            extra.extend(part.bytes.to_le_bytes());
        }
        if part.header_at >= ZIP64 {
            extra.extend(part.header_at.to_le_bytes());
        }
        let version = if extra.is_empty() { 20u16 } else { 45 };
        let clip = |v: u64| if v >= ZIP64 { u32::MAX } else { v as u32 };
        out.extend(b"PK\x01\x02");
        for v in [version, version, FLAGS, 0, 0, DATE] {
            out.extend(v.to_le_bytes());
        }
        for v in [crc, clip(part.bytes), clip(part.bytes)] {
            out.extend(v.to_le_bytes());
        }
        let extra_len = if extra.is_empty() { 0 } else { extra.len() + 4 };
        for v in [part.name.len() as u16, extra_len as u16, 0, 0, 0, 0, 0] {
            out.extend(v.to_le_bytes());
        }
        out.extend(clip(part.header_at).to_le_bytes());
        out.extend(part.name.as_bytes());
        if !extra.is_empty() {
            out.extend(1u16.to_le_bytes());
            out.extend((extra.len() as u16).to_le_bytes());
            out.extend(extra);
        }
    }
    let (size, count) = (out.len() as u64, parts.len() as u64);
    if at >= ZIP64 || size >= ZIP64 || count >= 0xffff {
        let end64_at = at + size;
        out.extend(b"PK\x06\x06");
        out.extend(44u64.to_le_bytes());
        for v in [45u16, 45] {
            out.extend(v.to_le_bytes());
        }
        out.extend([0; 8]);
        for v in [count, count, size, at] {
            out.extend(v.to_le_bytes());
        }
        out.extend(b"PK\x06\x07");
        out.extend(0u32.to_le_bytes());
        out.extend(end64_at.to_le_bytes());
        out.extend(1u32.to_le_bytes());
    }
    let count = count.min(0xffff) as u16;
    out.extend(b"PK\x05\x06");
    for v in [0u16, 0, count, count] {
        out.extend(v.to_le_bytes());
    }
    for v in [size.min(ZIP64) as u32, at.min(ZIP64) as u32] {
        out.extend(v.to_le_bytes());
    }
    out.extend(0u16.to_le_bytes());
    out
}
