//! The directory of a zip archive, read so that it has one meaning only.
//!
//! A zip archive lists its contents twice, in local headers and in the central directory, and is found from its end by a search.
//! Readers differ in which of these they use, so a scanner and a loader can see different contents in the same file. Here
//! everything must agree: one end record, at the end; a central directory where that record says; local headers of the same
//! names, methods and sizes; entries that follow one another from the first byte on, without overlaps and without anything
//! between them; no name twice.
//!
//! Layout: PKWARE APPNOTE.TXT 6.3.10, §4.3 to §4.5. What PyTorch writes passes: `caffe2/serialize/inline_container.cc` pads inside of
//! the local headers' extra fields, always writes the zip64 end record, and lets data descriptors follow the data. So does what NumPy
//! writes (`.npz`).

use crate::model::{Defect, ModelError, Result};
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const END: &[u8; 4] = b"PK\x05\x06";
const END_64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR_64: &[u8; 4] = b"PK\x06\x07";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
/// Signature of a local header.
pub(crate) const LOCAL: &[u8; 4] = b"PK\x03\x04";

const END_BYTES: u64 = 22;
const LOCATOR_BYTES: u64 = 20;
const END_64_BYTES: u64 = 56;
const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;
/// Longest comment of an archive.
const COMMENT_BYTES: u64 = u16::MAX as u64;
/// Longest data descriptor: signature, checksum, two sizes of 8 bytes.
const DESCRIPTOR_BYTES: u64 = 24;
/// Flags: encrypted; a data descriptor follows; strongly encrypted; local header masked.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const DESCRIPTOR: u16 = 1 << 3;

/// Entries of an archive: two for each tensor of the largest model.
const MAX_ENTRIES: u64 = 2 << 20;
/// Bytes of a central directory: about 150 for each entry that PyTorch writes.
const MAX_DIRECTORY_BYTES: u64 = 512 << 20;
/// The method of an entry that is compressed by DEFLATE (§4.4.5).
const DEFLATE: u16 = 8;

const UNTRUSTED: &str = "Programs would read this zip archive differently; do not trust it.";

/// A range of bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    /// Absolute byte offset.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its name, as stored.
    pub name: String,
    /// Its bytes, compressed or not.
    pub blob: Blob,
    /// True when they are the contents, neither compressed nor encrypted.
    pub stored: bool,
    /// True when they are the contents, compressed by DEFLATE and not encrypted.
    pub deflated: bool,
    /// Bytes of the contents.
    pub size: u64,
    /// CRC-32 of the contents.
    pub crc32: u32,
    /// Where its local header begins.
    header: u64,
    /// Whether a data descriptor may follow.
    descriptor: bool,
}

/// An archive, whole or within another file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Archive<'a> {
    /// The open file.
    pub file: &'a File,
    /// Its path, for errors.
    pub path: &'a Path,
    /// Where the archive begins.
    pub start: u64,
    /// Bytes of the archive.
    pub len: u64,
}

/// What the end records say.
struct End {
    entries: u64,
    /// The central directory, absolute.
    start: u64,
    bytes: u64,
}

impl Archive<'_> {
    /// Every entry, in the order of the central directory.
    ///
    /// # Errors
    /// Damaged archives, and archives that two readers could read differently.
    pub(crate) fn records(&self) -> Result<Vec<Record>> {
        let end = self.end()?;
        let mut records = self.central(&end)?;
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_unstable_by_key(|&i| records[i].header);
        let mut at = self.start;
        let mut descriptor = false;
        for &i in &order {
            let next = records[i].header;
            self.between(at, next, descriptor, &records[i].name)?;
            self.local(&mut records[i])?;
            let r = &records[i];
            at = r.blob.offset.saturating_add(r.blob.bytes);
            descriptor = r.descriptor;
            if at > end.start {
                let what = format!("its {} bytes at {:#x} extend past the archive's data", r.blob.bytes, r.blob.offset);
                return Err(ModelError::bad(what)
                    .defect(Defect::Cut)
                    .field(&r.name)
                    .with_hint("Was the file truncated while it was copied?"));
            }
        }
        self.between(at, end.start, descriptor, "the central directory")?;
        let mut names = HashSet::new();
        match records.iter().find(|r| !names.insert(r.name.as_str())) {
            Some(twice) => Err(ambiguous("duplicate entry name in the archive").field(&twice.name)),
            None => Ok(records),
        }
    }

    /// Rejects bytes between two parts of the archive.
    fn between(&self, at: u64, next: u64, descriptor: bool, before: &str) -> Result<()> {
        if next < at {
            return Err(ambiguous("entries of the archive overlap").field(before).at(next));
        }
        let gap = next - at;
        if gap > 0 && !(descriptor && gap <= DESCRIPTOR_BYTES) {
            let what = format!("{gap} unexpected bytes before this part of the archive");
            return Err(ambiguous(what).field(before).at(at));
        }
        Ok(())
    }

    fn bytes(&self, at: u64, buf: &mut [u8]) -> Result<()> {
        if at < self.start || at.saturating_add(buf.len() as u64) > self.start + self.len {
            return Err(not_readable("a part of it is outside of the file").at(at));
        }
        self.file.read_exact_at(buf, at).map_err(|e| ModelError::io(self.path, "reading", e).at(at))
    }

    /// Finds the end record and what it says of the central directory.
    fn end(&self) -> Result<End> {
        let tail_bytes = self.len.min(END_BYTES + COMMENT_BYTES);
        let tail_at = self.start + self.len - tail_bytes;
        let mut tail = vec![0; tail_bytes as usize];
        self.bytes(tail_at, &mut tail)?;
        let reaches_end = |at: &usize| {
            let comment = tail.get(at + 20..at + 22).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])));
            comment.is_some_and(|n| at + END_BYTES as usize + n == tail.len())
        };
        let ends: Vec<usize> = tail.windows(4).enumerate().filter(|(_, w)| w == END).map(|(at, _)| at).collect();
        let complete: Vec<usize> = ends.iter().copied().filter(reaches_end).collect();
        let at = match (complete.as_slice(), ends.as_slice()) {
            ([at], _) => *at,
            ([], []) => return Err(not_readable("its end record is missing")),
            ([], _) => return Err(ambiguous("bytes follow the end of the archive").at(tail_at)),
            _ => return Err(ambiguous("the archive has two end records: its comment contains another archive")),
        };
        let comment = &tail[at + END_BYTES as usize..];
        if comment.windows(4).any(|w| [END, END_64, CENTRAL, LOCAL].iter().any(|s| w == s.as_slice())) {
            return Err(ambiguous("the archive's comment contains parts of another archive").at(tail_at + at as u64));
        }
        let record = Fields(&tail[at..at + END_BYTES as usize]);
        let at = tail_at + at as u64;
        let (disk, first_disk) = (record.u16(4), record.u16(6));
        let (here, entries, bytes, start) = (record.u16(8), record.u16(10), record.u32(12), record.u32(16));
        if disk != first_disk || (disk != 0 && disk != u16::MAX) || here != entries {
            return Err(ModelError::unsupported("multi-part archives are not supported"));
        }
        let plain = End { entries: entries.into(), start: start.into(), bytes: bytes.into() };
        let (end, until) = match self.end_64(at)? {
            Some((wide, until)) => {
                let same = |narrow: u64, wide: u64, all: u64| narrow == wide || narrow == all;
                if !same(plain.entries, wide.entries, u16::MAX.into())
                    || !same(plain.start, wide.start, u32::MAX.into())
                    || !same(plain.bytes, wide.bytes, u32::MAX.into())
                {
                    return Err(ambiguous("its two end records disagree").at(at));
                }
                (wide, until)
            }
            None => (plain, at),
        };
        if end.entries > MAX_ENTRIES || end.bytes > MAX_DIRECTORY_BYTES {
            return Err(ModelError::limit(format!("{} entries in the archive", end.entries)));
        }
        let start = self.start.checked_add(end.start);
        match start.and_then(|s| s.checked_add(end.bytes)) {
            Some(found) if found == until => Ok(End { start: self.start + end.start, ..end }),
            Some(found) if found < until => {
                let what =
                    format!("{} unexpected bytes between the central directory and the end record", until - found);
                Err(ambiguous(what).at(found))
            }
            _ => Err(not_readable("its central directory is not where the end record says").at(at)),
        }
    }

    /// The zip64 end record before the end record at `at`, and where it begins.
    fn end_64(&self, at: u64) -> Result<Option<(End, u64)>> {
        let Some(locator_at) = at.checked_sub(LOCATOR_BYTES).filter(|l| *l >= self.start) else { return Ok(None) };
        let mut locator = [0; LOCATOR_BYTES as usize];
        self.bytes(locator_at, &mut locator)?;
        if !locator.starts_with(LOCATOR_64) {
            return Ok(None);
        }
        let mut record = [0; END_64_BYTES as usize];
        let begin = self.start.checked_add(Fields(&locator).u64(8));
        let begin = begin.ok_or_else(|| not_readable("its zip64 end record is outside of the file").at(locator_at))?;
        self.bytes(begin, &mut record)?;
        let f = Fields(&record);
        // The size leaves out the signature and itself.
        let until = begin.checked_add(12).and_then(|b| b.checked_add(f.u64(4)));
        if !record.starts_with(END_64) || until != Some(locator_at) {
            return Err(ambiguous("its zip64 end record is not where its locator says").at(locator_at));
        }
        if f.u64(24) != f.u64(32) {
            return Err(ModelError::unsupported("multi-part archives are not supported"));
        }
        Ok(Some((End { entries: f.u64(32), bytes: f.u64(40), start: f.u64(48) }, begin)))
    }

    /// The entries as the central directory has them; where their data begins is not known yet.
    fn central(&self, end: &End) -> Result<Vec<Record>> {
        let mut table = vec![0; end.bytes as usize];
        self.bytes(end.start, &mut table)?;
        let mut records = Vec::new();
        let mut rest = table.as_slice();
        for i in 0..end.entries {
            let at = end.start + (table.len() - rest.len()) as u64;
            let short = || not_readable(format!("entry {i} of its central directory is truncated")).at(at);
            let (head, after) = rest.split_at_checked(CENTRAL_BYTES).ok_or_else(short)?;
            if !head.starts_with(CENTRAL) {
                return Err(not_readable(format!("entry {i} of its central directory has no signature")).at(at));
            }
            let f = Fields(head);
            let (flags, method) = (f.u16(8), f.u16(10));
            let lengths = [f.u16(28), f.u16(30), f.u16(32)].map(usize::from);
            let (name, after) = after.split_at_checked(lengths[0]).ok_or_else(short)?;
            let (extra, after) = after.split_at_checked(lengths[1]).ok_or_else(short)?;
            rest = after.get(lengths[2]..).ok_or_else(short)?;
            let name = String::from_utf8_lossy(name).into_owned();
            if name.contains('\0') {
                return Err(ambiguous("the name of an entry contains a zero byte").field(&name).at(at));
            }
            let [packed, size, header] = wide(extra, [f.u32(20), f.u32(24), f.u32(42)])
                .ok_or_else(|| not_readable("the zip64 sizes of an entry are missing").field(&name).at(at))?;
            let stored = method == 0 && flags & ENCRYPTED == 0;
            if stored && size != packed {
                return Err(ambiguous("its two sizes differ though it is not compressed").field(&name).at(at));
            }
            let header = self.start.checked_add(header).filter(|h| *h < end.start);
            let header = header
                .ok_or_else(|| ModelError::bad("its data is outside of the archive's data").field(&name).at(at))?;
            if packed > end.start - header {
                let what = format!("its {packed} bytes at {header:#x} extend past the archive's data");
                let hint = "Was the file truncated while it was copied?";
                return Err(ModelError::bad(what).defect(Defect::Cut).field(&name).with_hint(hint));
            }
            let blob = Blob { offset: header, bytes: packed };
            let (crc32, descriptor) = (f.u32(16), flags & DESCRIPTOR != 0);
            let deflated = method == DEFLATE && flags & ENCRYPTED == 0;
            records.push(Record { name, blob, stored, deflated, size, crc32, header, descriptor });
        }
        if rest.is_empty() {
            Ok(records)
        } else {
            let what = format!("its central directory has {} bytes after its {} entries", rest.len(), end.entries);
            Err(ambiguous(what).at(end.start))
        }
    }

    /// Compares the local header with the central directory's entry and finds where the data begins.
    fn local(&self, r: &mut Record) -> Result<()> {
        let mut head = [0; LOCAL_BYTES];
        self.bytes(r.header, &mut head).map_err(|e| e.field(&r.name))?;
        let f = Fields(&head);
        if !head.starts_with(LOCAL) {
            return Err(not_readable("an entry has no local header").field(&r.name).at(r.header));
        }
        let (name_bytes, extra_bytes) = (usize::from(f.u16(26)), usize::from(f.u16(28)));
        let mut more = vec![0; name_bytes + extra_bytes];
        self.bytes(r.header + LOCAL_BYTES as u64, &mut more).map_err(|e| e.field(&r.name))?;
        let (name, extra) = more.split_at(name_bytes);
        let differs = |what: &str| {
            let what = format!("the {what} in its local header differs from the central directory");
            Err(ambiguous(what).field(&r.name).at(r.header))
        };
        if String::from_utf8_lossy(name) != r.name {
            return differs("name");
        }
        let (flags, method) = (f.u16(6), f.u16(8));
        let plain = flags & ENCRYPTED == 0;
        if (method == 0 && plain) != r.stored || (method == DEFLATE && plain) != r.deflated {
            return differs("method");
        }
        let Some([packed, size]) = wide(extra, [f.u32(18), f.u32(22)]) else {
            return differs("size");
        };
        // With a data descriptor the header was written before they were known.
        let open = flags & DESCRIPTOR != 0;
        let same = |here: u64| here == r.blob.bytes || (open && here == 0);
        if !same(packed) || (r.stored && !same(size)) {
            return differs("size");
        }
        if f.u32(14) != r.crc32 && !(open && f.u32(14) == 0) {
            return differs("checksum");
        }
        r.descriptor = open;
        r.blob.offset = r.header + (LOCAL_BYTES + more.len()) as u64;
        Ok(())
    }
}

/// The 64-bit values of those that do not fit 32 bits (§4.5.3): the extra field has them in this order, only those that are
/// needed. A local header has both sizes, uncompressed first; the central directory has them too, then the offset.
fn wide<const N: usize>(extra: &[u8], narrow: [u32; N]) -> Option<[u64; N]> {
    let mut out = narrow.map(u64::from);
    if !narrow.contains(&u32::MAX) {
        return Some(out);
    }
    let mut rest = extra;
    while rest.len() >= 4 {
        let f = Fields(rest);
        let (id, len) = (f.u16(0), usize::from(f.u16(2)));
        let (field, after) = rest[4..].split_at_checked(len)?;
        if id == 1 {
            let mut values = field.chunks_exact(8).map(|b| Fields(b).u64(0));
            // (packed, size, …) as given here, (size, packed, …) in the field.
            for i in [1, 0].into_iter().chain(2..N) {
                if narrow[i] == u32::MAX {
                    out[i] = values.next()?;
                }
            }
            return Some(out);
        }
        rest = after;
    }
    None
}

/// Little-endian numbers at offsets that the caller knows to be inside.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        if let Some(b) = self.0.get(at..at + N) {
            out.copy_from_slice(b);
        }
        out
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.take(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.take(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.take(at))
    }
}

fn ambiguous(what: impl Into<String>) -> ModelError {
    ModelError::bad(what).with_hint(UNTRUSTED)
}

fn not_readable(what: impl std::fmt::Display) -> ModelError {
    ModelError::bad(format!("not a readable zip archive: {what}"))
        .defect(Defect::Cut)
        .with_hint("Was the file truncated? The central directory of a zip archive is at its end.")
}
