//! CRC-32 of storages in zip archives, checked on what is read anyway.
//!
//! Rows of a storage come in any order, from several threads, some of them twice. A CRC is linear: that of the whole is the sum
//! (exclusive or) of that of each piece moved by the bytes after it. So a storage needs one sum and the ranges that are in it; the
//! read that completes them compares. Storages that are used in part are read to their end by [`SourceCheck::finish`].
//!
//! PyTorch compares no checksum itself. It writes them unless `torch.serialization.set_crc32_options(False)` was called; zero means
//! none then. Polynomial: ISO 3309, as in APPNOTE.TXT 6.3.10 §4.4.7. Test: `cargo test --lib checksum`.

use crate::formats::zip::Blob;
use crate::model::{Hint, ModelError, OptionName, Remedy, Result, SourceCheck, TensorData};
use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What to do about a checksum that is wrong.
pub(crate) fn hint() -> Hint {
    Hint::from("Copy or download the file again; PyTorch itself does not check this. Use ")
        .then(Remedy::Option(OptionName::NO_CHECKSUMS))
        .then(" to convert it anyway.")
}

/// Ranges kept at most for one storage. More come only from single rows in a disorder that no view has; then the storage is read
/// once more in the end.
const MAX_RANGES: usize = 1 << 16;

/// Bytes read at once in the end.
const BUFFER_BYTES: u64 = 1 << 20;

/// The checksum of one storage.
#[derive(Debug)]
pub(crate) struct StorageCheck {
    file: Arc<File>,
    path: Arc<PathBuf>,
    /// The entry's name in the archive.
    entry: String,
    /// One of the tensors that show it.
    tensor: String,
    blob: Blob,
    crc32: u32,
    on: AtomicBool,
    /// True when one tensor is the whole storage: what reads it to the end has compared it.
    whole: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Something was read.
    used: bool,
    /// Start → end of what is in the sum, relative to the storage; neighbours are joined.
    ranges: BTreeMap<u64, u64>,
    /// Bytes in the sum.
    bytes: u64,
    sum: u32,
    /// There were too many ranges; nothing is summed any more.
    given_up: bool,
}

impl StorageCheck {
    /// For the storage in `blob`, which `entry` of the archive is and `tensor` shows.
    pub(crate) fn new(
        (file, path): (&Arc<File>, &Arc<PathBuf>),
        entry: String,
        tensor: &str,
        blob: Blob,
        crc32: u32,
    ) -> Self {
        Self {
            file: Arc::clone(file),
            path: Arc::clone(path),
            entry,
            tensor: tensor.to_owned(),
            blob,
            crc32,
            on: AtomicBool::new(true),
            whole: AtomicBool::new(false),
            state: Mutex::new(State::default()),
        }
    }

    /// A tensor shows `bytes` at the absolute `offset` one after the other.
    pub(crate) fn shown(&self, offset: u64, bytes: u64) {
        if offset == self.blob.offset && bytes == self.blob.bytes {
            self.whole.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Something of it was read that is not in the sum.
    fn touch(&self) {
        self.lock().used = true;
    }

    /// `bytes` were read at the absolute offset `at`.
    fn saw(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let Some(start) = at.checked_sub(self.blob.offset).filter(|_| self.is_on() && !bytes.is_empty()) else {
            return Ok(());
        };
        let range = start..start + bytes.len() as u64;
        {
            let mut state = self.lock();
            state.used = true;
            if state.given_up || state.missing(&range).next().is_none() {
                return Ok(());
            }
        }
        // Summed without the lock; that another thread reads the same rows meanwhile is rare.
        let sum = shift(raw(bytes), self.blob.bytes.saturating_sub(range.end));
        let mut state = self.lock();
        let missing: Vec<Range<u64>> = state.missing(&range).collect();
        if missing == [range.clone()] {
            state.add(range, sum);
        } else {
            for part in missing {
                let piece = &bytes[(part.start - start) as usize..(part.end - start) as usize];
                let sum = shift(raw(piece), self.blob.bytes.saturating_sub(part.end));
                state.add(part, sum);
            }
        }
        self.compare(&state)
    }

    /// Compares, when everything is in the sum.
    fn compare(&self, state: &State) -> Result<()> {
        if state.bytes < self.blob.bytes || !self.is_on() {
            return Ok(());
        }
        let found = !(state.sum ^ shift(u32::MAX, self.blob.bytes));
        if found == self.crc32 {
            return Ok(());
        }
        let what = format!(
            "the data of {} does not match its checksum: expected {:08x}, found {found:08x}",
            self.entry, self.crc32
        );
        Err(ModelError::bad(what).in_file(&self.path).at(self.blob.offset).field(&self.tensor).with_hint(hint()))
    }
}

impl SourceCheck for StorageCheck {
    fn enable(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    fn known(&self) -> Result<()> {
        self.compare(&self.lock())
    }

    fn finish(&self, cancel: &AtomicBool) -> Result<()> {
        let missing: Vec<Range<u64>> = {
            let mut state = self.lock();
            // One that was not read although a tensor is all of it was left out, or compared in an earlier attempt.
            if !self.is_on() || (!state.used && self.whole.load(Ordering::Relaxed)) {
                return Ok(());
            }
            if state.given_up {
                *state = State { used: true, ..State::default() };
            }
            state.missing(&(0..self.blob.bytes)).collect()
        };
        let mut buffer = Vec::new();
        for part in missing {
            let mut at = part.start;
            while at < part.end {
                if cancel.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let n = BUFFER_BYTES.min(part.end - at);
                buffer.resize(n as usize, 0);
                let place = self.blob.offset + at;
                let io = |e| ModelError::io(&self.path, "reading", e).at(place);
                self.file.read_exact_at(&mut buffer, place).map_err(io)?;
                self.saw(place, &buffer)?;
                at += n;
            }
        }
        self.known()
    }
}

impl State {
    /// The parts of a range that are not in the sum, in order.
    fn missing(&self, range: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let end = range.end;
        let before = self.ranges.range(..=range.start).next_back().map(|(_, e)| *e);
        let mut at = before.map_or(range.start, |e| e.max(range.start));
        let mut later = self.ranges.range(range.start + 1..end.max(range.start + 1));
        std::iter::from_fn(move || {
            while at < end {
                let (start, stop) = later.next().map_or((end, end), |(s, e)| (*s, *e));
                let part = at..start.min(end);
                at = at.max(stop);
                if !part.is_empty() {
                    return Some(part);
                }
            }
            None
        })
    }

    /// Takes a range that is wholly missing.
    fn add(&mut self, range: Range<u64>, sum: u32) {
        self.sum ^= sum;
        self.bytes += range.end - range.start;
        let (mut start, mut end) = (range.start, range.end);
        let before = self.ranges.range(..start).next_back().filter(|(_, e)| **e == start).map(|(s, _)| *s);
        if let Some(s) = before {
            self.ranges.remove(&s);
            start = s;
        }
        if let Some(e) = self.ranges.remove(&range.end) {
            end = e;
        }
        self.ranges.insert(start, end);
        if self.ranges.len() > MAX_RANGES {
            *self = Self { used: true, given_up: true, ..Self::default() };
        }
    }
}

/// A tensor whose reads are checked.
pub(crate) struct Checked {
    /// The rows.
    pub inner: Arc<dyn TensorData>,
    /// The checksum of their storage.
    pub check: Arc<StorageCheck>,
    /// Offset of the first row and bytes per row, when the rows are contiguous.
    pub rows: Option<(u64, u64)>,
}

impl TensorData for Checked {
    fn read_rows(&self, rows: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let first = rows.start;
        self.inner.read_rows(rows, dst)?;
        match self.rows {
            Some((offset, row_bytes)) => self.check.saw(offset.saturating_add(first.saturating_mul(row_bytes)), dst),
            None => {
                self.check.touch();
                Ok(())
            }
        }
    }

    fn read_part(&self, row: u64, bytes: Range<u64>, dst: &mut [u8]) -> Result<()> {
        let within = bytes.start;
        self.inner.read_part(row, bytes, dst)?;
        match self.rows {
            Some((offset, row_bytes)) => {
                let first = offset.saturating_add(row.saturating_mul(row_bytes)).saturating_add(within);
                self.check.saw(first, dst)
            }
            None => {
                self.check.touch();
                Ok(())
            }
        }
    }

    fn file(&self) -> Option<&Path> {
        self.inner.file()
    }
}

/// A checksum that was found to be wrong when the file was opened.
#[derive(Debug)]
pub(crate) struct WrongChecksum {
    /// The file.
    pub path: PathBuf,
    /// Entry of the archive.
    pub entry: &'static str,
    /// Reported only while this is set.
    pub on: AtomicBool,
}

impl SourceCheck for WrongChecksum {
    fn enable(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    fn known(&self) -> Result<()> {
        if !self.on.load(Ordering::Relaxed) {
            return Ok(());
        }
        let error = ModelError::bad("its contents do not match its checksum").in_file(&self.path).field(self.entry);
        Err(error.with_hint(hint()))
    }

    fn finish(&self, _cancel: &AtomicBool) -> Result<()> {
        self.known()
    }
}

/// The polynomial; bit 31 is the coefficient of x⁰.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// The CRC of bytes as a remainder alone: begun with zero, not inverted in the end.
fn raw(bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new_with_initial(u32::MAX);
    crc.update(bytes);
    !crc.finalize()
}

/// a · b modulo the polynomial.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 32;
    while bit > 0 {
        bit -= 1;
        if a >> bit & 1 == 1 {
            product ^= b;
        }
        b = if b & 1 == 1 { (b >> 1) ^ POLYNOMIAL } else { b >> 1 };
    }
    product
}

/// x to the power of 8 · 2ⁱ.
const POWERS: [u32; 64] = {
    let mut powers = [1 << (31 - 8); 64];
    let mut i = 1;
    while i < 64 {
        powers[i] = multiply(powers[i - 1], powers[i - 1]);
        i += 1;
    }
    powers
};

/// A remainder with `bytes` zero bytes after it.
fn shift(mut crc: u32, mut bytes: u64) -> u32 {
    while bytes > 0 {
        crc = multiply(POWERS[bytes.trailing_zeros() as usize], crc);
        bytes &= bytes - 1;
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    /// A storage of `bytes` with 16 bytes before and 8 after it, and its check.
    fn stored(bytes: &[u8], crc32: u32) -> StorageCheck {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1; 16]).unwrap();
        file.write_all(bytes).unwrap();
        file.write_all(&[2; 8]).unwrap();
        let blob = Blob { offset: 16, bytes: bytes.len() as u64 };
        StorageCheck::new((&Arc::new(file), &Arc::new("m.pt".into())), "data/0".into(), "w", blob, crc32)
    }

    proptest! {
        #[test]
        fn any_pieces_in_any_order_give_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 1..400),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..90), 0..30),
            flip in any::<Option<prop::sample::Index>>(),
        ) {
            let crc = crc32fast::hash(&bytes);
            let mut read = bytes.clone();
            if let Some(at) = flip {
                read[at.index(bytes.len())] ^= 0x10;
            }
            let check = stored(&read, crc);
            let never = AtomicBool::new(false);
            let mut wrong = false;
            for (at, len) in cuts {
                let at = at.index(read.len());
                let end = (at + len).min(read.len());
                wrong |= check.saw(16 + at as u64, &read[at..end]).is_err();
            }
            wrong |= check.finish(&never).is_err();
            prop_assert_eq!(wrong, flip.is_some());
            prop_assert_eq!(check.lock().bytes, read.len() as u64);
        }
    }

    #[test]
    fn what_is_wrong_is_named_once_everything_was_read() {
        let bytes = [7u8; 100];
        let check = stored(&bytes, crc32fast::hash(&bytes) ^ 1);
        check.saw(16, &bytes[..60]).unwrap();
        let e = check.saw(76, &bytes[60..]).unwrap_err();
        let text = e.to_string();
        assert!(text.starts_with("m.pt @0x10 w: the data of data/0 does not match its checksum"), "{text}");
        let option = Remedy::Option(OptionName::NO_CHECKSUMS);
        assert!(e.hint().unwrap().remedies().any(|r| *r == option));
        assert!(check.known().is_err());
        check.enable(false);
        assert!(check.known().is_ok() && check.finish(&AtomicBool::new(false)).is_ok());
    }

    #[test]
    fn an_unused_storage_is_not_read() {
        let check = stored(&[1; 50], 0);
        check.shown(16, 50);
        assert!(check.finish(&AtomicBool::new(false)).is_ok());
        assert_eq!(check.lock().bytes, 0);
        check.touch();
        assert!(check.finish(&AtomicBool::new(false)).is_err());
    }

    #[test]
    fn disorder_without_end_takes_no_memory_without_end() {
        let bytes: Vec<u8> = (0..4 * MAX_RANGES).map(|i| i as u8).collect();
        let check = stored(&bytes, crc32fast::hash(&bytes));
        for at in (0..bytes.len()).step_by(2) {
            check.saw(16 + at as u64, &bytes[at..at + 1]).unwrap();
            assert!(check.lock().ranges.len() <= MAX_RANGES);
        }
        assert!(check.lock().given_up);
        check.finish(&AtomicBool::new(false)).unwrap();
        assert_eq!(check.lock().bytes, bytes.len() as u64);
    }
}
